"""ONNX's own backend tests on compiled kernels, of which there are some thousand to compile."""

from __future__ import annotations

import pytest

from tests.formats.onnx.backend import NativeBackend
from tests.formats.onnx.test_backend import cases

pytest.importorskip("llvmlite")
globals().update({name: pytest.mark.long(case) for name, case in cases(NativeBackend, __name__).items()})
