"""Costs: how many operations an expression takes and how many bytes it moves, from the sizes of operands and results.

A multiplication and an addition are two operations. An elementary function counts COSTLY, about the terms of its
polynomial: what the native backend shares its work out by. What only moves data counts none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import log2, prod
from typing import Any, TypeAlias

from flowloom.backends.native.templates import is_costly
from flowloom.compiler.control import SCAN
from flowloom.compiler.expr import Expr, toposort
from flowloom.compiler.function import Function
from flowloom.compiler.plan import is_view
from flowloom.ops.contraction import terms_of
from flowloom.spec import Spec

COSTLY = 10
DRAWN = 12  # a random number: ten rounds of multiplications and what makes a number of their bits
SOFTMAX = COSTLY + 4  # largest, difference, exponential, sum, quotient

Specs: TypeAlias = Sequence[Spec]
Rule: TypeAlias = Callable[[Mapping[str, Any], Specs, Specs], float]  # parameters, operands, results

_PICKS = {"take", "gather_nd", "take_along_axis", "take_points", "at_labels", "read_slice"}


def flops(e: Expr, operands: Specs | None = None, results: Specs | None = None) -> float:
    """How many operations `e` takes, on operands and results of these specs (of its own, if they are not given).

    0 where sizes are not known. A branch counts as its longer side, a loop with an end that depends on values 0.
    """
    operands = [s for a in e.args for s in a.specs] if operands is None else operands
    results = e.specs if results is None else results
    if is_view(e) or not all(s.is_concrete for s in (*operands, *results)):
        return 0.0
    bodies = functions_of(e)
    if bodies:
        each = [sum(flops(x) for x in toposort(body.outputs) if x.args) for body in bodies]
        return float(turns(e) * each[0]) if e.op is SCAN else max(each) if e.op.name == "cond" else 0.0
    if e.op.name in _RULES:
        return float(_RULES[e.op.name](dict(e.params), operands, results))
    if e.op.family == "elementwise":
        return float(results[0].size * (COSTLY if is_costly(e) else 1))
    if e.op.family == "reduction" and operands:
        return float(operands[0].size)
    return float(DRAWN * results[0].size) if e.op.family == "random" else 0.0


def moved(e: Expr, operands: Specs, results: Specs) -> int:
    """How many bytes `e` reads and writes: its operands and results, once each.

    What picks elements reads no more of an operand than it gives.
    """
    written = sum(s.nbytes for s in results)
    return written + sum(limited(e, s.nbytes, written) for s in operands)


def limited(e: Expr, read: int, written: int) -> int:
    """How many bytes `e` reads of an operand of `read` bytes to write so many."""
    return min(read, written) if e.op.name in _PICKS else read


def functions_of(e: Expr) -> list[Function]:
    """The bodies of a branch or loop; [] of anything else."""
    return [v for _, v in e.params if isinstance(v, Function)] if e.op.family == "control" else []


def turns(scan: Expr) -> int:
    """How many times a scan runs its body."""
    params = dict(scan.params)
    length = scan.args[params["states"]].shape[0] if params["slices"] else params["length"]
    return length if isinstance(length, int) else 0


# ---------------------------------------------------------------- by op


def _contract(p: Mapping[str, Any], a: Specs, y: Specs) -> float:
    left, right, result = terms_of(p["equation"])
    sizes = dict(zip(left + right, (*a[0].sizes, *a[1].sizes), strict=True))
    summed = [i for i in left if i not in result]
    return (2 if summed else 1) * y[0].size * prod(sizes[i] for i in summed)


def _window(p: Mapping[str, Any], ndim: int) -> int:
    size = p["pool_size"]
    return size ** (ndim - 2) if isinstance(size, int) else prod(size)


def _transform(p: Mapping[str, Any], x: Spec, *, without_pairs: bool = False) -> float:
    """5 n log2(n) for each transform of n complex numbers, half of that for real ones (Frigo & Johnson, FFTW, 2005).

    Of n complex numbers `x` has 2 n elements. `without_pairs` it has one axis less than the axis was counted in.
    """
    axis = p["axis"] + (without_pairs and p["axis"] < 0)
    return 2.5 * x.size * log2(max(2, x.sizes[axis]))


def _matrices(a: Spec) -> tuple[int, int, int]:
    """How many matrices, of how many rows and columns."""
    *leading, m, n = a.sizes
    return prod(leading), m, n


def _factored(a: Spec, cubes: float) -> float:
    count, n, _ = _matrices(a)
    return count * cubes * n**3


def _qr(a: Spec) -> float:
    count, m, n = _matrices(a)
    m, n = max(m, n), min(m, n)
    return count * 4 * (m * n**2 - n**3 / 3)


def _svd(a: Spec) -> float:
    count, m, n = _matrices(a)
    m, n = max(m, n), min(m, n)
    return count * (4 * m**2 * n + 8 * m * n**2 + 9 * n**3)


def _solve(a: Spec, b: Spec, cubes: float) -> float:
    count, n, _ = _matrices(a)
    return count * cubes * n**3 + 2 * n * b.size


# Of matrices: Golub & Van Loan, Matrix Computations, 4th edition, 2013, sections 3.2 (LU), 4.2 (Cholesky), 5.2 (QR with
# Q), 8.3 (symmetric eigenproblem with vectors), 8.6 (SVD with vectors).
_RULES: dict[str, Rule] = {
    "matmul": lambda p, a, y: 2 * y[0].size * a[0].sizes[-1],
    "contract": _contract,
    "conv": lambda p, a, y: 2 * y[0].size * prod(a[1].sizes[:-1]),
    "conv_backprop_input": lambda p, a, y: 2 * a[0].size * prod(a[1].sizes[:-1]),
    "conv_backprop_filter": lambda p, a, y: 2 * a[1].size * prod(y[0].sizes[:-1]),
    "softmax": lambda p, a, y: SOFTMAX * a[0].size,
    "log_softmax": lambda p, a, y: SOFTMAX * a[0].size,
    "sparse_softmax_cross_entropy": lambda p, a, y: SOFTMAX * a[0].size,
    "logsumexp": lambda p, a, y: (COSTLY + 3) * a[0].size,
    "linear_recurrence": lambda p, a, y: 2 * y[0].size,
    "scatter_add": lambda p, a, y: a[0].size,
    "scatter_add_like": lambda p, a, y: a[0].size,
    "add_along_axis": lambda p, a, y: a[0].size,
    "add_nd": lambda p, a, y: a[0].size,
    "add_points": lambda p, a, y: a[0].size,
    "max_pool": lambda p, a, y: y[0].size * _window(p, a[0].ndim),
    "max_pool_with_indices": lambda p, a, y: y[0].size * _window(p, a[0].ndim),
    "max_pool_backprop": lambda p, a, y: a[0].size * _window(p, a[0].ndim),
    "max_pool_select": lambda p, a, y: y[0].size * _window(p, a[0].ndim),
    "avg_pool": lambda p, a, y: y[0].size * _window(p, a[0].ndim),
    "avg_pool_backprop": lambda p, a, y: a[0].size * _window(p, a[0].ndim),
    "sort": lambda p, a, y: a[0].size * log2(max(2, a[0].sizes[p["axis"]])),
    "argsort": lambda p, a, y: a[0].size * log2(max(2, a[0].sizes[p["axis"]])),
    "fft": lambda p, a, y: _transform(p, y[0]),
    "ifft": lambda p, a, y: _transform(p, y[0]),
    "rfft": lambda p, a, y: _transform(p, a[0]),
    "irfft": lambda p, a, y: _transform(p, y[0], without_pairs=True),
    "dct": lambda p, a, y: _transform(p, y[0]),
    "cholesky": lambda p, a, y: _factored(a[0], 1 / 3),
    "det": lambda p, a, y: _factored(a[0], 2 / 3),
    "slogdet": lambda p, a, y: _factored(a[0], 2 / 3),
    "inv": lambda p, a, y: _factored(a[0], 2),
    "eigh": lambda p, a, y: _factored(a[0], 9),
    "qr": lambda p, a, y: _qr(a[0]),
    "svd": lambda p, a, y: _svd(a[0]),
    "solve": lambda p, a, y: _solve(a[0], y[0], 2 / 3),
    "triangular_solve": lambda p, a, y: _solve(a[0], y[0], 0) / 2,
}
