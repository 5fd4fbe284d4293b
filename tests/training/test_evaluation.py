"""Over a dataset, and over an epoch, a metric is that of all samples, however they come in batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import metrics

import flowloom as fl
from flowloom.graph.lower import lower
from tests.training.models import LABELS, POINTS, classifier, points, trainer

Array = np.ndarray[Any, Any]


def watched() -> fl.Graph:
    """The classifier with metrics that are no means over batches."""
    graph = classifier()
    with graph:
        logits, label = graph["logits"], graph["label"]
        fl.metrics.f1_score(logits, label, average="macro", name="f1")
        fl.metrics.confusion_matrix(logits, label, name="confusion")
        fl.metrics.auc(fl.slice(logits, start=(None, 1), stop=(None, 2)), label, name="auc")
    return graph


def chosen(graph: fl.Graph) -> Array:
    result: Array = fl.compile(graph["logits"])({"point": POINTS}).argmax(1)
    return result


def test_validation_metrics_are_those_of_all_samples() -> None:
    graph = watched()
    made = fl.Trainer(graph["loss"], fl.optimizers.adam(0.01), {"f1": graph["f1"], "auc": graph["auc"]})

    run = made.start(points(), validation=points(16), epochs=3).wait()

    expected = metrics.f1_score(LABELS, chosen(graph), average="macro")
    assert run.history["val_f1"][-1] == pytest.approx(expected, rel=1e-6)
    whole = fl.compile(graph["auc"])({"point": POINTS, "label": LABELS})
    assert run.history["val_auc"][-1] == pytest.approx(whole, rel=1e-6)


def test_metrics_of_an_epoch_are_those_of_all_its_samples_and_start_anew_with_the_next() -> None:
    """With a learning rate of next to nothing and no dropout, an epoch sees one and the same model."""
    graph = fl.Graph("still", seed=3)
    with graph:
        point, label = fl.input("point", shape=("batch", 2)), fl.input("label", dtype="int64")
        logits = fl.layers.dense(point, units=2, name="logits")
        loss = fl.losses.softmax_cross_entropy(logits, label)
        f1 = fl.metrics.f1_score(logits, label, average="macro")
    expected = metrics.f1_score(LABELS, chosen(graph), average="macro")

    run = fl.Trainer(loss, fl.optimizers.sgd(1e-6), {"f1": f1}).start(points(16), epochs=3).wait()

    assert run.history["f1"] == [pytest.approx(expected, rel=1e-6)] * 3
    steps, values = run.scalars("f1")
    assert len(steps) == 12
    assert np.mean(values) != pytest.approx(expected, rel=1e-3)  # each step has that of its batch


@pytest.mark.parametrize("batch", [1, 7, 16, 50])
def test_evaluate_gives_floats_and_arrays_of_all_samples(batch: int) -> None:
    graph = watched()
    names = ["loss", "accuracy", "f1", "auc", "confusion"]

    found = fl.evaluate({name: graph[name] for name in names}, points(batch))

    assert list(found) == names
    np.testing.assert_array_equal(found["confusion"], metrics.confusion_matrix(LABELS, chosen(graph)))
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(LABELS, chosen(graph)))
    assert found["f1"] == pytest.approx(metrics.f1_score(LABELS, chosen(graph), average="macro"))
    assert {type(found[name]) for name in names[:4]} == {float}
    whole = fl.compile(graph["loss"])({"point": POINTS, "label": LABELS})
    assert found["loss"] == pytest.approx(float(whole), rel=1e-5)
    assert fl.evaluate(graph["accuracy"], points(batch)) == found["accuracy"]


def test_what_is_made_of_a_metric_is_of_all_samples_too() -> None:
    graph = watched()
    with graph:
        error = 1.0 - graph["f1"]

    assert fl.evaluate(error, points(7)) == pytest.approx(1 - fl.evaluate(graph["f1"], points(50)), rel=1e-6)


def test_a_trainer_evaluates_its_loss_and_metrics() -> None:
    graph = classifier()
    run = trainer(graph).start(points(), validation=points(16)).wait()

    assert trainer(graph).evaluate(points(16)) == {
        name.removeprefix("val_"): values[0] for name, values in run.history.items() if name.startswith("val_")
    }


def test_a_metric_that_is_no_scalar_is_not_taken_for_one_to_train_by() -> None:
    graph = watched()

    assert list(fl.training.find_trainer(graph).metrics) == ["accuracy", "f1", "auc"]
    with pytest.raises(fl.TrainingError, match=r"confusion must be a float scalar; 'confusion' is int64\[2, 2\]"):
        fl.Trainer(graph["loss"], metrics={"confusion": graph["confusion"]})


def test_a_metric_may_be_the_loss_and_is_then_the_one_of_each_batch() -> None:
    with fl.Graph("line") as graph:
        x = fl.input("x", shape=("batch", 1))
        error = fl.metrics.mean_squared_error(fl.layers.dense(x, units=1, kernel_initializer="zeros"), x)
    data = fl.data.from_arrays(x=np.float32([[1], [2], [3]])).batch(1)

    run = fl.Trainer(error, fl.optimizers.sgd(0.1)).start(data).wait()

    with fl.Graph("line") as other:
        x = fl.input("x", shape=("batch", 1))
        loss = fl.losses.mean_squared_error(fl.layers.dense(x, units=1, kernel_initializer="zeros"), x)
    expected = fl.Trainer(loss, fl.optimizers.sgd(0.1)).start(data).wait()
    assert run.history == expected.history
    for ours, theirs in zip(graph.variables, other.variables, strict=True):
        np.testing.assert_array_equal(ours.value, theirs.value)


def test_a_tensor_with_a_value_for_each_batch_is_refused() -> None:
    graph = classifier()

    with pytest.raises(fl.SpecError, match=r"logits has a value for each batch \(float32\[50, 2\]\); only scalars"):
        fl.evaluate({"logits": graph["logits"]}, points(50))


def test_data_that_do_not_fit_are_refused_in_a_line() -> None:
    graph = classifier()

    with pytest.raises(ValueError, match="the data must be a Dataset; got dict"):
        fl.evaluate(graph["loss"], {"point": POINTS})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"the data are not in batches; call \.batch\(256\)"):
        fl.evaluate(graph["loss"], fl.data.from_arrays(point=POINTS, label=LABELS))
    with pytest.raises(ValueError, match="the data have no feature for the input 'label'"):
        fl.evaluate(graph["loss"], fl.data.from_arrays(point=POINTS).batch(5))
    with pytest.raises(fl.TrainingError, match="data has no feature for the input 'label'"):
        trainer(graph).evaluate(fl.data.from_arrays(point=POINTS).batch(5))


def test_a_streaming_lowering_adds_what_came_before_and_an_ordinary_one_does_not() -> None:
    graph = classifier()

    plain, streaming = (lower(graph, [graph["accuracy"]], streaming=s) for s in (False, True))

    assert plain.totals == {}
    assert sorted(key.split("/")[1] for key in streaming.totals) == ["count", "sum"]
    for total in streaming.totals.values():
        assert total.after.args[0] is total.before
        assert total.before.spec == total.after.spec
