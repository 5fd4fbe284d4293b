"""Run: a training that goes on in a thread of its own and obeys commands between two steps."""

from __future__ import annotations

import queue
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count, islice
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from numpy.typing import ArrayLike

from flowloom.data import Dataset
from flowloom.graph.graph import Graph
from flowloom.optimizers import Optimizer
from flowloom.params import unknown_name
from flowloom.training.evaluation import Evaluation
from flowloom.training.measures import Batch, Means, size_of
from flowloom.training.series import Array, Series
from flowloom.training.step import TrainStep

if TYPE_CHECKING:
    from flowloom.profiler import Profile

Status: TypeAlias = Literal["running", "paused", "stopped", "finished", "failed"]
Action: TypeAlias = Literal["pause", "resume", "step", "set", "stop"]

RESPONSE = 0.02  # seconds after which a command takes effect at the latest, where steps are shorter
MOST_AT_ONCE = 512  # steps in one call of the machine
REPLAYED = 5  # steps that are run for a profile

_numbers = count(1)
_started: weakref.WeakSet[Run] = weakref.WeakSet()
_lock = threading.RLock()  # held to look at the runs that were started, and to start one


@dataclass(frozen=True, slots=True)
class Event:
    """A command that took effect after `step` steps: its action, and what it changed, in words."""

    step: int
    action: Action
    detail: str = ""


class _Stop(Exception):
    """Raised inside the thread to leave the loop."""


class Run:
    """A training in the background. `Trainer.start` makes one.

    Commands (`pause`, `resume`, `step`, `set`, `stop`) return at once and take effect before the next step, in the
    order they were given; `events` says at which. After the end they do nothing. Everything can be read at any time:
    `history` has the means of each epoch by Keras' names, and is replaced, not changed, when an epoch ends.
    """

    def __init__(
        self,
        graph: Graph,
        step: TrainStep,
        evaluation: Evaluation,
        data: Dataset,
        validation: Dataset | None,
        epochs: int,
        *,
        paused: bool,
    ) -> None:
        self.number = next(_numbers)
        self.graph = graph
        self._structure = graph.structure
        self.epochs, self.epoch = epochs, 0
        self.status: Status = "paused" if paused else "running"
        self.error: Exception | None = None
        self.events: list[Event] = []
        self.history: dict[str, list[float]] = {}
        self.samples = 0
        self.seconds = 0.0  # spent in steps, without pauses
        self._step, self._evaluation = step, evaluation
        self._data, self._validation = data, validation
        self._series: dict[str, Series] = {}
        self._commands: queue.SimpleQueue[tuple[Action, str, float]] = queue.SimpleQueue()
        # Not Thread.join: once that is interrupted, Python before 3.13 takes the thread for ended.
        self._ended = threading.Event()
        self._stop_asked = False
        self._single_step = False
        self._thread = threading.Thread(target=self._train, name=f"flowloom run {self.number}", daemon=True)

    def begin(self) -> Run:
        """Start the thread; `Trainer.start` does. Raises RuntimeError while another run trains the graph."""
        with _lock:
            if (other := run_of(self.graph)) is not None:
                raise RuntimeError(f"run {other.number} trains graph {self.graph.name!r} already; stop it first")
            self._thread.start()
            _started.add(self)
        return self

    # ------------------------------------------------------------ what can be read

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer, with the hyperparameters that the run began with."""
        return self._step.optimizer

    @property
    def step_count(self) -> int:
        """How many batches were learned from."""
        return self._step.count

    @property
    def steps(self) -> int:
        """How many there will be."""
        return self.epochs * self._data.batch_count

    @property
    def hyperparameters(self) -> dict[str, float]:
        """The values in force."""
        return dict(self._step.hyperparameters)

    @property
    def is_alive(self) -> bool:
        """Whether it trains or can go on training."""
        return self.status in ("running", "paused")

    @property
    def is_outdated(self) -> bool:
        """Whether the graph was changed since the run began, which goes on with the graph as it was."""
        return self.graph.structure != self._structure

    @property
    def series(self) -> dict[str, Series]:
        """Every measured quantity by name: "loss" after each step, "val_loss" after each epoch."""
        return dict(self._series)

    def scalars(self, name: str) -> tuple[Array, Array]:
        """Steps and values of a measured quantity, float64 (n,) each. Raises KeyError for an unknown name."""
        if name not in self._series:
            raise KeyError(unknown_name(name, list(self._series), "this run has measured no"))
        return self._series[name].since()

    def profile(self) -> Profile:
        """What each instruction of a step costs: of the steps so far, as the native backend has counted them.

        While it has taken none (on the portable backend, or before the native one takes over), 5 steps on the first
        batch are run for it, op by op, which learn nothing. Raises RunError where a value is refused then.
        """
        found = self._step.profile_so_far()
        if found is not None:
            return found
        return self._step.apart("portable").profile(next(self._data.batches()), REPLAYED)

    def figure(self) -> Any:
        """The curves as a `plotly.graph_objects.Figure`, a panel for each quantity."""
        from flowloom.training.figure import curves

        return curves(self.series)

    # ------------------------------------------------------------ commands

    def pause(self) -> None:
        """Stop before the next step, ready to go on."""
        self._send("pause")

    def resume(self) -> None:
        """Go on after a pause."""
        self._send("resume")

    def step(self) -> None:
        """Take one step and pause."""
        self._send("step")

    def set(self, **hyperparameters: float) -> None:
        """Change hyperparameters from the next step on.

        Raises ValueError, and changes none, for an unknown name or a value out of range.
        """
        checked = {name: self.optimizer.check(name, value) for name, value in hyperparameters.items()}
        for name, value in checked.items():
            self._send("set", name, value)

    def stop(self) -> None:
        """End after the batch that is under way. The graph keeps what was learned."""
        self._stop_asked = True
        self._send("stop")

    def wait(self, timeout: float | None = None) -> Run:
        """Wait for the end (at most `timeout` seconds). Raises the error that made the run fail, if one did."""
        self.join(timeout)
        if self.error is not None:
            raise self.error
        return self

    def join(self, timeout: float | None = None) -> None:
        """Wait for the end (at most `timeout` seconds), however it comes."""
        if self._thread.is_alive():
            self._ended.wait(timeout)

    def _send(self, action: Action, name: str = "", value: float = 0.0) -> None:
        if self.is_alive:
            self._commands.put((action, name, value))

    # ------------------------------------------------------------ the thread

    def _train(self) -> None:
        try:
            for epoch in range(1, self.epochs + 1):
                self.epoch = epoch
                self._train_epoch()
            self._step.finish()
            self.status = "finished"
        except _Stop:
            self._step.finish()
            self.status = "stopped"
        except Exception as error:
            self.error = error
            self.status = "failed"
        finally:
            self._ended.set()

    def _train_epoch(self) -> None:
        means = Means()
        self._step.restart()
        batches = iter(self._data.batches(epoch=self.epoch - 1))
        pending: list[Batch] = []
        at_once = 1
        while True:
            gathered = time.perf_counter()
            pending += islice(batches, max(0, at_once - len(pending)))
            if not pending:
                break
            self._obey()
            began = time.perf_counter()
            first = self.step_count + 1
            taken = self._step.some(pending[:1] if self._single_step else pending)
            count = self.step_count + 1 - first
            sizes = [size_of(batch) for batch in pending[:count]]
            means.add(taken, sizes)
            self._record(first, taken)
            self.samples += sum(sizes)
            del pending[:count]
            now = time.perf_counter()
            self.seconds += now - began
            at_once = at_once_after(count, now - gathered)
        measured = means.values | self._step.running
        if self._validation is not None:
            found = self._evaluation(self._unless_stopped(self._validation), self._step.averages)
            validated = {f"val_{name}": value for name, value in found.items()}
            self._record(self.step_count, validated)
            measured |= validated
        self.history = {name: [*self.history.get(name, ()), value] for name, value in measured.items()}

    def _unless_stopped(self, dataset: Dataset) -> Iterator[Batch]:
        for batch in dataset.batches():
            if self._stop_asked:
                self._carry_out("stop")
            yield batch

    def _record(self, step: int, values: Mapping[str, ArrayLike]) -> None:
        """Keep the value of each quantity at a step, or those at this step and the ones that follow."""
        for name, value in values.items():
            self._series.setdefault(name, Series()).append(step, value)

    def _obey(self) -> None:
        """Carry out the commands given so far; while paused, wait for more."""
        if self._single_step:
            self._single_step, self.status = False, "paused"
        while not self._single_step and (self.status == "paused" or not self._commands.empty()):
            self._carry_out(*self._commands.get())

    def _carry_out(self, action: Action, name: str = "", value: float = 0.0) -> None:
        detail = ""
        match action:
            case "pause":
                self.status = "paused"
            case "resume":
                self.status = "running"
            case "step":
                self.status, self._single_step = "running", True
            case "set":
                detail = f"{name} {self._step.hyperparameters[name]:g} -> {value:g}"
                self._step.set(name, value)
        self.events.append(Event(self.step_count, action, detail))
        if action == "stop":
            raise _Stop

    def __repr__(self) -> str:
        return f"<run {self.number}: {self.status}, step {self.step_count} of {self.steps}>"


def at_once_after(steps: int, seconds: float) -> int:
    """How many steps are next taken at once, when the last ones took so long."""
    return min(MOST_AT_ONCE, max(1, int(RESPONSE * steps / seconds)))


def stop_all(timeout: float = 5.0) -> None:
    """Stop every run of this process and wait for each, at most `timeout` seconds in all."""
    with _lock:
        runs = [run for run in _started if run.is_alive]
    for run in runs:
        run.stop()
    end = time.monotonic() + timeout
    for run in runs:
        run.join(max(0.0, end - time.monotonic()))


def run_of(graph: Graph) -> Run | None:
    """The run that trains `graph` now, if one does."""
    with _lock:
        return next((run for run in _started if run.is_alive and run.graph is graph), None)
