"""Branches, loops and scans, whose bodies are random programs themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import flowloom as fl
from tests.property.choices import Choices
from tests.property.table import move
from tests.property.weaving import Rejected, Strand, Weaver

# Maps of tensors of one shape that are defined and gentle everywhere: what bodies are made of.
GENTLE: list[tuple[int, Callable[..., Any]]] = [
    (1, fl.tanh),
    (1, fl.sin),
    (1, fl.sigmoid),
    (1, lambda a: fl.softplus(a) * 0.5),
    (1, lambda a: a * 0.5 + 0.25),
    (1, lambda a: a - fl.mean(a)),
    (1, lambda a: fl.flip(a)),
    (1, lambda a: fl.cumsum(a, axis=0) * 0.25 if a.ndim else a),
    (2, lambda a, b: fl.tanh(fl.multiply(a, b))),
    (2, lambda a, b: (a + b) * 0.5),
    (2, lambda a, b: fl.multiply(fl.tanh(a), fl.cos(b))),
    (2, lambda a, b: fl.where(fl.sum(a) > 0.125, fl.tanh(b), fl.sin(a))),
    (1, lambda a: fl.softmax(a) if a.ndim else a),
    (1, lambda a: fl.sort(a, axis=0, descending=True) if a.ndim else a),
    (1, lambda a: fl.logsumexp(fl.stack(a, a, axis=-1), axis=-1) * 0.5),
    (1, lambda a: fl.transpose(fl.transpose(a))),
    (1, lambda a: fl.reshape(fl.flatten(a), shape=a.shape) if None not in a.shape else a),
    (2, lambda a, b: fl.sum(fl.stack(a, b), axis=0) * 0.5),
    (2, lambda a, b: fl.maximum(fl.tanh(a), fl.sin(b))),
    (1, lambda a: fl.cummax(a, axis=0) * 0.5 if a.ndim else a),
    (2, lambda a, b: fl.concatenate(a, b, axis=0)[1:2] * 0.25 + a if a.ndim == 1 else b),
]


@dataclass
class Body:
    """A program of gentle steps; the last of what is computed are its results. It takes tensors and arrays alike."""

    steps: list[tuple[Callable[..., Any], list[int]]]
    results: list[int]

    def __call__(self, *operands: Any) -> list[Any]:
        values = list(operands)
        for function, at in self.steps:
            made = function(*(values[i] for i in at))
            # NumPy's operators give scalars, which beside nothing else are taken for Python's floats.
            values.append(np.asarray(made) if isinstance(made, np.generic) else made)
        return [values[i] for i in self.results]


def body(choose: Choices, operands: int, results: int, depth: int = 1) -> Body:
    """A random program on so many operands of one shape."""
    steps: list[tuple[Callable[..., Any], list[int]]] = []
    for _ in range(choose.number(1, 3)):
        count, function = choose.of(GENTLE)
        if depth and choose.rarely():
            count, function = choose.of([(2, _inner_cond(choose)), (2, _inner_scan(choose))])
        steps.append((function, [choose.number(0, operands + len(steps) - 1) for _ in range(count)]))
    total = operands + len(steps)
    return Body(steps, [total - 1, *(choose.number(0, total - 1) for _ in range(results - 1))])


def _inner_cond(choose: Choices) -> Callable[..., Any]:
    then, otherwise = body(choose, 2, 1, 0), body(choose, 2, 1, 0)
    return lambda a, b: cond(fl.sum(a) > 0.125, lambda x, y: then(x, y)[0], lambda x, y: otherwise(x, y)[0], a, b)


def _inner_scan(choose: Choices) -> Callable[..., Any]:
    step = body(choose, 2, 1, 0)
    return lambda a, b: scan(lambda s, x: (step(s, b)[0], None), a, None, length=2)[0]


def cond(condition: Any, then: Callable[..., Any], otherwise: Callable[..., Any], *operands: Any) -> Any:
    """`fl.cond`, of arrays too."""
    if isinstance(condition, fl.Tensor):
        return fl.cond(condition, then, otherwise, *operands)
    return (then if bool(condition) else otherwise)(*operands)


def scan(step: Callable[..., Any], initial: Any, xs: Any, **how: Any) -> Any:
    """`fl.scan`, of arrays too."""
    first = initial[0] if isinstance(initial, list | tuple) else initial
    if isinstance(first, fl.Tensor):
        return fl.scan(step, initial, xs, **how)
    state, made = initial, []
    count = how.get("length") if xs is None else len(xs)
    for i in reversed(range(count)) if how.get("reverse") else range(count):
        state, y = step(state, None if xs is None else np.asarray(xs[i]))
        made.append(y)
    made = made[::-1] if how.get("reverse") else made
    if y is None:
        return state, None
    return state, [np.stack(p) for p in zip(*made, strict=True)] if isinstance(y, list | tuple) else np.stack(made)


def while_loop(condition: Callable[..., Any], step: Callable[..., Any], initial: Sequence[Any]) -> list[Any]:
    """`fl.while_loop`, of arrays too."""
    if any(isinstance(s, fl.Tensor) for s in initial):
        return list(fl.while_loop(condition, step, list(initial)))
    state = list(initial)
    while bool(condition(*state)):
        state = list(step(*state))
    return state


def operands(w: Weaver, count: int, most: int = 2) -> list[Strand]:
    """Float tensors of one shape."""
    x = w.floats(0, most)
    return [x, *(w.pick(lambda s: s.shape == x.shape and s.dtype == x.dtype) for _ in range(count - 1))]


@move
def branch(w: Weaver) -> None:
    given = operands(w, w.choose.number(1, 2))
    seen = operands(w, 1)[0] if w.choose.flag() else None
    results = w.choose.number(1, 2)
    then, otherwise = body(w.choose, len(given), results), body(w.choose, len(given), results)
    flag = w.truth() if w.choose.flag() else w.apply(lambda a: fl.sum(a) > 0.125, w.floats())
    outside = [seen] if seen is not None and seen.shape == given[0].shape else []

    def run(condition: Any, *values: Any) -> Any:
        handed, rest = values[: len(given)], values[len(given) :]

        def with_seen(branch: Body) -> Callable[..., Any]:
            def read(*xs: Any) -> Any:
                made = branch(*xs)
                return [made[0] + rest[0], *made[1:]] if rest else made

            return read

        return cond(condition, with_seen(then), otherwise, *handed)

    w.apply(run, flag, *given, *outside)


def _like_a_slice(w: Weaver, xs: Strand) -> Strand:
    """A tensor of the shape of a slice of `xs`: one that is there, or a sum of the slices."""
    found = [s for s in w.strands if s.dtype == xs.dtype and s.shape == xs.shape[1:]]
    return w.choose.of(found) if found and w.choose.flag() else w.apply(lambda a: fl.tanh(fl.sum(a, axis=0)), xs)


@move
def steps(w: Weaver) -> None:
    """A scan along a tensor whose slices have the shape of the state; it may read another tensor besides."""
    xs = w.floats(1, 3)
    if not xs.sizes[0]:
        raise Rejected
    state, captured = (_like_a_slice(w, xs) for _ in range(2))
    step = body(w.choose, 3, 2)
    reverse = w.choose.flag()

    def run(s: Any, x: Any, c: Any) -> Any:
        return list(scan(lambda h, v: tuple(step(h, v, c)), s, x, reverse=reverse))

    w.apply(run, state, xs, captured)


@move
def repeated(w: Weaver) -> None:
    """A scan over nothing, a number of times, of two states."""
    a, b = operands(w, 2)
    step = body(w.choose, 2, 2)
    length = w.choose.number(1, 3)
    w.apply(lambda x, y: list(scan(lambda s, _: (step(*s), None), [x, y], None, length=length)[0]), a, b)


@move
def counted(w: Weaver) -> None:
    """A loop while a count is below a limit."""
    limit = w.choose.number(0, 3)
    start = w.whole(2)
    factor = w.choose.number(2, 3)

    def run(n: Any, total: Any) -> Any:
        return while_loop(lambda n, t: n < limit, lambda n, t: [n + 1, t * factor + n], [n, total])

    w.apply(run, start, w.whole(3))


@move
def layered_steps(w: Weaver) -> None:
    """A scan whose steps go through a layer with variables of its own; they are the same in every step."""
    xs = w.ranked(3)
    if not isinstance(xs.shape[2], int) or not xs.array.size:
        raise Rejected
    reverse = w.choose.flag()

    def run(x: Any) -> Any:
        def step(s: Any, v: Any) -> Any:
            return fl.layers.dense(s + v, units=xs.shape[2], activation="tanh"), fl.sum(s * v)

        return fl.scan(step, fl.mean(x, axis=0), x, reverse=reverse)

    w.layer(run, xs)


@move
def chosen_layers(w: Weaver) -> None:
    """A branch of which each side has a layer of its own."""
    x, flag = w.ranked(2), w.truth()
    if not isinstance(x.shape[1], int) or not x.array.size:
        raise Rejected

    def run(condition: Any, a: Any) -> Any:
        one, other = (lambda v: fl.layers.dense(v, units=2)), (lambda v: fl.tanh(fl.layers.dense(v, units=2)))
        return fl.cond(condition, one, other, a)

    w.layer(run, flag, x)


@move
def nested_steps(w: Weaver) -> None:
    """A scan in a scan, whose inner one reads from all around it."""
    xs, c = w.floats(2, 2), w.source()
    if not xs.array.size:
        raise Rejected
    step = body(w.choose, 3, 2, 0)

    def inner(s: Any, v: Any, x: Any) -> Any:
        made = step(fl.multiply(s, 1.0), v, fl.mean(x))
        return made[0], made[1]

    def run(x: Any, c: Any) -> Any:
        def outer(s: Any, row: Any) -> Any:
            last, ys = scan(lambda t, v: inner(t, v, x), s, row, reverse=True)
            return last, fl.sum(ys)

        return list(scan(outer, c, x))

    w.apply(run, xs, c)
