"""The discrete Fourier transform along one axis, and the cosine transform.

A complex number is a pair (real, imaginary) along a last axis of size 2. All transforms are linear, so the gradient of
each is made of the others: of y = F x for real pairs it is the conjugate transpose of F times g.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.composing import extent
from flowloom.ops.inference import floating, numeric
from flowloom.ops.kernels import as_float, blank, put
from flowloom.params import Size
from flowloom.spec import Dim, Spec, SpecError, normalize_axis

Norm: TypeAlias = Literal["backward", "ortho", "forward"]
_REVERSE: dict[Norm, Norm] = {"backward": "forward", "ortho": "ortho", "forward": "backward"}


@op(family="linalg")
def fft(x: Spec, *, axis: int = -2, length: Size = None, norm: Norm = "backward") -> Spec:
    """Discrete Fourier transform of pairs along `axis`: the sum of x[j] exp(-2 pi i j k / n) over j for each k.

    `x` (..., 2), pairs of real and imaginary part. Of `x`, `length` elements are taken, zeros where there are fewer.
    `norm` as in NumPy: "backward" divides by n in the inverse, "forward" here, "ortho" by its root in both. A float
    dtype stays; integers give float32. Raises SpecError without pairs, or where there is nothing to transform.
    """
    return _transformed(x, axis, length)


@fft.kernel
def _(xp: Any, x: Any, *, axis: int, length: int | None, norm: Norm, out: Any = None) -> Any:
    x = as_float(x)
    y = xp.fft.fft(_complex(xp, x), length, axis % x.ndim, norm)
    return _pairs(xp, y, x.dtype, out)


@fft.vjp
def _(g: Any, y: Any, x: Any, *, axis: int, length: Size, norm: Norm) -> Any:
    return (fit(ifft(g, axis=axis, norm=_REVERSE[norm]), size=x.shape[axis], axis=axis),)


@op(family="linalg")
def ifft(x: Spec, *, axis: int = -2, length: Size = None, norm: Norm = "backward") -> Spec:
    """Inverse of `fft` along `axis`: the mean of x[k] exp(2 pi i j k / n) over k for each j.

    `x` (..., 2), pairs of real and imaginary part. See `fft` for the rest.
    """
    return _transformed(x, axis, length)


@ifft.kernel
def _(xp: Any, x: Any, *, axis: int, length: int | None, norm: Norm, out: Any = None) -> Any:
    x = as_float(x)
    y = xp.fft.ifft(_complex(xp, x), length, axis % x.ndim, norm)
    return _pairs(xp, y, x.dtype, out)


@ifft.vjp
def _(g: Any, y: Any, x: Any, *, axis: int, length: Size, norm: Norm) -> Any:
    return (fit(fft(g, axis=axis, norm=_REVERSE[norm]), size=x.shape[axis], axis=axis),)


@op(family="linalg")
def rfft(x: Spec, *, axis: int = -1, length: Size = None, norm: Norm = "backward") -> Spec:
    """The first half of the Fourier transform of real numbers along `axis`; the other half are its conjugates.

    Of `x` (..., n, ...), `length` elements are taken, zeros where there are fewer. Returns pairs (..., n // 2 + 1, ...,
    2). See `fft` for the rest.
    """
    axis = normalize_axis(axis, x.ndim)
    n = _length(x.shape[axis], length)
    bins = n // 2 + 1 if isinstance(n, int) else None
    return floating(numeric(x)).with_shape((*x.shape[:axis], bins, *x.shape[axis + 1 :], 2))


@rfft.kernel
def _(xp: Any, x: Any, *, axis: int, length: int | None, norm: Norm, out: Any = None) -> Any:
    x = as_float(x)
    return _pairs(xp, xp.fft.rfft(_single(x), length, axis, norm), x.dtype, out)


@rfft.vjp
def _(g: Any, y: Any, x: Any, *, axis: int, length: Size, norm: Norm) -> Any:
    axis = normalize_axis(axis, x.ndim)
    n = x.shape[axis] if length is None else length
    # irfft counts each frequency and its mirror image; here each counts once.
    once = scale_ends(g, factor=2.0, length=n, axis=axis) * 0.5
    return (fit(irfft(once, axis=axis, length=n, norm=_REVERSE[norm]), size=x.shape[axis], axis=axis),)


@op(family="linalg")
def irfft(x: Spec, *, axis: int = -2, length: Size = None, norm: Norm = "backward") -> Spec:
    """Inverse of `rfft` along `axis`: `length` real numbers, 2 (bins - 1) where it is not given.

    `x` (..., bins, ..., 2), pairs of real and imaginary part; of bin 0, and of bin n / 2, the imaginary part is not
    used. Returns (..., n, ...). See `fft` for the rest.
    """
    axis = _pair_axis(x, axis)
    bins = x.shape[axis]
    n = length if length is not None else 2 * (bins - 1) if isinstance(bins, int) else None
    _length(bins, n)
    return floating(x).with_shape((*x.shape[:axis], n, *x.shape[axis + 1 : -1]))


@irfft.kernel
def _(xp: Any, x: Any, *, axis: int, length: int | None, norm: Norm, out: Any = None) -> Any:
    x = as_float(x)
    y = xp.fft.irfft(_complex(xp, x), length, axis % x.ndim, norm)
    return put(y, out, x.dtype)


@irfft.vjp
def _(g: Any, y: Any, x: Any, *, axis: int, length: Size, norm: Norm) -> Any:
    axis = normalize_axis(axis, x.ndim)
    both = scale_ends(rfft(g, axis=axis, norm=_REVERSE[norm]), factor=0.5, length=g.shape[axis], axis=axis) * 2.0
    return (fit(both, size=x.shape[axis], axis=axis),)


# ---------------------------------------------------------------- cosine transform


@op(family="linalg")
def dct(x: Spec, *, type: Literal[2, 3] = 2, axis: int = -1, norm: Literal["backward", "ortho"] = "backward") -> Spec:
    """Discrete cosine transform of real numbers along `axis`, of type 2 or 3, scaled as in SciPy.

    Type 2 is twice the sum of x[j] cos(pi k (2 j + 1) / (2 n)) over j for each k, and type 3 its inverse but for a
    factor of 2 n; with "ortho" each is the inverse of the other. A float dtype stays; integers give float32. Raises
    SpecError where there is nothing to transform.
    """
    _length(x.shape[normalize_axis(axis, x.ndim)], None)
    return floating(numeric(x))


@dct.kernel
def _(xp: Any, x: Any, *, type: int, axis: int, norm: str, out: Any = None) -> Any:
    x = xp.moveaxis(as_float(x), axis, -1)
    n = x.shape[-1]
    turn = xp.asarray(np.exp(-0.5j * np.pi * np.arange(n) / n).astype(np.result_type(_single(x).dtype, np.complex64)))
    scale = np.full(n, np.sqrt(0.5 / n) if norm == "ortho" else 1.0)
    scale[0] *= np.sqrt(0.5) if norm == "ortho" else 1.0
    if type == 2:
        y = 2 * (xp.fft.rfft(_single(x), 2 * n)[..., :n] * turn).real * xp.asarray(scale.astype(turn.real.dtype))
    else:
        scale[0] *= 2 if norm == "ortho" else 1
        weighted = _single(x) * xp.asarray(scale.astype(turn.real.dtype))
        y = xp.fft.irfft(weighted * turn.conj(), 2 * n, norm="forward")[..., :n]
    y = xp.moveaxis(y, -1, axis)
    return put(y, out, x.dtype)


@dct.vjp
def _(g: Any, y: Any, x: Any, *, type: int, axis: int, norm: str) -> Any:
    # Types 2 and 3 are each other's transposes, but for the first element unless they are orthogonal.
    if norm == "ortho":
        return (dct(g, type=5 - type, axis=axis, norm=norm),)
    if type == 2:
        return (dct(scale_ends(g, factor=2.0, axis=axis), type=3, axis=axis),)
    return (scale_ends(dct(g, type=2, axis=axis), factor=0.5, axis=axis),)


@op(family="linalg", composite=True)
def idct(x: Any, *, type: Literal[2, 3] = 2, axis: int = -1, norm: Literal["backward", "ortho"] = "backward") -> Any:
    """Inverse of `dct` of the same `type`, `axis` and `norm`."""
    y = dct(x, type=5 - type, axis=axis, norm=norm)
    return y if norm == "ortho" else y / (2 * extent(x, normalize_axis(axis, x.ndim), y.dtype))


# ---------------------------------------------------------------- what gradients need


@op(family="shape", internal=True)
def fit(x: Spec, *, size: Size, axis: int = -1) -> Spec:
    """The first `size` elements of `x` along `axis`, with zeros behind where there are fewer. The dtype stays."""
    axis = normalize_axis(axis, x.ndim)
    return x.with_shape((*x.shape[:axis], size, *x.shape[axis + 1 :]))


@fit.kernel
def _(xp: Any, x: Any, *, size: int, axis: int, out: Any = None) -> Any:
    axis = normalize_axis(axis, x.ndim)
    out = blank(xp, out, (*x.shape[:axis], size, *x.shape[axis + 1 :]), x.dtype)
    both = (slice(None),) * axis + (slice(min(size, x.shape[axis])),)
    out[both] = x[both]
    return out


fit.vjp(lambda g, y, x, *, size, axis: (fit(g, size=x.shape[axis], axis=axis),))


@op(family="linalg", internal=True)
def scale_ends(x: Spec, *, factor: float, length: Size = None, axis: int = -1) -> Spec:
    """`x` with the first element along `axis` times `factor`, and the one at `length` / 2 where `length` is even.

    Those are the frequencies of `length` real numbers that have no mirror image. Keeps shape and dtype.
    """
    normalize_axis(axis, x.ndim)
    return floating(numeric(x))


@scale_ends.kernel
def _(xp: Any, x: Any, *, factor: float, length: int | None, axis: int, out: Any = None) -> Any:
    if out is None:
        out = xp.empty(x.shape, as_float(x).dtype)
    out[...] = x
    lead = (slice(None),) * normalize_axis(axis, x.ndim)
    out[(*lead, slice(1))] *= factor
    if length and length % 2 == 0:
        out[(*lead, slice(length // 2, length // 2 + 1))] *= factor
    return out


scale_ends.vjp(lambda g, y, x, *, factor, length, axis: (scale_ends(g, factor=factor, length=length, axis=axis),))


# ---------------------------------------------------------------- rules and pairs


def _transformed(x: Spec, axis: int, length: Size) -> Spec:
    axis = _pair_axis(x, axis)
    n = _length(x.shape[axis], length)
    return floating(x).with_shape((*x.shape[:axis], n, *x.shape[axis + 1 :]))


def _pair_axis(x: Spec, axis: int) -> int:
    """`axis` from the front. Raises SpecError unless `x` is of pairs and `axis` not the one of the pairs."""
    if numeric(x).ndim < 2 or x.shape[-1] not in (2, None):
        raise SpecError(
            "x must be of pairs (real, imaginary): 2 or more dimensions, the last of size 2; "
            f"got {x}. Real numbers go into rfft",
            dimension=f"last axis {x.shape[-1] if x.ndim else 'missing'}",
        )
    axis = normalize_axis(axis, x.ndim)
    if axis == x.ndim - 1:
        raise SpecError("the last axis holds the pairs; transform another one", dimension=f"axis {axis}")
    return axis


def _length(n: Dim, length: Size) -> Dim:
    """How many elements are transformed. Raises SpecError if there is none."""
    count = n if length is None else length
    if count == 0 or n == 0:
        raise SpecError("there is nothing to transform: the axis, or the length, is 0", dimension="length 0")
    return count


def _single(x: Any) -> Any:
    """`x`, but float16 as float32: there are no smaller complex numbers."""
    return x if x.dtype.itemsize >= 4 else x.astype("float32")


def _complex(xp: Any, x: Any) -> Any:
    """Pairs as complex numbers."""
    x = xp.ascontiguousarray(_single(x))
    return x.view("complex64" if x.dtype.itemsize == 4 else "complex128")[..., 0]


def _pairs(xp: Any, y: Any, dtype: Any, out: Any) -> Any:
    """Complex numbers as pairs of `dtype`, in `out` where there is one."""
    pairs = xp.ascontiguousarray(y)[..., None].view(y.real.dtype)
    return put(pairs, out, dtype)


@fft.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 5, 2)),), {}
    yield (rng.normal(size=(3, 4, 2)),), {"axis": 0, "length": 5, "norm": "ortho"}
    yield (rng.normal(size=(2, 6, 2)),), {"length": 4, "norm": "forward"}
    yield (rng.integers(0, 9, (3, 2)),), {}
    yield (rng.normal(size=(0, 4, 2)),), {}


@ifft.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 5, 2)),), {}
    yield (rng.normal(size=(3, 4, 2)),), {"axis": 0, "length": 5, "norm": "ortho"}
    yield (rng.normal(size=(2, 6, 2)),), {"length": 4, "norm": "forward"}


@rfft.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 5)),), {}
    yield (rng.normal(size=(3, 6)),), {"norm": "ortho"}
    yield (rng.normal(size=(2, 4, 3)),), {"axis": 1, "length": 6}
    yield (rng.normal(size=(2, 6)),), {"length": 3, "norm": "forward"}
    yield (rng.integers(0, 9, (4,)),), {}


@irfft.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 5, 2)),), {}
    yield (rng.normal(size=(3, 4, 2)),), {"length": 7, "norm": "ortho"}
    yield (rng.normal(size=(2, 3, 4, 2)),), {"axis": 1, "length": 8}
    yield (rng.normal(size=(2, 6, 2)),), {"length": 4, "norm": "forward"}


def _cosines(rng: np.random.Generator) -> Iterator[Sample]:
    for kind in (2, 3):
        yield (rng.normal(size=(3, 5)),), {"type": kind}
        yield (rng.normal(size=(2, 4, 3)),), {"type": kind, "axis": 1, "norm": "ortho"}
    yield (rng.integers(0, 9, (4,)),), {}


dct.samples(_cosines)
idct.samples(_cosines)


@fit.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4)),), {"size": 2}
    yield (rng.normal(size=(3, 4)),), {"size": 5, "axis": 0}
    yield (rng.integers(0, 9, (3, 0)),), {"size": 2}


@scale_ends.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4)),), {"factor": 2.0}
    yield (rng.normal(size=(3, 4)),), {"factor": 0.5, "length": 4, "axis": 0}
    yield (rng.normal(size=(3, 0)),), {"factor": 0.5, "length": 1}
