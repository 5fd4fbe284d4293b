"""A run trains in the background and obeys: in order, between two steps, and as its events say."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import flowloom as fl
from flowloom.training import Event, Run, stop_all
from flowloom.training.run import run_of
from tests.training.models import LABELS, POINTS, classifier, points, trainer, values
from tests.waiting import DEADLINE, eventually

FOREVER = 1_000_000  # epochs


@pytest.fixture(autouse=True)
def _no_run_is_left() -> Iterator[None]:
    yield
    stop_all(60)


def started(graph: fl.Graph | None = None, *, epochs: int = FOREVER, **how: Any) -> Run:
    return trainer(graph or classifier()).start(points(), epochs=epochs, **how)


def ended(run: Run) -> Run:
    run.join(60)
    assert not run.is_alive
    return run


# ------------------------------------------------------------ what it learns and reports


def test_it_learns() -> None:
    run = trainer(classifier(), fl.optimizers.adam(0.03)).start(points(), validation=points(), epochs=30).wait()

    assert run.status == "finished"
    assert run.history["val_loss"][-1] < 0.2 < run.history["val_loss"][0]
    assert run.history["val_accuracy"][-1] > 0.9


def test_history_has_kerass_keys_and_a_value_an_epoch() -> None:
    run = started(epochs=3, validation=points()).wait()

    assert list(run.history) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    assert {len(v) for v in run.history.values()} == {3}
    assert list(started(epochs=2).wait().history) == ["loss", "accuracy"]


def test_the_same_seed_gives_the_same_history_and_weights_to_the_bit() -> None:
    def outcome(seed: int) -> tuple[dict[str, list[float]], dict[str, Any]]:
        graph = classifier(seed=seed)
        return started(graph, epochs=4, validation=points()).wait().history, values(graph)

    (history, weights), (again, same_weights), (_, other_weights) = outcome(5), outcome(5), outcome(6)

    assert history == again
    for name, array in weights.items():
        np.testing.assert_array_equal(array, same_weights[name])
    assert not np.allclose(other_weights["hidden/kernel"], weights["hidden/kernel"])


def test_pausing_and_stepping_do_not_change_what_is_learned() -> None:
    straight, by_hand = classifier(), classifier()
    started(straight, epochs=2).wait()

    run = started(by_hand, epochs=2, paused=True)
    for command in [run.step, run.step, run.resume, run.pause, run.resume]:
        command()
    run.wait()

    for name, array in values(straight).items():
        np.testing.assert_array_equal(values(by_hand)[name], array)


def test_epoch_means_count_every_sample_once_though_the_last_batch_is_short() -> None:
    """With a loss that is the mean of a feature, and nothing that changes it, the epoch's mean is the feature's."""
    feature = np.random.default_rng(0).normal(size=(50, 1))
    with fl.Graph("mean"):
        x = fl.input("x", shape=("batch", 1), dtype="float64")
        loss = fl.mean(x) + fl.sum(fl.variable("w", (2,), dtype="float64", initializer="ones")) * 1e-300
    data = fl.data.from_arrays(x=feature).batch(16)

    run = fl.Trainer(loss, fl.optimizers.sgd(1e-6), {"twice": loss * 2.0}).start(data, validation=data).wait()

    assert [len(b["x"]) for b in data] == [16, 16, 16, 2]
    for name, factor in {"loss": 1, "twice": 2, "val_loss": 1, "val_twice": 2}.items():
        assert run.history[name] == [pytest.approx(factor * feature.mean(), rel=1e-12)]


def test_validation_is_done_as_the_model_is_when_it_does_not_learn() -> None:
    graph = classifier()
    with graph:
        fl.metrics.mean_absolute_error(
            fl.layers.gaussian_noise(graph["point"], stddev=10.0), graph["point"], name="noise"
        )
    run = fl.Trainer(graph["loss"], metrics={"noise": graph["noise"]}).start(points(), validation=points()).wait()

    assert run.history["noise"][0] > 1
    assert run.history["val_noise"] == [0]
    expected = fl.compile(graph["loss"])({"point": POINTS, "label": LABELS})
    assert run.history["val_loss"] == [pytest.approx(expected, rel=1e-6)]


def test_scalars_have_every_step_and_validation_every_epoch() -> None:
    run = started(epochs=3, validation=points()).wait()

    steps, losses = run.scalars("loss")
    np.testing.assert_array_equal(steps, range(1, 13))
    assert np.isfinite(losses).all()
    np.testing.assert_array_equal(run.scalars("val_accuracy")[0], [4, 8, 12])
    np.testing.assert_array_equal(run.scalars("val_accuracy")[1], run.history["val_accuracy"])
    with pytest.raises(KeyError, match="this run has measured no 'los'; did you mean 'loss'"):
        run.scalars("los")


def test_its_counters_add_up() -> None:
    run = started(epochs=3).wait()

    assert (run.step_count, run.steps, run.epoch, run.epochs, run.samples) == (12, 12, 3, 3, 150)
    assert run.seconds > 0
    assert repr(run) == f"<run {run.number}: finished, step 12 of 12>"


def test_the_curves_are_to_be_had_as_a_figure() -> None:
    run = started(epochs=2, validation=points()).wait()

    figure = run.figure()

    assert [t.text for t in figure.layout.annotations] == ["loss", "accuracy"]
    assert [len(t.x) for t in figure.data] == [8, 2, 8, 2]


# ------------------------------------------------------------ commands


def test_a_run_started_paused_waits_for_the_first_command() -> None:
    run = started(paused=True)

    assert (run.status, run.step_count) == ("paused", 0)
    run.step()
    eventually(lambda: run.step_count == 1 and run.status == "paused")


def test_step_takes_exactly_one_batch_also_over_the_end_of_an_epoch() -> None:
    run = started(paused=True, validation=points())

    for count in range(1, 10):  # an epoch has 4 batches
        run.step()
        eventually(lambda count=count: run.step_count == count and run.status == "paused")
    assert [e.action for e in run.events] == ["step"] * 9
    assert [e.step for e in run.events] == list(range(9))
    assert len(run.history["loss"]) == 2


def test_steps_asked_for_at_once_are_all_taken() -> None:
    run = started(paused=True)

    for _ in range(7):
        run.step()

    eventually(lambda: run.step_count == 7 and run.status == "paused")
    assert run.samples == 50 + 3 * 16  # an epoch of 50, and three batches of the next


def test_a_step_while_it_runs_takes_one_more_and_pauses() -> None:
    run = started()
    eventually(lambda: run.step_count > 3)

    run.step()

    eventually(lambda: run.status == "paused")
    assert run.step_count == run.events[0].step + 1


def test_pause_holds_until_resume() -> None:
    run = started()
    eventually(lambda: run.step_count > 3)
    run.pause()
    eventually(lambda: run.status == "paused")
    count, weights = run.step_count, values(run.graph)

    assert run.is_alive
    run.wait(0.05)  # gives up waiting, as it is paused
    assert run.step_count == count
    for name, array in values(run.graph).items():
        np.testing.assert_array_equal(array, weights[name])

    run.resume()
    eventually(lambda: run.step_count > count + 3)
    assert run.events == [Event(count, "pause"), Event(count, "resume")]


def test_commands_are_carried_out_in_the_order_they_were_given() -> None:
    run = started(paused=True)

    run.set(learning_rate=0.01)
    run.step()
    run.set(learning_rate=0.02)
    run.set(learning_rate=0.03, beta_1=0.5)
    run.step()
    run.stop()

    assert ended(run).status == "stopped"
    assert run.step_count == 2
    assert run.events == [
        Event(0, "set", "learning_rate 0.001 -> 0.01"),
        Event(0, "step"),
        Event(1, "set", "learning_rate 0.01 -> 0.02"),
        Event(1, "set", "learning_rate 0.02 -> 0.03"),
        Event(1, "set", "beta_1 0.9 -> 0.5"),
        Event(1, "step"),
        Event(2, "stop"),
    ]
    assert run.hyperparameters["learning_rate"] == 0.03


def test_a_learning_rate_acts_at_the_step_its_event_says() -> None:
    graph = classifier()
    run = trainer(graph, fl.optimizers.sgd(0.1)).start(points(), epochs=FOREVER, paused=True)
    moved = []
    for rate in (0.1, 1e-6, 0.1):
        before, count = values(graph)["logits/kernel"], run.step_count
        run.set(learning_rate=rate)
        run.step()
        eventually(lambda count=count: run.step_count == count + 1 and run.status == "paused")
        moved.append(np.abs(values(graph)["logits/kernel"] - before).max())

    assert moved[1] < 1e-5 < 1e-3 < min(moved[0], moved[2])
    assert [e.step for e in run.events if e.action == "set"] == [0, 1, 2]


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"learning_rte": 0.1}, "adam has no hyperparameter 'learning_rte'; did you mean 'learning_rate'"),
        ({"learning_rate": -1}, "learning_rate must be from 1e-06 to 10; got -1"),
        ({"learning_rate": float("nan")}, "got nan"),
        ({"learning_rate": "fast"}, "learning_rate must be a number; got 'fast'"),
        ({"learning_rate": 0.1, "beta_1": 2.0}, "beta_1 must be"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_at_once_and_nothing_is_set(
    values: dict[str, Any], complaint: str
) -> None:
    run = started(paused=True)

    with pytest.raises(ValueError, match=complaint):
        run.set(**values)
    run.step()

    eventually(lambda: run.step_count == 1 and run.status == "paused")
    assert run.hyperparameters["learning_rate"] == 0.001
    assert [e.action for e in run.events] == ["step"]


def test_stop_ends_a_run_that_is_paused() -> None:
    run = started(paused=True)

    run.stop()

    assert ended(run).status == "stopped"
    assert run.wait() is run


def test_stop_ends_a_run_that_runs_and_keeps_what_was_learned() -> None:
    run = started()
    eventually(lambda: run.step_count > 3)
    run.stop()

    assert ended(run).status == "stopped"
    assert run.error is None
    weights = values(run.graph)
    assert not np.array_equal(weights["logits/kernel"], values(classifier())["logits/kernel"])


def test_stop_does_not_wait_for_a_long_validation() -> None:
    graph = classifier()
    many = fl.data.from_arrays(point=np.tile(POINTS, (20_000, 1)), label=np.tile(LABELS, 20_000)).batch(1)
    run = trainer(graph).start(points(), validation=many, epochs=2)
    eventually(lambda: run.step_count == 4)

    run.stop()

    assert ended(run).status == "stopped"
    assert run.events[-1] == Event(4, "stop")
    assert run.history == {}


@pytest.mark.usefixtures("keyboard_interrupts")
def test_waiting_can_be_interrupted_and_taken_up_again() -> None:
    run = started()

    def interrupt() -> None:
        eventually(lambda: run.step_count > 5)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    helper = threading.Thread(target=interrupt)
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012  (the interrupt may come at once)
        helper.start()
        run.wait(DEADLINE)
    helper.join()

    assert run.is_alive
    run.stop()
    assert run.wait().status == "stopped"


def test_commands_after_the_end_do_nothing() -> None:
    run = started(epochs=1).wait()
    history = run.history

    for command in (run.pause, run.resume, run.step, run.stop, lambda: run.set(learning_rate=0.5)):
        command()

    assert (run.status, run.step_count, run.events, run.history) == ("finished", 4, [], history)
    with pytest.raises(ValueError, match="no hyperparameter"):
        run.set(speed=1)


def test_commands_may_come_from_many_threads_at_once() -> None:
    run = started(paused=True)

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(run.step) for _ in range(100)]:
            future.result()

    eventually(lambda: run.step_count == 100 and run.status == "paused")
    assert [e.step for e in run.events] == list(range(100))


def test_a_run_can_be_read_at_any_time() -> None:
    run = started(validation=points())

    while run.step_count < 300:  # the series grow beyond their first room meanwhile
        assert len({len(v) for v in run.history.values()}) <= 1
        for series in run.series.values():
            steps, losses = series.since()
            assert len(steps) == len(losses)
            assert (np.diff(steps) > 0).all()
            last = series.last
            assert last is None or np.isfinite(last)
        run.join(0.001)


# ------------------------------------------------------------ when a step goes wrong


def test_a_label_without_a_logit_is_named_and_leaves_the_variables_as_they_were() -> None:
    graph = classifier()
    before = values(graph)
    data = fl.data.from_arrays(point=POINTS, label=LABELS + 5 * (np.arange(50) == 20)).batch(50)

    run = trainer(graph).start(data, epochs=2)

    with pytest.raises(fl.RunError, match=r"label [56] is outside 0\.\.1.*node 'loss'") as caught:
        run.wait()
    assert caught.value.node == graph["loss"].id
    assert (run.status, run.step_count, run.error) == ("failed", 0, caught.value)
    for name, array in values(graph).items():
        np.testing.assert_array_equal(array, before[name])


def test_a_label_without_a_logit_in_the_validation_data_is_named_too() -> None:
    graph = classifier()
    bad = fl.data.from_arrays(point=POINTS, label=np.full(50, 9)).batch(10)

    with pytest.raises(fl.RunError, match=r"label 9 .*node 'loss'"):
        trainer(graph).start(points(), validation=bad).wait()


def test_a_loss_that_is_not_finite_stops_at_the_first_op_that_made_it_so() -> None:
    with fl.Graph("log") as g:
        x = fl.input("x", shape=("batch", 1))
        h = fl.layers.dense(x, units=1, kernel_initializer="ones", name="h")
        loss = fl.mean(fl.exp(fl.log(h, name="logarithm"), name="later"))
    before = values(g)

    with pytest.raises(
        fl.RunError, match=r"log made .* not finite; keep its input above 0\. In .*, line [0-9]+, node 'logarithm'"
    ) as caught:
        fl.Trainer(loss).start(fl.data.from_arrays(x=[[1.0], [-2.0]]).batch(2)).wait()

    assert caught.value.node == g["logarithm"].id
    for name, array in values(g).items():
        np.testing.assert_array_equal(array, before[name])


def test_a_learning_rate_that_explodes_leaves_the_last_finite_values() -> None:
    with fl.Graph("explosion") as g:
        x = fl.input("x", shape=("batch", 1))
        loss = fl.losses.mean_squared_error(fl.layers.dense(x, units=1, kernel_initializer="zeros"), x)
    run = fl.Trainer(loss, fl.optimizers.sgd(10.0)).start(fl.data.from_arrays(x=[[3.0]]).batch(1), epochs=1000)

    with pytest.raises(fl.RunError, match="not finite; a lower learning rate may help"):
        run.wait()

    assert 1 < run.step_count < 100
    assert all(np.isfinite(array).all() for array in values(g).values())
    assert np.isfinite(run.scalars("loss")[1]).all()


def test_a_gradient_that_is_not_finite_is_not_learned_though_the_loss_is() -> None:
    """The slope of sqrt at 0 is infinite."""
    with fl.Graph("root") as g:
        w = fl.variable("w", (1,))
        loss = fl.sum(fl.sqrt(w * fl.mean(fl.input("x")), name="root"))

    with pytest.raises(fl.RunError, match="not finite"):
        fl.Trainer(loss).start(fl.data.from_arrays(x=[1.0, 1.0]).batch(2)).wait()

    np.testing.assert_array_equal(g.variables[0].value, [0])


def test_wait_raises_the_error_each_time_and_join_does_not() -> None:
    graph = classifier()
    run = trainer(graph).start(fl.data.from_arrays(point=POINTS, label=LABELS + 7).batch(50))

    for _ in range(2):
        with pytest.raises(fl.RunError):
            run.wait(60)
    run.join()
    assert run_of(graph) is None


# ------------------------------------------------------------ other runs, and edits


def test_a_graph_is_trained_by_one_run_at_a_time() -> None:
    graph = classifier()
    first = started(graph)

    with pytest.raises(RuntimeError, match=f"run {first.number} trains graph 'classifier' already; stop it first"):
        started(graph)
    assert run_of(graph) is first
    other = started(epochs=1)  # another graph is no matter
    other.wait()
    first.stop()
    ended(first)
    assert run_of(graph) is None
    assert started(graph, epochs=1).wait().status == "finished"


def test_of_many_threads_that_start_a_run_one_succeeds() -> None:
    graph, barrier = classifier(), threading.Barrier(4)

    def start(_: int) -> bool:
        barrier.wait()
        try:
            started(graph)
        except RuntimeError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(start, range(4))) == 1


def test_a_second_run_goes_on_from_what_the_first_learned() -> None:
    graph = classifier()
    first = trainer(graph, fl.optimizers.adam(0.03)).start(points(), validation=points(), epochs=20).wait()

    second = trainer(graph, fl.optimizers.adam(1e-6)).start(points(), validation=points()).wait()

    assert second.history["val_loss"][0] == pytest.approx(first.history["val_loss"][-1], rel=1e-2)


def edit(graph: fl.Graph) -> None:
    """What a person at the canvas may do: wire more in, change a layer, rename, remove, undo."""
    with graph:
        fl.layers.dense(graph["hidden"], units=3, name="more")
    graph.set("hidden", units=5)
    graph.rename("point", "dot")
    graph.remove("more")
    graph.undo()


def test_edits_while_it_runs_are_for_the_next_run() -> None:
    edited, untouched = classifier(), classifier()
    run = started(edited, epochs=20, validation=points(), paused=True)
    run.step()
    eventually(lambda: run.step_count == 1 and run.status == "paused")
    edit(edited)
    run.resume()
    run.wait()
    expected = started(untouched, epochs=20, validation=points()).wait()

    assert run.history == expected.history
    with pytest.raises(fl.TrainingError, match="no feature for the input 'dot'"):
        started(edited)
    for _ in range(5):
        edited.undo()
    for name, array in values(untouched).items():
        np.testing.assert_array_equal(values(edited)[name], array)


def test_a_stream_of_edits_does_not_disturb_it() -> None:
    graph = classifier()
    run = started(graph, epochs=20, validation=points())

    while run.is_alive:
        with graph:
            fl.layers.dense(graph["hidden"], units=3, name="more")
        graph.set("hidden", units=5)
        graph.remove("logits")
        for _ in range(3):
            graph.undo()

    assert run.wait().history == started(classifier(), epochs=20, validation=points()).wait().history


def test_taking_the_loss_away_does_not_disturb_it() -> None:
    graph = classifier()
    run = started(graph, epochs=3, validation=points(), paused=True)
    graph.remove("loss", "accuracy", "logits")

    run.resume()

    assert run.wait().status == "finished"


def test_the_model_can_be_used_while_it_learns() -> None:
    graph = classifier()
    program = fl.compile(graph["logits"])
    run = started(graph)

    before = program({"point": POINTS})
    seen = run.step_count
    eventually(lambda: run.step_count > seen + 1)
    after = program({"point": POINTS})

    assert np.isfinite(after).all()
    assert (before != after).any()


def test_stop_all_ends_every_run_also_those_nobody_holds() -> None:
    graphs = [classifier() for _ in range(3)]
    runs = [started(graphs[0]), started(graphs[1], paused=True)]
    started(graphs[2])
    gc.collect()
    assert run_of(graphs[2]) is not None

    stop_all(60)

    assert [run.status for run in runs] == ["stopped", "stopped"]
    assert [run_of(g) for g in graphs] == [None, None, None]


def test_a_script_that_ends_while_a_run_goes_on_ends_cleanly() -> None:
    script = """
import flowloom as fl, numpy as np
with fl.Graph("line"):
    x = fl.input("x", shape=("batch", 1))
    loss = fl.losses.mean_squared_error(fl.layers.dense(x, units=1), x)
run = fl.Trainer(loss).start(fl.data.from_arrays(x=np.ones((64, 1), "float32")).batch(1), epochs=1_000_000)
while run.step_count < 10:
    run.join(0.001)
print("done")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")
