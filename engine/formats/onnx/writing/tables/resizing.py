"""Resizing, and the places of an affine map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor, prod
from typing import Any, TypeAlias

import numpy as np

from flowloom import ops
from flowloom.compiler.expr import Expr, constant
from flowloom.formats.onnx.errors import OnnxError
from flowloom.formats.onnx.writing.layout import channels_first, channels_last
from flowloom.formats.onnx.writing.table import becomes, writes
from flowloom.formats.onnx.writing.writer import Name, Writer
from flowloom.ops.resizing import resize_backprop, resized_axes
from flowloom.spec import Dim, is_float, is_integer

Array = np.ndarray[Any, Any]
Numbers: TypeAlias = Array | Name | None  # known, or to be had when the model runs, or not given
OLD = "tf_half_pixel_for_nn"  # which ONNX had until opset 12
FLOAT, INT64 = np.dtype("float32"), np.dtype("int64")


@writes("resize")
def _resize(w: Writer, e: Expr, x: Name) -> Any:
    how, (operand,) = dict(e.params), e.args
    axes = resized_axes(operand, how["axes"])
    coordinates = how["coordinate_transformation_mode"]
    if coordinates == OLD or (coordinates != "tf_crop_and_resize" and _refused(operand, axes, how)):
        return w.written(_by_matrices(operand, axes, how, e.dtype))
    roi = None if how["roi"] is None else np.asarray(how["roi"], FLOAT)
    if how["sizes"] is not None:
        return _resized(w, e, x, roi, None, np.asarray(how["sizes"], INT64))
    factors = [_scale(operand.shape[a], s) for a, s in zip(axes, how["scales"], strict=True)]
    return _resized(w, e, x, roi, np.asarray(factors, FLOAT), None)


def _refused(x: Expr, axes: Sequence[int], how: Mapping[str, Any]) -> bool:
    """Whether ONNX Runtime (1.31) would refuse it, and matrices can do it.

    It refuses cubic interpolation of other than images and behind a transposition, and policies behind a transposition.
    """
    difficult = how["mode"] == "cubic" or (how["keep_aspect_ratio_policy"] != "stretch" and how["sizes"] is not None)
    return difficult and all(isinstance(x.shape[a], int) for a in axes)


def _scale(d: Dim, scale: float) -> np.float32:
    """A scale in float32 that gives the size which the one in float64 does, if that can be told."""
    found = np.float32(scale)
    while isinstance(d, int) and floor(found * np.float32(d)) < floor(scale * d):
        found = np.nextafter(found, np.float32(np.inf))
    return found


@writes("resize_by")
def _resize_by(w: Writer, e: Expr, x: Name, target: Name, roi: Name) -> Any:
    wanted, crop = e.args[1:]
    if dict(e.params)["coordinate_transformation_mode"] == OLD:
        raise OnnxError(f"opset 13 and later have no {OLD!r}")
    whole = is_integer(wanted.dtype)
    name = w.cast(target, wanted.dtype, INT64 if whole else FLOAT)
    region = None if crop.shape == (0,) else w.cast(roi, crop.dtype, FLOAT)
    return _resized(w, e, x, region, *((None, name) if whole else (name, None)))


def _resized(w: Writer, e: Expr, x: Name, roi: Numbers, scales: Numbers, sizes: Numbers) -> Any:
    """ONNX's Resize, channels first and told of all axes; unless it is to find a scale for some of them, as they lie.

    ONNX Runtime loses the attribute `axes` where it moves a transposition through the node.
    """
    how, operand = dict(e.params), e.args[0]
    axes = resized_axes(operand, how["axes"])
    y = w.cast(x, operand.dtype, e.dtype)
    every = how["keep_aspect_ratio_policy"] == "stretch" or sizes is None
    images = every and e.ndim > 2 and all(0 < a < e.ndim - 1 for a in axes)
    y = channels_first(w, y, e.ndim) if images else y
    where = [a + 1 for a in axes] if images else list(axes)
    linear = how["mode"] == "linear" and not how["antialias"]  # it is cut off at the edge in any case
    if every:
        ends = [*where, *(e.ndim + a for a in where)]
        roi = _put(w, np.repeat(np.asarray([0, 1], FLOAT), e.ndim), roi, ends)
        scales = _put(w, np.ones(e.ndim, FLOAT), scales, where)
        sizes = _sizes(w, e, x, y, sizes, where, images)
    made = w.node(
        "Resize",
        y,
        *(_named(w, values) for values in (roi, scales, *(() if sizes is None else (sizes,)))),
        axes=None if every else where,
        mode=how["mode"],
        antialias=int(how["antialias"]) or None,
        coordinate_transformation_mode=how["coordinate_transformation_mode"],
        nearest_mode=how["nearest_mode"] if how["mode"] == "nearest" else None,
        cubic_coeff_a=how["cubic_coefficient"] if how["mode"] == "cubic" else None,
        exclude_outside=None if linear else int(how["exclude_outside"]) or None,
        keep_aspect_ratio_policy=None if every else how["keep_aspect_ratio_policy"],
        extrapolation_value=how["extrapolation_value"] or None,
    )
    return channels_last(w, made, e.ndim) if images else made


def _named(w: Writer, values: Numbers) -> Name:
    return "" if values is None else values if isinstance(values, str) else w.constant(values)


def _put(w: Writer, whole: Array, values: Numbers, places: Sequence[int]) -> Numbers:
    """What is said of some axes, said of all, in a vector that has what there is to say of the others."""
    if isinstance(values, str):
        made: Name = w.node("ScatterElements", w.constant(whole), w.ints(*places), values)
        return made
    if values is not None:
        whole[list(places)] = values
    return None if values is None else whole


def _sizes(w: Writer, e: Expr, x: Name, y: Name, sizes: Numbers, where: Sequence[int], images: bool) -> Numbers:
    """The sizes along all axes: those that are given, and those that the tensor has."""
    if isinstance(sizes, str):
        made: Name = w.node("ScatterElements", w.node("Shape", y), w.ints(*where), sizes)
        return made
    if sizes is None:
        return None
    extents = w.extents(e.args[0], x)
    extents = [extents[0], extents[-1], *extents[1:-1]] if images else extents
    for axis, n in zip(where, sizes.tolist(), strict=True):
        extents[axis] = n
    return w.vector(extents)


@writes("resize_backprop")
def _resize_backprop(w: Writer, e: Expr, g: Name) -> Any:
    """Resizing is a product with a matrix along each axis; this is one with the transposed matrices."""
    how, (operand,) = dict(e.params), e.args
    axes, sizes = resized_axes(operand, how["axes"]), how.pop("input_size")
    y: Any = operand if is_float(operand.dtype) else ops.cast(operand, dtype="float32")
    for axis, matrix in zip(axes, _matrices(sizes, how), strict=True):
        y = _times(y, matrix.T, axis)
    return w.written(y)


def _by_matrices(x: Any, axes: Sequence[int], how: Mapping[str, Any], dtype: np.dtype[Any]) -> Any:
    if how["mode"] != "nearest" and not is_float(x.dtype):
        x = ops.cast(x, dtype=dtype.name)
    for axis, matrix in zip(axes, _matrices([x.shape[a] for a in axes], how), strict=True):
        x = ops.take(x, matrix.argmax(axis=1), axis=axis) if how["mode"] == "nearest" else _times(x, matrix, axis)
    return x


def _times(x: Any, matrix: Array, axis: int) -> Any:
    """`x` with its elements along `axis` multiplied by a matrix."""
    rows = ops.moveaxis(x, source=axis, destination=-1)
    return ops.moveaxis(ops.matmul(rows, matrix.T.astype(x.dtype)), source=-1, destination=axis)


def _matrices(sizes: Sequence[Dim], how: Mapping[str, Any]) -> list[Array]:
    """What resizing does along each axis of these sizes, as a matrix (new size, size): the unit vectors, resized."""
    known = [n for n in sizes if isinstance(n, int)]
    if len(known) < len(sizes):
        raise OnnxError("the sizes of the images must be known")
    settings = {k: v for k, v in how.items() if k != "extrapolation_value"}
    if how["keep_aspect_ratio_policy"] == "stretch":
        return [_matrix([n], 0, {**settings, **_of_one(settings, i, len(known))}) for i, n in enumerate(known)]
    return [_matrix(known, i, settings) for i in range(len(known))]


def _of_one(how: Mapping[str, Any], axis: int, rank: int) -> dict[str, Any]:
    """The settings that are given for each axis, for one of them."""
    one = {k: None if how[k] is None else (how[k][axis],) for k in ("sizes", "scales")}
    return {**one, "roi": None if how["roi"] is None else (how["roi"][axis], how["roi"][rank + axis])}


def _matrix(sizes: Sequence[int], axis: int, how: Mapping[str, Any]) -> Array:
    n = sizes[axis]
    shape = [n if i == axis else 1 for i in range(len(sizes))]
    units = np.broadcast_to(np.eye(n).reshape(n, *shape), (n, *sizes))
    resized = np.moveaxis(ops.resize(units, **{**how, "axes": tuple(range(1, units.ndim))}), 1 + axis, 1)
    if not resized.size:
        return np.zeros((resized.shape[1], n))
    return np.asarray(resized.reshape(n, resized.shape[1], -1)[..., 0].T)


# ---------------------------------------------------------------- affine maps


@becomes("unresize_by")
def _unresize_by(g: Any, like: Any, target: Any, roi: Any, **how: Any) -> Any:
    axes = resized_axes(like, how["axes"])
    if target.value is None or (roi.value is None and roi.shape != (0,)):
        raise OnnxError("the new sizes must be known")
    kind, other = ("sizes", "scales") if is_integer(target.dtype) else ("scales", "sizes")
    crop = None if roi.value is None or not roi.value.size else tuple(roi.value.tolist())
    size = tuple(like.shape[a] for a in axes)
    found: dict[str, Any] = {kind: tuple(target.value.tolist()), other: None, "roi": crop, "input_size": size}
    return resize_backprop(g, **how, **found)


@becomes("affine_grid")
def _affine_grid(theta: Any, *, sizes: Any, align_corners: bool) -> Any:
    if not all(isinstance(n, int) for n in sizes):
        found = ops.shape_of(ops.broadcast_to(constant(0, FLOAT), shape=sizes))
        return ops.affine_grid_to(theta, found, align_corners=align_corners)
    theta = theta if is_float(theta.dtype) else ops.cast(theta, dtype="float32")
    base = _base(sizes, align_corners).astype(theta.dtype)
    return ops.unflatten(ops.matmul(base, ops.transpose(theta, axes=(0, 2, 1))), axis=1, shape=sizes)


@becomes("affine_grid_to")
def _affine_grid_to(theta: Any, sizes: Any, *, align_corners: bool) -> Any:
    """The columns of `theta` times the places along the axes, the innermost one first, and the last column.

    ONNX's AffineGrid is not used: implementations differ on an axis of size 1.
    """
    rank = sizes.shape[0]
    theta = theta if is_float(theta.dtype) else ops.cast(theta, dtype="float32")

    def column(k: int) -> Any:
        return ops.reshape(theta[:, :, k], shape=(theta.shape[0], *(1,) * rank, rank))

    grid = column(rank)
    for axis in range(rank):
        n = ops.cast(sizes[axis], dtype="int64")
        step = ops.cast(ops.arange_of(np.int64(0), n, np.int64(1)), dtype=theta.dtype.name)
        count = ops.cast(n, dtype=theta.dtype.name)
        if align_corners:
            place = ops.where(n > 1, step * 2.0 / ops.maximum(count - 1.0, 1.0) - 1.0, 0.0)
        else:
            place = (step * 2.0 + 1.0) / count - 1.0
        grid = grid + column(rank - 1 - axis) * ops.reshape(place, shape=(-1, *(1,) * (rank - axis)))
    return grid


@becomes("affine_grid_backprop")
def _affine_grid_backprop(g: Any, *, align_corners: bool) -> Any:
    sizes = g.shape[1:-1]
    if not all(isinstance(n, int) for n in sizes):
        raise OnnxError("the sizes of the images must be known")
    g = g if is_float(g.dtype) else ops.cast(g, dtype="float32")
    rows = ops.transpose(ops.flatten(g, first=1, last=g.ndim - 2), axes=(0, 2, 1))
    return ops.matmul(rows, _base(sizes, align_corners).astype(g.dtype))


def _base(sizes: Sequence[int], align: bool) -> Array:
    """Every place of images of `sizes`, innermost axis first, and a 1: the grids of unit matrices have its columns."""
    rank = len(sizes)
    units = np.zeros((rank + 1, rank, rank + 1))
    units[:, 0] = np.eye(rank + 1)
    grids = ops.affine_grid(units, sizes=tuple(sizes), align_corners=align)
    return np.asarray(grids[..., 0]).reshape(rank + 1, prod(sizes)).T
