"""The training step: loss, gradients and updates as one set of expressions, planned once for each batch shape.

Updates are outputs: a step that is refused or goes wrong leaves every variable as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from flowloom.backends.portable import KernelError, PortableStep
from flowloom.compiler.expr import Expr, placeholder
from flowloom.compiler.gradient import gradients
from flowloom.compiler.plan import make_plan
from flowloom.feeds import bind
from flowloom.graph.expansion import VariableInfo
from flowloom.graph.graph import Graph
from flowloom.graph.lower import Lowered, lower
from flowloom.graph.tensor import Tensor
from flowloom.initializers import key_of
from flowloom.optimizers import Optimizer
from flowloom.program import Program, RunError, leaf_values, located
from flowloom.spec import Spec

Array = np.ndarray[Any, Any]
_STEP = placeholder("step", Spec((), "float32"))


@dataclass(frozen=True, slots=True)
class _Planned:
    """A step planned for one batch shape. Its outputs: the watched values, then the new value of each of `targets`."""

    lowered: Lowered
    step: PortableStep
    targets: tuple[VariableInfo | tuple[str, str], ...]  # a variable of the graph, or (its key, a slot)


class TrainStep:
    """Trains a graph batch by batch. Variables live in the graph, the optimizer's slots here."""

    def __init__(self, graph: Graph, watched: Mapping[str, Tensor], optimizer: Optimizer, specs: Mapping[str, Spec]) -> None:
        self.graph, self.optimizer = graph, optimizer
        self.hyperparameters = {name: h.value for name, h in optimizer.hyperparameters.items()}
        self.count = 0
        self._watched = dict(watched)
        self._specs = dict(specs)
        self._slots: dict[tuple[str, str], Array] = {}
        self._plans: dict[tuple[tuple[str, Spec], ...], _Planned] = {}
        self._structure = graph.structure

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, float]:
        """Take one step on `batch` and give the watched values, by name; the first of them is the loss.

        Raises FeedError or RunError, with all variables as they were, if the batch does not fit, a value is refused,
        or the loss is not finite.
        """
        feeds = bind(self._specs, {name: batch[name] for name in self._specs})
        planned = self._planned({name: Spec.of(a) for name, a in feeds.items()})
        leaves = self._leaves(planned, feeds)
        inputs = [leaves[e] for e in planned.step.plan.inputs]
        try:
            results = planned.step(inputs)
        except KernelError as error:
            raise located(self.graph, planned.lowered, error) from None
        values = [float(r) for r in results[: len(self._watched)]]
        if not np.isfinite(values[0]):
            raise _not_finite(self.graph, planned, inputs)
        self._commit(planned, results[len(self._watched) :])
        self.count += 1
        return dict(zip(self._watched, values, strict=True))

    @property
    def learns(self) -> bool:
        """Whether the loss depends on a trainable variable."""
        loss = next(iter(self._watched.values()))
        return any(v.trainable for v in lower(self.graph, [loss], training=True).variables.values())

    def _planned(self, specs: dict[str, Spec]) -> _Planned:
        key = tuple(specs.items())
        if key not in self._plans:
            if self._plans and self.graph.structure != self._structure:
                raise RunError("the graph was changed while it trains, and this batch has a new shape; start a new run")
            self._plans[key] = self._plan(specs)
        return self._plans[key]

    def _plan(self, specs: dict[str, Spec]) -> _Planned:
        lowered = lower(self.graph, list(self._watched.values()), specs, training=True)
        trainable = [v for v in lowered.variables.values() if v.trainable]
        grads = gradients(lowered.outputs[0], [v.expr for v in trainable], origins=lowered.origins)
        steering = {name: _hyperparameter(name) for name in self.hyperparameters}
        outputs, targets = list(lowered.outputs), list[VariableInfo | tuple[str, str]]()
        for variable, gradient in zip(trainable, grads, strict=True):
            slots = {slot: _slot(variable, slot) for slot in self.optimizer.slots}
            value, changed = self.optimizer.rule(variable.expr, gradient, slots, steering, _STEP)
            lowered.origins.claim([value, *changed.values()], (variable.key.split("/")[0],))
            outputs += [value, *(changed[s] for s in self.optimizer.slots)]
            targets += [variable, *((variable.key, s) for s in self.optimizer.slots)]
        for key, expr in lowered.updates.items():
            outputs.append(expr)
            targets.append(lowered.variables[key])
        return _Planned(lowered, PortableStep(make_plan(outputs)), tuple(targets))

    def _leaves(self, planned: _Planned, feeds: dict[str, Array]) -> dict[Expr, Array]:
        key = key_of(self.graph.seed, f"step {self.count}")
        leaves = leaf_values(self.graph, planned.lowered, feeds, key)
        leaves[_STEP] = np.asarray(self.count + 1, np.float32)
        for name, value in self.hyperparameters.items():
            leaves[_hyperparameter(name)] = np.asarray(value, np.float32)
        for variable in planned.lowered.variables.values():
            for slot in self.optimizer.slots if variable.trainable else ():
                if (variable.key, slot) not in self._slots:
                    self._slots[variable.key, slot] = np.zeros(variable.spec.sizes, variable.spec.dtype)
                leaves[_slot(variable, slot)] = self._slots[variable.key, slot]
        return leaves

    def _commit(self, planned: _Planned, results: list[Array]) -> None:
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

    def __call__(self, batches: Any) -> dict[str, float]:
        """The means over all samples. Raises FeedError or RunError."""
        total, samples = np.zeros(len(self._names)), 0
        for batch in batches:
            feeds = {name: batch[name] for name in self._program.inputs}
            size = len(next(iter(feeds.values())))
            total += size * np.array([float(v) for v in self._program(feeds)])
            samples += size
        return dict(zip(self._names, (total / samples).tolist(), strict=True))


def _hyperparameter(name: str) -> Expr:
    return placeholder(f"hyperparameter {name}", Spec((), "float32"))


def _slot(variable: VariableInfo, slot: str) -> Expr:
    return placeholder(f"slot {variable.key} {slot}", variable.spec)


def _not_finite(graph: Graph, planned: _Planned, inputs: list[Array]) -> RunError:
    """The error of a step whose loss is not finite: it names the first op that made such a value."""
    first = planned.step.trace(inputs, lambda _e, value: not _all_finite(value))
    if first is None:
        return RunError("the loss is not finite")
    origins = [id for id in planned.lowered.origins.of(first) if id in graph.nodes]
    where = f"node {graph.nodes[origins[0]].name!r}" if origins else "the update of the variables"
    hint = "a lower learning rate may help" if not origins or first.op.name != "log" else "keep its input above 0"
    return RunError(f"{where} ({first.op.name}) made a value that is not finite; {hint}", origins[0] if origins else None)


def _all_finite(value: Any) -> bool:
    array = np.asarray(value)
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())
