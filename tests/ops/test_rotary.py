"""Positions as rotations: those of ONNX's reference, and of complex numbers."""

from __future__ import annotations

import numpy as np
import pytest

from flowloom import ops

from .onnx_reference import onnx


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype("f4")


@pytest.mark.parametrize("interleaved", [False, True])
def test_rotary_positions_are_onnxs(interleaved: bool) -> None:
    x, positions = numbers(2, 3, 4, 8), np.random.default_rng(0).integers(0, 50, (2, 4))
    table, angles = (numbers(50, 4), numbers(50, 4) + 1), (numbers(2, 4, 3), numbers(2, 4, 3) + 1)

    (expected,) = onnx("RotaryEmbedding", x, *table, positions, interleaved=int(interleaved))
    np.testing.assert_allclose(ops.rotary_embedding(x, *table, positions, interleaved=interleaved), expected, atol=1e-6)

    (expected,) = onnx("RotaryEmbedding", x, *angles, interleaved=int(interleaved), rotary_embedding_dim=6)
    np.testing.assert_allclose(ops.rotary_embedding(x, *angles, interleaved=interleaved), expected, atol=1e-6)


def test_rotary_positions_are_turns_of_complex_numbers() -> None:
    # Su et al., arXiv 2104.09864: feature pair k at position m is turned by m 10000^(-2 k / size).
    x = numbers(1, 2, 5, 6).astype("f8")
    turns = np.exp(1j * np.arange(5)[:, None] * 10000.0 ** (-np.arange(3) / 3))
    expected = (x[..., ::2] + 1j * x[..., 1::2]) * turns

    found = ops.rotary_embedding(x, *ops.rotary_angles(length=5, size=6), interleaved=True)

    np.testing.assert_allclose(found[..., ::2], expected.real, atol=1e-6)
    np.testing.assert_allclose(found[..., 1::2], expected.imag, atol=1e-6)
