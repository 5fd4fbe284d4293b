"""Comparison: whether the backends of this machine give the same numbers for a graph, op by op."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from flowloom.backends.choice import has_cuda, has_native
from flowloom.backends.portable import PortableStep
from flowloom.compiler.expr import Expr, placeholder, rebuild
from flowloom.compiler.gradient import gradients
from flowloom.compiler.plan import Plan, make_plan
from flowloom.graph.graph import Graph
from flowloom.graph.lower import Lowered, lower
from flowloom.graph.tensor import Tensor
from flowloom.initializers import key_of
from flowloom.program import Program, leaf_values
from flowloom.spec import Dim, Spec, is_bool, is_float

if TYPE_CHECKING:
    from flowloom.backends.cuda.step import CudaStep
    from flowloom.backends.native.step import NativeStep

Array = np.ndarray[Any, Any]
SIZE = 3  # of a dimension that has only a name, or none, if nothing is fed for it
TOLERANCES = {"float64": 1e-9}
TOLERANCE = 1e-4  # of float32; the dtypes that are narrower are not compiled


class BackendError(AssertionError):
    """A backend that gives other numbers than the portable one. `op` is the first op that does, `node` where it is."""

    def __init__(self, message: str, op: str, node: str | None) -> None:
        super().__init__(message)
        self.op, self.node = op, node


def check(
    outputs: Graph | Tensor | Sequence[Tensor],
    feeds: Mapping[str, Any] | None = None,
    *,
    seed: int = 0,
    training: bool = False,
) -> dict[str, float]:
    """Compare every backend of this machine with the portable one. The largest difference of each, by its name.

    `outputs` is a graph or tensors of one. Inputs that are not in `feeds` get random numbers (whole ones 0 or 1), three
    of each dimension that has only a name. Each op is run alone on what the portable backend computed before it, then
    all together; with the gradients of the first output, if that is a float scalar. A difference is relative to the
    largest number of a result, or to 1 if all are smaller. `training` compares the graph as it is while it learns.

    Raises BackendError, naming the first op that differs by more than 1e-4 in float32 or 1e-9 in float64; RunError
    where a value is refused, FeedError for a feed that does not fit, SpecError if the graph does not typecheck.
    """
    tensors = outputs.outputs if isinstance(outputs, Graph) else [outputs] if isinstance(outputs, Tensor) else outputs
    program = Program(list(tensors), backend="portable", training=training)
    graph = program.graph
    rng = np.random.default_rng(seed)
    given = dict(feeds or {})
    bound = program.bound({name: _random(spec, rng) for name, spec in program.inputs.items()} | given)
    lowered = lower(graph, program.outputs, {name: Spec.of(a) for name, a in bound.items()}, training=training)
    values: dict[Expr, Any] = dict(leaf_values(graph, lowered, bound, key_of(graph.seed, "call 0")))
    plan = make_plan([*lowered.outputs, *_gradients(lowered)])
    values |= {c: c.value for c in plan.constants}
    inputs = [values[e] for e in plan.inputs]

    def keep(e: Expr, value: Any) -> bool:
        values[e] = tuple(np.array(v) for v in value) if isinstance(value, tuple) else np.array(value)
        return False

    PortableStep(plan).trace(inputs, keep)
    worst = {"portable": 0.0}
    if has_native():
        from flowloom.backends.native.step import NativeStep

        worst["native"] = _largest(NativeStep, graph, lowered, plan, values)
    if has_cuda():
        from flowloom.backends.cuda.step import CudaStep

        worst["cuda"] = _largest(CudaStep, graph, lowered, plan, values)
    return worst


def _largest(
    step: type[NativeStep] | type[CudaStep], graph: Graph, lowered: Lowered, plan: Plan, values: Mapping[Expr, Any]
) -> float:
    """The largest difference between steps of that kind and `values`, the portable ones'. Raises BackendError."""

    worst = 0.0
    for e in plan.steps:
        leaves = [placeholder(f"operand {i}", a.spec) for i, a in enumerate(e.args)]
        if any(isinstance(a.spec, tuple) for a in e.args):
            continue  # one output of an op that has several, which was compared with that op
        alone = make_plan([rebuild(e, leaves)])
        if isinstance(e.spec, tuple) or not alone.is_fixed:
            continue
        fed = dict(zip(leaves, (values[a] for a in e.args), strict=True))
        (found,) = step(alone)([fed[x] for x in alone.inputs])
        difference = _difference(values[e], found)
        if not difference <= TOLERANCES.get(e.dtype.name, TOLERANCE):
            nodes = [id for id in lowered.origins.of(e) if id in graph.nodes]
            where = f". In {graph.whereabouts(nodes[0])}" if nodes else ""
            message = f"{step.backend} {e.op.name} differs from portable by {difference:.1e} of its size{where}"
            raise BackendError(message, e.op.name, nodes[0] if nodes else None)
        worst = max(worst, difference)
    if not plan.is_fixed:
        return worst
    together = step(plan)([values[e] for e in plan.inputs])
    for e, found in zip(plan.outputs, together, strict=True):
        difference = _difference(values[e], found)
        if not difference <= 10 * TOLERANCES.get(e.dtype.name, TOLERANCE):
            message = (
                f"{step.backend} differs from portable by {difference:.1e} where ops are fused, before {e.op.name}"
            )
            raise BackendError(message, e.op.name, None)
        worst = max(worst, difference)
    return worst


def _gradients(lowered: Lowered) -> list[Expr]:
    """The gradients of the first output by the variables that are trained, if it has any."""
    y = lowered.outputs[0]
    trained = [v.expr for v in lowered.variables.values() if v.trainable and is_float(v.expr.dtype)]
    if not trained or not is_float(y.dtype) or y.shape != ():
        return []
    return gradients(y, trained, origins=lowered.origins)


def _random(spec: Spec, rng: np.random.Generator) -> Array:
    sizes = [_size(d) for d in spec.shape]
    if is_float(spec.dtype):
        return np.asarray(rng.standard_normal(sizes)).astype(spec.dtype)
    return np.asarray(rng.integers(0, 2, sizes)).astype(bool if is_bool(spec.dtype) else spec.dtype)


def _size(d: Dim) -> int:
    if isinstance(d, int):
        return d
    size = 1
    for factor in str(d).split("*"):
        size *= int(factor) if factor.isdecimal() else SIZE
    return size


def _difference(expected: Array, found: Array) -> float:
    """The largest difference relative to the largest number, or to 1; infinite where only one is not finite."""
    if not is_float(expected.dtype):
        return 0.0 if np.array_equal(expected, found) else np.inf
    a, b = expected.astype(np.float64), found.astype(np.float64)
    finite = np.isfinite(a)
    if not np.array_equal(finite, np.isfinite(b)) or not np.array_equal(a[~finite], b[~finite], equal_nan=True):
        return np.inf
    scale = max(1.0, float(np.abs(a[finite]).max(initial=0.0)))
    return float(np.abs(a[finite] - b[finite]).max(initial=0.0)) / scale
