"""Matrix products of the native backend beside SciPy's BLAS, on one core: `python -m benchmarks.products`.

docs/architecture.md has its figures. Each product is timed in turns with the other; the least time counts.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before SciPy is loaded

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.linalg.blas import sgemm

from flowloom.backends.native.step import NativeStep
from flowloom.compiler.expr import placeholder
from flowloom.compiler.memory import ALIGNMENT, empty
from flowloom.compiler.plan import make_plan
from flowloom.ops import matmul, transpose
from flowloom.spec import Spec

Array = np.ndarray[Any, Any]
SIZES = [  # rows, columns, terms, and whether a or b is given transposed
    *((64, 128, 1024, "a"), (64, 512, 1024, "a"), (392, 256, 128, "a"), (512, 512, 128, ""), (512, 128, 512, "")),
    *((64, 256, 784, ""), (512, 128, 512, "b"), (512, 512, 128, "b"), (64, 64, 32, "b"), (128, 10, 128, "")),
    *((1024, 1024, 1024, ""), (2048, 2048, 2048, "")),
]
SECONDS = 1.0  # for each


def main() -> None:
    """Print a line for each product."""
    print(f"{'rows x columns x terms':>24}  GFLOP/s: flowloom   SciPy's BLAS")
    for m, n, k, across in SIZES:
        a, b = _drawn(*((k, m) if across == "a" else (m, k))), _drawn(*((n, k) if across == "b" else (k, n)))
        ours, theirs = _best(_native(a, b, across), _blas(a, b, across))
        work = 2e-9 * m * n * k
        sizes, note = f"{m} x {n} x {k}", f"{across} transposed" if across else ""
        print(f"{sizes:>24}  {work / ours:17.0f} {work / theirs:14.0f}  {note}")
    row, matrix = _drawn(1, 784), _drawn(784, 256)
    on, off = _best(_native(row, matrix, ""), _native(row, _off_a_line(matrix), ""))
    print(
        f"a row times 784 x 256: {1e6 * on:.1f} us; {1e6 * off:.1f} us where that begins 16 bytes behind a cache line"
    )


def _drawn(*shape: int) -> Array:
    array = empty(shape, np.float32)
    array[...] = np.random.default_rng(0).standard_normal(shape)
    return array


def _off_a_line(array: Array) -> Array:
    """The same numbers, from 16 bytes behind a cache line on, as NumPy's own arrays often begin."""
    memory = empty((array.nbytes + ALIGNMENT,), np.uint8)
    moved = np.ndarray(array.shape, array.dtype, memory, 16)
    moved[...] = array
    return moved


def _native(a: Array, b: Array, across: str) -> Callable[[], float]:
    """Seconds that the kernel takes, by the cycles that every step counts."""
    x, y = (placeholder(name, Spec.of(array)) for name, array in (("a", a), ("b", b)))
    made = matmul(transpose(x) if across == "a" else x, transpose(y) if across == "b" else y)
    step = NativeStep(make_plan([made]), threads=1)
    feeds = {x: a, y: b}
    inputs = [feeds[e] for e in step.plan.inputs]

    def run() -> float:
        before = step.spent()[1].sum()
        step(inputs)
        return float(step.spent()[1].sum() - before)

    return run


def _blas(a: Array, b: Array, across: str) -> Callable[[], float]:
    """Seconds that SciPy's sgemm takes. It counts columns first: c' = b' a'."""
    rows, columns = a.shape[across == "a"], b.shape[across != "b"]
    out = np.empty((columns, rows), np.float32, order="F")
    sgemm(1.0, b.T, a.T, c=out, overwrite_c=1, trans_a=across == "b", trans_b=across == "a")
    np.testing.assert_allclose(
        out.T, (a.T if across == "a" else a) @ (b.T if across == "b" else b), rtol=1e-3, atol=1e-2
    )

    def run() -> float:
        began = time.perf_counter()
        sgemm(1.0, b.T, a.T, c=out, overwrite_c=1, trans_a=across == "b", trans_b=across == "a")
        return time.perf_counter() - began

    return run


def _best(one: Callable[[], float], other: Callable[[], float]) -> tuple[float, float]:
    """The least that each takes, in turns."""
    found: list[tuple[float, float]] = []
    end = time.perf_counter() + SECONDS
    while len(found) < 5 or time.perf_counter() < end:
        found.append((one(), other()))
    return min(a for a, _ in found), min(b for _, b in found)


if __name__ == "__main__":
    main()
