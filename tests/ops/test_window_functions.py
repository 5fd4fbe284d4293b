"""Window functions are those of SciPy and of ONNX's reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.fft
import scipy.signal

from flowloom import ops

from .onnx_reference import onnx


@pytest.mark.parametrize("name", ["hann", "hamming", "blackman"])
@pytest.mark.parametrize("length", [1, 2, 7, 8])
@pytest.mark.parametrize("periodic", [True, False])
def test_windows_are_scipys(name: str, length: int, periodic: bool) -> None:
    found = getattr(ops, f"{name}_window")(length=length, periodic=periodic, dtype="float64")

    np.testing.assert_allclose(found, scipy.signal.get_window(name, length, fftbins=periodic), atol=1e-15)


@pytest.mark.parametrize(
    ("operator", "op", "how"),
    [
        ("HannWindow", ops.hann_window, {}),
        ("HammingWindow", ops.hamming_window, {"alpha": 25 / 46}),
        ("BlackmanWindow", ops.blackman_window, {}),
    ],
)
@pytest.mark.parametrize("periodic", [True, False])
def test_windows_are_onnxs(operator: str, op: Any, how: dict[str, Any], periodic: bool) -> None:
    (expected,) = onnx(operator, np.array(10), periodic=int(periodic))

    np.testing.assert_allclose(op(length=10, periodic=periodic, **how), expected, atol=5e-7)
