"""What the tests of backends share."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest

from flowloom.backends.choice import has_cuda
from flowloom.backends.cuda import device as cuda_device
from tests.backends import cuda_stand_in

KINDS = [
    pytest.param("stand-in", marks=pytest.mark.skipif(not cuda_stand_in.COMPILER, reason="needs a C++ compiler")),
    pytest.param("gpu", marks=pytest.mark.skipif(not has_cuda(), reason="needs CuPy and an NVIDIA GPU")),
]


@pytest.fixture(params=KINDS)
def gpu(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The device of the CUDA backend: a GPU, if there is one, and what stands in for it."""
    cuda_device.device.cache_clear()
    if request.param == "stand-in":
        for package in ("cupy", "nvmath", "cudnn"):
            monkeypatch.setitem(sys.modules, package, None)
        monkeypatch.setitem(sys.modules, "cupy", cuda_stand_in.CuPy())
        monkeypatch.setitem(sys.modules, "cupyx", types.SimpleNamespace(errstate=cuda_stand_in.errstate))
        monkeypatch.setattr("flowloom.backends.choice.has_cuda", lambda: True)
        for module in ("products", "convolution", "epilogues"):
            monkeypatch.setattr(f"flowloom.backends.cuda.{module}.has_package", lambda name: False)
    yield cuda_device.device()
    cuda_device.device.cache_clear()
