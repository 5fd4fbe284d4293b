"""Larger and smaller images: resizing by interpolation, and cropping or padding around the centre."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.inference import floating, numeric
from flowloom.ops.kernels import as_float, blank
from flowloom.ops.resampling import Coordinates, Mode, Nearest, Resampling, resample, taps, turned
from flowloom.params import Positive, Size, Whole
from flowloom.spec import Dim, Spec, SpecError, normalize_axis, product

Policy: TypeAlias = Literal["stretch", "not_larger", "not_smaller"]


@op(family="layer")
def resize(
    x: Spec,
    *,
    sizes: tuple[Whole, ...] | None = None,
    scales: tuple[Positive, ...] | None = None,
    axes: tuple[int, ...] | None = None,
    mode: Mode = "linear",
    antialias: bool = False,
    coordinate_transformation_mode: Coordinates = "half_pixel",
    nearest_mode: Nearest = "round_prefer_floor",
    cubic_coefficient: float = -0.75,
    exclude_outside: bool = False,
    keep_aspect_ratio_policy: Policy = "stretch",
    roi: tuple[float, ...] | None = None,
    extrapolation_value: float = 0.0,
) -> Spec:
    """`x` in other sizes along `axes`, interpolated one axis after the other (ONNX Resize).

    `axes` None is all but the first and the last: height and width of images (batch, height, width, channels). Give
    either the new `sizes` or `scales`, one for each axis; a size by scale is rounded down. `antialias` widens the
    filter of a smaller result, so that it is a mean of what it replaces. A policy other than "stretch" keeps the aspect
    ratio: no size exceeds, or none falls below, the given ones. With "tf_crop_and_resize", `roi` holds the starts,
    then the ends of a crop as fractions, and what lies outside of `x` is `extrapolation_value`.

    "nearest" keeps the dtype of `x`; else a float dtype stays and integers give float32. Raises SpecError if the
    parameters contradict each other, or if there is no element to interpolate.
    """
    where = resized_axes(x, axes)
    _check(where, sizes, scales, mode, antialias, coordinate_transformation_mode, roi)
    shape = list(x.shape)
    for a, n in zip(where, _counts([x.shape[a] for a in where], sizes, scales, keep_aspect_ratio_policy), strict=True):
        if shape[a] == 0 and n != 0:
            raise SpecError(f"axis {a} has size 0: there is nothing to interpolate", dimension=f"axis {a}: 0")
        shape[a] = n
    return (x if mode == "nearest" else floating(numeric(x))).with_shape(shape)


@resize.kernel
def _(xp: Any, x: Any, *, extrapolation_value: float, out: Any = None, **how: Any) -> Any:
    axes = resized_axes(x, how["axes"])
    steps = resamplings([x.shape[a] for a in axes], **how)
    y = x if how["mode"] == "nearest" else as_float(x)
    for axis, step in zip(axes, steps, strict=True):
        y = resample(xp, y, axis, taps(step))
    for axis, step in zip(axes, steps, strict=True):
        if (outside := taps(step).outside).any():
            y[(slice(None),) * axis + (xp.asarray(outside),)] = extrapolation_value
    return _delivered(xp, y, x, out)


@resize.vjp
def _(g: Any, y: Any, x: Any, *, extrapolation_value: float, **how: Any) -> Any:
    return (resize_backprop(g, input_size=tuple(x.shape[a] for a in resized_axes(x, how["axes"])), **how),)


@op(family="layer", internal=True)
def resize_backprop(
    g: Spec,
    *,
    input_size: tuple[Size, ...],
    sizes: tuple[Whole, ...] | None = None,
    scales: tuple[Positive, ...] | None = None,
    axes: tuple[int, ...] | None = None,
    mode: Mode = "linear",
    antialias: bool = False,
    coordinate_transformation_mode: Coordinates = "half_pixel",
    nearest_mode: Nearest = "round_prefer_floor",
    cubic_coefficient: float = -0.75,
    exclude_outside: bool = False,
    keep_aspect_ratio_policy: Policy = "stretch",
    roi: tuple[float, ...] | None = None,
) -> Spec:
    """Gradient of `resize` with respect to `x`, of `input_size` along the axes: its reverse, as it is linear.

    `g` is shaped like the result of that `resize`. Returns the shape of `x`, in the dtype of `g`.
    """
    where = resized_axes(g, axes)
    _check(where, sizes, scales, mode, antialias, coordinate_transformation_mode, roi)
    if len(where) != len(input_size):
        raise SpecError(f"a size for each of the {len(where)} axes must be given; got {len(input_size)}")
    shape = list(floating(numeric(g)).shape)
    for a, n in zip(where, input_size, strict=True):
        shape[a] = n
    return floating(g).with_shape(shape)


@resize_backprop.kernel
def _(xp: Any, g: Any, *, input_size: tuple[int, ...], out: Any = None, **how: Any) -> Any:
    y = as_float(g)
    for axis, step in zip(resized_axes(g, how["axes"]), resamplings(input_size, **how), strict=True):
        y = resample(xp, y, axis, turned(step))
    return _delivered(xp, y, g, out)


@resize_backprop.vjp
def _(g: Any, y: Any, g_: Any, *, input_size: tuple[Size, ...], **how: Any) -> Any:
    return (resize(g, **how),)


# ---------------------------------------------------------------- the rules


def resized_axes(x: Any, axes: tuple[int, ...] | None) -> tuple[int, ...]:
    """The axes that are resized, counted from the front, in the order in which they are given."""
    if axes is None:
        if x.ndim < 3:
            raise SpecError(f"x has {x.ndim} dimensions, none between first and last; say which axes are meant")
        return tuple(range(1, x.ndim - 1))
    found = tuple(normalize_axis(a, x.ndim) for a in axes)
    if len(set(found)) < len(found):
        raise SpecError(f"an axis is given twice in {axes}", dimension=f"axes {axes}")
    return found


def _check(
    axes: tuple[int, ...],
    sizes: tuple[int, ...] | None,
    scales: tuple[float, ...] | None,
    mode: Mode,
    antialias: bool,
    coordinates: Coordinates,
    roi: tuple[float, ...] | None,
) -> None:
    if (sizes is None) == (scales is None):
        raise SpecError(f"give either sizes or scales; got sizes={sizes} and scales={scales}")
    given = sizes if sizes is not None else scales
    if given is not None and len(given) != len(axes):
        raise SpecError(
            f"there are {len(axes)} axes, {axes}, and {len(given)} numbers for them, {given}",
            dimension=f"{len(given)} numbers for {len(axes)} axes",
        )
    if antialias and mode == "nearest":
        raise SpecError('antialias averages; use it with mode "linear" or "cubic", not with "nearest"')
    if coordinates == "tf_crop_and_resize" and (roi is None or len(roi) != 2 * len(axes)):
        raise SpecError(f"tf_crop_and_resize needs a roi of {2 * len(axes)} numbers, starts and ends; got {roi}")


def _counts(
    dims: Sequence[Dim], sizes: tuple[int, ...] | None, scales: tuple[float, ...] | None, policy: Policy
) -> list[Dim]:
    """The sizes of the result along the axes of sizes `dims`."""
    if scales is not None:
        return [_scaled(d, s) for d, s in zip(dims, scales, strict=True)]
    assert sizes is not None
    if policy == "stretch":
        return list(sizes)
    numbers = [d for d in dims if isinstance(d, int)]
    if len(numbers) < len(dims) or 0 in numbers:
        return [None] * len(dims)
    scale = _common(numbers, sizes, policy)
    return [int(np.floor(scale * d + 0.5)) for d in numbers]


def _scaled(d: Dim, scale: float) -> Dim:
    if isinstance(d, int):
        return int(np.floor(d * scale))
    return product((d, int(scale))) if float(scale).is_integer() else None


def _common(dims: Sequence[int], sizes: tuple[int, ...], policy: Policy) -> float:
    """The scale of all axes that keeps the aspect ratio."""
    return (min if policy == "not_larger" else max)(n / d for n, d in zip(sizes, dims, strict=True))


def resamplings(
    dims: Sequence[int],
    *,
    axes: tuple[int, ...] | None,
    sizes: tuple[int, ...] | None,
    scales: tuple[float, ...] | None,
    keep_aspect_ratio_policy: Policy,
    roi: tuple[float, ...] | None,
    mode: Mode,
    coordinate_transformation_mode: Coordinates,
    nearest_mode: Nearest,
    cubic_coefficient: float,
    exclude_outside: bool,
    antialias: bool,
) -> list[Resampling]:
    """What to do along each axis, of sizes `dims`."""
    counts = [n for n in _counts(dims, sizes, scales, keep_aspect_ratio_policy) if isinstance(n, int)]
    if scales is not None:
        factors = list(scales)
    elif sizes is not None and keep_aspect_ratio_policy != "stretch":
        factors = [_common(dims, sizes, keep_aspect_ratio_policy)] * len(dims)
    else:
        factors = [n / d if d else 1.0 for n, d in zip(counts, dims, strict=True)]
    crops = list(zip(roi[: len(dims)], roi[len(dims) :], strict=True)) if roi else [(0.0, 1.0)] * len(dims)
    return [
        Resampling(
            size=d,
            count=n,
            scale=factor,
            start=start,
            end=end,
            mode=mode,
            coordinates=coordinate_transformation_mode,
            nearest=nearest_mode,
            coefficient=cubic_coefficient,
            exclude_outside=exclude_outside,
            antialias=antialias,
        )
        for d, n, factor, (start, end) in zip(dims, counts, factors, crops, strict=True)
    ]


def _delivered(xp: Any, y: Any, x: Any, out: Any) -> Any:
    """`y` in `out`, or as an array of its own."""
    if out is None:
        return y.copy() if y is x else y
    xp.copyto(out, y)
    return out


# ---------------------------------------------------------------- centre


@op(family="shape")
def center_crop_pad(x: Spec, *, sizes: tuple[Size, ...], axes: tuple[int, ...] | None = None) -> Spec:
    """The middle of `x` where it is larger than `sizes` along `axes`, and zeros around it where it is smaller.

    `axes` None is all but the first and the last: height and width of images. Of an odd difference the larger half lies
    behind (ONNX CenterCropPad). Raises SpecError unless there is a size for each axis.
    """
    where = resized_axes(x, axes)
    if len(sizes) != len(where):
        raise SpecError(
            f"there are {len(where)} axes, {where}, and {len(sizes)} sizes for them",
            dimension=f"{len(sizes)} sizes for {len(where)} axes",
        )
    shape = list(x.shape)
    for a, n in zip(where, sizes, strict=True):
        shape[a] = n
    return x.with_shape(shape)


@center_crop_pad.kernel
def _(xp: Any, x: Any, *, sizes: tuple[int, ...], axes: tuple[int, ...] | None, out: Any = None) -> Any:
    shape, read, write = list(x.shape), [slice(None)] * x.ndim, [slice(None)] * x.ndim
    for a, n in zip(resized_axes(x, axes), sizes, strict=True):
        common, shape[a] = min(n, x.shape[a]), n
        for part, whole in ((read, x.shape[a]), (write, n)):
            part[a] = slice((whole - common) // 2, (whole - common) // 2 + common)
    out = blank(xp, out, tuple(shape), x.dtype)
    out[tuple(write)] = x[tuple(read)]
    return out


@center_crop_pad.vjp
def _(g: Any, y: Any, x: Any, *, sizes: tuple[Size, ...], axes: tuple[int, ...] | None) -> Any:
    return (center_crop_pad(g, sizes=tuple(x.shape[a] for a in resized_axes(x, axes)), axes=axes),)


# ---------------------------------------------------------------- samples

_CASES: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    ((2, 4, 5, 3), {"sizes": (7, 3)}),
    ((2, 4, 5, 1), {"scales": (2.0, 0.6), "mode": "nearest"}),
    ((1, 5, 4, 2), {"sizes": (3, 9), "mode": "cubic", "exclude_outside": True}),
    ((2, 7, 6, 1), {"sizes": (3, 2), "antialias": True}),
    ((2, 7, 3), {"scales": (0.4,), "mode": "cubic", "antialias": True, "axes": (-2,)}),
    ((2, 4, 6), {"sizes": (6, 6), "axes": (0, 2), "coordinate_transformation_mode": "align_corners"}),
    ((1, 4, 6, 1), {"sizes": (7, 7), "keep_aspect_ratio_policy": "not_larger"}),
    (
        (2, 4, 6, 1),
        {
            "sizes": (3, 4),
            "coordinate_transformation_mode": "tf_crop_and_resize",
            "roi": (0.2, -0.3, 0.9, 1.2),
            "extrapolation_value": 5.0,
        },
    ),
    ((0, 4, 4, 1), {"sizes": (2, 2)}),
    ((2, 3, 3, 1), {"sizes": (0, 2), "mode": "cubic", "antialias": True}),
]


@resize.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for shape, how in _CASES:
        yield (rng.normal(size=shape),), how
    yield (rng.integers(0, 9, (1, 2, 3, 1)),), {"scales": (2.0, 2.0), "mode": "nearest"}
    yield (rng.integers(0, 9, (1, 2, 3, 1)),), {"scales": (2.0, 2.0)}


@resize_backprop.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for shape, case in _CASES:
        x = Spec(shape)
        y = resize(x, **case)
        how = {name: value for name, value in case.items() if name != "extrapolation_value"}
        yield (
            (rng.normal(size=y.sizes),),
            {"input_size": tuple(shape[a] for a in resized_axes(x, how.get("axes"))), **how},
        )


@center_crop_pad.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(2, 5, 4, 3)),), {"sizes": (2, 7)}
    yield (rng.normal(size=(3, 4)),), {"sizes": (6, 1), "axes": (1, 0)}
    yield (rng.integers(0, 9, (1, 3, 3, 1)),), {"sizes": (3, 3)}
    yield (rng.normal(size=(0, 3, 2)),), {"sizes": (2,)}
