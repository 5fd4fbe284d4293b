"""Inference: named dimensions through a model, and problems that carry specs, the failing dimension and fixes."""

from __future__ import annotations

import numpy as np
import pytest

import flowloom as fl
from flowloom.graph.document import AddNode, Connect, Disconnect, EdgeDoc, NodeDoc, Patch, RemoveNode, SetParam
from flowloom.graph.kinds import all_kinds
from flowloom.op import Port


def connect(source: str, target: str, port: str = "x") -> Connect:
    return Connect(EdgeDoc(source, "y", target, port))


def canvas(*nodes: NodeDoc) -> fl.Graph:
    """A graph of nodes that a person dropped on the canvas."""
    g = fl.Graph("canvas")
    g.apply([AddNode(n) for n in nodes])
    return g


IMAGE = NodeDoc("image", "input", "image", params={"shape": ["batch", 4, 4, 1]})
ROWS = NodeDoc("rows", "input", "rows", params={"shape": ["batch", 6]})
LABEL = NodeDoc("label", "input", "label", params={"shape": ["batch"]})
DENSE = NodeDoc("dense", "layers.dense", "dense", params={"units": 3})
ADD = NodeDoc("add", "add", "add")
LOSS = NodeDoc("loss", "losses.softmax_cross_entropy", "loss")


# ---------------------------------------------------------------- named dimensions


def test_the_batch_keeps_its_name_from_the_image_to_the_logits() -> None:
    with fl.Graph():
        x = fl.input("image", shape=("batch", 8, 8, 1))
        shapes = [x.shape]
        x = fl.layers.conv2d(x, filters=16, kernel_size=3, padding="same")
        shapes.append(x.shape)
        x = fl.layers.max_pool2d(x, pool_size=2)
        shapes.append(x.shape)
        x = fl.layers.flatten(x)
        shapes.append(x.shape)
        x = fl.layers.dense(x, units=10)
        shapes.append(x.shape)

    assert shapes == [("batch", 8, 8, 1), ("batch", 8, 8, 16), ("batch", 4, 4, 16), ("batch", 256), ("batch", 10)]


def test_a_shape_may_be_joined_and_taken_apart_by_name() -> None:
    with fl.Graph():
        x = fl.input("x", shape=("batch", "time", 6))
        joined = fl.reshape(x, shape=(-1, 6))
        apart = fl.reshape(joined, shape=("batch", "time", 2, 3))

    assert (joined.shape, apart.shape) == (("batch*time", 6), ("batch", "time", 2, 3))


def test_one_name_is_one_size_and_two_names_are_two() -> None:
    with fl.Graph():
        x, y = fl.input("x", shape=("batch", 3)), fl.input("y", shape=("time", 3))
        with pytest.raises(fl.SpecError) as caught:
            x + y

    assert caught.value.dimension == "axis -2: batch != time"


def test_a_program_binds_the_names_anew_at_each_call() -> None:
    with fl.Graph():
        x, y = fl.input("x", shape=("batch", 2)), fl.input("y", shape=("batch",))
        program = fl.compile(fl.sum(x, axis=1) * y)

    for size in (1, 3, 0, 2):
        result = program({"x": np.ones((size, 2)), "y": np.arange(size)})
        np.testing.assert_array_equal(result, 2 * np.arange(size))
    with pytest.raises(fl.FeedError, match="'batch' is 2 in input 'x' and 3 in input 'y'"):
        program({"x": np.ones((2, 2)), "y": np.arange(3)})


def test_an_unknown_size_may_be_any() -> None:
    with fl.Graph():
        x = fl.input("x", shape=(None, 2))
        y = fl.layers.dense(x, units=3)
        program = fl.compile(y)

    assert y.shape == (None, 3)
    assert program({"x": np.ones((5, 2))}).shape == (5, 3)


# ---------------------------------------------------------------- problems


def test_a_node_without_its_wire_says_which_is_missing() -> None:
    g = canvas(ROWS, DENSE)

    assert [(p.node, p.code, p.port, p.message) for p in g.problems] == [
        ("dense", "missing", "x", "input 'x' is not connected")
    ]


def test_a_node_without_a_required_parameter_says_so_and_takes_wires() -> None:
    g = canvas(ROWS, NodeDoc("reshape", "reshape", "reshape"))
    wire: Patch = [connect("rows", "reshape")]

    assert g.refusal([AddNode(NodeDoc("other", "reshape", "other"))]) is None
    assert g.refusal(wire) is None
    g.apply(wire)
    assert [(p.code, p.message) for p in g.problems] == [("missing", "parameter 'shape' is not set")]
    g.apply([SetParam("reshape", "shape", [-1])])
    assert g.problems == []
    assert g["reshape"].shape == ("6*batch",)


def test_what_waits_behind_a_problem_has_none_of_its_own() -> None:
    g = canvas(ROWS, DENSE, NodeDoc("after", "relu", "after"))
    g.apply([connect("dense", "after")])

    assert [p.node for p in g.problems] == ["dense"]
    with pytest.raises(fl.SpecError, match="the spec of 'after' is not known: dense: input 'x' is not connected"):
        _ = g["after"].spec


def test_inputs_that_do_not_fit_are_shown_with_both_specs_and_the_dimension() -> None:
    g = canvas(ROWS, NodeDoc("v", "variable", "v", params={"shape": [5]}), ADD)
    g.apply([connect("rows", "add", "a"), connect("v", "add", "b")])
    (problem,) = g.problems

    assert problem.specs == ["float32[batch, 6]", "float32[5]"]
    assert problem.dimension == "axis -1: 6 != 5"
    assert problem.message.startswith("add(a: float32[batch, 6], b: float32[5]): shapes do not broadcast")


@pytest.mark.parametrize(
    ("key", "value", "message", "label"),
    [
        ("units", 0, "units=0 does not fit: it must be int >= 1", "Reset units to its default"),
        ("unit", 3, "layers.dense has no parameter 'unit'; did you mean 'units'?", "Remove unit"),
        ("activation", "rellu", "there is no 'rellu'; did you mean 'relu'?", "Reset activation to its default"),
    ],
)
def test_a_wrong_parameter_is_a_problem_that_one_click_mends(key: str, value: object, message: str, label: str) -> None:
    g = canvas(ROWS, DENSE)
    g.apply([connect("rows", "dense"), SetParam("dense", key, value)])
    (problem,) = g.problems

    assert problem.code == "parameter"
    assert message in problem.message
    assert [f.label for f in problem.fixes] == [label]
    g.apply(problem.fixes[0].patch)
    assert g.problems == []


def test_a_wrong_value_of_a_required_parameter_has_no_default_to_go_back_to() -> None:
    g = canvas(LABEL, NodeDoc("hot", "one_hot", "hot", params={"depth": 0}))

    assert [(p.code, p.fixes) for p in g.problems] == [("parameter", [])]


# ---------------------------------------------------------------- wires by hand


def test_a_wire_that_does_not_fit_is_refused_with_fixes_that_do_what_was_meant() -> None:
    g = canvas(IMAGE, ROWS, NodeDoc("matmul", "matmul", "matmul"))
    g.apply([connect("rows", "matmul", "a")])
    problem = g.refusal([connect("rows", "matmul", "b")])
    assert problem is not None

    assert problem.specs == ["float32[batch, 6]", "float32[batch, 6]"]
    assert "inner sizes differ, 6 and batch" in problem.message
    assert [f.label for f in problem.fixes] == ["Swap the axes before a", "Swap the axes before b"]
    g.apply(problem.fixes[1].patch)
    assert (g.problems, g["matmul"].shape) == ([], ("batch", "batch"))
    g.undo()
    assert len(g.edges) == 1


def test_labels_of_floats_are_offered_another_dtype_or_a_cast() -> None:
    g = canvas(ROWS, LABEL, LOSS)
    g.apply([connect("rows", "loss", "logits")])
    problem = g.refusal([connect("label", "loss", "label")])
    assert problem is not None

    assert [f.label for f in problem.fixes] == ["Set dtype of label to int64", "Cast to int64 before label"]
    g.apply(problem.fixes[0].patch)
    assert g.problems == []
    assert str(g["label"].spec) == "int64[batch]"
    g.undo()
    g.apply(problem.fixes[1].patch)
    assert g.problems == []
    (cast,) = (n for n in g.nodes.values() if n.kind == "cast")
    assert cast.params == {"dtype": "int64"}


def test_a_layer_of_another_size_is_offered_the_size_that_fits() -> None:
    with fl.Graph() as g:
        rows = fl.input("rows", ("batch", 6))
        target = fl.input("target", ("batch", 3))
        fl.layers.dense(rows, units=5, name="hidden")
        g.apply([AddNode(NodeDoc("loss", "losses.mean_squared_error", "loss"))])
    g.apply([connect(g["hidden"].id, "loss", "prediction"), connect(target.id, "loss", "target")])
    (problem,) = g.problems

    assert "Set units of hidden to 3" in [f.label for f in problem.fixes]
    g.apply(next(f.patch for f in problem.fixes if f.label == "Set units of hidden to 3"))
    assert g.problems == []


def test_a_setting_that_would_break_another_reader_is_not_offered() -> None:
    with fl.Graph() as g:
        rows = fl.input("rows", ("batch", 6))
        hidden = fl.layers.dense(rows, units=5, name="hidden")
        fl.losses.mean_squared_error(hidden, fl.input("five", ("batch", 5)), name="other")
        target = fl.input("target", ("batch", 3))
        g.apply([AddNode(NodeDoc("loss", "losses.mean_squared_error", "loss"))])
    g.apply([connect(hidden.id, "loss", "prediction"), connect(target.id, "loss", "target")])
    (problem,) = g.problems

    assert not any("units" in f.label for f in problem.fixes)


def test_the_only_loose_end_that_fits_an_open_input_is_offered() -> None:
    with fl.Graph() as g:
        rows = fl.input("rows", ("batch", 6))
        fl.input("label", ("batch",), "int64")
        scores = fl.layers.dense(rows, units=3, name="scores")
        g.apply([AddNode(NodeDoc("loss", "losses.softmax_cross_entropy", "loss"))])
    g.apply([connect(scores.id, "loss", "logits")])
    (problem,) = g.problems

    assert [f.label for f in problem.fixes] == ["Connect label"]
    g.apply(problem.fixes[0].patch)
    assert g.problems == []


def test_a_fix_stands_between_the_nodes_that_it_joins() -> None:
    g = fl.Graph()
    g.apply([AddNode(NodeDoc("rows", "input", "rows", params={"shape": ["batch", 6]}, x=0.0, y=10.0))])
    g.apply([AddNode(NodeDoc("m", "matmul", "m", x=200.0, y=50.0)), connect("rows", "m", "a")])
    problem = g.refusal([connect("rows", "m", "b")])
    assert problem is not None
    g.apply(problem.fixes[0].patch)

    (new,) = (n for n in g.nodes.values() if n.kind == "transpose")
    assert (new.x, new.y) == (100.0, 30.0)


def test_a_parameter_that_would_break_its_node_is_refused() -> None:
    g = canvas(ROWS, NodeDoc("sum", "sum", "sum", params={"axis": 1}))
    g.apply([connect("rows", "sum")])

    for value, why in ((2, "axis 2 is outside"), ("x", "axis='x' does not fit")):
        problem = g.refusal([SetParam("sum", "axis", value)])
        assert problem is not None
        assert why in problem.message
    assert g.refusal([SetParam("sum", "axis", 0)]) is None


def test_a_node_that_a_patch_adds_and_removes_again_is_no_reason_to_refuse_it() -> None:
    g = canvas(ROWS)
    bad = NodeDoc("bad", "layers.dense", "bad", params={"units": 0})

    assert g.refusal([AddNode(bad), *g.state.removal(["rows"])]) is not None
    assert g.refusal([AddNode(bad), RemoveNode("bad")]) is None


def test_verdicts_name_every_port_that_a_wire_might_go_to() -> None:
    g = canvas(ROWS, LABEL, DENSE, LOSS, NodeDoc("after", "relu", "after"), NodeDoc("all", "concatenate", "all"))
    g.apply([AddNode(NodeDoc("words", "layers.embedding", "words"))])
    g.apply([connect("rows", "dense"), connect("dense", "after"), connect("dense", "loss", "logits")])
    verdicts = g.verdicts(g["dense"])

    assert list(verdicts) == [
        ("dense", "x"),
        ("loss", "logits"),
        ("loss", "label"),
        ("loss", "sample_weight"),
        ("after", "x"),
        ("all", "xs.0"),
        ("words", "indices"),
    ]
    assert verdicts["dense", "x"] == "this would close a cycle"
    assert "embedding reads integers" in (verdicts["words", "indices"] or "")
    assert [verdicts[p] for p in (("loss", "logits"), ("after", "x"), ("all", "xs.0"))] == [None] * 3


@pytest.mark.parametrize(("source", "port"), [("ghost", "y"), ("rows", "z")])
def test_verdicts_for_what_is_not_there_are_refused(source: str, port: str) -> None:
    g = canvas(ROWS, DENSE)
    with pytest.raises(fl.PatchError):
        g.verdicts(fl.Tensor(g, source, port))


# ---------------------------------------------------------------- incremental


def test_only_what_lies_behind_a_change_is_inferred_again() -> None:
    with fl.Graph() as g:
        x = fl.input("x", shape=("batch", 4))
        left, right = fl.relu(x, name="left"), fl.tanh(x, name="right")
        fl.add(left, right, name="sum")
        fl.layers.dense(right, units=2, name="dense")

    def changed(*patch: SetParam) -> set[str]:
        return {g.nodes[id].name for id in g.apply(list(patch)).changed}

    assert changed(SetParam(g["dense"].id, "units", 3)) == {"dense"}
    assert changed(SetParam(g["x"].id, "shape", ["batch", 5])) == {"x", "left", "right", "sum", "dense"}
    assert changed(SetParam(g["x"].id, "shape", ["batch", 5])) == set()


def test_a_node_that_comes_out_the_same_stops_the_wave() -> None:
    with fl.Graph() as g:
        x = fl.input("x", shape=("batch", 4))
        fl.relu(fl.layers.dense(x, units=2, name="dense"))

    applied = g.apply([SetParam(g["dense"].id, "trainable", False)])
    assert {g.nodes[id].name for id in applied.changed} == {"dense"}
    assert g.trainable_variables == []


def test_rewiring_brings_the_types_of_the_new_source() -> None:
    with fl.Graph() as g:
        x, y = fl.input("x", shape=("batch", 4)), fl.input("y", shape=("time", 7), dtype="float64")
        out = fl.relu(x)
    g.apply([Disconnect(EdgeDoc(x.id, "y", out.id, "x")), connect(y.id, out.id)])

    assert out.spec == fl.Spec(("time", 7), "float64")


# ---------------------------------------------------------------- every kind there is


@pytest.mark.parametrize("kind", all_kinds(), ids=lambda k: k.name)
def test_any_kind_can_be_dropped_on_the_canvas_and_taken_back(kind: fl.graph.kinds.Kind) -> None:
    g = canvas(IMAGE, ROWS, LABEL)
    new = NodeDoc("new", kind.name, kind.label)
    assert g.refusal([AddNode(new)]) is None
    g.apply([AddNode(new)])
    for source in ("image", "rows", "label"):
        for port in kind.ports:
            name = port.name if not port.variadic else f"{port.name}.0"
            if ("new", name) not in g.state.edges:
                g.apply([connect(source, "new", name)])
    assert all(p.node == "new" for p in g.problems)
    g.remove(kind.label)

    assert len(g.nodes) == 3


def test_the_palette_shows_no_kind_twice_and_none_without_help() -> None:
    kinds = all_kinds()

    assert len({k.name for k in kinds}) == len(kinds)
    assert [k.name for k in kinds if not k.doc or not all(isinstance(p, Port) for p in k.ports)] == []


def test_fixes_are_looked_for_where_few_ends_are_loose_and_for_the_first_problems_only() -> None:
    g = fl.Graph()
    g.apply([AddNode(NodeDoc("rows", "input", "rows", params={"shape": ["batch", 6]}))])
    g.apply([AddNode(NodeDoc(f"flat{i}", "layers.flatten", f"flat{i}")) for i in range(40)])

    fixed = [bool(p.fixes) for p in g.problems]

    assert len(fixed) == 40
    assert fixed == sorted(fixed, reverse=True)
    assert 0 < sum(fixed) < 40

    others = [AddNode(NodeDoc(f"more{i}", "input", f"more{i}")) for i in range(20)]
    g.apply(others)
    assert not any(p.fixes for p in g.problems)  # which of them is meant is not ours to guess
