"""A compiled program computes what its graph says now, for whatever fits its inputs, from any thread."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import flowloom as fl
from flowloom.training.snapshot import snapshot

Array = np.ndarray[Any, Any]


@pytest.fixture
def graph() -> fl.Graph:
    """doubled = 2 x and total = the sum of x, for x of shape (batch, 3)."""
    with fl.Graph("sums") as g:
        x = fl.input("x", shape=("batch", 3))
        fl.multiply(x, 2.0, name="doubled")
        fl.sum(x, name="total")
    return g


X = np.arange(6, dtype="float32").reshape(2, 3)


def test_one_tensor_gives_an_array_and_a_list_gives_a_list(graph: fl.Graph) -> None:
    doubled = fl.compile(graph["doubled"])({"x": X})
    both = fl.compile([graph["doubled"], graph["total"]])({"x": X})

    np.testing.assert_array_equal(doubled, X * 2)
    assert isinstance(both, list)
    np.testing.assert_array_equal(both[0], X * 2)
    assert both[1] == 15
    assert isinstance(fl.compile([graph["total"]])({"x": X}), list)


def test_what_reads_no_input_is_called_without_feeds() -> None:
    with fl.Graph("constant"):
        seven = fl.constant(3.0) + fl.constant(4.0)

    assert fl.compile(seven)() == 7


def test_results_are_the_callers_own(graph: fl.Graph) -> None:
    program = fl.compile([graph["doubled"], graph["x"]])
    first = program({"x": X})
    kept = [a.copy() for a in first]

    program({"x": X + 1})
    for array, copy in zip(first, kept, strict=True):
        np.testing.assert_array_equal(array, copy)
        array += 1
    np.testing.assert_array_equal(program({"x": X})[0], X * 2)
    np.testing.assert_array_equal(X, np.arange(6).reshape(2, 3))


def test_only_the_inputs_that_are_needed_are_asked_for(graph: fl.Graph) -> None:
    with graph:
        y = fl.input("y")
        fl.add(graph["total"], fl.sum(y), name="both")

    assert list(fl.compile(graph["total"]).inputs) == ["x"]
    assert list(fl.compile(graph["both"]).inputs) == ["x", "y"]


@pytest.mark.parametrize(
    ("feeds", "complaint"),
    [
        ({}, r"input 'x' \(float32\[batch, 3\]\) is not fed"),
        (None, "input 'x' .* is not fed"),
        ({"X": X}, "there is no input 'X'.*x"),
        ({"x": X, "extra": X}, "there is no input 'extra'"),
        ({"x": X[0]}, r"takes float32\[batch, 3\]; got 1 dimensions"),
        ({"x": X[:, :2]}, "axis 1 has size 2, not 3"),
        ({"x": [[1, 2, 3], [4]]}, "rows given differ in length"),
        ({"x": X.astype(complex)}, "got complex128"),
        ({"x": [["a", "b", "c"]]}, "takes float32"),
        (X, r"feeds are a dict of arrays by input name \(x\); got ndarray"),
    ],
)
def test_a_feed_that_does_not_fit_is_refused_by_name(graph: fl.Graph, feeds: Any, complaint: str) -> None:
    with pytest.raises(fl.FeedError, match=complaint):
        fl.compile(graph["doubled"])(feeds)


def test_inputs_of_one_name_in_two_scopes_are_fed_by_their_paths() -> None:
    with fl.Graph("twins") as g:
        with g.scope("left"):
            a = fl.input("x")
        with g.scope("right"):
            b = fl.input("x")
        difference = a - b

    np.testing.assert_array_equal(fl.compile(difference)({"left/x": [5, 7], "right/x": [1, 2]}), [4, 5])


def test_a_named_dimension_is_one_size_in_all_inputs() -> None:
    with fl.Graph("pair"):
        total = fl.sum(fl.input("a")) + fl.sum(fl.input("b"))

    with pytest.raises(fl.FeedError, match="'batch' is 2 in input 'a' and 3 in input 'b'"):
        fl.compile(total)({"a": [1, 2], "b": [1, 2, 3]})


def test_it_follows_edits_and_their_undo(graph: fl.Graph) -> None:
    with graph:
        scaled = fl.layers.dense(graph["doubled"], units=2, kernel_initializer="ones", name="out")
    program = fl.compile(scaled)
    np.testing.assert_array_equal(program({"x": X}), [[6, 6], [24, 24]])

    graph.set("out", units=1)
    np.testing.assert_array_equal(program({"x": X}), [[6], [24]])
    graph.undo()
    np.testing.assert_array_equal(program({"x": X}), [[6, 6], [24, 24]])
    graph.rename("x", "points")
    np.testing.assert_array_equal(program({"points": X}), [[6, 6], [24, 24]])


def test_it_uses_the_values_that_variables_have_now(graph: fl.Graph) -> None:
    with graph:
        scaled = fl.layers.dense(graph["x"], units=1)
    program = fl.compile(scaled)

    for factor in (1, 2):
        graph.variables[0].value = np.full((3, 1), factor)
        np.testing.assert_array_equal(program({"x": X}), [[3 * factor], [12 * factor]])


def test_a_graph_broken_by_an_edit_says_so_and_works_again_after_the_undo(graph: fl.Graph) -> None:
    program = fl.compile(graph["total"])
    graph.remove("total")

    with pytest.raises(fl.SpecError, match="not in graph 'sums' any more"):
        program({"x": X})
    graph.undo()
    assert program({"x": X}) == 15


def test_batches_of_every_size_give_their_own_result(graph: fl.Graph) -> None:
    program = fl.compile(graph["total"])

    for _ in range(2):
        for size in range(20):  # more than plans are kept for
            assert program({"x": np.ones((size, 3))}) == 3 * size


def test_threads_share_a_program(graph: fl.Graph) -> None:
    program = fl.compile([graph["doubled"], graph["total"]])

    def call(i: int) -> bool:
        x = np.full((1 + i % 13, 3), i, "float32")
        doubled, total = program({"x": x})
        return bool((doubled == 2 * x).all() and total == x.sum())

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(call, range(400)))


def test_a_program_can_be_called_while_its_graph_is_edited(graph: fl.Graph) -> None:
    with graph:
        out = fl.layers.dense(graph["x"], units=2, kernel_initializer="ones", name="out")
    program = fl.compile(out)

    def edit(i: int) -> None:
        graph.set("out", units=1 + i % 5)

    with ThreadPoolExecutor(1) as pool:
        edits = [pool.submit(edit, i) for i in range(100)]
        while not all(e.done() for e in edits):
            result = program({"x": X})
            np.testing.assert_array_equal(result, np.repeat([[3], [12]], result.shape[1], axis=1))
        for e in edits:
            e.result()


def test_a_value_that_an_op_refuses_is_reported_with_its_node() -> None:
    with fl.Graph("words"):
        label = fl.input("label", dtype="int64")
        hot = fl.one_hot(label, depth=3, name="classes")
        table = fl.take(fl.constant([1.0, 2.0, 3.0]), label, name="lookup")

    for tensor, name in ((hot, "classes"), (table, "lookup")):
        with pytest.raises(fl.RunError, match=rf"7 .*In test_program.py, line [0-9]+, node '{name}'") as caught:
            fl.compile(tensor)({"label": [0, 7]})
        assert caught.value.node == tensor.id


@pytest.mark.parametrize("backend", ["auto", "portable"])
def test_a_backend_is_chosen_by_name(graph: fl.Graph, backend: Any) -> None:
    assert fl.compile(graph["total"], backend=backend)({"x": X}) == 15


@pytest.mark.parametrize("backend", ["gpu", "Portable", ""])
def test_a_backend_that_is_not_there_is_refused(graph: fl.Graph, backend: Any) -> None:
    with pytest.raises(ValueError, match=f"backend {backend!r} is not available"):
        fl.compile(graph["total"], backend=backend)


def test_what_cannot_be_compiled_is_refused(graph: fl.Graph) -> None:
    with pytest.raises(ValueError, match="at least one tensor"):
        fl.compile([])
    with pytest.raises(TypeError, match="takes tensors of a graph; got str"):
        fl.compile("total")  # type: ignore[arg-type]
    with fl.Graph("other"):
        stranger = fl.constant(1.0)
    with pytest.raises(fl.SpecError, match="not in graph"):
        fl.compile([graph["total"], stranger])


def test_an_unfinished_graph_is_refused_with_its_problem(graph: fl.Graph) -> None:
    with graph:
        out = fl.layers.dense(graph["x"], units=2, name="out")
    graph.apply([fl.graph.document.Disconnect(graph.edges[-1])])

    with pytest.raises(fl.SpecError, match=r"does not typecheck.*out: input 'x' is not connected"):
        fl.compile(out)


@pytest.mark.parametrize("size", [1, 4])
def test_gradients_run_like_any_other_tensor(size: int) -> None:
    """d/dx sum(x^3) = 3 x^2, and again: 6 x."""
    with fl.Graph("cubes"):
        x = fl.input("x", dtype="float64")
        (first,) = fl.gradients(fl.sum(x * x * x), [x])
        (second,) = fl.gradients(fl.sum(first), [x])
    points = np.random.default_rng(10).normal(size=size)

    slope, curvature = fl.compile([first, second])({"x": points})

    np.testing.assert_allclose(slope, 3 * points**2)
    np.testing.assert_allclose(curvature, 6 * points)


def test_a_program_sees_what_becomes_of_variables_through_another_graph() -> None:
    with fl.Graph("g", seed=1) as g:
        y = fl.layers.dense(fl.input("x", shape=("batch", 2)), units=1)
    program = fl.compile(y)
    feeds = {"x": np.ones((1, 2), np.float32)}
    first = program(feeds)
    (kernel, _) = snapshot(g, {"y": y})["y"].graph.variables
    kernel.value = np.full((2, 1), 3.0)
    assert program(feeds).tolist() == [[6.0]]
    g.values.clear()
    assert program(feeds).tolist() == first.tolist()
