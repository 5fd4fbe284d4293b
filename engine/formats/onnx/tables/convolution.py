"""Convolutions. ONNX has channels first, flowloom last: transpositions around each, which cancel between two."""

from __future__ import annotations

from typing import Any

from flowloom import ops
from flowloom.formats.onnx.layout import channels_first, channels_last
from flowloom.formats.onnx.node import Node
from flowloom.formats.onnx.table import onnx_op
from flowloom.formats.onnx.values import Value, ints_of
from flowloom.formats.onnx.windows import each, margins, sliding
from flowloom.op import Op, get_op


@onnx_op("Conv")
def _conv(node: Node, x: Value, w: Value, b: Value | None = None) -> Value:
    y = _ranked(node, x, "conv{}d")(channels_last(x), kernel_of(w), **_how(node, x.ndim - 2))
    return channels_first(y if b is None else y + b)


@onnx_op("ConvTranspose")
def _conv_transpose(node: Node, x: Value, w: Value, b: Value | None = None) -> Value:
    rank = x.ndim - 2
    how = _how(node, rank)
    extra = each(node.attr("output_padding", [0] * rank))
    if node.has("output_shape"):
        how["padding"] = "same" if node.attr("auto_pad") == "SAME_UPPER" else "same_lower"
        how["output_size"] = tuple(node.attr("output_shape")[-rank:])
    elif extra or how.get("padding", "valid") == "valid":
        how["output_padding"] = extra
    y = _ranked(node, x, "conv{}d_transpose")(channels_last(x), kernel_of(w), **how)
    return channels_first(y if b is None else y + b)


@onnx_op("DeformConv")
def _deform_conv(
    node: Node, x: Value, w: Value, offset: Value, b: Value | None = None, mask: Value | None = None
) -> Value:
    how = _how(node, x.ndim - 2)
    if node.attr("offset_group", 1) != 1:
        how["offset_groups"] = node.attr("offset_group")
    seen = None if mask is None else channels_last(mask)
    y = ops.deform_conv2d(channels_last(x), kernel_of(w), channels_last(offset), seen, **how)
    return channels_first(y if b is None else y + b)


@onnx_op("ConvInteger")
def _conv_integer(
    node: Node, x: Value, w: Value, x_zero_point: Value | None = None, w_zero_point: Value | None = None
) -> Value:
    y = ops.conv_integer(channels_last(x), kernel_of(w), x_zero_point, w_zero_point, **_how(node, x.ndim - 2))
    return channels_first(y)


@onnx_op("QLinearConv")
def _qlinear_conv(
    node: Node,
    x: Value,
    x_scale: Value,
    x_zero_point: Value,
    w: Value,
    w_scale: Value,
    w_zero_point: Value,
    y_scale: Value,
    y_zero_point: Value,
    b: Value | None = None,
) -> Value:
    y = ops.qlinear_conv(
        channels_last(x),
        x_scale.settled(),
        x_zero_point,
        kernel_of(w),
        w_scale.settled(),
        w_zero_point,
        y_scale.settled(),
        y_zero_point,
        b,
        **_how(node, x.ndim - 2),
    )
    return channels_first(y)


@onnx_op("CausalConvWithState")
def _causal_conv(
    node: Node, x: Value, w: Value, b: Value | None = None, past: Value | None = None
) -> tuple[Value, Value]:
    steps, count = channels_last(x), w.shape[2]
    if not isinstance(count, int) or not isinstance(w.shape[0], int):
        raise node.refuse(f"the sizes of the weights must be known; got {w.spec}")
    if past is None:
        whole = ops.pad(steps, pad_width=((0, 0), (count - 1, 0), (0, 0)))
    else:
        whole = ops.concatenate(channels_last(past), steps, axis=1)
    y = ops.conv1d(whole, kernel_of(w), groups=w.shape[0])
    y = y if b is None else y + b
    y = y if node.attr("activation", "none") == "none" else ops.silu(y)
    state = whole[:, 1 - count :] if count > 1 else whole[:, :0]
    return channels_first(y), channels_first(state)


@onnx_op("Col2Im")
def _col2im(node: Node, x: Value, image_shape: Value, block_shape: Value) -> Value:
    size, window = ints_of(image_shape), ints_of(block_shape)
    rank = image_shape.shape[0] if size is None else len(size)
    if not isinstance(rank, int):
        raise node.refuse(f"the number of axes must be known; the shape is {image_shape.spec}")
    strides, dilations = (node.attr(k, [1] * rank) for k in ("strides", "dilations"))
    pads = node.attr("pads", [0] * 2 * rank)
    how = {"strides": each(strides), "dilation_rate": each(dilations), "padding": margins(pads, rank)}
    extent = (block_shape - 1) * node.known(dilations) + 1
    room = image_shape + node.known([a + b for a, b in zip(pads[:rank], pads[rank:], strict=True)]) - extent
    count = ops.floor_divide(room, node.known(strides)) + 1
    # (batch, channels * taps, windows) as (batch, *windows, taps * channels)
    taps = ops.prod(block_shape, keepdims=True)
    batch, rest = ops.shape_of(x, stop=1), node.known([-1])
    apart = _reshaped(x, ops.concatenate(batch, rest, taps, count))
    order = (0, *range(3, 3 + rank), 2, 1)
    rows = _reshaped(ops.transpose(apart, axes=order), ops.concatenate(batch, count, rest))
    if size is None or window is None:
        return channels_first(ops.fold_patches_to(rows, image_shape, block_shape, **how))
    return channels_first(ops.fold_patches(rows, output_size=size, size=window, **how))


def _reshaped(x: Value, shape: Value) -> Value:
    sizes = ints_of(shape)
    return ops.reshape_to(x, shape) if sizes is None else ops.reshape(x, shape=sizes)


def kernel_of(w: Value) -> Value:
    """(filters, channels, *window) as (*window, channels, filters)."""
    return ops.transpose(w, axes=(*range(2, w.ndim), 1, 0))


def _ranked(node: Node, x: Value, name: str) -> Op:
    if not 3 <= x.ndim <= 5:
        raise node.refuse(f"x must have one to three axes beside batch and channels; got {x.spec}")
    return get_op(name.format(x.ndim - 2))


def _how(node: Node, rank: int) -> dict[str, Any]:
    how = {k: v for k, v in sliding(node, rank).items() if v != 1}
    return how if node.attr("group", 1) == 1 else {**how, "groups": node.attr("group")}
