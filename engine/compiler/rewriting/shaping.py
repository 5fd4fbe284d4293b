"""One way to see the same elements in another shape; and what leaves them as they are, left out.

Axes of size 1 that come and go, flattening and unflattening are all `reshape`, whose shape is given in numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from flowloom.compiler.expr import Expr, hands_on
from flowloom.compiler.rewriting.matching import axes_of, in_shape, order_of, params
from flowloom.compiler.rewriting.rules import rule
from flowloom.ops import (
    broadcast_like,
    broadcast_to,
    cast,
    concatenate,
    expand_dims,
    flatten,
    matmul,
    max,
    mean,
    min,
    prod,
    reshape,
    reshape_like,
    slice,
    squeeze,
    stop_gradient,
    sum,
    sum_like,
    sum_to,
    transpose,
    unflatten,
)
from flowloom.spec import is_narrow

_RESHAPES = (reshape, reshape_like, expand_dims, squeeze, flatten, unflatten)


# ---------------------------------------------------------------- what does nothing


@rule("canonicalise", *_RESHAPES, transpose, broadcast_to, broadcast_like, sum_to, sum_like, cast, drops=True)
def nothing_to_do(e: Expr) -> Expr | None:
    """A reshape to the same shape, a cast to the same dtype, a sum over nothing."""
    x = e.args[0]
    if x.spec != e.spec:
        return None
    return x if e.op is not transpose or order_of(e) == tuple(range(e.ndim)) else None


@rule("canonicalise", stop_gradient)
def gradient_is_built(e: Expr) -> Expr | None:
    """stop_gradient(x) is x, once gradients are built."""
    return e.args[0]


@rule("canonicalise", drops=True)
def gradient_of_its_own(e: Expr) -> Expr | None:
    """A composite with a gradient rule of its own is what it is made of, once gradients are built."""
    return e.args[0] if hands_on(e.op) else None


@rule("canonicalise", slice)
def whole_slice(e: Expr) -> Expr | None:
    """A slice of all elements in their order."""
    x, steps = e.args[0], params(e)["step"]
    return x if x.shape == e.shape and all(s in (None, 1) for s in steps) else None


@rule("canonicalise", concatenate)
def concatenation_of_one(e: Expr) -> Expr | None:
    """One tensor after no other."""
    return e.args[0] if len(e.args) == 1 else None


# ---------------------------------------------------------------- reshapes


@rule("canonicalise", *_RESHAPES, drops=True)
def one_reshape(e: Expr) -> Expr | None:
    """Every change of shape is a reshape to numbers, and two of them are one."""
    x = e.args[0]
    if x.op is reshape and not _copies(x):
        x = x.args[0]
    elif e.op is reshape and params(e)["shape"] == e.shape:
        return None
    return in_shape(x, e.shape)


def _copies(e: Expr) -> bool:
    """Whether the reshape `e` has to copy what it gets: readers share the copy, so it stays apart."""
    x = e.args[0]
    return x.op.view and x.op is not reshape and _without_ones(x.shape) != _without_ones(e.shape)


def _without_ones(shape: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(d for d in shape if d != 1)


@rule("canonicalise", sum, mean, max, min, prod)
def reduction_of_one(e: Expr) -> Expr | None:
    """A sum or mean over axes of size 1 is a reshape."""
    x = e.args[0]
    if x.dtype != e.dtype or any(x.shape[a] != 1 for a in axes_of(e)):
        return None
    return in_shape(x, e.shape)


@rule("canonicalise", sum_to)
def sum_of_leading_ones(e: Expr) -> Expr | None:
    """A sum over axes of size 1 is a reshape."""
    x = e.args[0]
    return in_shape(x, e.shape) if x.spec.size == e.spec.size else None


# ---------------------------------------------------------------- transpositions


@rule("canonicalise", transpose)
def transpose_of_transpose(e: Expr) -> Expr | None:
    """Two transpositions are one."""
    x = e.args[0]
    if x.op is not transpose:
        return None
    inner = order_of(x)
    made: Expr = transpose(x.args[0], axes=tuple(inner[a] for a in order_of(e)))
    return made


@rule("canonicalise", transpose)
def transpose_of_ones(e: Expr) -> Expr | None:
    """A transposition that only moves axes of size 1 is a reshape."""
    moved = [a for a in order_of(e) if e.args[0].shape[a] != 1]
    return in_shape(e.args[0], e.shape) if moved == sorted(moved) else None


@rule("canonicalise", transpose)
def one_order(e: Expr) -> Expr | None:
    """The order of axes is written out, counted from the front."""
    order = order_of(e)
    if params(e)["axes"] == order:
        return None
    made: Expr = transpose(e.args[0], axes=order)
    return made


@rule("canonicalise", transpose, alone=True)
def transpose_of_product(e: Expr) -> Expr | None:
    """(a^T b)^T is b^T a: where a factor is transposed already, the product need not be."""
    product, order = e.args[0], order_of(e)
    if product.op is not matmul or order != _swap(e.ndim):
        return None
    a, b = product.args
    if a.ndim != e.ndim or b.ndim != e.ndim:
        return None
    if not (_is_swap(a) or _is_swap(b) or a.op is b.op is transpose):
        return None
    made: Expr = matmul(*(transpose(x, axes=_swap(e.ndim)) for x in (b, a)))
    return made


def _swap(ndim: int) -> tuple[int, ...]:
    """The order of axes with the last two swapped."""
    return (*range(ndim - 2), ndim - 1, ndim - 2)


def _is_swap(e: Expr) -> bool:
    return e.op is transpose and order_of(e) == _swap(e.ndim)


# ---------------------------------------------------------------- broadcasts, casts


@rule("canonicalise", broadcast_to, broadcast_like, drops=True)
def one_broadcast(e: Expr) -> Expr | None:
    """Every broadcast is to numbers, two are one, and those that only add axes in front need no reshape before."""
    x = e.args[0]
    if x.op is broadcast_to or (x.op is reshape and x.shape == (1,) * (x.ndim - x.args[0].ndim) + x.args[0].shape):
        x = x.args[0]
    elif e.op is broadcast_to and params(e)["shape"] == e.shape:
        return None
    made: Expr = broadcast_to(x, shape=e.shape)
    return made


@rule("canonicalise", sum_like, drops=True)
def one_sum_to(e: Expr) -> Expr | None:
    """A sum to the shape of another tensor is one to numbers."""
    return sum_to(e.args[0], shape=e.shape)  # type: ignore[no-any-return]


@rule("canonicalise", reshape)
def reshape_of_broadcast(e: Expr) -> Expr | None:
    """Axes of size 1 come and go before a broadcast, so that it can be left to what reads it."""
    x = e.args[0]
    if x.op is not broadcast_to or _without_ones(x.shape) != _without_ones(e.shape):
        return None
    y = x.args[0]
    own = iter(d for d, n in zip((1,) * (x.ndim - y.ndim) + y.shape, x.shape, strict=True) if n != 1)
    made: Expr = broadcast_to(in_shape(y, tuple(1 if n == 1 else next(own) for n in e.shape)), shape=e.shape)
    return made


@rule("canonicalise", cast)
def cast_of_cast(e: Expr) -> Expr | None:
    """A cast of what a cast has lost nothing of is a cast of the original."""
    middle = e.args[0]
    if middle.op is not cast:
        return None
    x = middle.args[0]
    dtypes = (x.dtype, middle.dtype, e.dtype)
    if any(is_narrow(d) or d.kind == "O" for d in dtypes) or not np.can_cast(x.dtype, middle.dtype, "safe"):
        return None
    made: Expr = x if x.dtype == e.dtype else cast(x, **params(e))
    return made
