"""Loading an ONNX model gives a graph that people can read, edit and train, and that computes what the model does."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx.parser import parse_model
from onnx.reference import ReferenceEvaluator

import flowloom as fl
from flowloom.formats.onnx import OnnxError, UnsupportedOps, load

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(5)


def model(body: str, opset: int = 21, functions: str = "", domains: str = "") -> Any:
    """A model from ONNX's text form, its names and sizes as they stand in `body`."""
    return parse_model(f'<ir_version: 10, opset_import: ["": {opset}{domains}]>\n{body}\n{functions}')


def with_weights(proto: Any, **weights: Array) -> Any:
    """The model with these initializers."""
    proto.graph.initializer.extend(onnx.numpy_helper.from_array(a, n) for n, a in weights.items())
    return proto


def floats(*shape: int) -> Array:
    return RNG.normal(size=shape).astype(np.float32)


def kinds(graph: fl.Graph) -> list[str]:
    """The kinds of the nodes that compute, in order."""
    return [n.kind for n in graph.nodes.values() if n.kind not in ("input", "output", "constant", "variable")]


def check(proto: Any, feeds: dict[str, Array], **tolerance: float) -> fl.Graph:
    """The loaded model, which gives what ONNX's reference gives."""
    graph = load(proto)
    made = fl.compile(graph.outputs)({t.name: feeds[t.name] for t in graph.inputs})
    for ours, theirs in zip(made, ReferenceEvaluator(proto).run(None, feeds), strict=True):
        np.testing.assert_allclose(ours, theirs, **({"rtol": 1e-5, "atol": 1e-6} | tolerance))
        assert ours.dtype == theirs.dtype
    return graph


MLP = "mlp (float[batch, 4] x) => (float[batch, 2] y) { h = MatMul(x, w) hb = Add(h, b) y = Tanh(hb) }"


def mlp() -> Any:
    return with_weights(model(MLP), w=floats(4, 2), b=floats(2))


# ---------------------------------------------------------------- what one gets


def test_inputs_and_outputs_come_in_the_models_order_under_its_names() -> None:
    proto = model("g (float[n] b, float[n] a) => (float[n] d, float[n] c) { c = Sub(b, a) d = Add(a, b) }")

    graph = check(proto, {"a": floats(3), "b": floats(3)})

    assert [t.name for t in graph.inputs] == ["b", "a"]
    assert [t.name for t in graph.outputs] == ["d", "c"]
    assert graph.outputs[0].shape == ("n",)


def test_it_loads_from_a_path_from_bytes_and_from_a_model(tmp_path: Path) -> None:
    proto = mlp()
    (tmp_path / "m.onnx").write_bytes(proto.SerializeToString())

    for source in (tmp_path / "m.onnx", str(tmp_path / "m.onnx"), proto.SerializeToString(), proto):
        assert kinds(load(source)) == ["matmul", "add", "tanh"]


def test_float_initializers_are_variables_that_can_be_trained() -> None:
    proto = mlp()
    graph = check(proto, {"x": floats(5, 4)})

    assert {v.name: v.shape for v in graph.trainable_variables} == {"w": (4, 2), "b": (2,)}
    np.testing.assert_array_equal(graph.variables[0].value, onnx.numpy_helper.to_array(proto.graph.initializer[0]))
    with graph:
        loss = fl.mean(fl.square(graph.outputs[0]))
    gradient = fl.compile(fl.gradients(loss, graph.trainable_variables))({"x": np.ones((3, 4), np.float32)})
    assert np.abs(gradient[0]).sum() > 0


def test_other_constants_are_constants() -> None:
    proto = with_weights(
        model("g (float[n] x) => (float[n] y) { two = Constant <value_float = 2.0> () z = Mul(x, two) y = Add(z, s) }"),
        s=np.array(0.5, np.float32),
    )

    graph = check(proto, {"x": floats(3)})

    assert graph.variables == []
    assert {n.name: n.params["value"] for n in graph.nodes.values() if n.kind == "constant"} == {"two": 2.0, "s": 0.5}


def test_a_loaded_graph_is_a_fresh_one_that_survives_a_file(tmp_path: Path) -> None:
    graph = load(mlp())
    graph.save(tmp_path / "m.flow.json")

    assert graph.problems == []
    assert graph.undo_depth == 0
    assert [n.path for n in fl.load(tmp_path / "m.flow.json").nodes.values()] == [n.path for n in graph.nodes.values()]


def test_slashes_in_names_make_scopes_and_a_node_of_several_ops_is_a_scope() -> None:
    proto = with_weights(
        model("g (float[n, 3] x) => (float[n, 2] y) { y = Gemm <transB = 1> (x, w, b) }"), w=floats(2, 3), b=floats(2)
    )
    proto.graph.node[0].name = "/head/fc"

    graph = check(proto, {"x": floats(4, 3)})

    assert [n.path for n in graph.nodes.values() if n.kind in ("matmul", "add")] == ["head/fc/matmul", "head/fc/add"]
    assert graph["w"].shape == (3, 2)  # the transposition is folded into the weight


def test_names_that_a_graph_cannot_have_are_changed() -> None:
    proto = model("g (float[n] x) => (float[n] y) { y = Relu(x) }")
    proto.graph.node[0].name = "a\nb" + "c" * 500
    proto.graph.name = "//"

    assert next(n.name for n in load(proto).nodes.values() if n.kind == "relu").startswith("a_bccc")


# ---------------------------------------------------------------- what is computed while it is read


def test_a_shape_that_the_model_computes_becomes_a_parameter() -> None:
    proto = with_weights(
        model("""g (float[batch, time, 6] x) => (float[batch, time, 2, 3] y) {
            s = Shape(x) head = Slice(s, zero, two) shape = Concat <axis = 0> (head, tail) y = Reshape(x, shape) }"""),
        zero=np.array([0]), two=np.array([2]), tail=np.array([2, 3]),
    )  # fmt: skip

    graph = check(proto, {"x": floats(2, 5, 6)})

    assert kinds(graph) == ["reshape"]
    assert graph.outputs[0].shape == ("batch", "time", 2, 3)


def test_a_size_that_is_computed_with_is_a_parameter_as_well() -> None:
    proto = with_weights(
        model("""g (float[batch, 4, 3] x) => (float[m, 3] y) {
            s = Shape(x) b = Gather(s, zero) t = Gather(s, one) n = Mul(b, t) u = Unsqueeze(n, axes)
            shape = Concat <axis = 0> (u, three) y = Reshape(x, shape) }"""),
        zero=np.array(0), one=np.array(1), axes=np.array([0]), three=np.array([3]),
    )  # fmt: skip

    assert kinds(check(proto, {"x": floats(2, 4, 3)})) == ["reshape"]


def test_a_size_that_is_divided_is_a_parameter_as_well() -> None:
    proto = with_weights(
        model("""g (float[batch, 6] x) => (float[batch, 3, 2] y) {
            s = Shape(x) rows = Div(s, parts) shape = Concat <axis = 0> (rows, two) y = Reshape(x, shape) }"""),
        parts=np.array([1, 2]), two=np.array([2]),
    )  # fmt: skip

    graph = check(proto, {"x": floats(4, 6)})

    assert kinds(graph) == ["reshape"]
    assert graph.outputs[0].shape == ("batch", 3, 2)


def test_a_shape_that_is_fed_is_read_when_it_runs() -> None:
    proto = model("g (float[a, b] x, int64[3] shape) => (float[p, q, r] y) { y = Reshape(x, shape) }")

    assert kinds(check(proto, {"x": floats(4, 3), "shape": np.array([2, -1, 3])})) == ["reshape_to"]


def test_what_is_known_is_computed() -> None:
    proto = with_weights(
        model("""g (float[n, 2] x) => (float[n, 2] y) {
            k = Cast <to = 1> (i) r = Sqrt(k) y = Mul(x, r) }"""),
        i=np.array([4, 9]),
    )

    graph = check(proto, {"x": floats(3, 2)})

    assert kinds(graph) == ["multiply"]


def test_a_constant_is_not_made_much_larger_while_the_model_is_read() -> None:
    proto = model("""g (float[n] x) => (float[n] y) {
        shape = Constant <value = int64[2] {100000, 100000}> () big = ConstantOfShape(shape)
        s = ReduceSum <keepdims = 0> (big) y = Add(x, s) }""")

    assert kinds(load(proto)) == ["broadcast_to", "sum", "add"]


def test_names_of_sizes_that_do_not_hold_are_dropped() -> None:
    proto = model("g (float[a, 3] x, float[b, 3] z) => (float[a, 3] y) { y = Add(x, z) }")

    assert check(proto, {"x": floats(2, 3), "z": floats(1, 3)}).inputs[0].shape == (None, 3)


# ---------------------------------------------------------------- layout


def conv(inner: str, *weights: str) -> Any:
    declared = ", ".join(f"float[8, {'3' if i == 0 else '8'}, 3, 3] {w}" for i, w in enumerate(weights))
    proto = model(f"g (float[n, 3, 8, 8] x, {declared}) => (float[n, c, h, w] y) {{ {inner} }}")
    kept = [i for i in proto.graph.input if i.name == "x"]
    del proto.graph.input[:]
    proto.graph.input.extend(kept)
    return with_weights(proto, **{w: floats(8, 3 if i == 0 else 8, 3, 3) for i, w in enumerate(weights)})


PADDED = "<pads = [1, 1, 1, 1]>"


def test_a_chain_of_convolutions_is_transposed_only_at_its_ends() -> None:
    proto = conv(
        f"""a = Conv {PADDED} (x, v) b = Relu(a) c = Conv {PADDED} (b, w) d = Add(b, c) e = Concat <axis = 1> (c, d)
        half = Constant <value = float[16, 1, 1] {{ {", ".join(["0.5"] * 16)} }}> () y = Mul(e, half)""",
        "v",
        "w",
    )

    graph = check(proto, {"x": floats(2, 3, 8, 8)}, atol=1e-4)

    assert kinds(graph).count("transpose") == 2
    assert graph["v"].shape == (3, 3, 3, 8)


def test_a_mean_over_an_image_and_its_flattening_need_no_transposition() -> None:
    proto = conv(f"a = Conv {PADDED} (x, v) m = GlobalAveragePool(a) y = Flatten(m)", "v")

    assert kinds(check(proto, {"x": floats(2, 3, 8, 8)}, atol=1e-4)).count("transpose") == 1


def test_flattening_an_image_keeps_the_models_order() -> None:
    proto = conv(f"a = Conv {PADDED} (x, v) y = Flatten(a)", "v")

    check(proto, {"x": floats(2, 3, 8, 8)}, atol=1e-4)


# ---------------------------------------------------------------- control flow and functions

BRANCHES = """g (bool c, float[3] x) => (float[n] y) {
    y = If (c) <then_branch = t () => (float[3] a) { a = Neg(x) }, else_branch = e () => (float[4] b) {
        zero = Constant <value = float[1] {0.0}> () b = Concat <axis = 0> (x, zero) }> }"""


@pytest.mark.parametrize("condition", [True, False])
def test_if_is_a_branch_and_its_branches_may_differ_in_size(condition: bool) -> None:
    graph = check(model(BRANCHES), {"c": np.array(condition), "x": floats(3)})

    assert {"cond_begin", "cond"} <= set(kinds(graph))
    assert {n.scope for n in graph.nodes.values() if n.kind in ("negative", "concatenate")} == {
        "if/then",
        "if/otherwise",
    }


LOOP = """g (float[2] x) => (float[2] y, float[k, 2] all) {
    n = Constant <value = int64 {3}> () yes = Constant <value = bool {1}> ()
    y, all = Loop (n, yes, x) <body = b (int64 i, bool go, float[2] s) => (bool on, float[2] t, float[2] seen) {
        on = Identity(go) t = Mul(s, x) seen = Identity(t) }> }"""


def test_a_loop_of_known_length_has_a_gradient() -> None:
    graph = check(model(LOOP), {"x": np.array([2, 3], np.float32)})

    with graph:
        total = fl.sum(graph.outputs[0])
    assert "scan" in kinds(graph)
    slope = fl.compile(fl.gradients(total, [graph["x"]]))({"x": np.array([2, 3], np.float32)})[0]
    np.testing.assert_allclose(slope, [4 * 2**3, 4 * 3**3])


def test_a_state_of_a_loop_may_grow() -> None:
    proto = model("""g (int64 n, float[2] x) => (float[m] y) {
        yes = Constant <value = bool {1}> ()
        y = Loop (n, yes, x) <body = b (int64 i, bool go, float[k] s) => (bool on, float[k] t) {
            on = Identity(go) t = Concat <axis = 0> (s, x) }> }""")

    check(proto, {"n": np.array(3), "x": floats(2)})


def test_functions_of_the_model_stand_in_for_their_nodes() -> None:
    proto = model(
        "g (float[n] x) => (float[n] y) { a = own.Twice <by = 3.0> (x) y = own.Twice(a) }",
        functions='<domain: "own", opset_import: ["": 21]> Twice <by: float = 2.0> (a) => (b) {'
        " k = Constant <value_float: float = @by> () b = Mul(a, k) }",
        domains=', "own": 1',
    )
    graph = load(proto)

    assert kinds(graph) == ["multiply", "multiply"]
    np.testing.assert_array_equal(fl.compile(graph.outputs)({"x": [1.0]})[0], [6.0])


def test_an_op_that_is_a_function_of_the_standard_needs_no_entry() -> None:
    proto = model("g (float[n, 3] x) => (float[n, 3] y) { y = MeanVarianceNormalization <axes = [0]> (x) }")

    check(proto, {"x": floats(4, 3)}, rtol=1e-4)


def test_sequences_are_inputs_and_outputs_for_each_of_their_tensors() -> None:
    proto = model("""g (seq(float[n]) xs, float[n] x) => (seq(float[n]) ys) { ys = SequenceInsert(xs, x) }""")

    graph = load(proto, parts={"xs": 2})

    assert [t.name for t in graph.inputs] == ["xs/0", "xs/1", "x"]
    assert [t.name for t in graph.outputs] == ["ys/0", "ys/1", "ys/2"]
    with pytest.raises(OnnxError, match="input 'xs' is a sequence; say how many"):
        load(proto)


# ---------------------------------------------------------------- what is refused


def test_all_ops_that_are_missing_are_said_at_once() -> None:
    proto = model(
        """g (float[n] x) => (float[n] y) { a = other.Foo(x) b = other.Foo(a) c = If (t) <
            then_branch = p () => (float[n] d) { d = other.Bar(b) }, else_branch = q () => (float[n] e) {
            e = Identity(b) }> y = other.Foo(c) }""",
        domains=', "other": 1',
    )

    with pytest.raises(UnsupportedOps) as caught:
        load(proto)

    assert str(caught.value) == "flowloom does not have 3 x other.Foo (nodes a, b, y), 1 x other.Bar (node d)"
    assert caught.value.nodes["other.Bar"] == ["d"]


def test_a_node_that_does_not_fit_is_named() -> None:
    proto = with_weights(model("g (float[n, 3] x) => (float[n, 2] y) { y = MatMul(x, w) }"), w=floats(4, 2))

    with pytest.raises(OnnxError, match=r"^node 'mat_mul' \(MatMul\): matmul\(a: .*: inner sizes differ, 3 and 4$"):
        load(proto)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ir_version": 999}, "IR version 999"),
        ({"opset": 999}, "opset 999; the installed onnx knows 1 to"),
        ({"cut": 40}, "is not an ONNX model, or only a part of one"),
        ({"cut": 0}, "is not an ONNX model, or only a part of one"),
        ({"text": b"{}"}, "is not an ONNX model, or only a part of one"),
    ],
)
def test_what_is_no_model_is_refused_in_one_line(change: dict[str, Any], message: str) -> None:
    proto = mlp()
    proto.ir_version = change.get("ir_version", 10)
    proto.opset_import[0].version = change.get("opset", 21)
    data = change.get("text", proto.SerializeToString())[: change.get("cut")]

    with pytest.raises(OnnxError, match=message) as caught:
        load(data)
    assert "\n" not in str(caught.value)


def test_damaged_models_load_or_are_refused() -> None:
    whole = with_weights(model(LOOP), unused=floats(2)).SerializeToString()
    rng = np.random.default_rng(3)
    for _ in range(500):
        data = bytearray(whole)
        for place in rng.integers(len(data), size=2):
            data[place] = rng.integers(256)
        with suppress(OnnxError):
            load(bytes(data))


def test_a_function_that_calls_itself_is_refused() -> None:
    proto = model(
        "g (float[n] x) => (float[n] y) { y = own.F(x) }",
        functions='<domain: "own", opset_import: ["": 21, "own": 1]> F (a) => (b) { b = own.F(a) }',
        domains=', "own": 1',
    )

    with pytest.raises(OnnxError, match="the function 'F' calls itself"):
        load(proto)


# ---------------------------------------------------------------- data outside of the model's file


def external(folder: Path, location: str, **info: Any) -> Path:
    """A model in `folder` whose weight of 8 floats lies in another file."""
    proto = model("g (float[n, 4] x) => (float[n, 2] y) { y = MatMul(x, w) }")
    tensor = onnx.TensorProto(name="w", dims=[4, 2], data_type=1, data_location=onnx.TensorProto.EXTERNAL)
    for key, value in {"location": location, **info}.items():
        tensor.external_data.add(key=key, value=str(value))
    proto.graph.initializer.append(tensor)
    folder.mkdir(exist_ok=True)
    (folder / "m.onnx").write_bytes(proto.SerializeToString())
    return folder / "m.onnx"


def test_weights_may_lie_in_a_file_beside_the_model(tmp_path: Path) -> None:
    weights = floats(4, 2)
    (tmp_path / "w.bin").write_bytes(b"head" + weights.tobytes())

    graph = load(external(tmp_path, "w.bin", offset=4, length=32))

    np.testing.assert_array_equal(graph.variables[0].value, weights)


@pytest.mark.parametrize("location", ["../w.bin", "{outside}/w.bin", "link.bin", "link/w.bin"])
def test_weights_outside_of_the_models_folder_are_not_read(tmp_path: Path, location: str) -> None:
    (tmp_path / "w.bin").write_bytes(bytes(32))
    path = external(tmp_path / "model", location.format(outside=tmp_path))
    (tmp_path / "model" / "link.bin").symlink_to(tmp_path / "w.bin")
    (tmp_path / "model" / "link").symlink_to(tmp_path)

    with pytest.raises(OnnxError, match="which is not in the folder of the model"):
        load(path)


@pytest.mark.parametrize(
    ("info", "message"),
    [
        ({}, r"is cut off in 'w.bin': 10 of 32 bytes"),
        ({"offset": -1}, "wrong offset or length; 32 bytes are needed"),
        ({"length": 1 << 40}, "wrong offset or length; 32 bytes are needed"),
        ({"offset": "x"}, "wrong offset or length; 32 bytes are needed"),
        ({"location": "none.bin"}, "cannot be read from 'none.bin': No such file"),
    ],
)
def test_weights_that_are_not_all_there_are_refused(tmp_path: Path, info: dict[str, Any], message: str) -> None:
    (tmp_path / "w.bin").write_bytes(bytes(10))

    with pytest.raises(OnnxError, match=message):
        load(external(tmp_path, **({"location": "w.bin"} | info)))


def test_weights_outside_of_a_model_without_a_path_are_refused(tmp_path: Path) -> None:
    data = external(tmp_path, "w.bin").read_bytes()

    with pytest.raises(OnnxError, match=r"is in the file 'w.bin'; give the model's path to load it"):
        load(data)
