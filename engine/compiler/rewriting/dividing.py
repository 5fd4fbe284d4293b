"""Stable gradients of unstable forms: what is divided by a small number, and then multiplied by it again.

The gradient of log(p) is g / p, and that of p = softmax(x) multiplies it by p: 0 / 0 where p underflows. The two
cancel, as p is never 0 by nature. The gradient of exp(x) / sum(exp(x)), or of log(1 + exp(x)), divides by the sum and
multiplies by exp(x): infinity over infinity where that overflows. Together the two are a softmax, or a sigmoid.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flowloom.compiler.expr import Expr
from flowloom.compiler.rewriting.matching import axes_of, fitted, in_shape, is_splat, order_of, params, without
from flowloom.compiler.rewriting.rules import rule
from flowloom.compiler.rewriting.stabilising import RESHAPES, bare, exponent_beside_one, is_same
from flowloom.ops import (
    add,
    add_along_axis,
    at_labels,
    broadcast_to,
    divide,
    exp,
    expand_dims,
    logsumexp,
    multiply,
    negative,
    scatter_add,
    sigmoid,
    slice,
    softmax,
    subtract,
    sum,
    sum_to,
    take,
    take_along_axis,
    transpose,
    unslice,
    where,
)
from flowloom.spec import normalize_axis

_LOOKS = 64  # how many expressions of a gradient are looked at


class Budget:
    """How many expressions may still be looked at: what bounds the time of a rule that looks far."""

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self) -> bool:
        """Whether one more may be looked at, which then counts."""
        self.left -= 1
        return self.left >= 0


# ---------------------------------------------------------------- (g / p) * p


@rule("stabilise", multiply)
def divided_and_multiplied(e: Expr) -> Expr | None:
    """(g / p) * p is g, where p is never 0 by nature: a softmax, a sigmoid, 1 - a sigmoid, an exponential."""
    for z, p in (e.args, e.args[::-1]):
        if _is_positive(p) and p.spec == e.spec:
            found = _times(z, p, Budget(_LOOKS))
            if found is not None:
                return fitted(found, e.spec)
    return None


def _is_positive(p: Expr) -> bool:
    if p.op is subtract:
        return p.args[1].op is sigmoid and is_splat(p.args[0], 1)
    return p.op in (softmax, sigmoid, exp)


def _times(z: Expr, p: Expr, budget: Budget) -> Any:
    """z p, where `z` has a factor 1 / p; None if it has none that is found."""
    if not budget.take():
        return None
    rule_of = _PRODUCTS.get(z.op)
    return None if rule_of is None else rule_of(z, p, budget)


def _times_quotient(z: Expr, p: Expr, budget: Budget) -> Any:
    over, under = z.args
    if is_same(under, p) or _is_complement(under, p) or _is_complement(p, under):
        return over
    made = _times(over, p, budget)
    return None if made is None else made / under


def _is_complement(one: Expr, other: Expr) -> bool:
    """Whether they are 1 - sigmoid(x) and sigmoid(-x)."""
    if one.op is not subtract or other.op is not sigmoid or not _is_positive(one):
        return False
    x, y = one.args[1].args[0], other.args[0]
    return y.op is negative and y.args[0] is x


def _times_negative(z: Expr, p: Expr, budget: Budget) -> Any:
    made = _times(z.args[0], p, budget)
    return None if made is None else -made


def _times_product(z: Expr, p: Expr, budget: Budget) -> Any:
    for one, other in (z.args, z.args[::-1]):
        if (made := _times(one, p, budget)) is not None:
            return made * other
    return None


def _times_sum(z: Expr, p: Expr, budget: Budget) -> Any:
    made = [_times(a, p, budget) for a in z.args]
    if made == [None, None]:
        return None
    return z.op(*(multiply(a, p) if m is None else m for a, m in zip(z.args, made, strict=True)))


def _times_shape(z: Expr, p: Expr, budget: Budget) -> Any:
    if p.shape != z.shape:
        return None
    x = z.args[0]
    made = _times(x, in_shape(p, x.shape), budget)
    return None if made is None else in_shape(fitted(made, x.spec), z.shape)


def _times_transpose(z: Expr, p: Expr, budget: Budget) -> Any:
    if p.shape != z.shape:
        return None
    order = order_of(z)
    back = transpose(p, axes=tuple(order.index(i) for i in range(z.ndim)))
    made = _times(z.args[0], back, budget)
    return None if made is None else transpose(fitted(made, z.args[0].spec), axes=order)


def _times_chosen(z: Expr, p: Expr, budget: Budget) -> Any:
    """Of where(c, x, 0)."""
    condition, x, other = z.args
    if not is_splat(other, 0) or x.spec != z.spec:
        return None
    made = _times(x, p, budget)
    return None if made is None else where(condition, fitted(made, z.spec), other)


def _times_scattered(z: Expr, p: Expr, budget: Budget) -> Any:
    """Of zeros with x at some places, where x was divided by what is in p at those places."""
    if p.shape != z.shape or (z.op is add_along_axis and len(z.args) > 2):
        return None
    x = z.args[0]
    for there in _THERE[z.op](z, p):
        if there.spec == x.spec and (made := _times(x, there, budget)) is not None:
            return z.op(fitted(made, x.spec), *z.args[1:], **params(z))
    return None


def _at_places(z: Expr, p: Expr) -> list[Any]:
    places, axis = z.args[1], normalize_axis(params(z)["axis"], z.ndim)
    found = [take_along_axis(p, places, axis=params(z)["axis"])]
    if places.op in RESHAPES and axis == z.ndim - 1 and places.shape == (*places.args[0].shape, 1):
        found.append(expand_dims(at_labels(p, places.args[0]), axis=-1))
    return found


def _at_indices(z: Expr, p: Expr) -> list[Any]:
    axis = params(z)["axis"]
    return [take(p, z.args[1], axis=axis, from_end=from_end) for from_end in (True, False)]


def _in_slice(z: Expr, p: Expr) -> list[Any]:
    return [slice(p, **{k: v for k, v in z.params if k != "shape"})] if len(z.args) == 1 else []


_THERE = {add_along_axis: _at_places, scatter_add: _at_indices, unslice: _in_slice}
_PRODUCTS: dict[Any, Callable[[Expr, Expr, Budget], Any]] = {
    divide: _times_quotient,
    negative: _times_negative,
    multiply: _times_product,
    add: _times_sum,
    subtract: _times_sum,
    transpose: _times_transpose,
    where: _times_chosen,
    **dict.fromkeys(RESHAPES, _times_shape),
    **dict.fromkeys(_THERE, _times_scattered),
}


# ---------------------------------------------------------------- (u / total) * exp(x)


@dataclass(frozen=True, slots=True)
class _Total:
    """A `total` that exp(x), of this `shape`, has a share in: its sum over `axes`, or 1 + exp(x) if there are none."""

    total: Expr
    shape: tuple[Any, ...]
    axes: tuple[int, ...]

    @property
    def kept(self) -> tuple[Any, ...]:
        """The shape in which it broadcasts against exp(x)."""
        return without(self.shape, self.axes)


@rule("stabilise", multiply)
def share_of_total(e: Expr) -> Expr | None:
    """(u / sum(exp(x))) * exp(x) is u softmax(x), and (u / (1 + exp(x))) * exp(x) is u sigmoid(x)."""
    for z, power in (e.args, e.args[::-1]):
        if power.op is not exp or power.spec != e.spec or power.args[0].spec != power.spec:
            continue
        for total in _totals(z, power):
            if (u := _over(z, total, total.kept, Budget(_LOOKS))) is not None:
                return fitted(u * _share(power.args[0], total), e.spec)
    return None


def _totals(z: Expr, power: Expr) -> list[_Total]:
    """The totals of `power` that something in `z` is divided by."""
    found: dict[Expr, _Total] = {}
    seen = {z}
    stack = [z]
    while stack and len(seen) < _LOOKS:
        e = stack.pop()
        if e.op is divide and (total := _total(e.args[1], power)) is not None:
            found[total.total] = total
        elif e.op in _QUOTIENTS:
            stack += [a for a in e.args if a not in seen]
            seen.update(e.args)
    return list(found.values())


def _total(e: Expr, power: Expr) -> _Total | None:
    e = bare(e.args[0] if e.op is broadcast_to else e)
    if e.op is sum and e.args[0] is power:
        return _Total(e, power.shape, axes_of(e))
    return _Total(e, power.shape, ()) if exponent_beside_one(e) is power.args[0] else None


def _share(x: Expr, total: _Total) -> Any:
    """exp(x) / total."""
    if not total.axes:
        return sigmoid(x)
    if len(total.axes) == 1:
        return softmax(x, axis=total.axes[0])
    return exp(x - logsumexp(x, axis=total.axes, keepdims=True))


def _over(z: Expr, total: _Total, here: tuple[Any, ...], budget: Budget) -> Any:
    """u, where `z` is u / total; None if that is not seen. `here` is the shape that the total has in this place."""
    if not budget.take():
        return None
    rule_of = _QUOTIENTS.get(z.op)
    return None if rule_of is None else rule_of(z, total, here, budget)


def _over_quotient(z: Expr, total: _Total, here: tuple[Any, ...], budget: Budget) -> Any:
    over, under = z.args
    kept = under.args[0] if under.op is broadcast_to else under
    if bare(kept) is total.total and _bare_shape(kept.shape) == _bare_shape(here):
        return over
    u = _over(over, total, here, budget)
    return None if u is None else u / under


def _over_negative(z: Expr, total: _Total, here: tuple[Any, ...], budget: Budget) -> Any:
    u = _over(z.args[0], total, here, budget)
    return None if u is None else -u


def _over_product(z: Expr, total: _Total, here: tuple[Any, ...], budget: Budget) -> Any:
    for one, other in (z.args, z.args[::-1]):
        if (u := _over(one, total, here, budget)) is not None:
            return u * other
    return None


def _over_sum(z: Expr, total: _Total, here: tuple[Any, ...], budget: Budget) -> Any:
    us = [_over(a, total, here, budget) for a in z.args]
    return None if None in us else z.op(*us)


def _over_shape(z: Expr, total: _Total, here: tuple[Any, ...], budget: Budget) -> Any:
    if _bare_shape(z.shape) != _bare_shape(here):
        return None  # the total would have to change its shape in another way
    x = z.args[0]
    u = _over(x, total, x.shape, budget)
    return in_shape(u, z.shape) if u is not None and u.shape == x.shape else None


def _over_broadcast(z: Expr, total: _Total, here: tuple[Any, ...], budget: Budget) -> Any:
    u = _over(z.args[0], total, here, budget)
    return None if u is None else fitted(u, z.spec)


def _over_reduction(z: Expr, total: _Total, here: tuple[Any, ...], budget: Budget) -> Any:
    """Of a sum over the axes along which the total is one number."""
    x = z.args[0]
    if x.shape != total.shape or axes_of(z) != total.axes:
        return None
    u = _over(x, total, total.kept, budget)
    return None if u is None else z.op(fitted(u, x.spec), **params(z))


def _over_chosen(z: Expr, total: _Total, here: tuple[Any, ...], budget: Budget) -> Any:
    condition, x, other = z.args
    u = _over(x, total, here, budget) if is_splat(other, 0) else None
    return None if u is None else where(condition, u, other)


def _bare_shape(shape: tuple[Any, ...]) -> tuple[Any, ...]:
    """`shape` without the ones in front."""
    lead = next((i for i, d in enumerate(shape) if d != 1), len(shape))
    return shape[lead:]


_QUOTIENTS: dict[Any, Callable[[Expr, _Total, tuple[Any, ...], Budget], Any]] = {
    divide: _over_quotient,
    negative: _over_negative,
    multiply: _over_product,
    add: _over_sum,
    subtract: _over_sum,
    broadcast_to: _over_broadcast,
    sum: _over_reduction,
    sum_to: _over_reduction,
    where: _over_chosen,
    **dict.fromkeys(RESHAPES, _over_shape),
}
