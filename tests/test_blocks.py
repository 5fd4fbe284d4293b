"""Blocks: parts of graphs that are kept as files and used again; files of others do no harm."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import flowloom as fl
from flowloom.blocks import BlockError, BlockExistsError
from flowloom.blocks.reading import read


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def g() -> fl.Graph:
    """An encoder whose result is read twice, behind an input that it reads twice."""
    with fl.Graph("model") as graph:
        x = fl.input("x", shape=("batch", 8))
        with graph.scope("encoder"):
            hidden = fl.layers.dense(x, units=8, name="hidden")
            with graph.scope("inner"):
                code = fl.add(hidden, x, name="sum")
        fl.layers.dense(code, units=2, name="scores")
        fl.relu(code, name="positive")
    return graph


def paths(graph: fl.Graph) -> list[str]:
    return [node.path for node in graph.nodes.values()]


def test_a_saved_block_is_a_graph_that_typechecks_by_itself(g: fl.Graph) -> None:
    file = fl.blocks.save(g, "encoder")

    alone = fl.load(file)
    assert file == Path.cwd() / "blocks" / "encoder.flow.json"
    assert fl.blocks.names() == ["encoder"]
    assert sorted(paths(alone)) == ["encoder/hidden", "encoder/inner/sum", "sum", "x"]
    assert alone.problems == []
    assert [str(t.spec) for t in alone.outputs] == ["float32[batch, 8]"]


def test_an_inserted_block_is_a_copy_in_a_scope_of_its_own_wired_to_what_is_given(g: fl.Graph) -> None:
    fl.blocks.save(g, "encoder")
    depth = g.undo_depth

    with g:
        again = fl.blocks.insert(g, "encoder", g["encoder/inner/sum"], name="second")

    assert again.name == "second/inner/sum"
    assert str(again.spec) == "float32[batch, 8]"
    assert g.undo_depth == depth + 1
    value = fl.compile(again)({"x": np.ones((3, 8), "float32")})
    assert value.shape == (3, 8)
    g.undo()
    assert paths(g) == ["x", "encoder/hidden", "encoder/inner/sum", "scores", "positive"]


def test_a_block_comes_into_the_open_scope_under_a_free_name_and_may_stay_open(g: fl.Graph) -> None:
    fl.blocks.save(g, "encoder")

    with g, g.scope("deep"):
        fl.blocks.insert(g, "encoder")
        fl.blocks.insert(g, "encoder")

    added = paths(g)[5:]
    assert added == [f"deep/{s}/{n}" for s in ("encoder", "encoder_1") for n in ("hidden", "inner/sum")]
    assert [p.code for p in g.problems] == ["missing"] * len(g.problems)


def test_an_input_that_does_not_fit_is_refused_and_changes_nothing(g: fl.Graph) -> None:
    fl.blocks.save(g, "encoder")
    with g:
        other = fl.input("other", shape=("batch",), dtype="int64")
    before = paths(g)

    with pytest.raises(fl.SpecError, match=r"int64\[batch\]"):
        fl.blocks.insert(g, "encoder", other)
    with pytest.raises(fl.SpecError, match="at most 1 tensors; got 2"):
        fl.blocks.insert(g, "encoder", other, other)

    assert paths(g) == before


def test_any_saved_graph_is_a_block(g: fl.Graph) -> None:
    Path("blocks").mkdir()
    with g:
        fl.output(g["scores"], name="out")
    g.save("blocks/whole model.flow.json")

    with fl.Graph("empty") as empty:
        x = fl.input("x", shape=("batch", 8))
        out = fl.blocks.insert(empty, "whole model", x)

    assert [t.name for t in out] == ["whole model/scores", "whole model/positive"]
    assert empty.problems == []


def test_a_block_is_replaced_only_when_asked_and_renamed_and_removed(g: fl.Graph) -> None:
    fl.blocks.save(g, "encoder", "a")
    with pytest.raises(BlockExistsError, match="there is a block 'a' already"):
        fl.blocks.save(g, "encoder/inner", "a")
    fl.blocks.save(g, "encoder/inner", "a", replace=True)
    assert [n.path for n in read("a").nodes] == ["a/sum"]

    fl.blocks.save(g, "encoder", "b")
    with pytest.raises(BlockExistsError):
        fl.blocks.rename("a", "b")
    fl.blocks.rename("a", "c")
    fl.blocks.remove("b")

    assert fl.blocks.names() == ["c"]
    assert read("c").nodes[0].path == "c/sum"
    with pytest.raises(BlockError, match="there is no block 'b'"):
        fl.blocks.remove("b")


@pytest.mark.parametrize(
    "name", ["", "../x", "a/b", "a\\b", ".hidden", "a.", "nul", "COM1.txt", "a\nb", "x" * 81, "a\0"]
)
def test_a_name_that_is_no_file_of_the_folder_is_refused_in_one_line(g: fl.Graph, name: str) -> None:
    with pytest.raises(BlockError) as refused:
        fl.blocks.save(g, "encoder", name)

    assert len(str(refused.value).splitlines()) == 1
    assert not Path("blocks").exists()


def test_an_unknown_scope_names_the_nearest(g: fl.Graph) -> None:
    with pytest.raises(KeyError, match="did you mean 'encoder'"):
        fl.blocks.save(g, "encodr")


def test_a_folder_that_cannot_be_written_is_said_in_one_line(g: fl.Graph) -> None:
    Path("blocks").write_text("no folder")

    with pytest.raises(BlockError, match="cannot be written"):
        fl.blocks.save(g, "encoder")


def test_links_out_of_the_folder_are_no_blocks(g: fl.Graph, tmp_path: Path) -> None:
    fl.blocks.save(g, "encoder")
    (tmp_path / "blocks" / "encoder.flow.json").rename(tmp_path / "secret.flow.json")
    (tmp_path / "blocks" / "link.flow.json").symlink_to(tmp_path / "secret.flow.json")

    assert fl.blocks.names() == []
    with pytest.raises(BlockError, match="there is no block 'link'"):
        read("link")


@pytest.mark.parametrize("text", ["", "{}", "import os", '{"format": "flowloom", "version": 9}', "[" * 100_000])
def test_a_file_that_is_no_block_is_refused_in_one_line(text: str) -> None:
    Path("blocks").mkdir()
    Path("blocks/bad.flow.json").write_text(text)

    with pytest.raises(BlockError) as refused:
        read("bad")

    assert len(str(refused.value).splitlines()) == 1


def test_unknown_kinds_and_unfinished_parts_are_kept(g: fl.Graph) -> None:
    from flowloom.graph.document import AddNode, NodeDoc

    g.apply([AddNode(NodeDoc("z", "future.kind", "later", params={"a": 1}, scope="encoder", note="mine"))])
    fl.blocks.save(g, "encoder")
    with fl.Graph("other") as other:
        fl.blocks.insert(other, "encoder")

    node = next(n for n in other.nodes.values() if n.name == "later")
    assert (node.kind, node.params, node.note) == ("future.kind", {"a": 1}, "mine")


def test_a_block_that_was_changed_on_disk_is_read_anew(g: fl.Graph) -> None:
    fl.blocks.save(g, "encoder")
    assert read("encoder").parameters == 72
    g.set("encoder/hidden", use_bias=False)
    fl.blocks.save(g, "encoder", replace=True)

    assert read("encoder").parameters == 64
