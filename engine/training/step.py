"""The training step: loss, gradients and updates as one set of expressions, planned once for each batch shape.

Updates are outputs: a step that is refused or goes wrong leaves every variable as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from flowloom.backends.portable import KernelError, PortableStep
from flowloom.compiler.expr import Expr, constant, placeholder
from flowloom.compiler.gradient import gradients
from flowloom.compiler.plan import make_plan
from flowloom.feeds import bind
from flowloom.graph.expansion import VariableInfo
from flowloom.graph.graph import Graph
from flowloom.graph.lower import Lowered, lower
from flowloom.graph.tensor import Tensor
from flowloom.initializers import key_of
from flowloom.ops import broadcast_to, cast
from flowloom.optimizers import Optimizer
from flowloom.program import Program, RunError, leaf_values, located
from flowloom.spec import Spec

Array = np.ndarray[Any, Any]
Batch = Mapping[str, Array]
_Slot: TypeAlias = tuple[str, str]  # a variable's key and the optimizer's name for what it remembers of it
_STEP = placeholder("step", Spec((), "float32"))


@dataclass(frozen=True, slots=True)
class _Planned:
    """A step planned for one batch shape. Its outputs: the watched values, then the new value of each of `targets`."""

    lowered: Lowered
    step: PortableStep
    steering: dict[str, Expr]  # the leaf of each hyperparameter
    slots: dict[_Slot, Expr]  # the leaf of each slot
    learns: bool
    targets: tuple[VariableInfo | _Slot, ...]


class TrainStep:
    """Trains a graph batch by batch. Variables live with the graph, the optimizer's slots here.

    `watched` are scalars of one graph, which must not change; the first of them is the loss.
    """

    def __init__(self, watched: Mapping[str, Tensor], optimizer: Optimizer) -> None:
        self.graph: Graph = next(iter(watched.values())).graph
        self.optimizer = optimizer
        self.hyperparameters = {name: h.value for name, h in optimizer.hyperparameters.items()}
        self.inputs = Program(list(watched.values())).inputs
        self.count = 0
        self._watched = dict(watched)
        self._slots: dict[_Slot, Array] = {}
        self._plans: dict[tuple[tuple[str, Spec], ...], _Planned] = {}

    def prepare(self, batch: Batch) -> bool:
        """Plan the step for batches like this one; whether it learns: the loss depends on a trainable variable.

        Raises FeedError if the batch does not fit the inputs, SpecError if the graph cannot be differentiated.
        """
        return self._planned(self._bound(batch)).learns

    def __call__(self, batch: Batch) -> dict[str, float]:
        """Take one step on `batch` and give the watched values, by name.

        Raises FeedError or RunError, with all variables as they were, if the batch does not fit, a value is refused,
        or the loss or what would be learned is not finite.
        """
        feeds = self._bound(batch)
        planned = self._planned(feeds)
        leaves = self._leaves(planned, feeds)
        inputs = [leaves[e] for e in planned.step.plan.inputs]
        try:
            results = planned.step(inputs)
        except KernelError as error:
            raise located(self.graph, planned.lowered, error) from None
        loss, learned = results[0], results[len(self._watched) :]
        if not all(_is_finite(array) for array in (loss, *learned)):
            raise _not_finite(self.graph, planned, inputs)
        self._commit(planned, learned)
        self.count += 1
        return {name: float(value) for name, value in zip(self._watched, results, strict=False)}

    def _bound(self, batch: Batch) -> dict[str, Array]:
        return bind(self.inputs, {name: batch[name] for name in self.inputs})

    def _planned(self, feeds: Mapping[str, Array]) -> _Planned:
        specs = {name: Spec.of(a) for name, a in feeds.items()}
        key = tuple(specs.items())
        if key not in self._plans:
            self._plans[key] = self._plan(specs)
        return self._plans[key]

    def _plan(self, specs: Mapping[str, Spec]) -> _Planned:
        lowered = lower(self.graph, list(self._watched.values()), specs, training=True)
        trainable = [v for v in lowered.variables.values() if v.trainable]
        made = gradients(lowered.outputs[0], [v.expr for v in trainable], origins=lowered.origins)
        learned = {v: g for v, g in zip(trainable, made, strict=True) if not _is_zeros(g)}
        scalar = Spec((), "float32")
        steering = {name: placeholder(f"hyperparameter {name}", scalar) for name in self.hyperparameters}
        slots: dict[_Slot, Expr] = {}
        outputs, targets = list(lowered.outputs), list[VariableInfo | _Slot]()
        for variable, gradient in learned.items():
            own = {slot: placeholder(f"slot {variable.key} {slot}", variable.spec) for slot in self.optimizer.slots}
            value, changed = self.optimizer.rule(variable.expr, gradient, own, steering, _STEP)
            lowered.origins.claim([value, *changed.values()], (variable.key.split("/")[0],))
            outputs += [_like(variable, e) for e in (value, *(changed[slot] for slot in own))]
            targets += [variable, *((variable.key, slot) for slot in own)]
            slots |= {(variable.key, slot): leaf for slot, leaf in own.items()}
        for key, expr in lowered.updates.items():
            variable = lowered.variables[key]
            outputs.append(_like(variable, expr))
            targets.append(variable)
        return _Planned(lowered, PortableStep(make_plan(outputs)), steering, slots, bool(learned), tuple(targets))

    def _leaves(self, planned: _Planned, feeds: Mapping[str, Array]) -> dict[Expr, Array]:
        key = key_of(self.graph.seed, f"step {self.count}")
        leaves = leaf_values(self.graph, planned.lowered, feeds, key)
        leaves[_STEP] = np.asarray(self.count + 1, np.float32)
        for name, leaf in planned.steering.items():
            leaves[leaf] = np.asarray(self.hyperparameters[name], np.float32)
        for slot, leaf in planned.slots.items():
            if slot not in self._slots:
                self._slots[slot] = np.zeros(leaf.spec.sizes, leaf.spec.dtype)
            leaves[leaf] = self._slots[slot]
        return leaves

    def _commit(self, planned: _Planned, results: Iterable[Array]) -> None:
        for target, array in zip(planned.targets, results, strict=True):
            if isinstance(target, VariableInfo):
                self.graph.values.set(target, array)
            else:
                self._slots[target] = array


class Evaluation:
    """The watched values of a graph over a dataset, as it is when it does not learn."""

    def __init__(self, watched: Mapping[str, Tensor]) -> None:
        self._names = list(watched)
        self._program = Program(list(watched.values()))

    def __call__(self, batches: Iterable[Batch]) -> dict[str, float]:
        """The means over all samples. Raises FeedError or RunError."""
        means = Means()
        for batch in batches:
            values = self._program({name: batch[name] for name in self._program.inputs})
            means.add(dict(zip(self._names, map(float, values), strict=True)), batch)
        return means.values


class Means:
    """Means over samples, of values that are means over batches."""

    def __init__(self) -> None:
        self._totals: dict[str, float] = {}
        self._samples = 0

    def add(self, values: Mapping[str, float], batch: Batch) -> None:
        """Count the values of a batch, each as often as the batch has samples."""
        size = len(next(iter(batch.values())))
        self._samples += size
        for name, value in values.items():
            self._totals[name] = self._totals.get(name, 0.0) + size * value

    @property
    def values(self) -> dict[str, float]:
        """The means so far, by name."""
        return {name: total / self._samples for name, total in self._totals.items()}


def _is_zeros(gradient: Expr) -> bool:
    """Whether the loss does not depend on what this is the gradient for. Equal expressions are one object."""
    return gradient is broadcast_to(constant(0, gradient.dtype), shape=gradient.shape)


def _like(variable: VariableInfo, value: Expr) -> Expr:
    """`value` in the dtype of the variable, which may be narrower than what it is computed from."""
    same: Expr = value if value.dtype == variable.spec.dtype else cast(value, dtype=variable.spec.dtype.name)
    return same


def _is_finite(value: Any) -> bool:
    array = np.asarray(value)
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())


def _not_finite(graph: Graph, planned: _Planned, inputs: list[Array]) -> RunError:
    """The error of a step that is not finite: it names the first op that made such a value."""
    first = planned.step.trace(inputs, lambda _e, value: not _is_finite(value))
    if first is None:
        return RunError("the loss is not finite")
    node = next((id for id in planned.lowered.origins.of(first) if id in graph.nodes), None)
    where = "the update of the variables" if node is None else f"node {graph.nodes[node].name!r}"
    hint = "keep its input above 0" if node is not None and first.op.name == "log" else "a lower learning rate may help"
    return RunError(f"{where} ({first.op.name}) made a value that is not finite; {hint}", node)
