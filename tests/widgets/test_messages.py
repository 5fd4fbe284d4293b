"""Messages that are none: whatever comes from the browser, the graph stays as it was and nothing is raised."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowloom.widgets import GraphEditor
from flowloom.widgets.graph_part import GraphPart
from flowloom.widgets.wire.graph import Rejected
from tests.widgets.models import digits_model

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(st.characters(codec=None), max_size=20)
    | st.sampled_from(["n1", "n3", "y", "x", "edit", "me", "", "\x00", "\ud800", "__proto__", "a" * 1000])
)
ANYTHING = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
)
DEEP: Any = None
for _ in range(2000):
    DEEP = [DEEP]

NODE = {"id": "new", "kind": "layers.relu", "name": "new", "params": {}, "x": 0, "y": 0}
EDGE = {"source": "n1", "source_port": "y", "target": "n3", "target_port": "x"}
CHANGES = [
    {"op": "add_node", "node": NODE},
    {"op": "remove_node", "id": "n1"},
    {"op": "connect", "edge": EDGE},
    {"op": "disconnect", "edge": EDGE},
    {"op": "set_param", "id": "n4", "key": "units", "value": 3},
    {"op": "reset_param", "id": "n4", "key": "units"},
    {"op": "rename", "id": "n4", "name": "other"},
    {"op": "move", "id": "n4", "x": 1, "y": 2},
    {"op": "set_note", "id": "n4", "note": "look"},
    {"op": "set_bypassed", "id": "n4", "bypassed": True},
    {"op": "set_scope", "id": "n4", "scope": "s"},
    {"op": "reorder", "ids": ["n1", "n2"]},
]
REQUESTS = [
    *({"type": "edit", "client": "me", "sequence": 1, "patch": [change]} for change in CHANGES),
    {"type": "history", "client": "me", "sequence": 1, "action": "undo"},
    {"type": "edit_code", "client": "me", "sequence": 1, "text": "import flowloom as fl"},
    {"type": "fits", "request": 1, "source": "n1", "source_port": "y", "side": "output"},
    {"type": "followers", "request": 1, "source": "n1", "source_port": "y", "target": "", "target_port": ""},
    {"type": "sync", "client": "me", "request": 1, "sequence": 0, "revision": 0},
    {"type": "code", "client": "me"},
]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) within a message."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, inner in entries for place in [(value, key), *places(inner)]]


def told_of(message: Any) -> tuple[GraphPart, list[Any], Any]:
    """A part that has had the message, what it said to it, and its state before."""
    told: list[Any] = []
    part = GraphPart(digits_model(), told.append)
    before = part.state()
    part.receive(message)
    return part, told, before


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda r: r["patch"][0]["op"] if "patch" in r else r["type"])
def test_nonsense_in_a_request_is_refused_or_done_but_never_raised(request_: Any) -> None:
    @settings(max_examples=40, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def run(data: st.DataObject) -> None:
        message = json.loads(json.dumps(request_))
        container, key = data.draw(st.sampled_from(places(message)))
        fate = data.draw(st.sampled_from(["missing", "another", "besides"]))
        if fate == "missing":
            del container[key]
        elif fate == "another" or not isinstance(container, dict):
            container[key] = data.draw(ANYTHING)
        else:
            container["surprise"] = data.draw(ANYTHING)

        part, told, before = told_of(message)

        assert len(told) <= 1
        json.dumps(msgspec.to_builtins(told), allow_nan=False, ensure_ascii=False).encode()
        if not told or isinstance(told[0], Rejected):
            assert part.state() == before
        if told and isinstance(told[0], Rejected):
            assert len(told[0].problem.message) < 1000
            assert "\n" not in told[0].problem.message

    run()


def setting(key: str, value: Any) -> dict[str, Any]:
    change = {"op": "set_param", "id": "n4", "key": key, "value": value}
    return {"type": "edit", "client": "me", "sequence": 1, "patch": [change]}


@pytest.mark.parametrize(
    "message",
    [
        DEEP,
        {"type": "edit", "client": "me", "sequence": 1, "patch": DEEP},
        setting("units", DEEP),
        setting("a" * 10**6, 1),
        setting("units", "b" * 10**6),
        setting("units", 10**400),
    ],
    ids=["deep", "a deep patch", "a deep value", "a long key", "a long value", "a huge number"],
)
def test_messages_beyond_measure_are_refused_in_a_short_line(message: Any) -> None:
    part, told, before = told_of(message)

    assert part.state() == before
    assert all(isinstance(answer, Rejected) and len(answer.problem.message) < 1000 for answer in told)
    assert bool(told) == isinstance(message, dict)


def test_a_widget_takes_anything() -> None:
    editor = GraphEditor(digits_model())
    before = editor.graph_part.state()

    @settings(max_examples=100, suppress_health_check=list(HealthCheck))
    @given(ANYTHING)
    def run(content: Any) -> None:
        editor._receive(editor, content, [])
        editor._receive(editor, {"part": "graph", "message": content}, [])

        assert editor.graph_part.state() == before

    run()
    editor.close()
