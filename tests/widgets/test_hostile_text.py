"""Hostile text, wherever people can write some: it is kept as it is, or refused in a short line, and stays text."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest

import flowloom as fl
from flowloom.formats.flow import FlowFileError, decode, encode
from flowloom.formats.python.reading import load
from flowloom.formats.python.writing import _broken, _literal
from flowloom.graph.document import AddNode, NodeDoc, Patch, Rename, SetNote, SetParam, SetScope
from flowloom.widgets import GraphEditor
from flowloom.widgets.graph_part import GraphPart
from flowloom.widgets.svg import graph_svg

MARKUP = "<img src=x onerror=alert(1)>"
LONG = "x" * 10**6
PRINTABLE = {
    "markup": MARKUP,
    "entity": "&lt;b&gt; &amp; &#0;",
    "cdata": "]]><![CDATA[",
    "quotes": "'\"'''\"\"\"`",
    "backslash": "\\",
    "code": '"); import os; os.abort() #',
    "format": "{0.__class__} %s %(x)n ${x}",
    "prototype": "__proto__",
    "constructor": "constructor",
    "storm": "a" + "\u0301" * 100,
    "emoji": "\U0001f9f6\U0001f469",
    "arabic": "\u0627\u0644\u0639\u0631\u0628\u064a\u0629",
    "keyword": "import",
    "builtin": "__import__",
}
ODD = {
    "script end": "</script><script>alert(1)</script>",
    "comment end": "--> */",
    "right to left": "safe\u202egnp.exe",
    "zero width": "a\u200bb\ufeff",
    "family": "\U0001f469\u200d\U0001f467",
    "line separator": "a\u2028import os\u2029b",
    "path": "../../etc/passwd",
}
CONTROL = {"nul": "a\x00b", "escape": "\x1b[31m", "return": "a\r\nimport os", "next line": "a\x85import os"}
LINES = {"lines": "one\n\n  two\n", "statement": "a\nimport os", "tabs": "\ta"}
IMPOSSIBLE = {"half a pair": "\ud800", "long": LONG}


def model() -> fl.Graph:
    graph = fl.Graph("g")
    with graph:
        x = fl.input("x", shape=("batch", 4))
        fl.layers.dense(fl.relu(x, name="a"), units=3, name="b")
    return graph


def by(what: dict[str, str]) -> Any:
    return pytest.mark.parametrize("text", list(what.values()), ids=list(what))


def refused_alike(graph: fl.Graph, patch: Patch) -> str:
    """The line with which Python and the widget refuse a patch, after which all is as it was."""
    told: list[Any] = []
    part = GraphPart(graph, told.append)
    before = encode(graph)
    with pytest.raises(fl.PatchError) as error:
        graph.apply(patch)
    part.receive({"type": "edit", "client": "me", "sequence": 1, "patch": msgspec.to_builtins(patch)})
    part.close()

    assert decode(before).problems == []
    assert encode(graph) == before
    assert len(told) == 1
    line = str(error.value)
    assert told[0].problem.message == line
    assert "\n" not in line
    assert len(line) < 300
    line.encode()
    return line


def unchanged_everywhere(graph: fl.Graph) -> None:
    """The graph is the same after a file, source and the wire, and its picture is well-formed."""
    assert encode(decode(encode(graph))) == encode(graph)
    source = graph.to_python()
    assert {type(s) for s in ast.parse(source).body} == {ast.Import, ast.With}
    again = load(source)
    assert described(again) == described(graph)
    state = GraphPart(graph, lambda _: None).state()
    assert msgspec.json.decode(msgspec.json.encode(state), type=type(state)) == state
    json.dumps(msgspec.to_builtins(state), allow_nan=False, ensure_ascii=False).encode()
    drawn(graph)


def described(graph: fl.Graph) -> list[Any]:
    return [graph.name, *((n.path, n.kind, n.params, n.note) for n in graph.nodes.values())]


def drawn(graph: fl.Graph) -> None:
    """The picture of a graph has no element, attribute or text but its own, also for a parser of HTML."""
    svg = graph_svg(graph)
    tags = {"svg", "title", "style", "rect", "g", "path", "text"}
    assert {e.tag.rpartition("}")[2] for e in ElementTree.fromstring(svg).iter()} <= tags
    found: list[str] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: found.extend([tag, *(k for k, _ in attrs)])  # type: ignore[method-assign]
    parser.feed(svg)
    assert not {name for name in found if name not in tags and name.startswith("on")}
    assert "img" not in found
    assert "script" not in found


# ---------------------------------------------------------------- names


@by(PRINTABLE)
def test_names_of_printable_characters_are_kept_everywhere(text: str) -> None:
    graph = model()
    name = text.replace("/", "|")
    graph.apply([Rename(graph["a"].id, name), SetScope(graph["a"].id, "s")])
    graph.apply([Rename(graph["b"].id, name), SetScope(graph["x"].id, name)])

    unchanged_everywhere(graph)
    assert graph.nodes["n2"].path == f"s/{name}"


@by({**ODD, **CONTROL, **LINES, **IMPOSSIBLE, "nothing": "", "blank": " "})
def test_other_names_are_refused(text: str) -> None:
    for patch in ([Rename("n2", text)], [SetScope("n2", text or "s/")], [AddNode(NodeDoc("new", "relu", text))]):
        if text in ODD.values() and isinstance(patch[0], SetScope) and "/" in text and text.isprintable():
            continue  # a scope of several names
        assert "printable characters" in refused_alike(model(), patch) or len(text) > 500
    assert "printable" in refused_alike(model(), [AddNode(NodeDoc(text, "relu", "new"))])
    assert "printable" in refused_alike(model(), [AddNode(NodeDoc("new", text, "new"))])


@by({**PRINTABLE, **ODD, **CONTROL, **LINES})
def test_a_graph_may_be_called_anything(text: str) -> None:
    graph = model()
    named = fl.Graph(text)
    named.restore([AddNode(n) for n in graph.nodes.values() if n.kind == "input"])

    unchanged_everywhere(named)


@by(IMPOSSIBLE)
def test_but_not_what_a_file_cannot_hold(text: str) -> None:
    with pytest.raises(fl.PatchError, match="the name of a graph is a text of at most 500 characters") as error:
        fl.Graph(text)

    assert len(str(error.value)) < 200


# ---------------------------------------------------------------- notes and parameters


@by({**PRINTABLE, **ODD, **LINES, "hash": "#", "quotes": '"""', "end": "x\n", "empty lines": "\n\n"})
def test_notes_are_kept_as_they_are(text: str) -> None:
    graph = model()
    graph.apply([SetNote(graph["a"].id, text)])

    unchanged_everywhere(graph)
    assert graph.nodes[graph["a"].id].note == text


@by({**CONTROL, **IMPOSSIBLE})
def test_other_notes_are_refused(text: str) -> None:
    line = refused_alike(model(), [SetNote("n2", text)])
    refused_alike(model(), [AddNode(NodeDoc("new", "relu", "new", note=text))])

    assert any(why in line for why in ("control characters", "at most 10,000 characters; got 1,000,000", "cannot hold"))


@by({**PRINTABLE, **ODD, **CONTROL, **LINES})
def test_texts_in_parameters_are_kept_as_they_are(text: str) -> None:
    graph = fl.Graph("g")
    graph.apply([AddNode(NodeDoc("n1", "no.such.kind", "a", params={text: text, "deep": [{text: [text] * 40}]}))])

    assert encode(decode(encode(graph))) == encode(graph)
    drawn(graph)


@by({**PRINTABLE, **ODD, **CONTROL, **LINES})
def test_texts_in_source_are_kept_as_they_are(text: str) -> None:
    values = [text, {"key": [text], text: 1}] * 4
    written = _literal(values)
    call = ast.parse(_broken(f"fl.relu(x, {written}, {written})"), mode="eval").body

    assert isinstance(call, ast.Call)
    assert [ast.literal_eval(argument) for argument in call.args[1:]] == [ast.literal_eval(written)] * 2
    assert ast.literal_eval(written) == (text, {"key": (text,), text: 1}) * 4


@by(IMPOSSIBLE)
def test_texts_that_a_file_cannot_hold_or_nobody_reads_are_refused(text: str) -> None:
    for value in (text, [text], {"a": {text: 1}}):
        refused_alike(model(), [SetParam("n3", "activation", value)])
    refused_alike(model(), [SetParam("n3", text, 1)])


@by({**PRINTABLE, **ODD, **CONTROL, **LINES})
def test_a_problem_says_hostile_values_in_one_short_line(text: str) -> None:
    graph = model()
    graph.apply([SetParam("n3", "activation", text * 50), SetParam("n1", "shape", ["batch", text])])

    for problem in graph.problems:
        assert len(problem.message) < 1000
        assert "\n" not in problem.message
        assert "\x00" not in problem.message
    drawn(graph)


# ---------------------------------------------------------------- files and reprs


@pytest.mark.parametrize("where", ["name", "note", "scope", "kind"])
def test_a_file_with_a_text_beyond_measure_is_refused_in_a_line(where: str) -> None:
    document = json.loads(encode(model()))
    document["nodes"][1][where] = LONG
    with pytest.raises(FlowFileError) as error:
        decode(json.dumps(document).encode())

    assert len(str(error.value)) < 300


def test_reprs_and_static_output_keep_hostile_text_as_text() -> None:
    graph = fl.Graph(MARKUP)
    with graph, graph.scope("<b>"):
        x = fl.input(MARKUP, shape=("batch", 4))
    graph.apply([SetNote(x.id, "</title><script>")])
    editor = GraphEditor(graph)
    bundle = editor._repr_mimebundle_()
    bundle = bundle[0] if isinstance(bundle, tuple) else bundle
    editor.close()

    assert "text/html" not in bundle
    assert "<script" not in json.dumps(bundle)
    drawn(graph)


def test_source_of_a_hostile_graph_runs_nothing_but_its_own_calls(tmp_path: Path) -> None:
    graph = model()
    for id, text in zip(("n1", "n2", "n3"), ('"); open("owned", "w") #', "\\", "import os"), strict=True):
        graph.apply([Rename(id, text), SetNote(id, f'{text}\nopen("owned", "w")\u2028open("owned", "w")')])
    source = tmp_path / "source.py"
    source.write_text(graph.to_python(), encoding="utf-8")

    subprocess.run([sys.executable, str(source)], cwd=tmp_path, check=True, timeout=60)

    assert [path.name for path in tmp_path.iterdir()] == ["source.py"]
