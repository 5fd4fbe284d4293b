"""Symbolic gradients: reverse-mode differentiation that builds more graph.

The result is made of the same ops as the forward pass, so it can be drawn, profiled, and differentiated again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from flowloom.compiler.expr import ITEM, Expr, constant, item, toposort
from flowloom.op import get_op
from flowloom.spec import Spec, SpecError, is_float


def gradients(y: Expr, wrt: Sequence[Expr], seed: Expr | None = None, *, origins: Origins | None = None) -> list[Expr]:
    """The gradient of `y` with respect to each of `wrt`, in their shapes and dtypes.

    `seed` is the gradient that arrives at `y`, in its shape; without one `y` must be a scalar. Where `y` does not
    depend on an expression, its gradient is zeros. What an expression's rule makes is attributed to its origin.

    Raises SpecError if `y` is not a float scalar and has no seed, if one of `wrt` is not of floats, or if the path runs
    through an op without a gradient.
    """
    if not is_float(y.dtype):
        raise SpecError(f"only a float can be differentiated; got {y.spec}")
    for w in wrt:
        if not is_float(w.dtype):
            raise SpecError(f"only floats can be differentiated by; got {w.spec}")
    if seed is None:
        if y.shape != ():
            raise SpecError(f"the gradient needs a scalar; got {y.spec}. Take its mean or sum, or give a seed")
        seed = constant(1.0, y.dtype)
    made = pull_back([y], [seed], wrt, origins=origins)
    return [zeros(w) if m is None else m for w, m in zip(wrt, made, strict=True)]


def pull_back(
    ys: Sequence[Expr], seeds: Sequence[Expr], wrt: Sequence[Expr], *, origins: Origins | None = None
) -> list[Expr | None]:
    """What the gradients `seeds`, which arrive at `ys`, come to at each of `wrt`; None where nothing depends on it."""
    order = toposort(ys)
    targets = set(wrt)
    needed = set(targets)
    for e in order:
        if not needed.isdisjoint(e.args):
            needed.add(e)
    pending: dict[Expr, Any] = {}
    for y, seed in zip(ys, seeds, strict=True):
        pending[y] = pending[y] + seed if y in pending else seed
    for e in reversed(order):
        if e not in pending or e not in needed or not e.args:
            continue
        g = pending[e] if e in targets else pending.pop(e)
        if e.op is ITEM:
            whole = e.args[0]
            slots = pending.setdefault(whole, [None] * len(whole.spec))
            slots[e.params[0][1]] = g
            continue
        made = _pull(e, tuple(g) if isinstance(g, list) else g)
        if origins is not None:
            origins.claim((m for m in made if m is not None), origins.of(e), stop=_operands(g))
        for a, ga in zip(e.args, made, strict=True):
            if ga is None or a not in needed:
                continue
            total = _sum_back(ga, a)
            pending[a] = pending[a] + total if a in pending else total
            if origins is not None:
                origins.claim([pending[a]], origins.of(e), stop=())
    return [pending.get(w) for w in wrt]


class Origins:
    """Which nodes of the user's graph each expression comes from: the way back to the canvas for every measurement."""

    def __init__(self) -> None:
        self._nodes: dict[Expr, tuple[str, ...]] = {}

    def of(self, e: Expr) -> tuple[str, ...]:
        """The ids of the nodes that `e` was made for; () if none is known."""
        return self._nodes.get(e, ())

    def adopt(self, other: Origins) -> None:
        """Take over what another one knows of expressions that have no origin here."""
        self._nodes = other._nodes | self._nodes

    def inherit(self, new: Expr, old: Expr) -> None:
        """Attribute `new`, which is instead of `old`, to the nodes of that, unless it has an origin."""
        if old in self._nodes:
            self._nodes.setdefault(new, self._nodes[old])

    def claim(self, roots: Iterable[Expr], nodes: tuple[str, ...], stop: Iterable[Expr] = ()) -> None:
        """Attribute to `nodes` every expression under `roots` that has no origin yet."""
        fresh = [r for r in roots if r not in self._nodes]
        for e in _unclaimed(fresh, self._nodes, set(stop)):
            self._nodes[e] = nodes


def _unclaimed(roots: list[Expr], known: dict[Expr, tuple[str, ...]], stop: set[Expr]) -> Iterable[Expr]:
    seen: set[Expr] = set()
    stack = list(roots)
    while stack:
        e = stack.pop()
        if e in seen or e in known or e in stop:
            continue
        seen.add(e)
        stack.extend(e.args)
    return seen


def _operands(g: Any) -> list[Expr]:
    return [x for x in g if x is not None] if isinstance(g, list) else [g]


def _pull(e: Expr, g: Any) -> tuple[Expr | None, ...]:
    """One expression, or None, for each argument of `e`: its op's rule on the incoming gradient."""
    if e.op.pull is None:
        if not e.op.differentiable:
            return (None,) * len(e.args)
        raise SpecError(f"{e.op.name} has no gradient rule")
    y = e if isinstance(e.spec, Spec) else tuple(item(e, i) for i in range(len(e.spec)))
    made = e.op.pull(g, y, *e.args, **dict(e.params))
    if len(made) != len(e.args):
        raise SpecError(f"the gradient rule of {e.op.name} gives {len(made)} gradients for {len(e.args)} inputs")
    return tuple(made)


def _sum_back(g: Expr, a: Expr) -> Expr:
    """`g` in the shape and dtype of the operand `a`: summed over the axes that were broadcast."""
    if None in a.shape:
        g = get_op("sum_like")(g, a)
    elif g.shape != a.shape:
        g = get_op("sum_to")(g, shape=a.shape)
    return g if g.dtype == a.dtype else get_op("cast")(g, dtype=a.dtype.name)


def zeros(e: Expr) -> Expr:
    """Zeros in the shape and dtype of `e`."""
    if not e.spec.is_concrete:
        like: Expr = get_op("zeros_like")(e)
        return like
    filled: Expr = get_op("broadcast_to")(constant(0, e.dtype), shape=e.shape)
    return filled
