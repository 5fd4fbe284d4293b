"""Convolutions and their gradients: ONNX's Conv and ConvTranspose, between transpositions of the channels."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from flowloom import ops
from flowloom.compiler.expr import Expr
from flowloom.formats.onnx.errors import OnnxError
from flowloom.formats.onnx.writing.dtypes import computed_in
from flowloom.formats.onnx.writing.layout import channels_first, channels_last
from flowloom.formats.onnx.writing.table import becomes, writes
from flowloom.formats.onnx.writing.tables.slicing import padded, sliced
from flowloom.formats.onnx.writing.writer import KEEP, REST, Name, Size, Writer
from flowloom.ops.windows import Windows
from flowloom.spec import Dim

Margins = Sequence[tuple[int, int]]
AUTO = {"same": "SAME_UPPER", "same_lower": "SAME_LOWER"}


def windows_of(e: Expr, size: Sequence[int], rank: int) -> Windows:
    """The windows that an expression slides over its tensor, from its parameters."""
    how = dict(e.params)
    return Windows.of(rank, tuple(size), how["strides"], how["padding"], how["dilation_rate"])


def margins_of(windows: Windows, sizes: Sequence[Dim]) -> Margins | None:
    """The padding along each axis; None where it depends on sizes that are not known."""
    found = []
    for axis, n in enumerate(sizes):
        depends = isinstance(windows.padding, str) and windows.padding in AUTO and windows.strides[axis] > 1
        if not isinstance(n, int) and (depends or windows.ceil):
            return None
        one = Windows.of(
            1, windows.size[axis], windows.strides[axis], _along(windows, axis), windows.dilation[axis], windows.ceil
        )
        found.append(one.margins([n if isinstance(n, int) else windows.extent[axis]])[0])
    return found


def _along(windows: Windows, axis: int) -> Any:
    return windows.padding if isinstance(windows.padding, str) else (windows.padding[axis],)


def pads(margins: Margins) -> list[int]:
    """Margins as ONNX has them: all before, then all behind."""
    return [max(n, 0) for side in zip(*margins, strict=True) for n in side]


def cut_off(w: Writer, x: Name, margins: Margins) -> Name:
    """`x` (batch, ..., channels) without what margins below 0 cut off."""
    parts = [(1 + a, max(-b, 0), -max(-c, 0) or _LAST, 1) for a, (b, c) in enumerate(margins) if min(b, c) < 0]
    return sliced(w, x, parts)


_INT64 = np.dtype("int64")
_LAST = np.iinfo(np.int64).max


def _weights(w: Writer, kernel: Name, ndim: int) -> Name:
    """A kernel (*window, channels / groups, filters) as (filters, channels / groups, *window)."""
    return w.transpose(kernel, (ndim - 1, ndim - 2, *range(ndim - 2)))


@writes("conv")
def _conv(w: Writer, e: Expr, x: Name, kernel: Name) -> Name:
    operand, bank = e.args
    windows = windows_of(e, bank.shape[:-2], operand.ndim - 2)
    small = all(a.dtype in ("int8", "uint8") for a in e.args)
    dtype = e.dtype if small else computed_in("Conv", e.dtype)
    images, filters = (x, kernel) if small else (w.cast(x, operand.dtype, dtype), w.cast(kernel, bank.dtype, dtype))
    how: dict[str, Any] = {"auto_pad": AUTO.get(str(windows.padding))}
    margins = margins_of(windows, operand.shape[1:-1])
    if margins is not None:
        images = cut_off(w, images, margins)
        how = {"pads": pads(margins) if any(pads(margins)) else None}
    y = w.node(
        "ConvInteger" if small else "Conv",
        channels_first(w, images, e.ndim),
        _weights(w, filters, e.ndim),
        kernel_shape=windows.size,
        strides=windows.strides,
        dilations=windows.dilation,
        group=dict(e.params)["groups"],
        **how,
    )
    return w.cast(channels_last(w, y, e.ndim), dtype, e.dtype)


@writes("conv_backprop_input")
def _conv_backprop_input(w: Writer, e: Expr, g: Name, kernel: Name, *like: Name) -> Name:
    """A transposed convolution, of which the padding cuts off either end; beyond its own ends there are zeros."""
    operand, bank = e.args[:2]
    windows = windows_of(e, bank.shape[:-2], operand.ndim - 2)
    dtype = computed_in("ConvTranspose", e.dtype)
    cut, output_padding, more = _ends(windows, operand.shape[1:-1], e.shape[1:-1])
    y = w.node(
        "ConvTranspose",
        channels_first(w, w.cast(g, operand.dtype, dtype), e.ndim),
        _weights(w, w.cast(kernel, bank.dtype, dtype), e.ndim),
        kernel_shape=windows.size,
        strides=windows.strides,
        dilations=windows.dilation,
        group=dict(e.params)["groups"],
        pads=pads(cut) if any(pads(cut)) else None,
        output_padding=output_padding if any(output_padding) else None,
    )
    made = padded(w, channels_last(w, y, e.ndim), dtype, e.shape, [(0, 0), *more, (0, 0)], "constant", 0.0)
    return w.cast(made, dtype, e.dtype)


def _ends(windows: Windows, count: Sequence[Dim], sizes: Sequence[Dim]) -> tuple[Margins, list[int], Margins]:
    """What to cut off the whole at either end, what to let ONNX add behind, and what to put around it afterwards."""
    margins = margins_of(windows, sizes)
    cut, behind, around = [], [], []
    for axis, (n, size) in enumerate(zip(count, sizes, strict=True)):
        if margins is None or (isinstance(size, int) and not isinstance(n, int)):
            raise OnnxError("the sizes of the images must be known")
        before, after = margins[axis]
        if isinstance(n, int) and isinstance(size, int):
            after = (n - 1) * windows.strides[axis] + windows.extent[axis] - before - size
        elif windows.strides[axis] > 1 and size is not None:
            raise OnnxError("the sizes of the images must be known")
        extra = max(-after, 0)
        small = extra < windows.strides[axis]
        cut.append((before, after))
        behind.append(extra if small else 0)
        around.append((max(-before, 0), 0 if small else extra))
    return cut, behind, around


@writes("conv_backprop_filter")
def _conv_backprop_filter(w: Writer, e: Expr, x: Name, g: Name) -> Name:
    """A convolution in which the batch is what is summed over, and a stride the distance within a window."""
    images, grown = e.args
    groups, window = (dict(e.params)[k] for k in ("groups", "kernel_size"))
    ndim, rank = images.ndim, images.ndim - 2
    windows = windows_of(e, window, rank)
    margins = margins_of(windows, images.shape[1:-1])
    if margins is None:
        raise OnnxError("the sizes of the images must be known")
    dtype = computed_in("Conv", e.dtype)
    y = cut_off(w, w.cast(x, images.dtype, dtype), margins)
    if groups == 1:
        y = w.transpose(y, (ndim - 1, 0, *range(1, ndim - 1)))
    else:
        channels = images.shape[-1]
        if not isinstance(channels, int):
            raise OnnxError("the number of channels must be known")
        sizes = [
            n + sum(min(m, 0) for m in c) if isinstance(n, int) else None
            for n, c in zip(images.shape[1:-1], margins, strict=True)
        ]
        if None in sizes:
            raise OnnxError("the sizes of the images must be known")
        known = [n for n in sizes if n is not None]
        apart = w.reshape(y, [REST, *known, groups, channels // groups])
        y = w.reshape(w.transpose(apart, (ndim, ndim - 1, 0, *range(1, ndim - 1))), [channels // groups, REST, *known])
    made = w.node(
        "Conv",
        y,
        w.transpose(w.cast(g, grown.dtype, dtype), (ndim - 1, 0, *range(1, ndim - 1))),
        strides=windows.dilation,
        dilations=windows.strides,
        group=groups,
        pads=pads(margins) if any(pads(margins)) else None,
    )
    whole = sliced(w, made, [(2 + a, 0, n, 1) for a, n in enumerate(window)])
    return w.cast(w.transpose(whole, (*range(2, ndim), 0, 1)), dtype, e.dtype)


# ---------------------------------------------------------------- patches


@becomes("extract_patches")
def _extract_patches(x: Any, *, size: Any, strides: Any, dilation_rate: Any, padding: Any) -> Any:
    windows = Windows.of(len(size), size, size if strides is None else strides, padding, dilation_rate)
    places, sizes = _places(windows, x.shape[1:-1])
    margins = ((0, 0), *((b, c) for b, c in windows.margins(sizes)), (0, 0))
    padded_x = ops.pad(x, pad_width=margins)
    rows = ops.take(ops.flatten(padded_x, first=1, last=x.ndim - 2), places, axis=1)
    return ops.flatten(rows, first=-2)


@becomes("fold_patches")
def _fold_patches(patches: Any, *, output_size: Any, size: Any, strides: Any, dilation_rate: Any, padding: Any) -> Any:
    windows = Windows.of(len(size), size, size if strides is None else strides, padding, dilation_rate)
    places, sizes = _places(windows, output_size)
    margins = windows.margins(sizes)
    whole = [n + b + c for n, (b, c) in zip(sizes, margins, strict=True)]
    rows = ops.unflatten(patches, axis=-1, shape=(prod(size), -1))
    flat = ops.scatter_add(rows, places, size=prod(whole), axis=1)
    canvas = ops.unflatten(flat, axis=1, shape=tuple(whole))
    return ops.pad(canvas, pad_width=((0, 0), *((-b, -c) for b, c in margins), (0, 0)))


@becomes("extract_patches_by")
def _extract_patches_by(x: Any, input_size: Any, size: Any, **how: Any) -> Any:
    if size.value is None:
        raise OnnxError("the size of a window must be known")
    return ops.extract_patches(x, size=tuple(size.value.tolist()), **how)


@writes("fold_patches_to")
def _fold_patches_to(w: Writer, e: Expr, patches: Name, output_size: Name, size: Name) -> Any:
    """ONNX's Col2Im, which has the channels before the elements of a window, and all windows in one axis."""
    params, (operand, sizes, window) = dict(e.params), e.args
    rank, padding = operand.ndim - 2, params["padding"]
    if isinstance(padding, str) and padding != "valid":
        if sizes.value is None or window.value is None:
            raise OnnxError("the sizes of the images must be known")
        how = {**params, "output_size": tuple(sizes.value.tolist()), "size": tuple(window.value.tolist())}
        return w.written(ops.fold_patches(operand, **how))
    block, image = (w.cast(x, a.dtype, _INT64) for x, a in ((size, window), (output_size, sizes)))
    row = w.extent(operand, patches, -1)
    windows = w.reshape(patches, [KEEP, REST, row])
    taps = w.node("ReduceProd", block, keepdims=1)
    apart = w.node("Reshape", windows, w.node("Concat", w.ints(0, 0), taps, w.ints(-1), axis=0))
    first = w.node("Transpose", apart, perm=(0, 3, 2, 1))
    columns = w.reshape(first, [KEEP, REST, Size(w.node("Shape", windows, start=1, end=2))])
    strides, dilations = (
        [n] * rank if isinstance(n, int) else list(n) for n in (params["strides"], params["dilation_rate"])
    )
    margins = [(0, 0)] * rank if padding == "valid" else padding
    y = w.node("Col2Im", columns, image, block, strides=strides, dilations=dilations, pads=pads(margins))
    return channels_last(w, y, e.ndim)


def _places(windows: Windows, sizes: Sequence[Dim]) -> tuple[np.ndarray[Any, Any], tuple[int, ...]]:
    """Where in a flattened, padded tensor of these sizes each window has each of its elements: (*windows, elements)."""
    known = tuple(n for n in sizes if isinstance(n, int))
    if len(known) < len(sizes):
        raise OnnxError("the sizes of the images must be known")
    count, rank = windows.count(known), len(known)
    total = np.zeros((1,) * 2 * rank, np.int64)
    for axis, (n, along, margin) in enumerate(
        zip(known, windows.places(np, known, count), windows.margins(known), strict=True)
    ):
        shape = [1] * 2 * rank
        shape[axis], shape[rank + axis] = along.shape
        total = total * (n + sum(margin)) + (along + margin[0]).reshape(shape)
    return total.reshape(*count, -1), known


@becomes("window_places")
def _window_places(offset: Any, *, input_size: Any, size: Any, strides: Any, padding: Any, dilation_rate: Any) -> Any:
    windows = Windows.of(len(size), size, strides, padding, dilation_rate)
    known = tuple(n for n in input_size if isinstance(n, int))
    if len(known) < len(size):
        raise OnnxError("the sizes of the images must be known")
    count, rank = windows.count(known), len(size)
    axes = []
    for axis, along in enumerate(windows.places(np, known, count)):
        shape = [1] * 2 * rank
        shape[axis], shape[rank + axis] = along.shape
        axes.append(np.broadcast_to(along.reshape(shape), (*count, *size)).reshape(*count, -1, 1))
    return offset + np.stack(axes, axis=-1).astype(offset.dtype)
