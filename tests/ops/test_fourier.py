"""Fourier and cosine transforms against NumPy and SciPy, ONNX's DFT, and mistakes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.fft

from flowloom import ops
from flowloom.spec import Spec, SpecError

from .onnx_reference import onnx

NORMS = ["backward", "ortho", "forward"]


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape)


def as_complex(pairs: np.ndarray) -> np.ndarray:
    return pairs[..., 0] + 1j * pairs[..., 1]


def as_pairs(y: np.ndarray) -> np.ndarray:
    return np.stack([y.real, y.imag], axis=-1)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("length", [None, 3, 5, 8])
@pytest.mark.parametrize("axis", [0, 1])
def test_transforms_are_numpys(axis: int, length: int | None, norm: Any) -> None:
    x = numbers(4, 5, 2)
    how: dict[str, Any] = {"axis": axis, "norm": norm}

    for found, expected in [
        (ops.fft(x, length=length, **how), as_pairs(np.fft.fft(as_complex(x), length, **how))),
        (ops.ifft(x, length=length, **how), as_pairs(np.fft.ifft(as_complex(x), length, **how))),
        (ops.rfft(x[..., 0], length=length, **how), as_pairs(np.fft.rfft(x[..., 0], length, **how))),
        (ops.irfft(x, length=length, **how), np.fft.irfft(as_complex(x), length, **how)),
    ]:
        np.testing.assert_allclose(found, expected, atol=1e-14)


@pytest.mark.parametrize("length", [None, 4, 9])
def test_transforms_are_onnxs(length: int | None) -> None:
    x, n = numbers(2, 6, 3, 2), None if length is None else np.array(length)

    def dft(x: np.ndarray, **attributes: Any) -> np.ndarray:
        return onnx("DFT", x, n, np.array(1), **attributes)[0]

    np.testing.assert_allclose(ops.fft(x, axis=1, length=length), dft(x), atol=1e-13)
    np.testing.assert_allclose(ops.ifft(x, axis=1, length=length), dft(x, inverse=1), atol=1e-13)
    np.testing.assert_allclose(ops.rfft(x[..., 0], axis=1, length=length), dft(x[..., :1], onesided=1), atol=1e-13)
    np.testing.assert_allclose(
        ops.irfft(x, axis=1, length=length)[..., None], dft(x, inverse=1, onesided=1), atol=1e-13
    )


@pytest.mark.parametrize("kind", [2, 3])
@pytest.mark.parametrize("norm", ["backward", "ortho"])
@pytest.mark.parametrize("size", [1, 2, 7, 8])
def test_cosine_transforms_are_scipys(kind: Any, norm: Any, size: int) -> None:
    x, how = numbers(3, size, 2), {"type": kind, "axis": 1, "norm": norm}

    np.testing.assert_allclose(ops.dct(x, **how), scipy.fft.dct(x, **how), atol=1e-13)
    np.testing.assert_allclose(ops.idct(x, **how), scipy.fft.idct(x, **how), atol=1e-13)


def test_dtypes_stay() -> None:
    x = numbers(3, 4, 2).astype("f4")

    for op in (ops.fft, ops.ifft, ops.rfft, ops.irfft, ops.dct):
        assert op(x).dtype == np.float32
        assert op(x.astype("f2")).dtype == np.float16
        assert op(x.astype(int)).dtype == np.float32


def test_sizes_may_have_names() -> None:
    x = Spec(("batch", "time", 2))

    assert ops.fft(x).shape == ("batch", "time", 2)
    assert ops.fft(x, length=16).shape == ("batch", 16, 2)
    assert ops.rfft(x, axis=1).shape == ("batch", None, 2, 2)
    assert ops.rfft(x, axis=1, length=16).shape == ("batch", 9, 2, 2)
    assert ops.irfft(x).shape == ("batch", None)
    assert ops.irfft(x, length=16).shape == ("batch", 16)


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda x: ops.fft(x[..., 0]), "Real numbers go into rfft"),
        (lambda x: ops.fft(x, axis=-1), "the last axis holds the pairs; transform another one"),
        (lambda x: ops.ifft(x, axis=3), "axis 3 is outside a tensor of 3 dimensions"),
        (lambda x: ops.irfft(x[:, :1]), "there is nothing to transform"),
        (lambda x: ops.rfft(x, length=0), "there is nothing to transform"),
        (lambda x: ops.dct(x[:0], axis=0), "there is nothing to transform"),
        (lambda x: ops.rfft(x > 0), "the elements must be numbers; got bool"),
    ],
)
def test_mistakes_are_named(call: Callable[[np.ndarray], Any], rule: str) -> None:
    with pytest.raises(SpecError, match=re.escape(rule)):
        call(numbers(3, 5, 2))
