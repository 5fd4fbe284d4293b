"""Bounds, sizes, counts and margins as tensors: parts, copies and padding known only when it runs.

Each op does what its namesake with parameters does, and its gradient reads the shape it needs from its operands.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.dynamic import length_of
from flowloom.ops.inference import integer, normalize_axes, numeric, same_dims, shaped
from flowloom.ops.joining import cut, joined
from flowloom.ops.kernels import blank, put
from flowloom.ops.padding import PadMode, folded, padded
from flowloom.ops.repeating import tiled
from flowloom.spec import Dim, Spec, SpecError, normalize_axis


@op(family="shape", composite=True, internal=True)
def slice_at(x: Any, starts: Any, stops: Any, steps: Any = None, *, axes: tuple[int, ...] | None = None) -> Any:
    """Part of `x` by Python's rules: from `starts` to `stops` in `steps`, 1 if left open, one of each for every axis.

    `axes` None are the leading ones. Bounds beyond the ends are cut off. ONNX's Slice. Raises SpecError unless all are
    integer vectors of the same known length, and ValueError, when it runs, if a step is 0.
    """
    if steps is None:
        steps = np.ones(length_of(starts, "starts"), np.int64)
    count = length_of(steps, "steps")
    return slice_by(x, starts, stops, steps, axes=tuple(range(count)) if axes is None else axes)


@slice_at.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(5, 4, 2)), np.array([1, 0]), np.array([3, 99])), {}
    yield (rng.normal(size=(5, 4)), np.array([-1]), np.array([-99]), np.array([-2])), {"axes": (1,)}
    yield (rng.integers(0, 9, (3, 4)), np.array([2, 1]), np.array([1, 3]), np.array([1, 2])), {"axes": (-1, 0)}


@op(family="shape", view=True, internal=True)
def slice_by(x: Spec, starts: Spec, stops: Spec, steps: Spec, *, axes: tuple[int, ...]) -> Spec:
    """Part of `x` by Python's rules, as `slice_at`, with the axes and steps given.

    Raises SpecError unless `starts`, `stops` and `steps` are integer vectors with an element for each of `axes`.
    """
    cuts = [normalize_axis(a, x.ndim) for a in axes]
    normalize_axes(axes, x.ndim)
    for name, vector in (("starts", starts), ("stops", stops), ("steps", steps)):
        if length_of(vector, name) != len(cuts):
            raise SpecError(
                f"{name} must have an element for each of the {len(cuts)} axes; got {vector.shape[0]}",
                dimension=f"{vector.shape[0]} != {len(cuts)}",
            )
    return x.with_shape(None if a in cuts and d != 0 else d for a, d in enumerate(x.shape))


def _slices(ndim: int, starts: Any, stops: Any, steps: Any, axes: tuple[int, ...]) -> tuple[Any, ...]:
    parts: list[Any] = [builtins.slice(None)] * ndim
    for axis, *bounds in zip(axes, starts.tolist(), stops.tolist(), steps.tolist(), strict=True):
        parts[axis] = builtins.slice(*bounds)
    return (*parts, ...)


@slice_by.kernel
def _(xp: Any, x: Any, starts: Any, stops: Any, steps: Any, *, axes: tuple[int, ...]) -> Any:
    return x[_slices(x.ndim, starts, stops, steps, axes)]


@slice_by.vjp
def _(g: Any, y: Any, x: Any, starts: Any, stops: Any, steps: Any, *, axes: tuple[int, ...]) -> Any:
    return unslice_by(g, x, starts, stops, steps, axes=axes), None, None, None


@slice_by.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(5, 4)), np.array([1, -1]), np.array([3, 0]), np.array([1, -2])), {"axes": (0, 1)}
    yield (rng.normal(size=(3, 4)), np.zeros(0, int), np.zeros(0, int), np.zeros(0, int)), {"axes": ()}


@op(family="shape", internal=True)
def unslice_by(part: Spec, like: Spec, starts: Spec, stops: Spec, steps: Spec, *, axes: tuple[int, ...]) -> Spec:
    """Zeros in the shape of `like`, with `part` where `slice_by` would take it from. The values of `like` are not read.

    Raises SpecError if `part` is not what that slice gives.
    """
    taken = slice_by.infer(like, starts, stops, steps, axes=axes)
    assert isinstance(taken, Spec)
    return shaped(part, taken.shape, "part").with_shape(like.shape)


@unslice_by.kernel
def _(
    xp: Any, part: Any, like: Any, starts: Any, stops: Any, steps: Any, *, axes: tuple[int, ...], out: Any = None
) -> Any:
    out = blank(xp, out, like.shape, part.dtype)
    out[_slices(out.ndim, starts, stops, steps, axes)] = part
    return out


@unslice_by.vjp
def _(g: Any, y: Any, part: Any, like: Any, starts: Any, stops: Any, steps: Any, *, axes: tuple[int, ...]) -> Any:
    return slice_by(g, starts, stops, steps, axes=axes), None, None, None, None


@unslice_by.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    where = (np.array([1, -1]), np.array([3, 0]), np.array([1, -2]))
    yield (rng.normal(size=(2, 2)), rng.integers(0, 9, (5, 4)), *where), {"axes": (0, 1)}


@op(family="shape", view=True, internal=True, outputs=("*parts",))
def split_by(x: Spec, sizes: Spec, *, axis: int = 0) -> tuple[Spec, ...]:
    """`x` cut along `axis` into parts of the sizes that the vector `sizes` holds. ONNX's Split.

    Raises SpecError unless `sizes` is an integer vector of known length, one at least, and ValueError, when it runs,
    if they do not add up to the size of the axis.
    """
    axis, count = normalize_axis(axis, x.ndim), length_of(sizes, "sizes")
    if count == 0:
        raise SpecError("sizes needs one part at least", dimension="length of sizes")
    part: Dim = x.shape[axis] if count == 1 else None
    return (x.with_shape((*x.shape[:axis], part, *x.shape[axis + 1 :])),) * count


@split_by.kernel
def _(xp: Any, x: Any, sizes: Any, *, axis: int) -> Any:
    if sizes.min() < 0 or sizes.sum() != x.shape[axis]:
        raise ValueError(f"an axis of size {x.shape[axis]} does not divide into {sizes.tolist()}")
    return cut(x, sizes.tolist(), axis)


split_by.vjp(lambda g, y, x, sizes, *, axis: (joined(g, y, axis), None))


@split_by.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(4, 3)), np.array([1, 0, 3])), {}
    yield (rng.normal(size=(2, 5)), np.array([5])), {"axis": -1}


# ---------------------------------------------------------------- copies and margins


@op(family="shape", narrow=True, internal=True)
def tile_by(x: Spec, reps: Spec) -> Spec:
    """`x` repeated along each axis as often as the vector `reps` says; missing axes, or counts, in front are 1.

    Raises SpecError unless `reps` is an integer vector of known length, and ValueError, when it runs, for one below 0.
    """
    count = length_of(reps, "reps")
    kept = x.shape[: max(0, x.ndim - count)]
    return x.with_shape((*kept, *(None,) * count))


@tile_by.kernel
def _(xp: Any, x: Any, reps: Any) -> Any:
    return tiled(xp, x, _counts(reps))


def _counts(reps: Any) -> tuple[int, ...]:
    if reps.size and reps.min() < 0:
        raise ValueError(f"nothing repeats {reps.min()} times")
    return tuple(reps.tolist())


@tile_by.vjp
def _(g: Any, y: Any, x: Any, reps: Any) -> Any:
    return untile_by(g, x, reps), None


@tile_by.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(2, 3)), np.array([2, 3])), {}
    yield (rng.normal(size=(3,)), np.array([2, 1, 2])), {}
    yield (rng.normal(size=(2, 3)), np.array([0])), {}


@op(family="shape", internal=True)
def untile_by(x: Spec, like: Spec, reps: Spec) -> Spec:
    """The copies that `tile_by` makes of a tensor in the shape of `like`, added up; the values of `like` are not read.

    Raises SpecError unless `reps` is an integer vector of known length, or for bool.
    """
    length_of(reps, "reps")
    return numeric(x).with_shape(like.shape)


@untile_by.kernel
def _(xp: Any, x: Any, like: Any, reps: Any, *, out: Any = None) -> Any:
    counts = (1,) * (like.ndim - reps.size) + _counts(reps)
    shape = (1,) * (len(counts) - like.ndim) + like.shape
    copies = x.reshape([n for pair in zip(counts, shape, strict=True) for n in pair])
    total = copies.sum(axis=tuple(range(0, copies.ndim, 2)), dtype=x.dtype).reshape(like.shape)
    return put(total, out)


@untile_by.vjp
def _(g: Any, y: Any, x: Any, like: Any, reps: Any) -> Any:
    return tile_by(g, reps), None, None


@untile_by.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(4, 9)), rng.integers(0, 9, (2, 3)), np.array([2, 3])), {}
    yield (rng.normal(size=(2, 1, 6)), rng.normal(size=(3,)), np.array([2, 1, 2])), {}
    yield (rng.normal(size=(2, 0)), rng.normal(size=(2, 3)), np.array([0])), {}


@op(family="shape", narrow=True, internal=True)
def pad_by(x: Spec, widths: Spec, *, mode: PadMode = "constant", value: float = 0.0) -> Spec:
    """`x` with margins as in `pad`; `widths` (dimensions of `x`, 2) has (before, after) for each axis.

    Raises SpecError unless `widths` are integers of that shape, and when it runs, if more is cut off than there is.
    """
    _check_widths(x, widths)
    return x.with_shape((None,) * x.ndim)


def _check_widths(x: Spec, widths: Spec) -> None:
    shaped(integer(widths, "widths"), (x.ndim, 2), "widths")


@pad_by.kernel
def _(xp: Any, x: Any, widths: Any, *, mode: str, value: float) -> Any:
    return padded(xp, x, widths.tolist(), mode, value)


@pad_by.vjp
def _(g: Any, y: Any, x: Any, widths: Any, *, mode: PadMode, value: float) -> Any:
    return fold_pad_by(g, x, widths, mode=mode), None


@pad_by.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 2)), np.array([[1, 2], [0, 3]])), {"value": 0.5}
    yield (rng.normal(size=(4, 3)), np.array([[-1, 2], [1, -2]])), {"mode": "edge"}
    yield (rng.integers(0, 9, (2,)), np.array([[3, 0]])), {"mode": "wrap"}


@op(family="shape", internal=True)
def fold_pad_by(x: Spec, like: Spec, widths: Spec, *, mode: PadMode) -> Spec:
    """`x` with its margins added to where `pad_by` of this mode takes them from; the result has the shape of `like`."""
    _check_widths(numeric(x), widths)
    return x.with_shape(same_dims(like, x.ndim, "like").shape)


@fold_pad_by.kernel
def _(xp: Any, x: Any, like: Any, widths: Any, *, mode: str, out: Any = None) -> Any:
    return folded(xp, x, widths.tolist(), mode, out)


@fold_pad_by.vjp
def _(g: Any, y: Any, x: Any, like: Any, widths: Any, *, mode: PadMode) -> Any:
    return pad_by(g, widths, mode=mode), None, None


@fold_pad_by.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(6, 5)), rng.integers(0, 9, (3, 2)), np.array([[1, 2], [0, 3]])), {"mode": "constant"}
    yield (rng.normal(size=(5,)), rng.normal(size=(2,)), np.array([[3, 0]])), {"mode": "reflect"}
