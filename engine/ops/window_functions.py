"""Window functions: weights by which a frame of a signal rises and falls, so that its ends make no noise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.kernels import put
from flowloom.params import DType, Whole
from flowloom.spec import Spec


@op(family="data", differentiable=False)
def hann_window(*, length: Whole, periodic: bool = True, dtype: DType = "float32") -> Spec:
    """Hann's window, 0.5 - 0.5 cos(2 pi i / n) for `length` places i. A symmetric one has n = length - 1.

    A periodic one, n = length, is for spectra. Of length 1 it is 1. Source: Harris, "On the Use of Windows for Harmonic
    Analysis", 1978.
    """
    return Spec((length,), dtype)


@op(family="data", differentiable=False)
def hamming_window(*, length: Whole, periodic: bool = True, alpha: float = 0.54, dtype: DType = "float32") -> Spec:
    """Hamming's window, alpha - (1 - alpha) cos(2 pi i / n) for `length` places i; see `hann_window`.

    NumPy's `alpha` is 0.54, the one of ONNX 25 / 46.
    """
    return Spec((length,), dtype)


@op(family="data", differentiable=False)
def blackman_window(*, length: Whole, periodic: bool = True, dtype: DType = "float32") -> Spec:
    """Blackman's window, 0.42 - 0.5 cos(2 pi i / n) + 0.08 cos(4 pi i / n) for `length` places i; see `hann_window`."""
    return Spec((length,), dtype)


def _cosines(xp: Any, length: int, periodic: bool, dtype: str, terms: tuple[float, ...], out: Any) -> Any:
    """The sum of the `terms`, each times the cosine of one turn more than the one before."""
    turn = 2 * np.pi * np.arange(length) / max(length if periodic else length - 1, 1)
    window = sum((c * np.cos(k * turn) for k, c in enumerate(terms)), np.zeros(length))
    made = xp.asarray((window if length > 1 else np.ones(length)).astype(dtype))
    return put(made, out)


@hann_window.kernel
def _(xp: Any, *, length: int, periodic: bool, dtype: str, out: Any = None) -> Any:
    return _cosines(xp, length, periodic, dtype, (0.5, -0.5), out)


@hamming_window.kernel
def _(xp: Any, *, length: int, periodic: bool, alpha: float, dtype: str, out: Any = None) -> Any:
    return _cosines(xp, length, periodic, dtype, (alpha, alpha - 1), out)


@blackman_window.kernel
def _(xp: Any, *, length: int, periodic: bool, dtype: str, out: Any = None) -> Any:
    return _cosines(xp, length, periodic, dtype, (0.42, -0.5, 0.08), out)


def _lengths(rng: np.random.Generator) -> Iterator[Sample]:
    for length in (0, 1, 6, 7):
        yield (), {"length": length}
    yield (), {"length": 6, "periodic": False, "dtype": "float64"}


for _window in (hann_window, hamming_window, blackman_window):
    _window.samples(_lengths)
