"""A graph saved as ONNX: every op, whole graphs, and what is said of those that cannot be saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import ModelProto

import flowloom as fl
from flowloom.formats.onnx.writing.saving import to_model
from flowloom.op import REGISTRY, Op
from flowloom.spec import SpecError
from tests.formats.onnx.readers import Array, check_readers, nodes_of
from tests.ops.test_conformance import samples

DECOMPOSED = "ONNX has no op for it, and it takes more than a few"
RUNTIME = "ONNX wants it known before the model runs"
# What cannot be written, on some of its samples at least. A graph with random numbers draws them from its own seed.
UNWRITABLE = {
    "bitcast": "ONNX has it from opset 26 on",
    "cholesky": DECOMPOSED,
    "eigh": DECOMPOSED,
    "extract_patches_by": RUNTIME,
    "fold_pad_by": RUNTIME,
    "fold_patches_to": RUNTIME,
    "inv": DECOMPOSED,
    "qr": DECOMPOSED,
    "roi_align": "ONNX says how large a maximum is, not where, which its gradient needs: only mean",
    "roi_align_backprop": DECOMPOSED,
    "roi_align_largest": "ONNX says how large a maximum is, not where",
    "solve": DECOMPOSED,
    "svd": DECOMPOSED,
    "triangular_solve": DECOMPOSED,
    "unresize_by": RUNTIME,
    **{op.name: "ONNX draws other numbers" for op in REGISTRY.values() if op.family == "random"},
}
# What cannot be written along an axis of which only the name is known.
SIZES_NEEDED = {"dct", "fold_pad", "idct", "mfcc", "resize_backprop", "scale_ends"}

OPS = sorted(REGISTRY.values(), key=lambda op: op.name)
every_op = pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)


def graph_of(
    op: Op, args: tuple[Any, ...], params: dict[str, Any], batch: int | None, *, only_first: bool = False
) -> Any:
    """A graph of one node, and what to feed. Dimensions in front of the size `batch` have that name."""
    graph, feeds = fl.Graph(op.name), {}
    with graph:
        tensors = []
        for i, a in enumerate(args):
            if a is None:
                tensors.append(None)
                continue
            named = a.ndim > 0 and a.shape[0] == batch and (i == 0 or not only_first)
            shape = ("batch", *a.shape[1:]) if named else a.shape
            tensors.append(fl.input(f"x{i}", shape=shape, dtype=a.dtype.name))
            feeds[f"x{i}"] = a
        if "shape" in params and batch:
            params = {**params, "shape": tuple("batch" if d == batch else d for d in params["shape"])}
        made = graph.add(op.name, tensors, params)
        for i, y in enumerate(made if isinstance(made, tuple) else (made,)):
            fl.output(y, f"y{i}")
    return graph, feeds


def expected_of(graph: fl.Graph, feeds: dict[str, Array]) -> list[Array]:
    with np.errstate(all="ignore"):
        found: list[Array] = fl.compile(graph.outputs)(feeds)
    return found


@every_op
def test_every_op_gives_its_numbers_to_all_who_read_it(op: Op) -> None:
    refused = 0
    for args, params in samples(op, "float32"):
        graph, feeds = graph_of(op, args, params, None)
        try:
            model = to_model(graph)
        except fl.formats.onnx.UnsupportedOps:
            refused += 1
            continue
        check_readers(model, feeds, expected_of(graph, feeds))

    assert (refused > 0) == (op.name in UNWRITABLE), UNWRITABLE.get(op.name)


@every_op
def test_a_first_dimension_that_has_a_name(op: Op) -> None:
    for args, params in samples(op, "float32"):
        first = next((a for a in args if a is not None), None)
        if first is None or not first.ndim or first.shape[0] < 2:
            continue
        others = any(a is not None and a.ndim and a.shape[0] == first.shape[0] for a in args[1:])
        for only_first in (False, True) if others else (False,):
            try:
                graph, feeds = graph_of(op, args, params, first.shape[0], only_first=only_first)
            except SpecError:  # the op needs to know this size
                continue
            try:
                model = to_model(graph)
            except fl.formats.onnx.UnsupportedOps:
                assert op.name in UNWRITABLE or op.name in SIZES_NEEDED
                continue
            check_readers(model, feeds, expected_of(graph, feeds))


# ---------------------------------------------------------------- dtypes


def saved(graph: fl.Graph, feeds: dict[str, Array], rtol: float = 1e-5) -> ModelProto:
    """The model of a graph, which gives the graph's numbers to all who read it."""
    model = to_model(graph)
    check_readers(model, feeds, expected_of(graph, feeds), rtol)
    return model


def types(model: ModelProto) -> list[str]:
    """The ops of a model, constants left out."""
    return [n.op_type for n in model.graph.node if n.op_type != "Constant"]


@pytest.mark.parametrize(("a", "b"), [("int32", "int64"), ("uint8", "float16"), ("float32", "int64"), ("bool", "int8")])
def test_operands_of_two_dtypes_meet_in_the_wider_one(a: str, b: str) -> None:
    with fl.Graph() as g:
        x, y = fl.input("x", shape=(3,), dtype=a), fl.input("y", shape=(3,), dtype=b)
        for i, z in enumerate((x + y, fl.maximum(x, y), fl.less(x, y), fl.stack(x, y), fl.power(y, 2))):
            fl.output(z, f"z{i}")

    saved(g, {"x": np.array([0, 1, 1]).astype(a), "y": np.array([1, 0, 3]).astype(b)}, rtol=1e-3)


def test_what_narrow_dtypes_are_computed_in() -> None:
    """bfloat16 is widened, computed in float32 and rounded back, op by op, as everywhere in flowloom."""
    with fl.Graph() as g:
        x = fl.input("x", shape=("batch", 3), dtype="bfloat16")
        fl.output(fl.softmax(fl.tanh(x) * x), "y")

    x16 = np.linspace(-2, 2, 6).reshape(2, 3).astype(fl.Spec((), "bfloat16").dtype)
    saved(g, {"x": x16})


def test_a_dtype_that_the_opset_lacks_is_named() -> None:
    with fl.Graph() as g:
        fl.output(fl.cast(fl.input("x", shape=(2,)), dtype="float8_e8m0fnu"), "y")

    with pytest.raises(fl.formats.onnx.OnnxError, match="1 x cast: opset 21 has no float8_e8m0fnu"):
        to_model(g)


# ---------------------------------------------------------------- whole graphs


def images(*, named: bool = True) -> fl.Graph:
    """A convolutional network with a skip connection and another output."""
    with fl.Graph("images") as g:
        x = fl.input("image", shape=("batch", 8, 8, 3) if named else (2, 8, 8, 3))
        h = fl.layers.conv2d(x, filters=4, kernel_size=3, padding="same", bias_initializer="random_normal")
        h = fl.layers.batch_normalization(h, gamma_initializer="random_normal")
        skip = fl.layers.max_pool2d(fl.relu(h))
        with g.scope("block"):
            h = fl.layers.conv2d(skip, filters=4, kernel_size=3, padding="same", activation="gelu", name="first")
            h = fl.layers.add(h, skip)
        h = fl.layers.concatenate(h, skip)
        h = fl.layers.conv2d_transpose(h, filters=4, kernel_size=3, strides=2, padding="same")
        fl.output(fl.layers.dense(fl.layers.global_average_pooling2d(h), units=3, name="logits"), "scores")
        fl.output(fl.layers.flatten(skip), "features")
    return g


IMAGE = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")


@pytest.mark.parametrize("named", [True, False])
def test_channels_move_at_the_ends_of_a_network_and_not_inside(named: bool) -> None:
    """One transposition of the input, one of what is flattened, and those of kernels, which runtimes do once."""
    model = saved(images(named=named), {"image": IMAGE})
    kernels = {i.name for i in model.graph.initializer}
    moved = [n for n in model.graph.node if n.op_type == "Transpose" and n.input[0] not in kernels]

    assert [n.input[0] for n in moved] == ["image", "max_pool2d/maxpool"]
    assert [len(n.input) for n in model.graph.node if n.op_type.startswith("Conv")] == [3, 3, 3], "with their biases"


def test_names_shapes_and_weights_are_those_of_the_graph() -> None:
    g = images()
    model = to_model(g)
    info = [(i.name, [d.dim_param or d.dim_value for d in i.type.tensor_type.shape.dim]) for i in model.graph.input]

    assert info == [("image", ["batch", 8, 8, 3])]
    assert [o.name for o in model.graph.output] == ["scores", "features"]
    assert {i.name for i in model.graph.initializer} == {v.name for v in g.variables}
    assert "block/first/gelu" in {n.name for n in model.graph.node}
    assert (model.opset_import[0].version, model.producer_name) == (21, "flowloom")


def test_a_graph_that_is_loaded_has_the_weights_and_learns_what_was_learned_before(tmp_path: Path) -> None:
    g = images()
    fl.formats.onnx.save(g, tmp_path / "model.onnx")
    again = fl.formats.onnx.load(tmp_path / "model.onnx")

    for before, after in zip(
        fl.compile(g.outputs)({"image": IMAGE}), fl.compile(again.outputs)({"image": IMAGE}), strict=True
    ):
        np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-6)
    assert {v.name for v in again.trainable_variables} == {v.name for v in g.trainable_variables}
    for v in g.variables:
        np.testing.assert_array_equal(again.variable(v.name).value.reshape(v.value.shape), v.value)


def test_constants_are_no_weights(tmp_path: Path) -> None:
    with fl.Graph() as g:
        fl.output(fl.input("x", shape=("batch", 3)) * fl.constant([1.0, 2.0, 3.0]), "y")
    fl.formats.onnx.save(g, tmp_path / "model.onnx")

    assert fl.formats.onnx.load(tmp_path / "model.onnx").variables == []


def test_branches_and_loops() -> None:
    with fl.Graph() as g:
        x = fl.input("x", shape=("batch", 4))
        flag = fl.input("flag", shape=(), dtype="bool")
        w = fl.variable("w", shape=(4,), initializer="random_normal")
        last, rows = fl.scan(lambda s, r: (fl.tanh(s + r * w), s * r), fl.constant([0.0, 1.0, 2.0, 3.0]), x)
        chosen = fl.cond(flag, lambda: rows * 2.0, lambda: fl.softmax(rows))
        turns = fl.while_loop(lambda n: n < 40, lambda n: n * 3, fl.constant(1))
        for i, t in enumerate((last, chosen, turns)):
            fl.output(t, f"y{i}")
    x4 = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")

    for truth in (True, False):
        model = saved(g, {"x": x4, "flag": np.asarray(truth)})
    assert {"Scan", "If", "Loop"} <= set(types(model))
    (scan,) = (n for n in nodes_of(model.graph) if n.op_type == "Scan")
    assert len(scan.output) == 2, "the states before each step are for gradients alone"


def test_gradients_are_more_graph() -> None:
    g = images()
    with g:
        loss = fl.sum(fl.square(g.outputs[0]))
        for i, t in enumerate(fl.gradients(loss, g.trainable_variables)):
            fl.output(t, f"d{i}")

    saved(g, {"image": IMAGE}, rtol=1e-4)


def test_what_is_saved_is_the_graph_that_does_not_learn() -> None:
    with fl.Graph() as g:
        x = fl.input("x", shape=("batch", 4))
        fl.output(fl.layers.batch_normalization(fl.layers.dropout(x, rate=0.5)), "y")

    assert "Dropout" not in types(saved(g, {"x": np.ones((2, 4), np.float32)}))


def test_what_no_output_needs_is_left_out() -> None:
    with fl.Graph() as g:
        x, other = fl.input("x", shape=("batch", 4)), fl.input("other", shape=(2,))
        fl.layers.dense(other[None], units=2)
        fl.output(fl.transpose(fl.transpose(x)), "y")
    model = saved(g, {"x": np.ones((2, 4), np.float32)})

    assert types(model) == ["Identity"]
    assert [i.name for i in model.graph.input] == ["x"]


def test_the_same_graph_gives_the_same_bytes(tmp_path: Path) -> None:
    g = images()
    fl.formats.onnx.save(g, tmp_path / "a.onnx")
    fl.formats.onnx.save(g, tmp_path / "b.onnx")

    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


# ---------------------------------------------------------------- what cannot be saved


def test_all_that_cannot_be_said_is_listed_by_op_count_and_node(tmp_path: Path) -> None:
    with fl.Graph() as g:
        x = fl.input("x", shape=(3, 3))
        with g.scope("head"):
            y = fl.inv(fl.inv(x, name="one"), name="two")
        noise = fl.random.normal(shape=(3, 3), name="noise")
        fl.output(fl.solve(y + noise, x, name="third"), "y")
    before = b"what was there"
    (tmp_path / "model.onnx").write_bytes(before)

    with pytest.raises(fl.formats.onnx.UnsupportedOps) as error:
        fl.formats.onnx.save(g, tmp_path / "model.onnx")

    assert str(error.value) == (
        "ONNX has no form for 2 x inv (nodes head/one, head/two), 1 x random_normal (node noise), "
        "1 x solve (node third)"
    )
    assert error.value.nodes["inv"] == ["head/one", "head/two"]
    assert [p.name for p in tmp_path.iterdir()] == ["model.onnx"]
    assert (tmp_path / "model.onnx").read_bytes() == before


def test_a_node_inside_a_loop_is_named() -> None:
    with fl.Graph() as g:
        x = fl.input("x", shape=("batch", 3, 3))
        _, rows = fl.scan(lambda s, r: (s, fl.inv(r, name="inverse")), fl.constant(0.0), x)
        fl.output(rows, "y")

    with pytest.raises(fl.formats.onnx.UnsupportedOps, match=r"1 x inv \(node .*inverse\)"):
        to_model(g)


def test_why_an_op_cannot_be_said_with_these_operands() -> None:
    with fl.Graph() as g:
        x = fl.input("x", shape=("batch",))
        fl.output(fl.dct(x, name="cosines"), "y")

    with pytest.raises(fl.formats.onnx.UnsupportedOps, match=r"1 x dct: the length must be known \(node cosines\)"):
        to_model(g)


def test_a_graph_without_outputs(tmp_path: Path) -> None:
    with pytest.raises(fl.formats.onnx.OnnxError, match="graph 'empty' has nothing to save: it has no outputs"):
        fl.formats.onnx.save(fl.Graph("empty"), tmp_path / "model.onnx")


def test_a_graph_that_does_not_typecheck(tmp_path: Path) -> None:
    with fl.Graph() as g:
        x = fl.input("x", shape=(2,))
        fl.output(fl.exp(x), "y")
    g.remove("x")

    with pytest.raises(SpecError, match="the graph does not typecheck"):
        fl.formats.onnx.save(g, tmp_path / "model.onnx")


def test_a_note_that_makes_no_sense_is_ignored() -> None:
    model = to_model(images())
    for text in ("[", "7", '{"a": 1}', "[" * 100_000, '[1, ["image"], "no such thing"]'):
        del model.metadata_props[:]
        onnx.helper.set_model_props(model, {"flowloom.not_trainable": text})

        assert len(fl.formats.onnx.load(model).trainable_variables) == len(images().variables)
