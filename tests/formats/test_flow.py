"""`.flow.json`: what is saved comes back, whole and unchanged, and what is wrong with a file is said in one line."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flowloom as fl
from flowloom.formats.flow import decode, document, encode, schema
from flowloom.graph.document import AddNode, Connect, EdgeDoc, Move, NodeDoc, SetNote, SetParam

from ..graph import walks

SCHEMA = Path(__file__).parents[2] / "docs" / "flow.schema.json"


def model() -> fl.Graph:
    """A graph with all that a file must keep."""
    with fl.Graph("Größe \U0001f9f6 </script>", seed=7) as g:
        image = fl.input("image", shape=("batch", 4, 4, 1))
        label = fl.input("label", dtype="int64")
        with g.scope("encoder"), g.scope("block"):
            h = fl.layers.conv2d(image, filters=2, kernel_size=(3, 2), activation="relu", name="vorwärts")
        h = fl.layers.dense(fl.layers.flatten(h), units=3)
        low = fl.constant([float("nan"), float("inf"), -0.0], name="edge cases")
        h = fl.clip(fl.maximum(h, low), low=-1.5, high=float("inf"))
        loss = fl.losses.softmax_cross_entropy(h, label, name="loss")
        fl.gradients(loss, g.trainable_variables)
    g.apply([Move(g["loss"].id, 120.5, -3.0), SetNote(g["loss"].id, 'a "note"\nin two lines \u2603 <b>')])
    return g


def fields() -> dict[str, Any]:
    """The file of `model` as plain data."""
    plain: dict[str, Any] = json.loads(encode(model()))
    return plain


def refused(data: bytes | dict[str, Any]) -> str:
    """The line in which a file is refused."""
    with pytest.raises(fl.FlowFileError) as caught:
        decode(data if isinstance(data, bytes) else json.dumps(data).encode(), "some.flow.json")
    line = str(caught.value)
    assert line.startswith("some.flow.json")
    assert "\n" not in line
    assert len(line) < 300
    return line


# ---------------------------------------------------------------- round trip


def test_a_graph_comes_back_as_it_was(tmp_path: Path) -> None:
    g = model()
    g.save(tmp_path / "m.flow.json")
    loaded = fl.load(tmp_path / "m.flow.json")

    assert document(loaded) == document(g)
    assert encode(loaded) == encode(g)
    assert walks.known(loaded) == walks.known(g)
    assert loaded.undo_depth == 0


def test_a_loaded_graph_gives_the_same_numbers() -> None:
    g = model()
    feeds = {"image": np.ones((2, 4, 4, 1)), "label": [0, 2]}

    before = fl.compile(g["loss"])(feeds)
    after = fl.compile(decode(encode(g))["loss"])(feeds)
    np.testing.assert_array_equal(after, before)


def test_numbers_that_json_does_not_have_come_back() -> None:
    with fl.Graph() as g:
        c = fl.constant([[float("nan"), float("-inf")], [1e-45, -0.0]], dtype="float32")
        x = fl.clip(c, high=float("inf"))
        g.set("constant", value=[float("inf"), 2.5])
    loaded = decode(encode(g))

    np.testing.assert_array_equal(fl.compile(loaded[x.name])(), np.float32([np.inf, 2.5]))
    g.undo()
    value = fl.compile(decode(encode(g))["constant"])()
    assert value.tobytes() == np.float32([[np.nan, -np.inf], [1e-45, -0.0]]).tobytes()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "int64", "uint64", "bool"])
def test_a_constant_of_any_dtype_comes_back_bit_by_bit(dtype: str) -> None:
    array = np.random.default_rng(0).integers(0, 256, 240, np.uint8)
    values = (array % 2).astype(bool) if dtype == "bool" else array.view(dtype)
    if values.dtype.kind == "f":
        values = values[~np.isnan(values)]
    with fl.Graph() as g:
        fl.constant(values, name="c")

    loaded = fl.compile(decode(encode(g))["c"])()
    assert (loaded.dtype, loaded.tobytes()) == (values.dtype, values.tobytes())


@settings(max_examples=40)
@given(st.data())
def test_whatever_is_on_the_canvas_comes_back(data: st.DataObject) -> None:
    g = fl.Graph(data.draw(st.text(st.characters(codec="utf-8"), max_size=5)))
    for patch in walks.walk(data, g, 12):
        try:
            g.apply(patch)
        except fl.PatchError:
            continue
    loaded = decode(encode(g))

    assert document(loaded) == document(g)
    assert walks.known(loaded) == walks.known(g)
    assert loaded.problems == g.problems


def test_saving_again_gives_the_same_bytes_whatever_the_history() -> None:
    g = model()
    before = encode(g)
    g.remove("encoder/block/vorwärts")
    g.set("dense", units=4, activation="tanh")
    g.undo()
    g.undo()

    assert encode(g) == before


def test_unknown_kinds_are_kept_with_their_edges_and_shown_as_problems() -> None:
    plain = fields()
    (dense,) = (n for n in plain["nodes"] if n["name"] == "dense")
    dense.update(kind="layers.from_the_future", params={"depth": {"of": [1, None, "x"]}})
    edges = [e for e in plain["edges"] if dense["id"] in (e["source"], e["target"])]
    for e in edges:
        e["source_port" if e["source"] == dense["id"] else "target_port"] = "a port of its own"
    loaded = decode(json.dumps(plain).encode())

    assert [(p.node, p.code) for p in loaded.problems] == [(dense["id"], "kind")]
    assert "'layers.from_the_future' is not known" in loaded.problems[0].message
    assert json.loads(encode(loaded)) == plain
    with pytest.raises(fl.SpecError, match=r"dense: the kind 'layers.from_the_future' is not known"):
        fl.compile(loaded["loss"])
    loaded.remove("dense")
    assert dense["id"] not in loaded.nodes


def test_a_node_from_a_later_version_is_kept_and_shown_as_a_problem() -> None:
    plain = fields()
    (dense,) = (n for n in plain["nodes"] if n["name"] == "dense")
    dense["version"] = 2
    loaded = decode(json.dumps(plain).encode())

    assert [p.message for p in loaded.problems] == [
        "'layers.dense' version 2 comes from a later flowloom (this one knows 1)"
    ]
    assert json.loads(encode(loaded)) == plain


def test_a_parameter_of_the_wrong_type_is_kept_and_shown_as_a_problem() -> None:
    plain = fields()
    (dense,) = (n for n in plain["nodes"] if n["name"] == "dense")
    dense["params"] = {"units": "many"}
    loaded = decode(json.dumps(plain).encode())

    assert [p.message for p in loaded.problems] == ["units='many' does not fit: it must be int, got text"]
    assert json.loads(encode(loaded)) == plain


def test_new_nodes_in_a_loaded_graph_have_ids_of_their_own() -> None:
    loaded = decode(encode(model()))
    last = list(loaded.nodes)[-1]
    loaded.remove(loaded.nodes[last].name)
    with loaded:
        fl.input("new", shape=(2,))

    assert loaded["new"].id > last


# ---------------------------------------------------------------- broken files


def test_a_file_cut_short_anywhere_is_refused() -> None:
    with fl.Graph("cut") as g:
        fl.layers.dense(fl.input("x", shape=("batch", 3)), units=2, name="ä")
    data = encode(g).rstrip()

    for length in range(len(data)):
        refused(data[:length])


@settings(max_examples=300)
@given(st.integers(0, 2**31), st.binary(max_size=3), st.integers(0, 3))
def test_a_file_with_damaged_bytes_is_read_or_refused(place: int, put: bytes, dropped: int) -> None:
    data = encode(model())
    at = place % len(data)
    damaged = data[:at] + put + data[at + dropped :]
    try:
        loaded = decode(damaged)
    except fl.FlowFileError:
        refused(damaged)
    else:
        assert decode(encode(loaded)).problems == loaded.problems


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)
    )
)
def test_any_other_json_is_refused(value: Any) -> None:
    refused(json.dumps(value).encode())


def test_a_file_from_a_later_version_is_refused_whatever_else_it_holds() -> None:
    line = refused({"format": "flowloom", "version": 2, "graph": {"nodes": "elsewhere"}})

    assert line == "some.flow.json has format version 2; this flowloom reads up to 1"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"format": "torch"}, "its format is 'torch', not 'flowloom'"),
        ({"format": None}, "its format is 'None'"),
        ({"version": 0}, "Expected `int` >= 1"),
        ({"version": "1"}, "Expected `int`, got `str` - at `$.version`"),
        ({"version": True}, "Expected `int`, got `bool`"),
        ({"name": 3}, "at `$.name`"),
        ({"seed": 0.5}, "at `$.seed`"),
        ({"nodes": {}}, "at `$.nodes`"),
        ({"nodes": [{"id": "a"}]}, "missing required field `kind`"),
        ({"nodes": [{"id": "a", "kind": "relu", "name": "a", "code": "import os"}]}, "unknown field `code`"),
        ({"nodes": [{"id": "a", "kind": "relu", "name": "a", "params": []}]}, "at `$.nodes[0].params`"),
        ({"nodes": [{"id": "a", "kind": "relu", "name": "a", "x": "left"}]}, "at `$.nodes[0].x`"),
        ({"nodes": [{"id": "a", "kind": "relu", "name": "a"}] * 2}, "there is a node 'a' already"),
        ({"nodes": [{"id": i, "kind": "relu", "name": "a"} for i in "ab"]}, "there is a node named 'a' already"),
        ({"nodes": [{"id": "a", "kind": "relu", "name": "a/b"}]}, "without '/'"),
        ({"nodes": [{"id": "../a", "kind": "relu", "name": "a"}]}, "an id is 1 to 120"),
        ({"edges": [{"source": "ghost", "source_port": "y", "target": "n1", "target_port": "x"}]}, "no node 'ghost'"),
        ({"surprise": 1}, "unknown field `surprise`"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(change: dict[str, Any], why: str) -> None:
    assert why in refused(fields() | change)


@pytest.mark.parametrize("missing", ["format", "version", "name", "nodes", "edges"])
def test_a_missing_part_is_named(missing: str) -> None:
    plain = fields()
    del plain[missing]

    assert missing in refused(plain)


def test_two_wires_into_one_port_are_refused() -> None:
    plain = fields()
    plain["edges"].append(dict(plain["edges"][0]))

    assert "is connected already" in refused(plain)


@pytest.mark.parametrize("kind", ["relu", "not known"])
@pytest.mark.parametrize("length", [1, 2, 300])
def test_a_cycle_is_refused(length: int, kind: str) -> None:
    nodes = [{"id": f"n{i}", "kind": kind, "name": f"n{i}"} for i in range(length)]
    edges = [
        {"source": f"n{i}", "source_port": "y", "target": f"n{(i + 1) % length}", "target_port": "x"}
        for i in range(length)
    ]

    assert "would close a cycle" in refused(fields() | {"nodes": nodes, "edges": edges})


@pytest.mark.parametrize("depth", [65, 500, 100_000])
def test_deep_nesting_is_refused(depth: int) -> None:
    data = encode(model()).replace(b'"units": 3', b'"units": ' + b"[" * depth + b"]" * depth)

    assert "nested" in refused(data)


def test_a_file_too_large_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fl.formats.flow, "MOST_BYTES", 1000)

    assert "has at most 1000" in refused(b" " * 1001)


@pytest.mark.parametrize("order", [1, -1])
def test_a_long_file_loads_whatever_the_order_of_its_edges(order: int) -> None:
    count = 3000
    nodes = [{"id": "n0", "kind": "input", "name": "n0", "params": {"shape": [2]}}]
    nodes += [{"id": f"n{i}", "kind": "relu", "name": f"n{i}"} for i in range(1, count)]
    edges = [
        {"source": f"n{i - 1}", "source_port": "y", "target": f"n{i}", "target_port": "x"} for i in range(1, count)
    ]
    loaded = decode(json.dumps(fields() | {"nodes": nodes[::order], "edges": edges[::order]}).encode())

    assert loaded.problems == []
    assert loaded[f"n{count - 1}"].spec == fl.Spec((2,))


@pytest.mark.parametrize(
    "value", ["__import__('os').system('false')", "${jndi}", "!!python/object/apply:os.system", {"py/object": "os"}]
)
def test_what_looks_like_code_is_only_text(value: Any) -> None:
    plain = fields()
    for node in plain["nodes"]:
        if node["kind"] == "constant":
            node["params"] = {"value": value}
    loaded = decode(json.dumps(plain).encode())

    assert [p.code for p in loaded.problems] == ["spec"]
    assert "is not an array of numbers" in loaded.problems[0].message


# ---------------------------------------------------------------- saving


def test_a_save_that_fails_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.flow.json"
    model().save(path)
    before = path.read_bytes()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    for step in ("fsync", "replace"):
        with monkeypatch.context() as patched:
            patched.setattr(os, step, full)
            with pytest.raises(OSError, match="No space left"):
                fl.Graph("another").save(path)

    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_replaced_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "m.flow.json"
    path.touch()
    fresh = stat.S_IMODE(path.stat().st_mode)
    model().save(path)
    assert stat.S_IMODE(path.stat().st_mode) == fresh
    path.chmod(0o640)
    model().save(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_saving_through_a_link_replaces_the_file_that_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "real.flow.json").touch()
    (tmp_path / "link.flow.json").symlink_to("real.flow.json")
    model().save(tmp_path / "link.flow.json")

    assert (tmp_path / "link.flow.json").is_symlink()
    assert fl.load(tmp_path / "real.flow.json").name == model().name


def test_a_file_that_is_not_there_is_the_systems_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        fl.load(tmp_path / "nowhere.flow.json")


def test_what_a_document_cannot_hold_never_gets_into_a_graph() -> None:
    g = model()
    with pytest.raises(fl.PatchError, match="a document cannot hold"):
        g.apply([SetParam(g["dense"].id, "units", object())])

    assert decode(encode(g)).problems == []


# ---------------------------------------------------------------- the published schema


def test_the_published_schema_is_that_of_the_code() -> None:
    """To renew it: `python -c "from tests.formats.test_flow import publish; publish()"`."""
    assert json.loads(SCHEMA.read_text()) == schema()


def publish() -> None:
    """Write docs/flow.schema.json."""
    SCHEMA.write_bytes(msgspec.json.format(msgspec.json.encode(schema()), indent=2) + b"\n")


def test_saved_graphs_follow_the_schema() -> None:
    validator = jsonschema.Draft202012Validator(schema())
    unusual = fl.Graph("")
    unusual.apply([AddNode(NodeDoc("a", "?", "a", params={"p": [1, None]})), AddNode(NodeDoc("b", "??", "b"))])
    unusual.apply([Connect(EdgeDoc("a", "out", "b", "in"))])

    validator.check_schema(schema())
    for g in (model(), unusual, fl.Graph()):
        validator.validate(json.loads(encode(g)))


@pytest.mark.parametrize("change", [{"format": "torch"}, {"version": 2}, {"nodes": 3}, {"edges": [{}]}, {"more": 1}])
def test_the_schema_refuses_what_loading_refuses(change: dict[str, Any]) -> None:
    plain = fields() | change
    refused(plain)

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(plain, schema())
