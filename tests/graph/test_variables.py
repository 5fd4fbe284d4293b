"""Variables: values that live beside the graph and outlast its edits."""

from __future__ import annotations

import numpy as np
import pytest

import flowloom as fl
from flowloom.training.snapshot import snapshot


@pytest.fixture
def graph() -> fl.Graph:
    with fl.Graph("net", seed=3) as g:
        fl.layers.dense(fl.input("x", shape=("batch", 4)), units=3)
    return g


def kernel(g: fl.Graph) -> fl.Variable:
    return g.variables[0]


def test_a_variable_knows_its_name_shape_and_dtype(graph: fl.Graph) -> None:
    v = kernel(graph)

    assert (v.name, v.shape, v.dtype, v.trainable) == ("dense/kernel", (4, 3), np.float32, True)
    graph.rename("dense", "hidden")
    assert v.name == "hidden/kernel"


def test_the_seed_decides_the_first_values(graph: fl.Graph) -> None:
    def first(seed: int) -> np.ndarray:  # type: ignore[type-arg]
        with fl.Graph(seed=seed) as g:
            fl.layers.dense(fl.input("x", shape=("batch", 4)), units=3)
        return kernel(g).value

    np.testing.assert_array_equal(first(3), kernel(graph).value)
    assert not np.array_equal(first(4), kernel(graph).value)


def test_a_value_is_a_copy_and_can_be_assigned(graph: fl.Graph) -> None:
    v = kernel(graph)
    before = v.value
    before += 1
    assert not np.array_equal(v.value, before)

    v.value = np.arange(12).reshape(4, 3)
    assert v.value.tolist() == np.arange(12).reshape(4, 3).tolist()
    assert v.value.dtype == np.float32
    np.testing.assert_array_equal(fl.compile(graph["dense"])({"x": np.eye(4)}), np.arange(12).reshape(4, 3))


def test_a_variable_is_no_array_but_has_one(graph: fl.Graph) -> None:
    with pytest.raises(TypeError, match=r"variable '.*' is no array; its numbers are its \.value"):
        np.sum(graph.variables[0])


def test_a_value_of_another_shape_is_refused(graph: fl.Graph) -> None:
    before = kernel(graph).value
    with pytest.raises(ValueError, match=r"variable 'dense/kernel' has shape \(4, 3\); got \(3, 4\)"):
        kernel(graph).value = np.zeros((3, 4))

    np.testing.assert_array_equal(kernel(graph).value, before)


def test_a_change_of_shape_and_its_undo_bring_the_values_back(graph: fl.Graph) -> None:
    kernel(graph).value = np.full((4, 3), 7.0)
    graph.set("dense", units=5)
    assert kernel(graph).shape == (4, 5)
    assert not (kernel(graph).value == 7).any()
    graph.undo()
    np.testing.assert_array_equal(kernel(graph).value, np.full((4, 3), 7.0))

    graph.remove("dense")
    assert graph.variables == []
    graph.undo()
    np.testing.assert_array_equal(kernel(graph).value, np.full((4, 3), 7.0))


def test_a_new_node_never_inherits_the_values_of_one_that_is_gone(graph: fl.Graph) -> None:
    kernel(graph).value = np.full((4, 3), 7.0)
    graph.remove("dense")
    with graph:
        fl.layers.dense(graph["x"], units=3)

    assert not (kernel(graph).value == 7).any()


def test_clearing_starts_from_the_first_values_again(graph: fl.Graph) -> None:
    first = kernel(graph).value
    kernel(graph).value = np.zeros((4, 3))
    graph.values.clear()

    np.testing.assert_array_equal(kernel(graph).value, first)


def test_two_handles_of_one_variable_are_equal(graph: fl.Graph) -> None:
    assert kernel(graph) == kernel(graph)
    assert len({*graph.variables, *graph.variables}) == 2
    assert kernel(graph) != graph.variables[1]


def test_the_values_of_a_node_that_cannot_come_back_are_dropped(graph: fl.Graph) -> None:
    def add() -> int:
        with graph:
            fl.layers.dense(graph["x"], units=5, name="extra")
        return sum(v.value.size for v in graph.variables)

    before = add()
    held = len(graph.values._arrays)
    graph.undo()
    assert len(graph.values._arrays) == held  # a redo would bring them back
    for _ in range(3):
        assert add() == before
        graph.undo()
    assert len(graph.values._arrays) == held


def test_a_run_keeps_the_values_of_a_node_that_the_graph_has_dropped(graph: fl.Graph) -> None:
    with graph:
        fl.layers.dense(graph["x"], units=5, name="extra")
    extra = next(v for v in graph.variables if v.name == "extra/kernel")
    extra.value = np.ones((4, 5))
    copy = snapshot(graph, {"y": graph["extra"]})["y"].graph
    graph.undo()
    with graph:
        fl.relu(graph["x"])  # no redo from here on
    assert (next(v for v in copy.variables if v.name == "extra/kernel").value == 1).all()
