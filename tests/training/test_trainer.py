"""A trainer refuses, in one line and before anything has changed, what cannot be trained; `fit` waits for the end."""

from __future__ import annotations

import io
import signal
import threading
from collections.abc import Iterator
from contextlib import redirect_stderr
from typing import Any

import numpy as np
import pytest

import flowloom as fl
from flowloom.training import find_trainer, stop_all
from flowloom.training.run import run_of
from tests.training.models import LABELS, POINTS, classifier, points, trainer, values
from tests.waiting import eventually


@pytest.fixture(autouse=True)
def _no_run_is_left() -> Iterator[None]:
    yield
    stop_all(60)


@pytest.fixture
def graph() -> Iterator[fl.Graph]:
    """The classifier, of which nothing may have changed when the test is over."""
    made = classifier()
    before = values(made)
    yield made
    assert run_of(made) is None
    for name, array in values(made).items():
        np.testing.assert_array_equal(array, before[name])


def one_line(error: BaseException) -> str:
    assert "\n" not in str(error)
    return str(error)


# ------------------------------------------------------------ what can be trained


def test_a_loss_must_be_a_float_scalar_of_a_graph(graph: fl.Graph) -> None:
    with pytest.raises(
        fl.TrainingError, match=r"loss must be a float scalar; 'logits' is float32\[batch, 2\]\. Take its"
    ):
        fl.Trainer(graph["logits"])
    with pytest.raises(fl.TrainingError, match=r"loss must be a float scalar; 'argmax' is int64\[\]"):
        fl.Trainer(fl.argmax(fl.mean(graph["logits"], axis=0)))
    with pytest.raises(fl.TrainingError, match="loss must be a tensor of a graph; got str"):
        fl.Trainer("loss")  # type: ignore[arg-type]


def test_metrics_are_scalars_of_the_same_graph_under_names_of_their_own(graph: fl.Graph) -> None:
    for metrics, complaint in {
        ("logits",): "accuracy must be a float scalar; 'logits' is",
        ("elsewhere",): "accuracy belongs to another graph than the loss",
    }.items():
        tensor = graph["logits"] if metrics == ("logits",) else classifier()["accuracy"]
        with pytest.raises(fl.TrainingError, match=complaint):
            fl.Trainer(graph["loss"], metrics={"accuracy": tensor})
    for name in ("loss", "val_loss"):
        with pytest.raises(fl.TrainingError, match=f"a metric cannot be called '{name}'"):
            fl.Trainer(graph["loss"], metrics={name: graph["accuracy"]})
    with pytest.raises(fl.TrainingError, match="metrics are tensors by the name"):
        fl.Trainer(graph["loss"], metrics=[graph["accuracy"]])  # type: ignore[arg-type]


def test_an_optimizer_is_made_by_its_function(graph: fl.Graph) -> None:
    with pytest.raises(fl.TrainingError, match=r"must be one of fl\.optimizers.*got 'adam'"):
        fl.Trainer(graph["loss"], "adam")  # type: ignore[arg-type]


def test_a_backend_that_is_not_there_is_refused(graph: fl.Graph) -> None:
    with pytest.raises(ValueError, match="backend 'gpu' is not available"):
        fl.Trainer(graph["loss"], backend="gpu")


def test_a_graph_that_does_not_typecheck_is_refused_with_its_problem(graph: fl.Graph) -> None:
    made = trainer(graph)
    graph.apply([fl.graph.document.Disconnect(e) for e in graph.edges if graph.nodes[e.target].name == "hidden"])

    with pytest.raises(fl.SpecError, match="hidden: input 'x' is not connected"):
        trainer(graph)
    with pytest.raises(fl.SpecError, match="hidden: input 'x' is not connected"):
        made.start(points())


def test_a_loss_that_was_removed_is_refused(graph: fl.Graph) -> None:
    made = trainer(graph)
    graph.remove("loss")

    with pytest.raises(fl.TrainingError, match="loss is not in graph 'classifier' any more"):
        made.start(points())


def test_with_nothing_to_learn_it_does_not_start() -> None:
    frozen = classifier(trainable=False)
    frozen.set("logits", trainable=False)
    with fl.Graph("fixed") as fixed:
        fl.losses.mean_squared_error(fl.input("point", shape=("batch", 2)), 0.5 * fl.input("other", shape=("batch", 2)))

    for graph in (frozen, fixed):
        data = fl.data.from_arrays(point=POINTS, other=POINTS, label=LABELS).batch(10)
        with pytest.raises(fl.TrainingError, match=r"nothing to learn: .* does not depend on any trainable variable"):
            find_trainer(graph).start(data)


def test_a_number_that_no_gradient_reaches_is_no_loss(graph: fl.Graph) -> None:
    with pytest.raises(fl.TrainingError, match="nothing to learn: 'accuracy' does not depend on any trainable"):
        fl.Trainer(graph["accuracy"]).start(points())


def test_a_frozen_layer_keeps_its_values_and_the_others_learn() -> None:
    graph = classifier(trainable=False)
    before = values(graph)

    trainer(graph).start(points(), epochs=3).wait()

    for name, array in values(graph).items():
        assert np.array_equal(array, before[name]) == name.startswith("hidden/"), name


def test_a_variable_that_only_a_metric_reads_keeps_its_value() -> None:
    graph = classifier()
    with graph:
        other = fl.layers.dense(graph["point"], units=1, name="aside")
        metric = fl.mean(other)
    before = values(graph)

    fl.Trainer(graph["loss"], fl.optimizers.sgd(0.1, momentum=0.9), {"aside": metric}).start(points(), epochs=2).wait()

    np.testing.assert_array_equal(values(graph)["aside/kernel"], before["aside/kernel"])


# ------------------------------------------------------------ what it can be trained on


@pytest.mark.parametrize(
    ("data", "error", "complaint"),
    [
        ({"point": POINTS, "label": LABELS}, fl.TrainingError, "data must be a Dataset; fl.data.from_arrays"),
        (fl.data.from_arrays(point=POINTS, label=LABELS), fl.TrainingError, r"data is not in batches; call \.batch"),
        (
            fl.data.from_arrays(points=POINTS, label=LABELS).batch(9),
            fl.TrainingError,
            "data has no feature for the input 'point'; did you mean 'points'",
        ),
        (
            fl.data.from_arrays(point=POINTS[:, :1], label=LABELS).batch(9),
            fl.FeedError,
            r"input 'point' takes float32\[batch, 2\]; axis 1 has size 1, not 2",
        ),
        (
            fl.data.from_arrays(point=POINTS, label=LABELS + 0.5).batch(9),
            fl.FeedError,
            r"input 'label' takes int64\[batch\]; got float64",
        ),
        (
            fl.data.from_arrays(
                point=np.where(np.arange(100).reshape(50, 2) == 35, np.nan, POINTS), label=LABELS
            ).batch(9),
            fl.data.DataError,
            "feature 'point' holds nan at row 17",
        ),
        (
            fl.data.from_arrays(
                point=np.where(np.arange(100).reshape(50, 2) == 98, np.inf, POINTS), label=LABELS
            ).batch(9),
            fl.data.DataError,
            "feature 'point' holds inf at row 49",
        ),
    ],
    ids=["no dataset", "not in batches", "feature missing", "wrong shape", "wrong dtype", "NaN", "infinity"],
)
@pytest.mark.parametrize("place", ["data", "validation"])
def test_data_that_do_not_fit_are_refused_before_the_first_step(
    graph: fl.Graph, data: Any, error: type[Exception], complaint: str, place: str
) -> None:
    given = {"data": points(), "validation": None, place: data}

    with pytest.raises(error, match=complaint.replace("data ", f"{place} ")) as caught:
        trainer(graph).start(**given)

    one_line(caught.value)


def test_an_empty_dataset_is_refused() -> None:
    with pytest.raises(fl.data.DataError, match="the dataset is empty: feature 'point' has 0 samples"):
        fl.data.from_arrays(point=POINTS[:0], label=LABELS[:0])


def test_a_last_batch_that_is_too_short_for_the_graph_is_refused_before_the_first_step() -> None:
    with fl.Graph("fixed") as graph:
        x = fl.input("x", shape=(16, 2))
        fl.losses.mean_squared_error(fl.layers.dense(x, units=2), x)
    data = fl.data.from_arrays(x=POINTS)

    with pytest.raises(fl.FeedError, match="axis 0 has size 2, not 16"):
        find_trainer(graph).start(data.batch(16))
    assert find_trainer(graph).start(data.batch(16, drop_remainder=True)).wait().step_count == 3


def test_features_that_no_input_reads_may_hold_anything() -> None:
    data = fl.data.from_arrays(point=POINTS, label=LABELS, note=np.full(50, np.nan)).batch(10)

    assert trainer(classifier()).start(data, validation=data).wait().status == "finished"


def test_doubles_are_taken_as_the_floats_that_the_graph_declares() -> None:
    single, double = classifier(), classifier()
    trainer(single).start(fl.data.from_arrays(point=POINTS, label=LABELS).batch(10)).wait()
    trainer(double).start(
        fl.data.from_arrays(point=POINTS.astype("float64"), label=LABELS.astype("int8")).batch(10)
    ).wait()

    for name, array in values(single).items():
        np.testing.assert_array_equal(values(double)[name], array)


def test_a_graph_of_doubles_learns_and_its_variables_keep_their_dtypes() -> None:
    with fl.Graph("doubles") as graph:
        x = fl.input("x", shape=("batch", 2), dtype="float64")
        h = fl.layers.batch_normalization(fl.layers.dense(x, units=8, activation="tanh"))
        fl.losses.mean_squared_error(fl.layers.dense(h, units=1), fl.input("y", dtype="float64"))
    data = fl.data.from_arrays(x=POINTS.astype("float64"), y=POINTS.prod(1).astype("float64")).batch(10)

    run = find_trainer(graph, fl.optimizers.adam(0.02)).start(data, epochs=40).wait()

    assert run.history["loss"][-1] < 0.2 * run.history["loss"][0]
    assert {v.value.dtype for v in graph.variables} == {np.dtype("float32")}


@pytest.mark.parametrize("epochs", [0, -1, 2.5, True, "3"])
def test_a_number_of_epochs_that_makes_no_sense_is_refused(graph: fl.Graph, epochs: Any) -> None:
    with pytest.raises(fl.TrainingError, match="epochs must be a whole number of at least 1"):
        trainer(graph).start(points(), epochs=epochs)


def test_a_graph_without_inputs_learns_too() -> None:
    with fl.Graph("free") as graph:
        w = fl.variable("w", (2,), initializer="ones")
        loss = fl.sum(w * w)

    run = fl.Trainer(loss, fl.optimizers.sgd(0.25)).start(points(), validation=points(), epochs=2).wait()

    np.testing.assert_allclose(graph.variables[0].value, 2.0**-8, rtol=1e-6)
    assert run.history["val_loss"] == [pytest.approx(2 * 4.0**-4), pytest.approx(2 * 4.0**-8)]


# ------------------------------------------------------------ step by step, and only some variables


def test_steps_by_hand_learn_what_a_run_learns() -> None:
    by_hand, by_run = classifier(), classifier()
    trains = trainer(by_hand)

    measured = []
    for batch in points().batches(epoch=0):
        measured.append(trains.train_on_batch(batch))
        with by_hand:
            fl.exp(by_hand["logits"])  # what is built meanwhile changes nothing

    run = trainer(by_run).start(points()).wait()
    assert [m["loss"] for m in measured] == list(run.scalars("loss")[1])
    assert set(measured[0]) == {"loss", "accuracy"}
    for name, array in values(by_run).items():
        np.testing.assert_array_equal(values(by_hand)[name], array)


def test_two_trainers_of_one_graph_take_turns_each_with_its_variables() -> None:
    graph = classifier()
    hidden = [v for v in graph.variables if v.name.startswith("hidden")]
    last = [v for v in graph.variables if v.name.startswith("logits")]
    one = fl.Trainer(graph["loss"], fl.optimizers.adam(0.01), variables=hidden)
    other = fl.Trainer(graph["loss"], fl.optimizers.sgd(0.1), variables=last)
    batch = next(points().batches())

    for trains, moved, kept in ((one, hidden, last), (other, last, hidden), (one, hidden, last)):
        before = values(graph)
        trains.train_on_batch(batch)
        assert all((v.value != before[v.name]).any() for v in moved)
        assert all((v.value == before[v.name]).all() for v in kept)


def test_a_run_changes_only_the_variables_it_is_given() -> None:
    with fl.Graph() as graph:
        x = fl.input("x", shape=("batch", 1))
        slope, offset = fl.variable("slope"), fl.variable("offset")
        loss = fl.losses.mean_squared_error(x * slope + offset, 2.0 * x + 1.0)
    data = fl.data.from_arrays(x=np.linspace(-1, 1, 20)[:, None]).batch(20)

    fl.Trainer(loss, fl.optimizers.sgd(0.5), variables=[slope]).start(data, epochs=40).wait()

    assert graph.variable("slope").value == pytest.approx(2.0, abs=1e-3)
    assert graph.variable("offset").value == 0.0


def test_what_cannot_be_stepped_is_refused(graph: fl.Graph) -> None:
    batch = next(points().batches())
    kernel = graph.variable("hidden/kernel")

    with pytest.raises(fl.FeedError, match=r"input 'label' .* is not fed"):
        trainer(graph).train_on_batch({"point": batch["point"]})
    with pytest.raises(fl.TrainingError, match="trainable variables of graph 'classifier'; got 'hidden'"):
        fl.Trainer(graph["loss"], variables=["hidden"])  # type: ignore[list-item]
    with pytest.raises(
        fl.TrainingError, match="trainable variables of graph 'classifier'; got <variable hidden/kernel"
    ):
        fl.Trainer(graph["loss"], variables=[classifier().variable("hidden/kernel")])
    with pytest.raises(fl.TrainingError, match="does not depend on one of the variables that it is to change"):
        fl.Trainer(fl.mean(graph["point"]), variables=[kernel]).train_on_batch(batch)
    run = trainer(graph).start(points(), paused=True)
    with pytest.raises(RuntimeError, match="a run trains graph 'classifier'; wait for it, or stop it first"):
        trainer(graph).train_on_batch(batch)
    run.stop()
    run.wait()


# ------------------------------------------------------------ the trainer a graph speaks for


def test_the_loss_and_metrics_of_a_graph_are_found() -> None:
    graph = classifier()
    with graph:
        fl.metrics.accuracy(graph["logits"], graph["label"], name="second")
    found = find_trainer(graph, fl.optimizers.sgd(0.1))

    assert (found.loss.id, found.optimizer.name) == (graph["loss"].id, "sgd")
    assert list(found.metrics) == ["accuracy", "second"]
    assert list(found.start(points()).wait().history) == ["loss", "accuracy", "second"]


def test_a_metric_that_is_not_wired_is_left_out() -> None:
    graph = classifier()
    graph.apply([fl.graph.document.Disconnect(e) for e in graph.edges if graph.nodes[e.target].name == "accuracy"])

    found = find_trainer(graph)
    assert found.metrics == {}
    assert found.start(points()).wait().status == "finished"  # what is unfinished beside the loss is no matter


def test_a_graph_without_a_loss_or_with_two_is_refused(graph: fl.Graph) -> None:
    with graph:
        fl.losses.softmax_cross_entropy(graph["logits"], graph["label"], name="second")
    with pytest.raises(fl.TrainingError, match=r"the graph has 2 losses \('loss', 'second'\)") as caught:
        find_trainer(graph)
    one_line(caught.value)

    graph.remove("loss", "second")
    with pytest.raises(fl.TrainingError, match="the graph has no loss; add one") as caught:
        find_trainer(graph)
    one_line(caught.value)


def test_a_loss_that_is_not_wired_is_refused_by_name(graph: fl.Graph) -> None:
    graph.apply([fl.graph.document.Disconnect(e) for e in graph.edges if graph.nodes[e.target].name == "loss"])

    with pytest.raises(fl.TrainingError, match="loss: input 'logits' is not connected"):
        find_trainer(graph)


# ------------------------------------------------------------ fit


def test_fit_waits_for_the_end_and_shows_how_far_it_is() -> None:
    shown = io.StringIO()
    with redirect_stderr(shown):
        run = trainer(classifier()).fit(points(), validation=points(), epochs=3)

    assert (run.status, run.step_count) == ("finished", 12)
    last = shown.getvalue().split("\r")[-1]
    for text in ("epoch 3/3", "100%", "12/12", "val_accuracy="):
        assert text in last


def test_fit_without_progress_says_nothing() -> None:
    shown = io.StringIO()
    with redirect_stderr(shown):
        run = trainer(classifier()).fit(points(), epochs=2, progress=False)

    assert (run.status, shown.getvalue()) == ("finished", "")


def test_fit_learns_what_start_learns() -> None:
    fitted, started = classifier(), classifier()

    assert (
        trainer(fitted).fit(points(), epochs=2, progress=False).history
        == trainer(started).start(points(), epochs=2).wait().history
    )


def test_fit_leaves_a_run_that_trains_the_graph_already_alone() -> None:
    graph = classifier()
    other = trainer(graph).start(points(), paused=True)

    with pytest.raises(RuntimeError, match="stop it first"):
        trainer(graph).fit(points())

    assert other.status == "paused"
    assert run_of(graph) is other


def test_fit_raises_the_error_of_its_run() -> None:
    bad = fl.data.from_arrays(point=POINTS, label=LABELS + 7).batch(10)

    with pytest.raises(fl.RunError, match="label"), redirect_stderr(io.StringIO()):
        trainer(classifier()).fit(bad)


@pytest.mark.usefixtures("keyboard_interrupts")
@pytest.mark.parametrize("progress", [False, True])
def test_an_interrupt_ends_fit_and_its_run(progress: bool) -> None:
    graph = classifier()

    def interrupt() -> None:
        eventually(lambda: (run := run_of(graph)) is not None and run.step_count > 5)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    helper = threading.Thread(target=interrupt)
    helper.start()
    with pytest.raises(KeyboardInterrupt), redirect_stderr(io.StringIO()):
        trainer(graph).fit(points(), epochs=1_000_000, progress=progress)
    helper.join()

    assert run_of(graph) is None
    assert trainer(graph).fit(points(), progress=False).status == "finished"  # the graph is free again
