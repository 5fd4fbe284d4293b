"""Pooling and its gradients: ONNX's MaxPool and AveragePool, between transpositions of the channels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from math import prod
from typing import Any

import numpy as np

from flowloom import ops
from flowloom.compiler.expr import Expr, constant
from flowloom.formats.onnx.errors import OnnxError
from flowloom.formats.onnx.writing.dtypes import computed_in
from flowloom.formats.onnx.writing.layout import channels_first, channels_last
from flowloom.formats.onnx.writing.table import becomes, writes
from flowloom.formats.onnx.writing.tables.convolution import AUTO, Margins, margins_of, pads
from flowloom.formats.onnx.writing.tables.slicing import padded
from flowloom.formats.onnx.writing.writer import Extent, Name, Size, Writer
from flowloom.ops.convolution import conv_backprop_input
from flowloom.ops.pooling import pool_windows
from flowloom.ops.windows import Windows
from flowloom.spec import Dim, is_float, product

WINDOW = ("pool_size", "strides", "padding", "dilation_rate", "ceil_mode")


def _windows(e: Expr) -> Windows:
    return pool_windows(e.args[0].ndim, **{k: dict(e.params)[k] for k in WINDOW})


def _how(windows: Windows, margins: Margins | None) -> dict[str, Any]:
    """The attributes of a pooling; where the padding depends on sizes that are not known ONNX finds it out."""
    how: dict[str, Any] = {
        "kernel_shape": windows.size,
        "strides": windows.strides,
        "dilations": windows.dilation if any(d > 1 for d in windows.dilation) else None,
    }
    if margins is not None:
        return {**how, "pads": pads(margins) if any(map(any, margins)) else None}
    given = windows.padding
    how["ceil_mode"] = int(windows.ceil) or None
    if isinstance(given, str):
        return {**how, "auto_pad": AUTO.get(given)}
    return {**how, "pads": pads(given)}


def _fits(windows: Windows, margins: Margins | None) -> bool:
    """Whether ONNX pools with that padding: it must be less than the window, and not below 0."""
    return margins is None or all(0 <= m < n for n, c in zip(windows.size, margins, strict=True) for m in c)


def _around(margins: Margins) -> list[tuple[int, int]]:
    return [(0, 0), *margins, (0, 0)]


@writes("max_pool")
def _max_pool(w: Writer, e: Expr, x: Name) -> Name:
    (operand,) = e.args
    windows = _windows(e)
    margins = margins_of(windows, operand.shape[1:-1])
    dtype = computed_in("MaxPool", e.dtype)
    y = w.cast(x, e.dtype, dtype)
    if not _fits(windows, margins):
        assert margins is not None
        around = _around(margins)
        y, margins = padded(w, y, dtype, operand.shape, around, "constant", _lowest(dtype)), [(0, 0)] * len(margins)
    made = w.node("MaxPool", channels_first(w, y, e.ndim), **_how(windows, margins))
    return w.cast(channels_last(w, made, e.ndim), dtype, e.dtype)


@writes("max_pool_with_indices")
def _max_pool_with_indices(w: Writer, e: Expr, x: Name) -> Any:
    """ONNX counts positions over all of the tensor, channels first; and over padding that it does not add itself."""
    (operand,) = e.args
    windows, sizes = _windows(e), operand.shape[1:-1]
    margins = margins_of(windows, sizes)
    dtype = computed_in("MaxPool", operand.dtype)
    y, table = w.cast(x, operand.dtype, dtype), None
    if not _fits(windows, margins):
        assert margins is not None
        around, table = _around(margins), _places(sizes, margins)
        y, margins = padded(w, y, dtype, operand.shape, around, "constant", _lowest(dtype)), [(0, 0)] * len(margins)
    first = channels_first(w, y, operand.ndim)
    values, indices = w.node("MaxPool", first, count=2, **_how(windows, margins))
    count = w.ints(table.size) if table is not None else _product(w, w.extents(operand, x)[1:-1])
    places = w.node("Mod", indices, count)
    places = places if table is None else w.node("Gather", w.constant(table), places)
    return (
        w.cast(channels_last(w, values, operand.ndim), dtype, operand.dtype),
        channels_last(w, places, operand.ndim),
    )


def _lowest(dtype: np.dtype[Any]) -> Any:
    return -np.inf if is_float(dtype) else np.iinfo(dtype).min


def _places(sizes: Sequence[Dim], margins: Margins) -> np.ndarray[Any, Any]:
    """The position of each place of a padded tensor, flattened, in the tensor itself."""
    known = [n for n in sizes if isinstance(n, int)]
    if len(known) < len(sizes):
        raise OnnxError("the sizes of the images must be known")
    return np.pad(np.arange(prod(known)).reshape(known), margins).reshape(-1)


def _product(w: Writer, extents: Sequence[Extent]) -> Name:
    """The product of sizes, as an int64 vector of one."""
    total = w.ints(prod(n for n in extents if isinstance(n, int)))
    for n in extents:
        total = w.node("Mul", total, n.name) if isinstance(n, Size) else total
    return total


@becomes("max_pool_backprop")
def _max_pool_backprop(g: Any, x: Any, **how: Any) -> Any:
    whole = ops.full_like(x, value=0.0, dtype=g.dtype.name)
    places = ops.max_pool_with_indices(x, **how)[1]
    rows = (ops.flatten(t, first=1, last=x.ndim - 2) for t in (whole, places, g))
    return ops.reshape_like(ops.scatter_elements(*rows, axis=1, reduction="add"), whole)


@becomes("max_pool_select")
def _max_pool_select(h: Any, x: Any, **how: Any) -> Any:
    places = ops.max_pool_with_indices(x, **how)[1]
    rows = (ops.flatten(t, first=1, last=x.ndim - 2) for t in (h, places))
    return ops.reshape_like(ops.take_along_axis(*rows, axis=1), places)


@becomes("max_unpool")
def _max_unpool(x: Any, indices: Any, *, output_size: Any) -> Any:
    flat = ops.broadcast_to(constant(0, x.dtype), shape=(x.shape[0], product(output_size), x.shape[-1]))
    places, values = (ops.flatten(t, first=1, last=x.ndim - 2) for t in (indices, x))
    made = ops.scatter_elements(flat, places, values, axis=1)
    return ops.reshape(made, shape=(x.shape[0], *output_size, x.shape[-1]))


# ---------------------------------------------------------------- means


@writes("avg_pool")
def _avg_pool(w: Writer, e: Expr, x: Name) -> Any:
    (operand,) = e.args
    windows, divided_by = _windows(e), dict(e.params)["divided_by"]
    sizes = operand.shape[1:-1]
    margins = margins_of(windows, sizes)
    y, places = w.cast(x, operand.dtype, e.dtype), w.constant(prod(windows.size), e.dtype)
    no_padding = margins is not None and not any(map(any, margins))
    simple = no_padding or margins is None or (divided_by == "elements" and _fits(windows, margins))
    if margins is not None and not simple:
        y = padded(w, y, e.dtype, operand.shape, _around(margins), "constant", 0.0)
    how = _how(windows, margins if simple else [(0, 0)] * len(sizes))
    counted = None if divided_by == "elements" else 1
    made = w.node("AveragePool", channels_first(w, y, e.ndim), count_include_pad=counted, **how)
    if divided_by == "one":
        made = w.node("Mul", made, places)
    found = channels_last(w, made, e.ndim)
    if simple or divided_by == "one":
        return found
    counts = _counts(windows, sizes, divided_by)
    return w.node("Mul", found, w.constant(prod(windows.size) / counts, e.dtype))


def _counts(windows: Windows, sizes: Sequence[Dim], divided_by: str) -> np.ndarray[Any, Any]:
    """How many elements, or places, each window has: (*windows, 1)."""
    known = [n for n in sizes if isinstance(n, int)]
    if len(known) < len(sizes):
        raise OnnxError("the sizes of the images must be known")
    along = windows.populations(np, known, padding=divided_by == "places")
    whole = reduce(np.multiply, (n.reshape(-1, *(1,) * (len(along) - i)) for i, n in enumerate(along)))
    return np.asarray(whole)


@becomes("avg_pool_backprop")
def _avg_pool_backprop(g: Any, *like: Any, input_size: Any, divided_by: str, **how: Any) -> Any:
    """Each share goes to all elements of its window: a transposed convolution with ones, of each channel by itself."""
    windows = pool_windows(g.ndim, **how)
    channels = g.shape[-1]
    if not isinstance(channels, int) or not all(isinstance(n, int) for n in input_size):
        raise OnnxError("the sizes and the channels of the images must be known")
    g = g if is_float(g.dtype) else ops.cast(g, dtype="float32")
    share = g if divided_by == "one" else g * (1 / _counts(windows, input_size, divided_by)).astype(g.dtype)
    return conv_backprop_input(
        share,
        np.ones((*windows.size, 1, channels), g.dtype),
        input_size=input_size,
        strides=windows.strides,
        dilation_rate=windows.dilation,
        padding=tuple(windows.margins(input_size)),
        groups=channels,
    )
