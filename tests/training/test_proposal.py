"""The loss that a graph without one is offered."""

from __future__ import annotations

import pytest

import flowloom as fl
from flowloom.training import TrainingError, find_trainer


def classifier(dtype: str = "int64") -> fl.Graph:
    with fl.Graph("two inputs") as graph:
        x = fl.input("x", shape=("batch", 4))
        fl.input("label", shape=("batch",) if dtype == "int64" else ("batch", 3), dtype=dtype)
        fl.layers.dense(x, units=3, name="scores")
    return graph


def offered(graph: fl.Graph) -> list[fl.graph.Fix]:
    with pytest.raises(TrainingError, match="the graph has no loss") as caught:
        find_trainer(graph)
    return caught.value.fixes


def test_classes_get_a_cross_entropy_and_their_accuracy() -> None:
    graph = classifier()

    (fix,) = offered(graph)
    graph.apply(fix.patch)

    assert fix.label == "Add softmax_cross_entropy and accuracy of scores and label"
    assert graph.problems == []
    trainer = find_trainer(graph)
    assert (trainer.loss.name, list(trainer.metrics)) == ("loss", ["accuracy"])


def test_numbers_get_a_mean_squared_error() -> None:
    (fix,) = offered(classifier("float32"))

    assert fix.label == "Add mean_squared_error of scores and label"


def test_metric_that_is_there_is_not_offered_again() -> None:
    graph = classifier()
    with graph:
        fl.metrics.accuracy(graph["scores"], graph["label"])

    (fix,) = offered(graph)

    assert fix.label == "Add softmax_cross_entropy of scores and label"


@pytest.mark.parametrize("spare", ["input", "output"])
def test_nothing_is_offered_where_it_is_not_clear_what_is_meant(spare: str) -> None:
    graph = classifier()
    with graph:
        if spare == "input":
            fl.input("other", shape=("batch",), dtype="int64")
        else:
            fl.layers.dense(graph["x"], units=2, name="other")

    assert offered(graph) == []


def test_nothing_is_offered_that_would_not_typecheck() -> None:
    with fl.Graph("misfit") as graph:
        x = fl.input("x", shape=(5, 4))
        fl.input("label", shape=(3,), dtype="int64")
        fl.layers.dense(x, units=3, name="scores")

    assert offered(graph) == []
