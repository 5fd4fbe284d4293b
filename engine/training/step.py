"""The training step: loss, gradients and updates as one set of expressions, planned once for each batch shape.

Updates are outputs: a step that is refused or goes wrong leaves every variable as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from flowloom.backends.choice import Backend, Step, make_step
from flowloom.backends.portable import KernelError, NotFiniteError, is_finite
from flowloom.compiler.expr import Expr, constant, placeholder
from flowloom.compiler.gradient import gradients
from flowloom.compiler.plan import make_plan
from flowloom.compiler.rewriting import rewrite
from flowloom.feeds import bind
from flowloom.graph.expansion import STEP_KEY, Total, VariableInfo
from flowloom.graph.graph import Graph
from flowloom.graph.lower import Lowered, inputs_before, lower
from flowloom.graph.tensor import Tensor
from flowloom.graph.variables import Variable
from flowloom.initializers import key_of
from flowloom.ops import broadcast_to
from flowloom.optimizers import Optimizer
from flowloom.program import RunError, leaf_values, located
from flowloom.spec import Spec
from flowloom.training.measures import Array, Batch, Totals, streamed
from flowloom.training.objective import objective
from flowloom.training.updates import (
    AVERAGE,
    SlotKey,
    Update,
    accumulate,
    in_dtype,
    slot_leaf,
    slots_of,
    update,
)

if TYPE_CHECKING:
    from flowloom.profiler import Profile

_Target: TypeAlias = VariableInfo | SlotKey
_STEP = placeholder("step", Spec((), "float32"))


@dataclass(frozen=True, slots=True)
class _Planned:
    """A step planned for one batch shape.

    Its outputs: the watched values, those of `running` so far in this epoch, the new `totals`, and then the new value
    of each of `targets`.
    """

    lowered: Lowered
    step: Step
    steering: dict[str, Expr]  # the leaf of each hyperparameter
    slots: dict[SlotKey, Expr]  # the leaf of each slot
    learns: bool
    running: tuple[str, ...]
    totals: dict[str, Total]
    targets: tuple[_Target, ...]

    @property
    def carried(self) -> list[Expr]:
        """The leaves that the outputs after those that are measured are fed to at the next step."""
        before = [total.before for total in self.totals.values()]
        return before + [t.expr if isinstance(t, VariableInfo) else self.slots[t] for t in self.targets]


class TrainStep:
    """Trains a graph batch by batch. Variables live with the graph, the optimizer's slots here.

    `watched` are scalars of one graph, which must not change; the first of them is the loss. `only` has the keys of the
    variables to train, None for all.
    """

    def __init__(
        self,
        watched: Mapping[str, Tensor],
        optimizer: Optimizer,
        only: frozenset[str] | None = None,
        backend: Backend = "auto",
    ) -> None:
        self.graph: Graph = next(iter(watched.values())).graph
        self.optimizer = optimizer
        self.hyperparameters = {name: h.value for name, h in optimizer.hyperparameters.items()}
        self.inputs = inputs_before(self.graph, list(watched.values()))
        self.count = 0
        self.running: dict[str, float] = {}  # metrics over all samples since `restart`
        self._watched, self._only, self._backend = dict(watched), only, backend
        self._schedules = {n: s for n, s in optimizer.schedules.items() if s(0) == self.hyperparameters[n]}
        self._slots: dict[SlotKey, Array] = {}
        self._totals = Totals()
        self._plans: dict[tuple[bool, tuple[tuple[str, Spec], ...]], _Planned] = {}

    @property
    def updates(self) -> int:
        """How often the variables were changed: `count`, unless gradients are accumulated over batches."""
        return self.count // self.optimizer.gradient_accumulation_steps

    @property
    def averages(self) -> dict[str, Array]:
        """The moving averages of the variables, by key; {} unless the optimizer keeps them."""
        return {key: array for (key, slot), array in self._slots.items() if slot == AVERAGE}

    def prepare(self, batch: Batch) -> bool:
        """Plan the step for batches like this one; whether it learns: the loss depends on a trainable variable.

        Raises FeedError if the batch does not fit the inputs, SpecError if the graph cannot be differentiated.
        """
        return self._planned(self._bound(batch)).learns

    def apart(self, backend: Backend) -> TrainStep:
        """The same training on that backend, at its beginning; it shares the variables, and nothing else."""
        return TrainStep(self._watched, self.optimizer, self._only, backend)

    def follow(self, other: TrainStep) -> None:
        """Go on where another one, of the same optimizer, has come to: with its count, and with what it remembers."""
        self.count, self._slots = other.count, other._slots

    def set(self, name: str, value: float) -> None:
        """Give a hyperparameter this value from the next step on; a schedule that it followed no longer counts."""
        self._schedules.pop(name, None)
        self.hyperparameters[name] = value

    def restart(self) -> None:
        """Begin an epoch: `running` metrics count from here."""
        self._totals.clear()

    def finish(self) -> None:
        """End the training: the variables take their moving averages, if the optimizer keeps them."""
        if not self.updates:
            return
        for planned in self._plans.values():
            for target in planned.targets:
                if isinstance(target, VariableInfo) and (target.key, AVERAGE) in self._slots:
                    self._take_average(target)

    def __call__(self, batch: Batch) -> dict[str, float]:
        """Take one step on `batch` and give the watched values, by name.

        Raises FeedError or RunError, with all variables as they were, if the batch does not fit, a value is refused,
        or the loss or what would be learned is not finite.
        """
        planned, inputs = self._ready(batch)
        first = len(planned.step.plan.outputs) - len(planned.carried)
        try:
            results = planned.step(inputs)
        except (KernelError, NotFiniteError) as error:
            raise _told(self.graph, planned, inputs, error) from None
        values = self._take(planned, [[r] for r in results[:first]], results[first:], 1)
        return {name: float(value) for name, (value,) in values.items()}

    def profile(self, batch: Batch, steps: int) -> Profile:
        """What each instruction of a step on `batch` costs, run so many times; no variable or slot changes.

        Raises what a step does, ValueError for a number of steps below 1.
        """
        from flowloom.profiler.measuring import measured

        planned, inputs = self._ready(batch)
        try:
            return measured(planned.step, inputs, self.graph, planned.lowered.origins, steps)
        except (KernelError, NotFiniteError) as error:
            raise _told(self.graph, planned, inputs, error) from None

    def profile_so_far(self) -> Profile | None:
        """What the steps cost that were taken on the native backend, for the batch shape that took most of the time.

        None if there were none.
        """
        from flowloom.profiler.measuring import counted

        found = [counted(p.step, self.graph, p.lowered.origins) for p in list(self._plans.values())]
        return max((p for p in found if p is not None), key=lambda p: p.total * p.steps, default=None)

    def some(self, batches: Sequence[Batch]) -> dict[str, Array]:
        """Take steps on the first of `batches`, on one of them or on more.

        Gives the watched values of each step taken, by name, float64 (n,). On the native backend those of one shape are
        one call. Raises what a single step does, at the first batch.
        """
        if len(batches) > 1 and self.optimizer.gradient_accumulation_steps == 1:
            bound = self._bound(batches[0])
            if self.optimizer.ema_overwrite_frequency is None and self._planned(bound).step.repeats:
                taken = self._together(bound, batches[: _alike(bound, batches)])
                if taken:
                    return taken
        return {name: np.array([value]) for name, value in self(batches[0]).items()}

    def _ready(self, batch: Batch) -> tuple[_Planned, list[Array]]:
        """The plan for a batch, and what its inputs are fed at the next step."""
        feeds = self._bound(batch)
        planned = self._planned(feeds)
        leaves = self._leaves(planned, feeds, [self.count])
        specs = [e.spec for e in planned.step.plan.inputs]
        return planned, [a[0, ...] if a.ndim > spec.ndim else a for a, spec in zip(leaves, specs, strict=True)]

    def _together(self, first: Mapping[str, Array], batches: Sequence[Batch]) -> dict[str, Array]:
        """Steps on batches of one shape, up to one that goes wrong; `first` is what the first of them feeds."""
        planned = self._planned(first)
        steps = range(self.count, self.count + len(batches))
        inputs: list[Array | list[Array]] = list(self._leaves(planned, first, steps))
        place = {e: i for i, e in enumerate(planned.step.plan.inputs)}
        others = [batch for batch in batches[1:] if batch is not batches[0]]
        for name, expr in planned.lowered.inputs.items():
            if others and expr in place and name in first:
                inputs[place[expr]] = [(first if batch is batches[0] else batch)[name] for batch in batches]
        back = planned.carried
        watched = len(planned.step.plan.outputs) - len(back)
        carried = {watched + k: place.get(leaf) for k, leaf in enumerate(back)}
        done, results = planned.step.repeat(len(batches), inputs, carried)
        return self._take(planned, results[:watched], results[watched:], done) if done else {}

    def _take(
        self, planned: _Planned, measured: Sequence[Any], carried: Sequence[Array], steps: int
    ) -> dict[str, Array]:
        """Make the results of `steps` steps those of this training; the watched values of each."""
        watched = len(self._watched)
        values = {n: np.array(m, np.float64) for n, m in zip(self._watched, measured, strict=False)}
        self.running = {n: float(m[-1]) for n, m in zip(planned.running, measured[watched:], strict=True)}
        self._totals.take(planned.totals, carried[: len(planned.totals)])
        applies = self._applies
        self._commit(planned, carried[len(planned.totals) :])
        self.count += steps
        if applies and self.updates % (self.optimizer.ema_overwrite_frequency or self.updates + 1) == 0:
            self.finish()
        return values

    def _bound(self, batch: Batch) -> dict[str, Array]:
        if isinstance(batch, Mapping):  # and if not, `bind` says so
            batch = {name: batch[name] for name in self.inputs if name in batch}
        return bind(self.inputs, batch)

    @property
    def _applies(self) -> bool:
        """Whether the next batch changes the variables, and does not only add to the accumulated gradients."""
        return (self.count + 1) % self.optimizer.gradient_accumulation_steps == 0

    def _planned(self, feeds: Mapping[str, Array]) -> _Planned:
        specs = {name: Spec.of(a) for name, a in feeds.items()}
        key = (self._applies, tuple(specs.items()))
        if key not in self._plans:
            self._plans[key] = self._plan(specs, applies=self._applies)
        return self._plans[key]

    def _plan(self, specs: Mapping[str, Spec], *, applies: bool) -> _Planned:
        watched = list(self._watched.values())
        lowered = lower(self.graph, watched, specs, training=True)
        (loss,) = rewrite([objective(lowered)], origins=lowered.origins, phases=["stabilise"]).outputs
        learned = _learned(lowered, loss, self._only)
        steering = {name: placeholder(f"hyperparameter {name}", Spec((), "float32")) for name in self.hyperparameters}
        kinds = slots_of(self.optimizer)
        slots = {(v.key, name): slot_leaf(v, name, slot) for v in learned for name, slot in kinds.items()}
        self._slots = {k: a for k, a in self._slots.items() if k not in slots or Spec.of(a) == slots[k].spec}
        if applies:
            names = {v.key: Variable(self.graph, v).name for v in learned}
            made = update(self.optimizer, learned, slots, steering, _STEP, names)
        else:
            made = accumulate(learned, slots)
        over_all = lower(self.graph, watched[1:], specs, training=True, streaming=True)
        lowered.origins.adopt(over_all.origins)
        streams = streamed(over_all.outputs, over_all.totals)
        running = {n: e for n, e, s in zip(list(self._watched)[1:], over_all.outputs, streams, strict=True) if s}
        targets = _targets(lowered, made, slots)
        measured = [loss, *lowered.outputs[1:], *running.values(), *(t.after for t in over_all.totals.values())]
        finite = [0, *range(len(measured), len(measured) + len(targets))]
        outputs = rewrite([*measured, *targets.values()], origins=lowered.origins).outputs
        step = make_step(make_plan(outputs), self._backend, finite)
        return _Planned(lowered, step, steering, slots, bool(learned), tuple(running), over_all.totals, tuple(targets))

    def _leaves(self, planned: _Planned, feeds: Mapping[str, Array], steps: Sequence[int]) -> list[Array]:
        """What the plan's inputs are fed at these steps, by their count; with an axis more where each has its own."""
        seed, inputs = self.graph.seed, planned.step.plan.inputs
        updates = [step // self.optimizer.gradient_accumulation_steps for step in steps]
        leaves = leaf_values(self.graph, planned.lowered, feeds, None) | self._totals.leaves(planned.totals)
        if STEP_KEY in inputs:
            leaves[STEP_KEY] = np.stack([key_of(seed, f"step {step}") for step in steps])
        leaves[_STEP] = np.array(updates, np.float32) + np.float32(1)
        for name, leaf in planned.steering.items():
            if schedule := self._schedules.get(name):
                values = [schedule(update) for update in updates]
                self.hyperparameters[name] = values[-1]
                leaves[leaf] = np.array(values, np.float32)
            else:
                leaves[leaf] = np.asarray(self.hyperparameters[name], np.float32)
        kinds = slots_of(self.optimizer)
        for slot, leaf in planned.slots.items():
            if slot not in self._slots:
                self._slots[slot] = np.full(leaf.spec.sizes, kinds[slot[1]].initial, leaf.spec.dtype)
            leaves[leaf] = self._slots[slot]
        return [leaves[e] for e in inputs]

    def _commit(self, planned: _Planned, results: Iterable[Array]) -> None:
        for target, array in zip(planned.targets, results, strict=True):
            if isinstance(target, VariableInfo):
                self.graph.values.set(target, array)
            else:
                self._slots[target] = array

    def _take_average(self, variable: VariableInfo) -> None:
        average = self._slots[variable.key, AVERAGE]
        self.graph.values.set(variable, average.astype(variable.spec.dtype))


def _alike(first: Mapping[str, Array], batches: Sequence[Batch]) -> int:
    """How many of the first batches feed arrays of the same specs; `first` is what the first of them feeds."""
    forms = [(name, a.shape, a.dtype) for name, a in first.items()]
    for i, batch in enumerate(batches):
        if batch is batches[0]:
            continue
        if type(batch) is not dict:
            return i
        for name, shape, dtype in forms:
            a = batch.get(name)
            if type(a) is not np.ndarray or a.shape != shape or a.dtype != dtype:
                return i
    return len(batches)


def _learned(lowered: Lowered, loss: Expr, only: frozenset[str] | None) -> dict[VariableInfo, Expr]:
    """The gradient of the loss for each trainable variable (of `only`) that it depends on."""
    trainable = [v for v in lowered.variables.values() if v.trainable and (only is None or v.key in only)]
    made = gradients(loss, [v.expr for v in trainable], origins=lowered.origins)
    return {v: g for v, g in zip(trainable, made, strict=True) if not _is_zeros(g)}


def _targets(
    lowered: Lowered, made: Mapping[VariableInfo, Update], slots: Mapping[SlotKey, Expr]
) -> dict[_Target, Expr]:
    """The new value of each variable and slot that a step changes."""
    targets: dict[_Target, Expr] = {}
    for variable, new in made.items():
        values = [*new.slots.values(), *([] if new.value is None else [new.value])]
        lowered.origins.claim(values, (variable.key.split("/")[0],))
        if new.value is not None:
            targets[variable] = in_dtype(new.value, variable.spec.dtype)
        for name, value in new.slots.items():
            targets[variable.key, name] = in_dtype(value, slots[variable.key, name].dtype)
    for key, expr in lowered.updates.items():
        variable = lowered.variables[key]
        targets[variable] = in_dtype(expr, variable.spec.dtype)
    return targets


def _is_zeros(gradient: Expr) -> bool:
    """Whether the loss does not depend on what this is the gradient for. Equal expressions are one object."""
    return gradient is broadcast_to(constant(0, gradient.dtype), shape=gradient.shape)


def _told(graph: Graph, planned: _Planned, inputs: list[Array], error: KernelError | NotFiniteError) -> RunError:
    """What a step raised, as an error that names the node."""
    if isinstance(error, KernelError):
        return located(graph, planned.lowered, error)
    return _not_finite(graph, planned, inputs)


def _not_finite(graph: Graph, planned: _Planned, inputs: list[Array]) -> RunError:
    """The error of a step that is not finite: it names the first op that made such a value."""
    first = planned.step.portable.trace(inputs, lambda _e, value: not is_finite(value))
    if first is None:
        return RunError("the loss is not finite")
    node = next((id for id in planned.lowered.origins.of(first) if id in graph.nodes), None)
    where = "the update of the variables" if node is None else graph.whereabouts(node)
    hint = "keep its input above 0" if node is not None and first.op.name == "log" else "a lower learning rate may help"
    return RunError(f"{first.op.name} made a value that is not finite; {hint}. In {where}", node)
