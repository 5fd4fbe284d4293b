"""The run part of a widget: starts and steers runs, and sends what they measure, at most ten times a second."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from flowloom.data import Dataset
from flowloom.graph import Applied, Fix, Graph
from flowloom.optimizers import Optimizer, adam
from flowloom.program import RunError
from flowloom.training import Run, find_trainer, run_of
from flowloom.widgets.points import thinned
from flowloom.widgets.wire.run import (
    Acknowledged,
    Command,
    Curve,
    FeatureInfo,
    Hyperparameter,
    Points,
    PointsRequest,
    Readout,
    RunChanged,
    RunEvent,
    RunReply,
    RunRequest,
    RunState,
)

REFRESH = 0.1  # seconds between two messages
SHOWN = ("learning_rate", "momentum")  # the hyperparameters that have a control
MOST_EVENTS = 200
Send = Callable[[RunReply, list[bytes]], None]


class Trouble(NamedTuple):
    """What is wrong with a run or stands in its way, and with which node."""

    message: str = ""
    node: str | None = None
    fixes: Sequence[Fix] = ()


class RunPart:
    """The runs of one graph on one dataset. Commands answer at once; a run measures in its own thread."""

    def __init__(
        self,
        graph: Graph,
        send: Send,
        data: Dataset | None,
        validation: Dataset | None,
        *,
        optimizer: Optimizer | None = None,
        epochs: int = 20,
        batch_size: int = 64,
        seed: int = 0,
        run: Run | None = None,
    ) -> None:
        self.graph = graph
        self.run = run or run_of(graph)  # a cell that is run again finds the run that its old view started
        self.optimizer = optimizer or (self.run.optimizer if self.run else adam())
        self.hyperparameters = {name: h.value for name, h in self.optimizer.hyperparameters.items()}
        self.epochs, self.batch_size, self.seed = epochs, batch_size, seed
        self._data, self._validation = data, validation
        self._send = send
        self._error: Trouble | None = None
        self._stop_listening = graph.subscribe(self._graph_changed)
        self._sent: dict[str, tuple[int, int]] = {}  # by quantity: how many points were read, and how many sent
        self._lock = threading.Lock()
        self._closed = threading.Event()
        if self.run is not None:
            self._follow(self.run)

    def close(self) -> None:
        """Stop telling the views. A run that goes on, goes on."""
        self._closed.set()
        self._stop_listening()

    def receive(self, raw: object) -> None:
        """Carry out a message from the browser. A malformed one is refused, and changes nothing."""
        try:
            request: RunRequest = msgspec.convert(raw, RunRequest)
        except msgspec.ValidationError as error:
            if isinstance(raw, dict) and isinstance(raw.get("client"), str) and isinstance(raw.get("sequence"), int):
                self._send(Acknowledged(raw["client"], raw["sequence"], f"the command is malformed: {error}"), [])
            return
        if isinstance(request, PointsRequest):
            self._send(RunChanged(self.state()), [])
            self._send_points(anew=True)
            return
        try:
            self._obey(request)
            answer = None
        except (ValueError, RuntimeError, TypeError) as error:
            answer = str(error)
        self._send(Acknowledged(request.client, request.sequence, answer), [])
        self._send(RunChanged(self.state()), [])

    @property
    def _alive(self) -> Run | None:
        """The run that trains or can go on training, if there is one."""
        return self.run if self.run is not None and self.run.is_alive else None

    # ------------------------------------------------------------ commands

    def _obey(self, command: Command) -> None:
        run = self._alive
        match command.action:
            case "train":
                if run is not None:
                    raise RuntimeError("a run goes on already")
                self._start(paused=False)
            case "step":
                (run or self._start(paused=True)).step()
            case "set":
                self._set(command.name, command.value, run)
            case "reset":
                if run is not None:
                    raise RuntimeError("stop the run before starting over")
                self.graph.values.clear()
            case _ if run is None:
                raise RuntimeError(f"there is no run to {command.action}")
            case "pause":
                run.pause()
            case "resume":
                run.resume()
            case "stop":
                run.stop()

    def _start(self, *, paused: bool) -> Run:
        if self._data is None:
            raise RuntimeError("there are no data to train on; show the board with data: Studio(graph, data)")
        try:
            trainer = find_trainer(self.graph, self._tuned())
            data = self._data if self._data.batch_size else self._data.shuffle(seed=self.seed).batch(self.batch_size)
            validation = self._validation
            if validation is not None and validation.batch_size is None:
                validation = validation.batch(256)
            run = trainer.start(data, validation=validation, epochs=self.epochs, paused=paused)
        except (ValueError, RuntimeError) as error:
            self._error = Trouble(str(error), getattr(error, "node", None), getattr(error, "fixes", []))
            raise
        self._error = None
        self.run = run
        self._follow(run)
        return run

    def _graph_changed(self, _applied: Applied) -> None:
        """What was wrong with the graph may be mended now; and a run that goes on may differ from it."""
        told = self._error is not None
        self._error = None
        if told or self._alive:
            self._send(RunChanged(self.state()), [])

    def _tuned(self) -> Optimizer:
        """The optimizer with the hyperparameters that the board shows."""
        tuned = {
            name: dataclasses.replace(h, value=self.hyperparameters[name])
            for name, h in self.optimizer.hyperparameters.items()
        }
        return dataclasses.replace(self.optimizer, hyperparameters=tuned)

    def _set(self, name: str, value: float | None, run: Run | None) -> None:
        if value is None:
            raise ValueError(f"{name} needs a value")
        if name in ("epochs", "batch_size"):
            if run is not None:
                raise RuntimeError(f"{name} can be changed when the run has ended")
            if value != int(value) or not 1 <= value <= 100_000:
                raise ValueError(f"{name} must be a whole number from 1 to 100000; got {value:g}")
            setattr(self, name, int(value))
            return
        if run is not None:
            run.set(**{name: value})
        if run is None or name in self.hyperparameters:
            self.hyperparameters[name] = self.optimizer.check(name, value)

    # ------------------------------------------------------------ telling

    def features(self) -> list[FeatureInfo]:
        """What the data hold for the inputs of a graph; empty without data."""
        found = {} if self._data is None else self._data.features
        return [FeatureInfo(name, ["batch", *feature.shape], feature.dtype) for name, feature in found.items()]

    def state(self) -> RunState:
        """All that the board shows besides the curves."""
        run = self.run
        trouble = self._trouble()
        changes = [] if run is None else [e for e in run.events if e.detail][-MOST_EVENTS:]
        return RunState(
            run=0 if run is None else run.number,
            status="failed" if self._error else "idle" if run is None else run.status,
            message=trouble.message,
            node=trouble.node,
            fixes=list(trouble.fixes),
            outdated=run is not None and run.is_alive and run.is_outdated,
            step=0 if run is None else run.step_count,
            steps=0 if run is None else run.steps,
            epoch=0 if run is None else run.epoch,
            epochs=self.epochs if run is None or not run.is_alive else run.epochs,
            batch_size=self.batch_size,
            samples_per_second=_rate(run),
            seconds_left=_seconds_left(run),
            readouts=[] if run is None else _readouts(run),
            hyperparameters=self._controls(),
            events=[RunEvent(e.step, e.detail) for e in changes],
        )

    def _trouble(self) -> Trouble:
        if self._error is not None:
            return self._error
        error = None if self.run is None else self.run.error
        if error is None:
            return Trouble()
        return Trouble(str(error), error.node if isinstance(error, RunError) else None)

    def _controls(self) -> list[Hyperparameter]:
        run = self._alive
        now, optimizer = (run.hyperparameters, run.optimizer) if run else (self.hyperparameters, self.optimizer)
        return [
            Hyperparameter(name, now[name], h.minimum, h.maximum, h.scale)
            for name, h in optimizer.hyperparameters.items()
            if name in SHOWN
        ]

    def _follow(self, run: Run) -> None:
        """Send what the run measures until it ends, and then once more."""
        self._sent = {}
        name = f"flowloom board of run {run.number}"
        threading.Thread(target=self._tell, args=(run,), name=name, daemon=True).start()

    def _tell(self, run: Run) -> None:
        shown: RunState | None = None
        alive = True
        while alive and self.run is run and not self._closed.is_set():
            run.join(REFRESH) if run.status == "running" else self._closed.wait(REFRESH)
            alive = run.is_alive
            self._send_points()
            state = self.state()
            if state != shown:
                self._send(RunChanged(state), [])
                shown = state

    def _send_points(self, *, anew: bool = False) -> None:
        """Send the points that the views do not have yet, or all of them."""
        run = self.run
        if run is None:
            return
        with self._lock:
            curves, buffers = [], []
            for name, series in run.series.items():
                read, sent = (0, 0) if anew else self._sent.get(name, (0, 0))
                steps, values = series.since(read)
                if len(steps) == 0:
                    continue
                read += len(steps)
                steps, values = thinned(steps, values)
                self._sent[name] = read, sent + len(steps)
                base, split = (name[4:], "validation") if name.startswith("val_") else (name, "train")
                curves.append(Curve(base, split, sent, len(steps)))  # type: ignore[arg-type]
                buffers.append(steps.tobytes() + values.tobytes())
            if curves:
                self._send(Points(run.number, curves), buffers)


def _readouts(run: Run) -> list[Readout]:
    series = run.series
    return [
        Readout(name, s.last, series[f"val_{name}"].last if f"val_{name}" in series else None)
        for name, s in series.items()
        if not name.startswith("val_")
    ]


def _rate(run: Run | None) -> float | None:
    return run.samples / run.seconds if run is not None and run.seconds > 0 else None


def _seconds_left(run: Run | None) -> float | None:
    if run is None or not run.is_alive or run.step_count == 0:
        return None
    return (run.steps - run.step_count) * run.seconds / run.step_count
