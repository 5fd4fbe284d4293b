"""Vectors: how many numbers this processor computes with at once."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np


@cache
def register_bytes() -> int:
    """The width of this processor's vector registers."""
    import llvmlite.binding as llvm

    features = llvm.get_host_cpu_features()
    return 64 if features.get("avx512f") else 32 if features.get("avx2") else 16


def lanes(dtype: np.dtype[Any]) -> int:
    """How many numbers of that dtype a vector register holds."""
    return register_bytes() // dtype.itemsize
