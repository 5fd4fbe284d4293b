"""Native kernels of pooling: the largest and the mean of each window, and their gradients.

The loops go over windows; under each one, over its taps that lie on the tensor, vectors of channels are combined.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from flowloom.backends.native import pooling_sources as sources
from flowloom.backends.native.geometry import Axis, arguments, axes_of, named, spread
from flowloom.backends.native.instructions import Call, Place, dense, lowering, parameters
from flowloom.backends.native.machine import BY_HAND
from flowloom.backends.native.pooling_sources import Body
from flowloom.backends.native.templates import type_name
from flowloom.backends.native.vectors import lanes
from flowloom.compiler.expr import Expr
from flowloom.ops.pooling import pool_windows
from flowloom.ops.windows import Windows
from flowloom.spec import is_float

LITERAL = 16  # taps of a window, at most, whose loops are unrolled: its sizes are then part of the source
BATCH = 8  # images that are enough for all threads


@lowering("max_pool")
def _(e: Expr, operands: Sequence[Place], result: Place) -> Call | None:
    (x,) = operands
    return _call(sources.LARGEST, e, x, x, result, x.shape)


@lowering("max_pool_select")
def _(e: Expr, operands: Sequence[Place], result: Place) -> Call | None:
    h, x = operands
    return _call(sources.SELECT, e, h, x, result, x.shape) if is_float(x.dtype) else None


@lowering("max_pool_backprop")
def _(e: Expr, operands: Sequence[Place], result: Place) -> Call | None:
    g, x = operands
    return _call(sources.LARGEST_BACK, e, g, x, result, x.shape, back=True) if is_float(x.dtype) else None


@lowering("avg_pool")
def _(e: Expr, operands: Sequence[Place], result: Place) -> Call | None:
    (x,) = operands
    return _call(sources.MEAN, e, x, x, result, x.shape) if is_float(x.dtype) else None


@lowering("avg_pool_backprop")
def _(e: Expr, operands: Sequence[Place], result: Place) -> Call | None:
    g = operands[0]
    return _call(sources.MEAN_BACK, e, g, result, result, result.shape, back=True) if is_float(g.dtype) else None


def _call(
    bodies: Sequence[Body], e: Expr, g: Place, x: Place, y: Place, shape: tuple[int, ...], *, back: bool = False
) -> Call | None:
    """The call that does what `bodies` say under each window of a tensor of that shape.

    `back`: what it writes lies under the window.
    """
    how = parameters(e)
    divided_by = how.pop("divided_by", "one")
    how.pop("input_size", None)
    windows = pool_windows(len(shape), **how)
    axes = axes_of(shape[1:-1], windows)
    alike = g.dtype == x.dtype == y.dtype and type_name(y.dtype) is not None
    beside = shape[-1] == 1 or g.strides[-1] == x.strides[-1] == 1
    if axes is None or not alike or not beside or not y.size:
        return None
    overlap = back and not _side_by_side(axes)
    batch, *steps, _ = spread(x.strides, 1, 1)
    g_batch, *g_steps, _ = spread(g.strides, 1, 1)
    dilation = [a.dilation for a in axes]
    written = spread(dense(shape), 1, 1)[1:-1]
    low, high = _counted(windows, shape[1:-1], divided_by)
    numbers = {
        **named("z", [a.size for a in axes]),
        **named("n", [a.count for a in axes]),
        **named("k", [a.window for a in axes]),
        **named("t", [a.stride for a in axes]),
        **named("l", dilation),
        **named("b", [a.before for a in axes]),
        **named("x", steps, n=batch),
        **named("a", g_steps, n=g_batch),
        **named("s", [s * d for s, d in zip(steps, dilation, strict=True)]),
        **named("g", [s * d for s, d in zip(written if back else g_steps, dilation, strict=True)]),
        **named("i", [-(-a.before // a.stride) if a.before > 0 else 0 for a in axes]),
        **named("j", [_last_whole(a) for a in axes]),
        **named("u", low),
        **named("v", high),
        "batch": shape[0],
        "channels": shape[-1],
        "block": shape[-1] if shape[0] >= BATCH else lanes(y.dtype),
    }
    source = _source(bodies, y.dtype, numbers, axes, back=back, overlap=overlap, divided=divided_by != "one")
    work = float(prod(a.window * a.count for a in axes) * shape[0] * shape[-1])
    return Call(source, (g, x, y, *numbers.values()), (y.base,), work=work)


def _source(
    bodies: Sequence[Body],
    dtype: np.dtype[Any],
    numbers: dict[str, int],
    axes: Sequence[Axis],
    *,
    back: bool,
    overlap: bool,
    divided: bool,
) -> str:
    t, channels = type_name(dtype), numbers["channels"]
    assert t is not None
    width = lanes(dtype) if is_float(dtype) else 1
    taps = prod(a.window for a in axes)
    sizes = axes[0].window, axes[1].window, axes[2].window
    border = any((numbers[f"i{a}"], numbers[f"j{a}"]) != (0, numbers[f"n{a}"]) for a in "dhw")
    form: dict[str, Any] = {
        "t": t,
        "lanes": width,
        "vector": f"{t}x{width}",
        "lowest": "-inf" if is_float(dtype) else np.iinfo(dtype).min,
        "sum": "target[0] + " if overlap else "",
        "high": sizes[1],
        "wide": sizes[2],
        "share": "share" if divided else "1.0",
        "full": f"{taps}.0" if divided else "1.0",
        "count": "many" if overlap else "channels",
        "numbers": arguments(numbers),
        **(sources.BACKWARD if back else sources.FORWARD),
    }
    kinds = {"wide": f"{t}x{width}"} if 1 < width <= channels else {}
    if channels % width or not kinds:
        kinds["one"] = t
    parts = [sources.RANGES] if border else []
    for name in ("all_taps", "some_taps") if border else ("all_taps",):
        unrolled = sizes if name == "all_taps" and taps <= LITERAL else None
        for kind, vector in kinds.items():
            parts.append(sources.window(f"{name}_{kind}", bodies, unrolled).format(**form, kind=vector))
        wide, one = (f"{name}_{kind}" if kind in kinds else None for kind in ("wide", "one"))
        parts.append(sources.channels(name, wide, one, width))
    form["whole"] = sources.WHOLE.format(**form)
    depth = 12 if overlap else 8
    entry = sources.IMAGES if overlap else sources.ROWS
    form["bounds"] = _indented(sources.BOUNDS if border else "", depth)
    form["window"] = _indented(sources.PART.format(**form) if border else form["whole"], depth + 4)
    return BY_HAND + "\n".join((*parts, entry.format(**form)))


def _indented(text: str, depth: int) -> str:
    return text.strip().replace("\n", "\n" + " " * depth)


def _last_whole(axis: Axis) -> int:
    """How many windows, from the first on, end on the tensor."""
    room = axis.size + axis.before - (axis.window - 1) * axis.dilation - 1
    return min(axis.count, room // axis.stride + 1) if room >= 0 else 0


def _side_by_side(axes: Sequence[Axis]) -> bool:
    """Whether each element of the tensor is under exactly one window."""
    return all(
        a.before == 0 and a.dilation == 1 and a.window == a.stride and a.size == a.count * a.stride for a in axes
    )


def _counted(windows: Windows, sizes: Sequence[int], divided_by: str) -> tuple[list[int], list[int]]:
    """For three axes the first place, and the one behind the last, at which what is under a window counts."""
    low, high = [0] * len(sizes), list(sizes)
    if divided_by == "places":
        given = windows.margins(sizes) if isinstance(windows.padding, str) else windows.padding
        if windows.padding == "valid":
            given = ((0, 0),) * len(sizes)
        low = [-before for before, _ in given]
        high = [n + after for n, (_, after) in zip(sizes, given, strict=True)]
    lacking = 3 - len(sizes)
    return [0] * lacking + low, [1] * lacking + high
