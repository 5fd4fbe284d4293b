"""What slides windows over images and signals, and what resamples them. Channels lie last."""

from __future__ import annotations

from typing import Any

import flowloom as fl
from tests.property.table import move, move_for
from tests.property.weaving import Rejected, Strand, Weaver, plain


def images(w: Weaver, spatial: int = 2) -> Strand:
    """A tensor (batch, *sizes, channels) with sizes and channels known by number."""
    x = w.ranked(spatial + 2)
    if not all(isinstance(d, int) and d > 0 for d in x.shape[1:]):
        raise Rejected
    return x


def sliding(w: Weaver, x: Strand, spatial: int) -> tuple[tuple[int, ...], dict[str, Any]]:
    """The size of a window, and how it goes over `x`."""
    size = tuple(w.choose.number(1, min(3, n)) for n in x.sizes[1:-1])
    padding: Any = w.choose.of(["valid", "same", "same_lower", tuple((1, 0) for _ in range(spatial))])
    how: dict[str, Any] = {"padding": padding, "strides": w.choose.of([1, 2])}
    if w.choose.rarely():
        how["dilation_rate"] = 2
        size = tuple(min(n, 2) if x.sizes[1 + i] >= 3 else 1 for i, n in enumerate(size))
    return size, how


@move_for("conv1d", "conv2d", "conv3d")
def conv(w: Weaver, op: str) -> None:
    spatial = int(op[4])
    x = images(w, spatial)
    size, how = sliding(w, x, spatial)
    channels = x.sizes[-1]
    groups, filters = w.choose.of([1, channels]), w.choose.number(1, 2)
    kernel = w.source(*size, channels // groups, groups * filters, kind=w.choose.of(["variable", "constant"]))
    w.apply(getattr(fl.ops, op), x, kernel, groups=groups, **how)


@move_for("conv1d_transpose", "conv2d_transpose")
def conv_transpose(w: Weaver, op: str) -> None:
    spatial = int(op[4])
    x = images(w, spatial)
    size = tuple(w.choose.number(1, 3) for _ in range(spatial))
    kernel = w.source(*size, w.choose.number(1, 2), x.sizes[-1], kind="variable")
    w.apply(getattr(fl.ops, op), x, kernel, strides=w.choose.number(1, 2), padding=w.choose.of(["valid", "same"]))


@move_for("depthwise_conv1d", "depthwise_conv2d")
def depthwise(w: Weaver, op: str) -> None:
    spatial = int(op[14])
    x = images(w, spatial)
    size, how = sliding(w, x, spatial)
    w.apply(getattr(fl.ops, op), x, w.source(*size, x.sizes[-1], w.choose.number(1, 2), kind="variable"), **how)


@move_for("max_pool1d", "max_pool2d", "avg_pool1d", "avg_pool2d", "lp_pool2d")
def pool(w: Weaver, op: str) -> None:
    spatial = int(op[-2])
    x = images(w, spatial)
    size, how = sliding(w, x, spatial)
    if op.startswith("lp"):
        x = w.within(x, 0.3, 2.0)
        how["p"] = w.choose.of([2.0, 3.0])
    if op.startswith("avg"):
        how["count_include_pad"] = w.choose.flag()
    if isinstance(how["padding"], tuple) and min(size) < 2:
        how["padding"] = "valid"
    w.apply(getattr(fl.ops, op), x, pool_size=size, ceil_mode=how["padding"] == "valid" and w.choose.rarely(), **how)


@move
def max_pool_with_indices(w: Weaver) -> None:
    x = images(w)
    if min(x.sizes[1:3]) < 2:
        raise Rejected
    y, at = w.apply(fl.max_pool_with_indices, x, pool_size=2)
    if w.choose.flag():
        w.apply(fl.max_unpool, y, at, output_size=x.sizes[1:3])


@move_for("global_avg_pool", "global_max_pool", "global_lp_pool")
def global_pool(w: Weaver, op: str) -> None:
    x = images(w, w.choose.number(1, 2))
    x = w.within(x, 0.3, 2.0) if op == "global_lp_pool" else x
    w.apply(getattr(fl.ops, op), x, keepdims=w.choose.flag())


@move
def resize(w: Weaver) -> None:
    x = images(w)
    mode = w.choose.of(["linear", "nearest", "cubic"])
    how = w.choose.of(["half_pixel", "align_corners", "asymmetric"])
    size = (w.choose.number(1, 5), w.choose.number(1, 5))
    given = w.choose.of([{"sizes": size}, {"scales": (2.0, 0.5)}])
    if "scales" in given and x.sizes[2] < 2:
        given = {"sizes": size}
    w.apply(fl.ops.resize, x, mode=mode, coordinate_transformation_mode=how, **given)


@move
def grid_sample(w: Weaver) -> None:
    x = images(w)
    if not plain(x.shape[0]):
        raise Rejected
    theta = w.apply(lambda t: fl.tanh(t) * 0.5, w.source(x.shape[0], 2, 3))
    grid = w.apply(fl.ops.affine_grid, theta, sizes=(2, 3))
    w.apply(fl.ops.grid_sample, x, grid, padding_mode=w.choose.of(["zeros", "border"]), align_corners=w.choose.flag())


@move
def patches(w: Weaver) -> None:
    x = images(w)
    size = tuple(min(2, n) for n in x.sizes[1:3])
    found = w.apply(fl.extract_patches, x, size=size, strides=1)
    if w.choose.flag():
        w.apply(fl.fold_patches, found, output_size=x.sizes[1:3], size=size, strides=1)


@move
def grayscale(w: Weaver) -> None:
    w.apply(fl.ops.rgb_to_grayscale, w.ranked(3, last=3))


@move_for("max_pool3d", "avg_pool3d", "lp_pool1d", "conv3d_transpose")
def other_ranks(w: Weaver, op: str) -> None:
    x = images(w, 1 if op.endswith("1d") else 3)
    if op == "conv3d_transpose":
        kernel = w.source(2, 1, 2, 1, x.sizes[-1], kind="variable")
        w.apply(fl.conv3d_transpose, x, kernel, strides=w.choose.number(1, 2))
    else:
        x = w.within(x, 0.3, 2.0) if op.startswith("lp") else x
        size = tuple(min(2, n) for n in x.sizes[1:-1])
        w.apply(getattr(fl.ops, op), x, pool_size=size, strides=w.choose.number(1, 2))


@move
def deform_conv2d(w: Weaver) -> None:
    x = images(w)
    if not plain(x.shape[0]) or min(x.sizes[1:3]) < 2:
        raise Rejected
    rows, columns = x.sizes[1] - 1, x.sizes[2] - 1
    kernel = w.source(2, 2, x.sizes[-1], w.choose.number(1, 2), kind="variable")
    offset = w.apply(lambda a: fl.tanh(a) * 0.5, w.source(x.shape[0], rows, columns, 8))
    mask = w.source(x.shape[0], rows, columns, 4) if w.choose.flag() else None
    w.apply(fl.deform_conv2d, x, kernel, offset, mask)


@move
def rotate(w: Weaver) -> None:
    x = images(w)
    if not plain(x.shape[0]):
        raise Rejected
    angle = w.source(x.shape[0]) if w.choose.flag() else 0.25
    w.apply(fl.ops.rotate, x, angle, padding_mode=w.choose.of(["zeros", "border"]))


@move
def roi_align(w: Weaver) -> None:
    x = images(w)
    if not plain(x.shape[0]):
        raise Rejected
    count = w.choose.number(1, 2)
    corners = w.rng.uniform(0, 1, (count, 4)) * [1, 1, 1, 1] + [0, 0, 1, 1]
    image = w.constant(w.rng.integers(0, 1 if isinstance(x.shape[0], str) else x.sizes[0], count))
    mode = w.choose.of(["avg", "max"])
    w.apply(fl.ops.roi_align, x, w.constant(corners), image, output_size=(2, 1), sampling_ratio=2, mode=mode)


@move_for("rgb_to_hsv", "hsv_to_rgb", "adjust_brightness", "adjust_contrast", "adjust_saturation", "adjust_hue")
def colours(w: Weaver, op: str) -> None:
    x = w.within(w.ranked(w.choose.number(3, 4), last=3), 0.05, 0.95)
    if op.startswith("adjust"):
        w.apply(getattr(fl.ops, op), x, w.choose.of([0.25, 0.125]))
    else:
        w.apply(getattr(fl.ops, op), x)


@move
def local_response_normalization(w: Weaver) -> None:
    w.apply(fl.ops.local_response_normalization, images(w), size=w.choose.number(1, 4), alpha=0.5, bias=1.0, beta=0.75)
