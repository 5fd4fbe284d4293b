"""Building in Python: what a wrong line says, and that it leaves the graph as it was."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import flowloom as fl

from . import walks


@pytest.fixture
def graph() -> fl.Graph:
    """Two inputs and a layer."""
    with fl.Graph("net") as g:
        x = fl.input("x", shape=("batch", 4))
        fl.input("label", dtype="int64")
        fl.layers.dense(x, units=3, name="hidden")
    g.rename("hidden", "first")
    g.undo()
    return g


def numbers(g: fl.Graph) -> Any:
    """What counts the changes of a graph."""
    return g.revision, g.structure, g.undo_depth, g.redo_depth


# ---------------------------------------------------------------- errors at the user's line

WRONG: dict[str, tuple[Callable[[fl.Tensor, fl.Tensor], Any], type[Exception], str]] = {
    "shapes": (
        lambda x, label: x + fl.constant([1.0, 2.0]),
        fl.SpecError,
        r"add\(a: float32\[batch, 4\], b: float32\[2\]\): shapes do not broadcast: axis -1 is 4 and 2; .*node 'add'",
    ),
    "names": (
        lambda x, label: fl.matmul(x, x),
        fl.SpecError,
        r"matmul\(a: float32\[batch, 4\], b: float32\[batch, 4\]\): inner sizes differ, 4 and batch\. "
        r"In test_building\.py, line [0-9]+, node 'matmul'",
    ),
    "layer": (
        lambda x, label: fl.layers.dense(label, units=3),
        fl.SpecError,
        r"dense\(x: int64\[batch\]\): .* node 'dense'",
    ),
    "loss": (
        lambda x, label: fl.losses.softmax_cross_entropy(label, x),
        fl.SpecError,
        r"softmax_cross_entropy\(logits: int64\[batch\], label: float32\[batch, 4\]\)",
    ),
    "nothing": (lambda x, label: x + None, fl.SpecError, "None is not an array of numbers"),
    "text": (lambda x, label: "abc" * x, fl.SpecError, "'abc' is not an array of numbers"),
    "ragged": (lambda x, label: x * [[1], [2, 3]], fl.SpecError, "is not an array of numbers"),
    "complex": (lambda x, label: x * 1j, fl.SpecError, "is not an array of numbers"),
    "large literal": (lambda x, label: x + np.zeros((3000, 4)), fl.SpecError, "at most 10000 numbers; got 12000"),
    "large constant": (
        lambda x, label: fl.constant(np.zeros(10_001)),
        fl.SpecError,
        "at most 10000 numbers; got 10001",
    ),
    "literal range": (lambda x, label: fl.cast(x, dtype="int8") + 300, fl.SpecError, "that int8 holds"),
    "constant dtype": (lambda x, label: fl.constant(1, dtype="number"), fl.SpecError, "there is no 'number'"),
    "count": (lambda x, label: fl.matmul(x), TypeError, r"matmul\(a, b\) takes 2 tensors; got 1"),
    "none at all": (lambda x, label: fl.layers.dense(units=3), TypeError, r"layers.dense\(x\) takes 1 tensor; got 0"),
    "parameter": (
        lambda x, label: fl.layers.dense(x, unit=3),
        TypeError,
        r"layers.dense\(\) has no parameter 'unit'; did you mean 'units'\?",
    ),
    "missing": (lambda x, label: fl.one_hot(label), TypeError, r"one_hot\(\) needs the parameter 'depth'"),
    "value": (lambda x, label: fl.layers.dense(x, units=0), fl.SpecError, "units=0 does not fit: it must be int >= 1"),
    "choice": (
        lambda x, label: fl.layers.dense(x, activation="rellu"),
        fl.SpecError,
        "activation='rellu' does not fit: there is no 'rellu'; did you mean 'relu'",
    ),
    "kind": (
        lambda x, label: x.graph.add("layers.dens", [x]),
        KeyError,
        "there is no kind 'layers.dens'; did you mean",
    ),
    "truth": (lambda x, label: x if x > 0 else -x, TypeError, r"no truth value .*; use where\(condition, a, b\)"),
    "name": (lambda x, label: fl.relu(x, name="hidden"), fl.PatchError, "there is a node named 'hidden' already"),
    "input name": (lambda x, label: fl.input("x", shape=(3,)), fl.PatchError, "there is a node named 'x' already"),
    "slash": (lambda x, label: fl.relu(x, name="a/b"), fl.PatchError, "without '/'; got 'a/b'"),
    "no name": (lambda x, label: fl.relu(x, name=""), fl.PatchError, "a name is 1 to 120 printable"),
    "no text": (lambda x, label: fl.input(3), fl.PatchError, "a name is 1 to 120 printable"),  # type: ignore[arg-type]
    "shape": (lambda x, label: fl.input("z", shape=8), fl.SpecError, "shape=8 does not fit"),  # type: ignore[arg-type]
    "size": (lambda x, label: fl.input("z", shape=(-1,)), fl.SpecError, r"shape=\(-1,\) does not fit"),
    "dimension": (
        lambda x, label: fl.input("z", shape=("2*batch",)),
        fl.SpecError,
        "one name or None; got '2\\*batch'",
    ),
    "dtype": (lambda x, label: fl.input("z", dtype=complex), fl.SpecError, "dtype=<class 'complex'> does not fit"),
    "variable": (lambda x, label: fl.variable("v", ("batch",)), fl.SpecError, "does not fit"),  # type: ignore[arg-type]
    "vector": (lambda x, label: fl.gradients(x, [x]), fl.SpecError, r"needs a scalar; got float32\[batch, 4\]"),
    "integer": (
        lambda x, label: fl.gradients(fl.mean(x), [label]),
        fl.SpecError,
        "only floats can be differentiated by",
    ),
    "one": (lambda x, label: fl.gradients(fl.mean(x), x), TypeError, "takes a tensor and a list"),  # type: ignore[arg-type]
    "wrt": (lambda x, label: fl.gradients(fl.mean(x), ["x"]), TypeError, "got 'x'"),  # type: ignore[list-item]
    "lookup": (lambda x, label: x.graph["hiden"], KeyError, "graph 'net' has no node 'hiden'; did you mean 'hidden'"),
    "set": (lambda x, label: x.graph.set("hidden", unit=3), TypeError, "no parameter 'unit'; did you mean 'units'"),
    "set value": (lambda x, label: x.graph.set("hidden", units="3"), fl.SpecError, "it must be int, got text"),
    "remove": (lambda x, label: x.graph.remove("x", "ghost"), KeyError, "has no node 'ghost'"),
}


@pytest.mark.parametrize("line", WRONG)
def test_a_wrong_line_says_what_is_wrong_and_changes_nothing(graph: fl.Graph, line: str) -> None:
    call, error, why = WRONG[line]
    with graph:
        x, label = graph["x"], graph["label"]
        if line in ("vector", "integer", "one", "wrt"):  # their own line is the second
            with pytest.raises(error, match=why):
                call(x, label)
            return
        before, counts = walks.seen(graph), numbers(graph)
        with pytest.raises(error, match=why) as caught:
            call(x, label)

    if line not in ("shapes", "literal range", "truth"):  # these add a node that fits first
        assert walks.seen(graph) == before
        assert numbers(graph) == counts
    assert "\n" not in str(caught.value)


def test_a_wrong_line_takes_no_name_and_no_id(graph: fl.Graph) -> None:
    with graph:
        for _ in range(3):
            with pytest.raises(fl.SpecError):
                graph["x"] + [1.0, 2.0]
        good = graph["x"] + 1.0

    assert [n.path for n in graph.nodes.values()][-2:] == ["constant", "add"]
    assert good.id == "n5"


def test_an_error_carries_the_failing_dimension(graph: fl.Graph) -> None:
    with graph, pytest.raises(fl.SpecError) as caught:
        graph["x"] + np.zeros(2, np.float32)

    assert caught.value.dimension == "axis -1: 4 != 2"


def test_the_listeners_hear_nothing_of_a_wrong_line(graph: fl.Graph) -> None:
    heard: list[Any] = []
    graph.subscribe(heard.append)
    with graph, pytest.raises(fl.SpecError):
        fl.matmul(graph["x"], graph["x"])

    assert heard == []


def test_tensors_of_two_graphs_do_not_mix(graph: fl.Graph) -> None:
    with fl.Graph("other") as other:
        z = fl.input("z", shape=("batch", 4))
        foreign = fl.variable("w", (4,))
    with pytest.raises(fl.SpecError, match="'z' belongs to graph 'other', not to 'net'"):
        graph["x"] + z
    with pytest.raises(fl.SpecError, match="'w' belongs to graph 'other', not to 'net'"):
        fl.gradients(fl.mean(graph["x"]), other.variables)
    with pytest.raises(fl.SpecError, match="belongs to graph"):
        fl.gradients(fl.mean(graph["x"]), [foreign])


def test_outside_of_a_graph_there_is_nowhere_to_build() -> None:
    with pytest.raises(RuntimeError, match=r'no graph is open; build inside "with fl.Graph\(name\) as g:"'):
        fl.input("x")
    with pytest.raises(RuntimeError, match="no graph is open"):
        fl.layers.dense(np.zeros((2, 3)), units=1)


def test_a_graph_is_open_in_its_own_thread_only() -> None:
    errors: list[Exception] = []

    def build() -> None:
        try:
            fl.input("x")
        except RuntimeError as error:
            errors.append(error)

    with fl.Graph():
        thread = threading.Thread(target=build)
        thread.start()
        thread.join()
    assert len(errors) == 1


# ---------------------------------------------------------------- what is built


def test_an_op_goes_into_the_graph_of_its_tensors(graph: fl.Graph) -> None:
    with fl.Graph("open") as other:
        fl.relu(graph["x"])

    assert ([n.kind for n in graph.nodes.values()][-1], len(other.nodes)) == ("relu", 0)


def test_numbers_beside_tensors_become_constants_of_their_own() -> None:
    with fl.Graph() as g:
        x = fl.input("x", shape=(2,))
        fl.where(x > 0.0, 1.0, -x)
        fl.where(x > 0.0, 2.5, np.float32([1, 2]))

    constants = [n for n in g.nodes.values() if n.kind == "constant"]
    assert [n.params["value"] for n in constants] == [0.0, 1.0, 0.0, 2.5, [1.0, 2.0]]
    assert [n.name for n in constants] == ["constant", "constant_1", "constant_2", "constant_3", "constant_4"]


def test_one_line_is_one_step() -> None:
    with fl.Graph() as g:
        x = fl.input("x", shape=(2,))
        fl.where(x > 0.0, 1.0, 2.0)

    assert g.undo_depth == 3
    g.undo()
    assert [n.kind for n in g.nodes.values()] == ["input", "constant", "greater"]


def test_operators_read_as_in_numpy() -> None:
    a, b = np.float32([[1, -2], [3, 4]]), np.float32([[5, 6], [-7, 8]])
    with fl.Graph():
        x, y = (fl.input(n, shape=(2, 2)) for n in "xy")
        made = [x + y, 2 - x, x * y, 1 / x, x**2, 2**x, x @ y, -x, abs(x), x < y, x >= 3, b * x, b @ x]
        got = fl.compile(made)({"x": a, "y": b})

    expected = [a + b, 2 - a, a * b, 1 / a, a**2, 2**a, a @ b, -a, abs(a), a < b, a >= 3, b * a, b @ a]
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_scopes_nest_and_names_are_free_in_each() -> None:
    with fl.Graph() as g:
        x = fl.input("x", shape=("batch", 2))
        with g.scope("encoder"):
            h = fl.layers.dense(x, units=2)
            with g.scope("block"):
                h = fl.layers.dense(h, units=2)
        fl.layers.dense(h, units=2)

    assert [n.path for n in g.nodes.values()] == ["x", "encoder/dense", "encoder/block/dense", "dense"]
    assert g["encoder/block/dense"].name == "encoder/block/dense"
    assert g[h.name].id == h.id
    assert g.variables[2].name == "encoder/block/dense/kernel"


def test_inputs_of_one_name_in_two_scopes_are_fed_by_their_paths() -> None:
    with fl.Graph() as g:
        x = fl.input("x", shape=("batch",))
        with g.scope("other"):
            z = fl.input("x", shape=("batch",))
        program = fl.compile(x - 2 * z)

    assert list(program.inputs) == ["x", "other/x"]
    np.testing.assert_array_equal(program({"x": [5.0], "other/x": [1.0]}), [3.0])


@pytest.mark.parametrize("scope", ["a//b", " ", "a/", "x" * 121])
def test_a_scope_is_made_of_names(scope: str) -> None:
    with fl.Graph() as g, g.scope(scope), pytest.raises(fl.PatchError, match="each name in a scope"):
        fl.input("x")
    assert len(g.nodes) == 0


def test_what_nothing_reads_is_an_output_of_the_graph(graph: fl.Graph) -> None:
    assert [t.name for t in graph.outputs] == ["label", "hidden"]
    assert [t.name for t in graph.inputs] == ["x", "label"]


def test_an_unknown_kind_can_be_renamed_and_removed_but_not_set() -> None:
    g = fl.Graph()
    g.apply([walks.AddNode(walks.NodeDoc("a", "mystery", "a"))])
    g.rename("a", "b")
    with pytest.raises(fl.SpecError, match="cannot be set: b: the kind 'mystery' is not known"):
        g.set("b", x=1)
    with pytest.raises(fl.SpecError, match="the outputs of 'b' are not known: b: the kind 'mystery'"):
        g["b"]
    g.remove("b")

    assert len(g.nodes) == 0


# ---------------------------------------------------------------- gradients in the graph


def test_gradients_are_tensors_of_the_graph_with_the_numbers_of_numpy() -> None:
    data = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    with fl.Graph() as g:
        x = fl.input("x", shape=("batch", 3))
        w = fl.variable("w", (3, 2), initializer="ones")
        loss = fl.mean(fl.square(x @ w), name="loss")
        slopes = fl.gradients(loss, [w, x, *g.variables])
    by_w, by_x, by_variable = fl.compile(slopes)({"x": data})

    error = 2 * (data @ np.ones((3, 2))) / 10
    np.testing.assert_allclose(by_w, data.T @ error, rtol=1e-5)
    np.testing.assert_allclose(by_x, error @ np.ones((2, 3)), rtol=1e-5)
    np.testing.assert_array_equal(by_variable, by_w)
    assert [s.shape for s in slopes] == [(3, 2), ("batch", 3), (3, 2)]


def test_a_gradient_can_be_differentiated_again() -> None:
    with fl.Graph():
        x = fl.input("x", shape=())
        (first,) = fl.gradients(fl.exp(x * 2.0), [x])
        (second,) = fl.gradients(first, [x])

    assert fl.compile(second)({"x": 0.3}) == pytest.approx(4 * np.exp(0.6), rel=1e-6)


def test_what_the_loss_does_not_depend_on_has_zeros() -> None:
    with fl.Graph() as g:
        x = fl.input("x", shape=("batch", 3))
        loss = fl.mean(fl.layers.dense(x, units=2, name="used"))
        fl.layers.dense(x, units=4, name="unused")
        z = fl.input("z", shape=("batch",))
        slopes = fl.gradients(loss, [*g.trainable_variables, z])
    values = fl.compile(slopes)({"x": np.ones((2, 3)), "z": [1.0, 2.0]})

    assert [v.shape for v in values] == [(3, 2), (2,), (3, 4), (4,), (2,)]
    assert [bool(v.any()) for v in values] == [True, True, False, False, False]
    assert walks.rebuilt(g).problems == []


def test_the_gradients_follow_an_edit_of_the_layer() -> None:
    with fl.Graph() as g:
        x = fl.input("x", shape=("batch", 3))
        loss = fl.mean(fl.layers.dense(x, units=2))
        kernel, _ = fl.gradients(loss, g.variables)
    g.set("dense", units=5)
    assert kernel.shape == (3, 5)

    g.set("dense", use_bias=False)
    assert [p.message for p in g.problems] == ["gradients(y: float32[]): y does not depend on the variable 'n2/bias'"]


def test_ten_thousand_nodes_are_built_differentiated_and_run_without_recursion() -> None:
    count = 10_000
    with fl.Graph() as g:
        x = y = fl.input("x", shape=("batch", 2))
        for _ in range(count):
            y = -y
        (slope,) = fl.gradients(fl.sum(y), [x])

    np.testing.assert_array_equal(fl.compile(slope)({"x": np.ones((1, 2))}), [[1, 1]])
    g.set("x", shape=("batch", 3))
    assert slope.shape == ("batch", 3)
    g.remove("x")
    with pytest.raises(fl.SpecError, match="negative: input 'x' is not connected"):
        _ = slope.spec


# ---------------------------------------------------------------- threads


def test_one_thread_reads_while_another_builds() -> None:
    g = fl.Graph()
    done = threading.Event()
    errors: list[BaseException] = []

    def read() -> None:
        try:
            while not done.is_set():
                assert all(t.graph is g for t in (*g.inputs, *g.outputs))
                assert len(g.variables) % 2 == 0
                assert g.problems == []
                fl.formats.flow.encode(g)
        except BaseException as error:
            errors.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    with g:
        x = fl.input("x", shape=("batch", 2))
        for _ in range(150):
            fl.layers.dense(x, units=2)
    done.set()
    reader.join()
    assert errors == []


def test_numpy_functions_on_a_tensor_are_its_ops() -> None:
    with fl.Graph() as g:
        x = fl.input("x", shape=(3,))
        y = np.maximum(np.sin(x), np.array([0.1, 0.2, 0.3], np.float32)) + np.float32(1)

    values = np.array([0.0, 1.0, 2.0], np.float32)
    expected = np.maximum(np.sin(values), np.array([0.1, 0.2, 0.3], np.float32)) + 1
    np.testing.assert_allclose(fl.compile(y)({"x": values}), expected, rtol=1e-6)
    assert [n.kind for n in g.nodes.values() if n.kind != "constant"] == ["input", "sin", "maximum", "add"]


@pytest.mark.parametrize(
    ("use", "why"),
    [
        (lambda x: x == 0, r"a tensor equals only itself; to compare its elements, use equal\(a, b\) or not_equal"),
        (lambda x: x != np.ones(4), r"a tensor equals only itself"),
        (
            len,
            r"a tensor has no length while the graph is built; its shape is \[batch, 4\]\. In test_building.py, line",
        ),
        (
            float,
            r"a tensor has no value while the graph is built; compile it and feed its inputs\. In test_building.py",
        ),
        (np.asarray, r"a tensor has no value while the graph is built; compile it and feed its inputs"),
        (
            np.mean,
            r"a tensor has no value while the graph is built; compile it and feed its inputs\. In test_building.py",
        ),
        (np.spacing, r"numpy\.spacing does not work on a Tensor; use flowloom's own functions"),
        (np.add.reduce, r"numpy\.add does not work on a Tensor"),
    ],
)
def test_what_a_tensor_is_not_is_said(use: Any, why: str) -> None:
    with fl.Graph(), pytest.raises(TypeError, match=why):
        use(fl.input("x", shape=("batch", 4)))


def test_a_graph_keeps_what_is_needed_and_nothing_else() -> None:
    with fl.Graph() as g:
        x = fl.input("x", shape=("batch", 4))
        features = fl.layers.dense(x, units=3, name="features")
        fl.layers.dense(features, units=2, name="head")
    g.keep(features)

    assert [n.path for n in g.nodes.values()] == ["x", "features"]
    g.undo()
    assert "head" in [n.path for n in g.nodes.values()]


def test_a_variable_is_frozen_by_assignment() -> None:
    with fl.Graph() as g:
        fl.layers.dense(fl.input("x", shape=("batch", 4)), units=3, name="features")
    kernel = g.variable("features/kernel")
    kernel.trainable = False

    assert not kernel.trainable
    assert g.trainable_variables == []


def test_a_program_shows_what_it_reads_and_gives() -> None:
    with fl.Graph():
        y = fl.exp(fl.input("x", shape=("batch", 4)), name="y")

    assert repr(fl.compile(y)) == "<program: x -> y>"
    assert repr(y.spec) == "Spec(('batch', 4), 'float32')"
