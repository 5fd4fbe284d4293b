"""The graph's two sides, the real ones, and a channel between them that loses, doubles, delays and damages messages."""

from __future__ import annotations

import json
import subprocess
from typing import Any, TypeAlias

import msgspec

import flowloom as fl
from flowloom.widgets.graph_part import GraphPart
from flowloom.widgets.wire import WidgetState
from flowloom.widgets.wire.graph import Patched
from tests.property.choices import Choices
from tools import frontend

HARNESS = frontend.SOURCES / "build" / "tests" / "graph" / "exchange.harness.mjs"
PAGES = 2
A_MINUTE = 60_000
Json: TypeAlias = Any


class Browser:
    """A Node process that holds the graph stores of some pages."""

    def __init__(self) -> None:
        """Bundle the stores and start. Raises NodeMissingError."""
        frontend.run_npm("run", "--silent", "bundle-tests")
        self._process = subprocess.Popen(
            [frontend.find_node(), "--no-warnings", str(HARNESS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )

    def obey(self, page: int, do: str, **given: Json) -> tuple[Json, list[tuple[int, Json]]]:
        """Have a page do something: what it gives, and what all pages sent on it. AssertionError if it throws."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"page": page, "do": do, **given}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer["value"], answer["sent"]

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(10)


class Exchange:
    """A graph in Python, pages that show it, and what is on its way between them: JSON, oldest first."""

    def __init__(self, browser: Browser, graph: fl.Graph) -> None:
        self.graph, self._browser = graph, browser
        self.up: list[list[str]] = [[] for _ in range(PAGES)]
        self.down: list[list[str]] = [[] for _ in range(PAGES)]
        self.done: list[tuple[str, int]] = []  # what Python has done for whom, in order
        self.part = GraphPart(graph, self._tell)
        state = WidgetState("editor", [], [], self.part.state(), None)
        for page in range(PAGES):
            self.do(page, "open", state=msgspec.to_builtins(state))

    def _tell(self, message: Any) -> None:
        if isinstance(message, Patched) and message.client:
            self.done.append((message.client, message.sequence))
        text = json.dumps({"part": "graph", "message": msgspec.to_builtins(message)}, allow_nan=False)
        text.encode()
        for queue in self.down:
            queue.append(text)

    def do(self, page: int, what: str, **given: Json) -> Json:
        """Have a page do something, and put on their way what is sent on it."""
        value, sent = self._browser.obey(page, what, **given)
        for number, content in sent:
            self.up[number].append(json.dumps(content))
        return value

    def look(self, page: int) -> Json:
        """What a page shows."""
        return self.do(page, "look")

    # ------------------------------------------------------------ the channel

    def arrive_in_python(self, page: int, text: str) -> None:
        """Deliver a message of a page."""
        content = _decoded(text)
        if isinstance(content, dict):
            self.part.receive(content.get("message"))

    def arrive_on_page(self, page: int, text: str) -> None:
        """Deliver a message of Python."""
        self.do(page, "deliver", content=_decoded(text))

    def carry(self, choices: Choices, faults: bool = True) -> None:
        """Carry one message, the oldest of some direction unless something goes wrong."""
        queues = [(q, p, arrive) for p in range(PAGES) for q, arrive in self._directions(p) if q]
        if not queues:
            return
        queue, page, arrive = choices.of(queues)
        fault = choices.of(("none", "none", "none", "late", "lost", "twice", "damaged")) if faults else "none"
        text = queue.pop(choices.number(0, len(queue) - 1) if fault == "late" else 0)
        if fault == "twice":
            queue.insert(choices.number(0, len(queue)), text)
        if fault != "lost":
            arrive(page, damaged(choices, text) if fault == "damaged" else text)

    def _directions(self, page: int) -> Any:
        return (self.up[page], self.arrive_in_python), (self.down[page], self.arrive_on_page)

    def drain(self, most: int = 2000) -> None:
        """Carry all that is on its way and what it brings about, without a fault."""
        for _ in range(most):
            if not any(self.up) and not any(self.down):
                return
            for page in range(PAGES):
                for queue, arrive in self._directions(page):
                    if queue:
                        arrive(page, queue.pop(0))
        raise AssertionError("the two sides do not come to rest")

    def heal(self) -> None:
        """Let everything arrive from now on, and a minute pass; then the pages are looked at again."""
        self.drain()
        for page in range(PAGES):
            self.do(page, "return")
            self.do(page, "pass", ms=A_MINUTE)
        self.drain()

    def check(self) -> None:
        """Every page shows what Python has, and Python has done what each page wanted once and in order."""
        expected = _comparable(json.loads(json.dumps(msgspec.to_builtins(self.part.state()))))
        for page in range(PAGES):
            shown = self.look(page)
            assert shown.pop("unanswered") == 0
            shown.pop("refusal")
            shown["can_undo"], shown["can_redo"] = shown.pop("canUndo"), shown.pop("canRedo")
            assert _comparable(shown) == expected
        for client in {client for client, _ in self.done}:
            numbers = [sequence for who, sequence in self.done if who == client]
            assert numbers == sorted(set(numbers))


def _comparable(state: Json) -> Json:
    """A document in which only what has no meaning, the order of edges and infos, is put in order."""
    edges = sorted(state["edges"], key=lambda e: (e["target"], e["target_port"]))
    return {**state, "edges": edges, "info": sorted(state["info"], key=lambda info: str(info["id"]))}


def _decoded(text: str) -> Json:
    try:
        return json.loads(text)
    except ValueError:
        return None


# ---------------------------------------------------------------- damage

ANYTHING = ("params", "value")  # below these all of JSON is allowed, so that no damage can be seen


def damaged(choices: Choices, text: str) -> str:
    """A message of which a part is missing, cut off or nonsense, so that it is none any more."""
    content = json.loads(text)
    if choices.rarely():
        return text[: choices.number(0, len(text) - 1)]
    places = list(_places(content))
    container, key = choices.of(places)
    container[key] = {"?": None}
    return json.dumps(content)


def _places(value: Json) -> Any:
    """Every (container, key) of a message."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        if key not in ANYTHING:
            yield value, key
            yield from _places(inner)
