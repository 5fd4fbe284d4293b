"""The strategy: random graphs of up to so many ops."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

import flowloom as fl
import tests.property.moves  # noqa: F401  (declares the moves)
from tests.property.choices import Choices
from tests.property.table import MOVES
from tests.property.weaving import Allowed, Rejected, Strand, Weaver

# How often a move of each family is tried.
SHARES = {
    "elementwise": 18,
    "reduction": 10,
    "shape": 10,
    "indexing": 7,
    "linalg": 6,
    "windows": 6,
    "sequences": 5,
    "control": 3,
    "quantization": 1,
}
FAMILIES = [family for family, share in SHARES.items() for _ in range(share)]


@dataclass(eq=False)
class Woven:
    """A random graph: what is fed, what is asked for, and all that is known of it."""

    graph: fl.Graph
    feeds: dict[str, np.ndarray[Any, Any]]
    outputs: list[Strand]
    strands: list[Strand]

    def __repr__(self) -> str:
        feeds = ", ".join(f"{k}: {v.dtype}{list(v.shape)}" for k, v in self.feeds.items())
        return f"{self.graph.to_python()}\n# feeds {feeds}\n# outputs {[o.tensor for o in self.outputs]}"


def graphs(most: int = 40, *, allowed: Allowed | None = None, floats: bool = False) -> Any:
    """Random graphs of up to `most` ops.

    `allowed` says which may be in them; `floats`: only floats are asked for.
    """

    @st.composite
    def strategy(draw: Any) -> Woven:
        return weave(Choices(draw), most, allowed, floats)

    return strategy()


def weave(choose: Choices, most: int, allowed: Allowed | None = None, floats: bool = False) -> Woven:
    """A graph of up to `most` ops, as `choose` decides."""
    w = Weaver(choose, allowed)
    with w.graph:
        _begin(w)
        wanted = choose.number(1, most)
        for _ in range(2 * wanted):
            if ops_in(w.graph) >= wanted:
                break
            family = MOVES[choose.of(FAMILIES)]
            name = choose.of(list(family))
            depth, count, fed = w.graph.undo_depth, len(w.strands), dict(w.feeds)
            try:
                with w.scope():
                    family[name](w)
            except (Rejected, TypeError) as error:
                if isinstance(error, TypeError) and not (w.loose and _ours(error)):
                    raise
                _take_back(w, depth, count, fed)
    return Woven(w.graph, w.feeds, _ends(w, floats), w.strands)


def _ours(error: TypeError) -> bool:
    """Whether a move tried to calculate with a size that is not known."""
    return "tests/property" in traceback.extract_tb(error.__traceback__)[-1].filename


def ops_in(graph: fl.Graph) -> int:
    """How many nodes there are that are no sources."""
    return sum(node.kind not in ("input", "variable", "constant", "output") for node in graph.nodes.values())


def _begin(w: Weaver) -> None:
    """Inputs to begin with: floats, by name and by number."""
    for _ in range(w.choose.number(1, 3)):
        first: list[int | str] = [w.choose.of(["batch", 2, 3, "steps"])]
        shape = [*first, *(w.choose.of([2, 1, 3, 4, "steps"]) for _ in range(w.choose.number(0, 3)))]
        w.source(*shape[: 4 if "steps" not in shape[1:] else 2])
    if w.loose:
        w.source(3, 2, kind="input", hidden=w.choose.number(0, 1))
    if w.choose.flag():
        w.whole(4, w.choose.of(["batch", 3]), kind="input")
    if w.choose.flag():
        w.truth(w.choose.of(["batch", 1]))


def _take_back(w: Weaver, depth: int, count: int, feeds: dict[str, Any]) -> None:
    """Leave the graph as it was before a move that did not fit; what it made on the way goes."""
    while w.graph.undo_depth > depth:
        w.graph.undo()
    del w.strands[count:]
    w.feeds.clear()
    w.feeds.update(feeds)


def _ends(w: Weaver, floats: bool) -> list[Strand]:
    """What is asked for: the newest tensor and some others, one of them twice perhaps."""
    able = [s for s in reversed(w.strands) if not floats or s.dtype.kind == "f"]
    return [able[0], *(w.choose.of(able) for _ in range(w.choose.number(0, 3)))]
