"""Checking: whether the gradients of a graph are its slopes, by finite differences in float64."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from flowloom.backends.portable import PortableStep
from flowloom.compiler.expr import CONSTANT, INPUT, Expr, constant, placeholder, rebuild, toposort
from flowloom.compiler.function import Function
from flowloom.compiler.gradient import gradients
from flowloom.compiler.plan import make_plan
from flowloom.graph.lower import Lowered, lower
from flowloom.graph.tensor import Tensor
from flowloom.graph.variables import Variable
from flowloom.initializers import key_of
from flowloom.ops import multiply, sum
from flowloom.program import Program, leaf_values
from flowloom.spec import Spec, SpecError, is_float

Array = np.ndarray[Any, Any]
Leaves = dict[Expr, Array]
# Where on a line a slope is measured, and with which step: the first unless a kink is there. Nearer ones are rarer, but
# values that are equal (the background of an image, under a maximum) part only elsewhere.
PLACES = ((0.0, 1e-5), (0.0, 1e-7), (1e-3, 1e-7), (-2e-3, 1e-7))


class GradientError(AssertionError):
    """A gradient that is not the slope. `name` is what was differentiated by; `node` the node whose rule is wrong."""

    def __init__(self, message: str, name: str, node: str | None) -> None:
        super().__init__(message)
        self.name, self.node = name, node


def check_gradients(
    y: Tensor,
    feeds: Mapping[str, Any] | None = None,
    wrt: Sequence[Tensor | Variable] | None = None,
    *,
    directions: int = 3,
    tolerance: float = 1e-6,
    seed: int = 0,
    training: bool = False,
) -> dict[str, float]:
    """Compare the gradients of the float scalar `y` with finite differences. The largest error of each, by name.

    `wrt` are variables and input tensors of the graph; without it, all trainable variables and float inputs that `y`
    is computed from. Everything is computed in float64, at the values of the variables and of `feeds`, along as many
    random `directions` for each; where one meets a kink (relu at 0), a little further on. `training` checks the graph
    as it is while it learns: with the dropout of a first step, and with the statistics of the batch.

    Raises GradientError, naming the op whose gradient rule is wrong, if an error exceeds `tolerance`; SpecError if `y`
    cannot be differentiated; FeedError for a feed that does not fit.
    """
    bound = Program([y]).bound({} if feeds is None else feeds)
    lowered = lower(y.graph, [y], {name: Spec.of(a) for name, a in bound.items()}, training=training)
    values = leaf_values(y.graph, lowered, bound, key_of(y.graph.seed, "call 0"))
    named = _named(y, lowered, wrt)
    doubled = _in_double(lowered.outputs)
    loss = doubled[lowered.outputs[0]]
    leaves = {doubled[e]: _double(a) for e, a in values.items() if e in doubled}
    targets = {name: doubled[e] for name, e in named.items() if e in doubled}
    rng = np.random.default_rng(seed)
    scalar = _Scalar.of(loss, list(targets.values()))
    errors: dict[str, float] = {}
    for name, x in targets.items():
        along = [np.asarray(rng.standard_normal(leaves[x].shape)) for _ in range(directions)]
        errors[name] = max(_error(scalar, x, leaves, direction, tolerance) for direction in along)
        if not errors[name] <= tolerance:
            culprit = _culprit(loss, leaves, tolerance, rng)
            raise _mismatch(y, lowered, doubled, name, errors[name], culprit)
    return errors


def _named(y: Tensor, lowered: Lowered, wrt: Sequence[Tensor | Variable] | None) -> dict[str, Expr]:
    """What to differentiate by: leaves by name."""
    if wrt is None:
        inputs = {name: e for name, e in lowered.inputs.items() if is_float(e.dtype)}
        keys = {v.info.key: v.name for v in y.graph.variables}
        trained = [v for v in lowered.variables.values() if v.trainable and is_float(v.expr.dtype)]
        return inputs | {keys[v.key]: v.expr for v in trained}
    leaves: dict[str, Expr] = {}
    for w in wrt:
        key = w.info.key if isinstance(w, Variable) else f"{w.id}/value"
        if isinstance(w, Tensor) and w.name in lowered.inputs:
            leaves[w.name] = lowered.inputs[w.name]
        elif key in lowered.variables:
            leaves[w.name] = lowered.variables[key].expr
        else:
            raise SpecError(f"{y.name!r} is not computed from an input or variable {w.name!r}")
    return leaves


def _in_double(outputs: Sequence[Expr]) -> dict[Expr, Expr]:
    """Every expression under `outputs` with float64 in place of narrower floats."""
    made: dict[Expr, Expr] = {}
    for e in toposort(outputs):
        if e.op is INPUT:
            made[e] = placeholder(dict(e.params)["name"], _double_spec(e.spec))
        elif e.op is CONSTANT:
            made[e] = e if e.value is None or not is_float(e.dtype) else constant(_double(e.value))
        else:
            made[e] = rebuild(e, [made[a] for a in e.args], {k: _double_param(k, v) for k, v in e.params})
    return made


def _double_function(body: Function) -> Function:
    """The body of a branch or a loop, with float64 in place of narrower floats."""
    made = _in_double([*body.inputs, *body.outputs])
    sources = {d: body.sources.get(e, e) for e, d in made.items()}
    return Function(tuple(made[e] for e in body.inputs), tuple(made[e] for e in body.outputs), sources)


def _double(array: Array) -> Array:
    return array.astype(np.float64) if is_float(array.dtype) else array


def _double_spec(spec: Spec) -> Spec:
    return spec.with_dtype("float64") if is_float(spec.dtype) else spec


def _double_param(name: str, value: Any) -> Any:
    if isinstance(value, Function):
        return _double_function(value)
    return "float64" if name == "dtype" and isinstance(value, str) and is_float(np.dtype(value)) else value


@dataclass(frozen=True, slots=True)
class _Scalar:
    """A float scalar and its gradients by some leaves, planned once."""

    value: PortableStep
    gradients: PortableStep
    wrt: Sequence[Expr]

    @classmethod
    def of(cls, y: Expr, wrt: Sequence[Expr]) -> _Scalar:
        """The scalar `y`, differentiated by `wrt`."""
        return cls(PortableStep(make_plan([y])), PortableStep(make_plan(gradients(y, wrt))), wrt)

    def at(self, leaves: Leaves) -> float:
        """Its value."""
        return float(self.value([leaves[e] for e in self.value.plan.inputs])[0])

    def along(self, x: Expr, direction: Array, leaves: Leaves) -> float:
        """Its derivative along a direction in `x`, by its gradient."""
        found = self.gradients([leaves[e] for e in self.gradients.plan.inputs])
        return float(np.sum(found[self.wrt.index(x)] * direction))


def _error(y: _Scalar, x: Expr, leaves: Leaves, direction: Array, tolerance: float) -> float:
    """How far the derivative along `direction` is from what the gradient says, relative to its size.

    On a kink that means nothing: then it is the least of those at the other PLACES, up to one without.
    """
    errors: list[float] = []
    for place, size in PLACES:
        here = leaves | {x: leaves[x] + place * direction}
        found = y.along(x, direction, here)
        expected, kink = _slope(y, x, direction * size, here, size)
        scale = max(1.0, abs(found), abs(expected))
        errors.append(abs(found - expected) / scale)
        if errors[-1] <= tolerance or kink <= tolerance * scale:
            return errors[-1]
    return min(errors)


def _slope(y: _Scalar, x: Expr, step: Array, leaves: Leaves, size: float) -> tuple[float, float]:
    """The derivative by differences in `x` of a `step` of that size; and by how much it jumps there, if it does.

    Where the derivative jumps by J, the third and the fourth difference are of the order of J size, and not both are 0.
    Where it is smooth, they are of the order of size^3 and size^4.
    """
    f = {n: y.at(leaves | {x: leaves[x] + n * step}) for n in range(-2, 3)}
    third = f[2] - 2 * f[1] + 2 * f[-1] - f[-2]
    fourth = f[2] - 4 * f[1] + 6 * f[0] - 4 * f[-1] + f[-2]
    return (8 * (f[1] - f[-1]) - (f[2] - f[-2])) / (12 * size), max(abs(third), abs(fourth)) / size


def _culprit(loss: Expr, leaves: Leaves, tolerance: float, rng: np.random.Generator) -> Expr | None:
    """The first op whose own rule does not give its own slope, at the values that flow through it."""
    plan = make_plan([loss])
    values: dict[Expr, Any] = dict(leaves)
    values |= {c: c.value for c in plan.constants}

    def keep(e: Expr, value: Any) -> bool:
        if not isinstance(value, tuple):
            values[e] = np.array(value)  # a copy: the arena is used again
        return False

    PortableStep(plan).trace([leaves[e] for e in plan.inputs], keep)
    for e in plan.steps:
        if not isinstance(e.spec, Spec) or not is_float(e.dtype) or any(a not in values for a in e.args):
            continue
        if not np.isfinite(values[e]).all():
            continue  # a score that a mask made -inf: differences say nothing
        inputs = [placeholder(f"operand {i}", Spec.of(values[a])) for i, a in enumerate(e.args)]
        alone = rebuild(e, inputs)
        weighted = sum(multiply(alone, constant(rng.standard_normal(values[e].shape), "float64")))
        own = {x: values[a] for x, a in zip(inputs, e.args, strict=True)}
        for x in (x for x in inputs if is_float(x.dtype)):
            direction = np.asarray(rng.standard_normal(x.shape))
            if not _error(_Scalar.of(weighted, [x]), x, own, direction, tolerance) <= tolerance:
                return e
    return None


def _mismatch(
    y: Tensor, lowered: Lowered, doubled: Mapping[Expr, Expr], name: str, error: float, culprit: Expr | None
) -> GradientError:
    message = f"the gradient of {y.name!r} by {name!r} is not its slope: they differ by {error:.1e} of their size"
    if culprit is None:
        return GradientError(message, name, None)
    original = next(e for e, d in doubled.items() if d is culprit)
    ids = [id for id in lowered.origins.of(original) if id in y.graph.nodes]
    where = f". In {y.graph.whereabouts(ids[0])}" if ids else ""
    return GradientError(
        f"{message}; the rule of {culprit.op.name} is wrong, or differs on purpose{where}",
        name,
        ids[0] if ids else None,
    )
