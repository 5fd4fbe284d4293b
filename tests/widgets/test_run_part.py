"""The run part: commands from the board, and what it tells while a run goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import numpy as np
import pytest

import flowloom as fl
from flowloom.graph.document import Disconnect
from flowloom.training import stop_all
from flowloom.widgets.run_part import RunPart
from flowloom.widgets.wire.run import Acknowledged, Points, RunChanged, RunState
from tests.widgets.models import digits_model


class Board:
    """A run part with the replies it has sent."""

    def __init__(self, graph: fl.Graph | None = None, **options: Any) -> None:
        data = fl.data.load("digits")
        self.replies: list[tuple[Any, list[bytes]]] = []
        self._news = threading.Condition()
        options = {"epochs": 2, "batch_size": 128} | options
        self.part = RunPart(graph or digits_model(), self._take, data.train, data.test, **options)
        self.sequence = 0

    def _take(self, reply: Any, buffers: list[bytes]) -> None:
        with self._news:
            self.replies.append((reply, buffers))
            self._news.notify_all()

    def press(self, action: str, name: str = "", value: float | None = None) -> str | None:
        """Press a control; the error of its acknowledgement."""
        self.sequence += 1
        message = {"type": "command", "client": "me", "sequence": self.sequence, "action": action}
        self.part.receive(message | {"name": name, "value": value})
        mine = [r for r, _ in self.replies if isinstance(r, Acknowledged) and r.sequence == self.sequence]
        assert len(mine) == 1
        error: str | None = mine[0].error
        return error

    def wait_for_status(self, status: str) -> RunState:
        """The first state with this status that was told, now or within the deadline."""
        return self.wait_for(lambda state: state.status == status)

    def wait_for(self, wanted: Callable[[RunState], bool]) -> RunState:
        """The first state like this that was told, now or within the deadline."""
        with self._news:
            assert self._news.wait_for(lambda: any(map(wanted, self._told())), timeout=30)
            return next(filter(wanted, self._told()))

    def _told(self) -> list[RunState]:
        return [r.state for r, _ in self.replies if isinstance(r, RunChanged)]

    def curves(self) -> dict[tuple[str, str], tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
        """All points told so far, put together as the browser does."""
        curves: dict[tuple[str, str], list[np.ndarray[Any, Any]]] = {}
        for reply, buffers in self.replies:
            for curve, buffer in zip(reply.curves, buffers, strict=True) if isinstance(reply, Points) else ():
                points = np.frombuffer(buffer).reshape(2, curve.count)
                if curve.start == 0:
                    curves[curve.name, curve.split] = []
                held = sum(p.shape[1] for p in curves[curve.name, curve.split])
                assert held == curve.start
                curves[curve.name, curve.split].append(points)
        return {key: tuple(np.concatenate(parts, axis=1)) for key, parts in curves.items()}  # type: ignore[misc]


@pytest.fixture(autouse=True)
def no_run_left() -> Iterator[None]:
    yield
    stop_all()


def test_train_runs_to_the_end_and_every_point_is_told() -> None:
    board = Board()

    assert board.press("train") is None
    state = board.wait_for_status("finished")

    run = board.part.run
    assert run is not None
    assert (state.step, state.steps, state.epoch, state.epochs) == (24, 24, 2, 2)
    told = board.curves()
    for name in ("loss", "accuracy"):
        for split, key in (("train", name), ("validation", f"val_{name}")):
            assert np.array_equal(told[name, split], run.scalars(key))
    assert {r.name: r.validation for r in state.readouts}["accuracy"] == run.history["val_accuracy"][-1]
    msgspec.json.encode(state)


def test_controls_act_and_are_marked_on_the_time_line() -> None:
    board = Board(epochs=1000)
    board.press("train")
    board.wait_for_status("running")

    board.press("pause")
    board.wait_for_status("paused")
    assert board.press("set", "learning_rate", 0.02) is None
    board.press("resume")
    board.press("stop")
    state = board.wait_for_status("stopped")

    assert [e.label for e in state.events] == ["learning_rate 0.001 -> 0.02"]
    assert next(h.value for h in state.hyperparameters if h.name == "learning_rate") == 0.02


def test_step_before_a_run_takes_one_batch_and_pauses() -> None:
    board = Board()

    board.press("step")

    board.wait_for(lambda state: state.status == "paused" and state.step == 1)
    assert board.part.run is not None
    assert board.part.run.step_count == 1


def test_view_that_attaches_late_gets_all_points_again() -> None:
    board = Board()
    board.press("train")
    board.wait_for_status("finished")
    board.replies.clear()

    board.part.receive({"type": "points"})

    assert board.part.run is not None
    assert np.array_equal(board.curves()["loss", "train"], board.part.run.scalars("loss"))


def test_graph_without_a_loss_is_said_in_one_line() -> None:
    graph = digits_model()
    graph.remove("loss")
    board = Board(graph)

    error = board.press("train")

    assert error is not None
    assert error.startswith("the graph has no loss")
    assert board.part.state().status == "failed"
    assert board.part.state().message == error


def test_fix_for_a_graph_without_a_loss_makes_it_train() -> None:
    graph = digits_model()
    graph.remove("loss")
    board = Board(graph)
    board.press("train")

    (fix,) = board.part.state().fixes
    graph.apply(fix.patch)

    assert board.part.state().fixes == []
    assert board.press("train") is None
    assert board.wait_for_status("finished").message == ""


def test_run_that_fails_says_why_and_at_which_node() -> None:
    graph = digits_model()
    graph.set("scores", units=5)
    board = Board(graph)

    board.press("train")
    state = board.wait_for_status("failed")

    assert "outside 0..4" in state.message
    assert state.node == graph["loss"].id


def test_loss_that_cannot_be_computed_is_said_with_the_node_and_forgotten_when_the_graph_is_mended() -> None:
    graph = digits_model()
    edge = next(e for e in graph.edges if e.target == graph["scores"].id)
    graph.apply([Disconnect(edge)])
    board = Board(graph)

    error = board.press("train")
    assert error == "scores: input 'x' is not connected"
    assert board.part.state().node == edge.target
    graph.undo()

    assert board.part.state().status == "idle"
    assert board.replies[-1][0].state.message == ""


def test_change_of_the_graph_during_a_run_is_for_the_next_run() -> None:
    board = Board(epochs=1000)
    board.press("train")
    board.wait_for_status("running")
    assert not board.part.state().outdated

    board.part.graph.set("scores", units=12)
    assert board.part.state().outdated
    board.press("stop")
    board.wait_for_status("stopped")

    assert not board.part.state().outdated


def test_features_of_the_data_are_offered_as_inputs() -> None:
    features = {f.name: (f.shape, f.dtype) for f in Board().part.features()}

    assert features == {"image": (["batch", 8, 8, 1], "float32"), "label": (["batch"], "int64")}


def test_data_that_hold_nan_are_refused_before_the_first_step() -> None:
    arrays = {k: v.copy() for k, v in fl.data.load("digits").train.arrays.items()}
    arrays["image"][17, 0, 0, 0] = np.nan
    replies: list[Any] = []
    part = RunPart(
        digits_model(),
        lambda reply, _: replies.append(reply),
        fl.data.from_arrays(arrays),
        None,
        epochs=1,
        batch_size=64,
    )

    part.receive({"type": "command", "client": "me", "sequence": 1, "action": "train"})

    assert replies[0].error == "data: feature 'image' holds nan at row 17"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("learning_rate", -1.0, "learning_rate must be from"),
        ("learning_rat", 0.1, "did you mean 'learning_rate'"),
        ("epochs", 0.5, "epochs must be a whole number"),
        ("batch_size", 0, "batch_size must be a whole number"),
        ("learning_rate", None, "needs a value"),
    ],
)
def test_value_that_makes_no_sense_is_refused_and_the_old_one_kept(name: str, value: float | None, said: str) -> None:
    board = Board()
    before = board.part.state()

    error = board.press("set", name, value)

    assert error is not None
    assert said in error
    assert board.part.state() == before


def test_commands_without_a_run_are_refused() -> None:
    board = Board()

    assert board.press("pause") == "there is no run to pause"


def test_starting_over_gives_new_first_weights_and_is_refused_during_a_run() -> None:
    board = Board(epochs=1000)
    first = board.part.graph.variables[0].value
    board.press("step")
    board.wait_for(lambda state: state.status == "paused" and state.step == 1)

    assert board.press("reset") == "stop the run before starting over"
    board.press("stop")
    board.wait_for_status("stopped")
    assert not np.array_equal(board.part.graph.variables[0].value, first)
    assert board.press("reset") is None

    assert np.array_equal(board.part.graph.variables[0].value, first)


def test_malformed_command_is_refused() -> None:
    board = Board()

    board.part.receive({"type": "command", "client": "me", "sequence": 4, "action": "format the disk"})

    reply = board.replies[-1][0]
    assert isinstance(reply, Acknowledged)
    assert reply.error is not None
    assert reply.error.startswith("the command is malformed")


def test_board_of_a_cell_that_is_run_again_finds_the_run_of_the_first() -> None:
    first = Board(epochs=1000)
    first.press("train")
    first.wait_for_status("running")

    second = Board(first.part.graph, optimizer=fl.optimizers.sgd(0.1))
    assert [h.name for h in second.part.state().hyperparameters] == ["learning_rate"]
    assert second.press("set", "learning_rate", 0.02) is None
    second.press("stop")
    second.wait_for_status("stopped")

    assert first.part.run is second.part.run
    assert [h.name for h in second.part.state().hyperparameters] == ["learning_rate", "momentum"]
    assert second.part.hyperparameters["learning_rate"] == 0.02


def test_board_can_watch_a_run_started_from_python() -> None:
    graph = digits_model()
    data = fl.data.load("digits").train.shuffle(seed=0).batch(128)
    run = fl.Trainer(graph["loss"], metrics={"accuracy": graph["accuracy"]}).start(data, epochs=2, paused=True)
    replies: list[Any] = []
    part = RunPart(graph, lambda reply, _: replies.append(reply), None, None, run=run)

    part.receive({"type": "command", "client": "me", "sequence": 1, "action": "resume"})
    run.wait(30)

    assert part.state().status == "finished"
    assert part.state().step == 24
