"""The product of two tensors over named axes, as one matrix product: what einsum and its like are made of."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.inference import same_dims
from flowloom.ops.kernels import put
from flowloom.spec import Dim, Spec, SpecError, is_bool, merge, promote


@op(family="linalg", internal=True)
def contract(a: Spec, b: Spec, *, equation: str) -> Spec:
    """Product of `a` and `b` as in "xij,xjk->xik": axes of one letter have one size, and are summed unless kept.

    Each letter stands once in a term, and each one of an operand in the other term or in the result. Returns the wider
    dtype. Raises SpecError if sizes of one letter differ, or if both are bool.
    """
    if is_bool(a.dtype) and is_bool(b.dtype):
        raise SpecError("both are bool; cast one to a number", dimension="dtype bool")
    left, right, result = terms_of(equation)
    for x, term in ((a, left), (b, right)):
        same_dims(x, len(term), f"the operand {term!r}")
    sizes: dict[str, Dim] = dict(zip(left, a.shape, strict=True))
    for letter, d in zip(right, b.shape, strict=True):
        sizes[letter] = merge(sizes.get(letter), d)
    return Spec((sizes[letter] for letter in result), promote(a.dtype, b.dtype))


def terms_of(equation: str) -> list[str]:
    """The terms of both operands and of the result."""
    return equation.replace("->", ",").split(",")


@contract.kernel
def _(xp: Any, a: Any, b: Any, *, equation: str, out: Any = None) -> Any:
    left, right, result = terms_of(equation)
    batch = [i for i in result if i in left and i in right]
    rows = [i for i in result if i not in right]
    columns = [i for i in result if i not in left]
    summed = [i for i in left if i not in result]
    dtype = promote(a.dtype, b.dtype)
    sizes = dict(zip(left + right, a.shape + b.shape, strict=True))
    x = _matrices(xp, a.astype(dtype, copy=False), left, batch, rows, summed)
    y = _matrices(xp, b.astype(dtype, copy=False), right, batch, summed, columns)
    made = [*batch, *rows, *columns]
    if out is not None and made == list(result):
        xp.matmul(x, y, out=out.reshape(*x.shape[:-1], y.shape[-1]))
        return out
    product = xp.matmul(x, y).reshape([sizes[i] for i in made])
    product = xp.transpose(product, [made.index(i) for i in result])
    return put(product, out)


def _matrices(xp: Any, x: Any, term: str, batch: list[str], rows: list[str], columns: list[str]) -> Any:
    """`x` as matrices (batch..., all rows, all columns)."""
    order = xp.transpose(x, [term.index(i) for i in (*batch, *rows, *columns)])
    n, m = len(batch), len(batch) + len(rows)
    return order.reshape(*order.shape[:n], prod(order.shape[n:m]), prod(order.shape[m:]))


@contract.vjp
def _(g: Any, y: Any, a: Any, b: Any, *, equation: str) -> Any:
    left, right, result = terms_of(equation)
    return contract(g, b, equation=f"{result},{right}->{left}"), contract(a, g, equation=f"{left},{result}->{right}")


@contract.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for a, b, equation in [
        ((3, 4), (4, 2), "ij,jk->ik"),
        ((2, 4, 3), (3, 2, 5), "bij,jbk->kbi"),
        ((3, 4), (4, 3), "ij,ji->"),
        ((3,), (2,), "i,j->ji"),
        ((2, 3), (2, 3), "ij,ij->ij"),
        ((), (2,), ",i->i"),
        ((3, 0), (0, 2), "ij,jk->ki"),
    ]:
        yield (rng.normal(size=a), rng.normal(size=b)), {"equation": equation}
    yield (rng.integers(0, 9, (3, 4)), rng.normal(size=(4,))), {"equation": "ij,j->i"}
