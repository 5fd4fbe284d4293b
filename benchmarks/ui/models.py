"""The graphs that are shown, as cells of a notebook that end with their editor."""

from __future__ import annotations

PARTS = """
import flowloom as fl
from flowloom.graph.document import AddNode, Connect, EdgeDoc, NodeDoc

def show(name, nodes, wires):
    g = fl.Graph(name)
    shape = {"shape": ["batch", 4]}
    made = [
        NodeDoc(id, kind, id, params=shape if kind == "input" else {}, scope=scope, x=x, y=y)
        for id, kind, scope, x, y in nodes
    ]
    g.restore([*(AddNode(n) for n in made), *(Connect(EdgeDoc(a, "y", b, "x")) for a, b in wires)])
    return fl.widgets.GraphEditor(g)
"""


def rows(count: int, length: int) -> str:
    """So many chains, one below the other: an input and `length - 1` nodes that each read the one before."""
    return f"""{PARTS}
places = [(row, column) for row in range({count}) for column in range({length})]
nodes = [(f"n{{r}}_{{c}}", "relu" if c else "input", "", 220.0 * c, 90.0 * r) for r, c in places]
editor = show("rows", nodes, [(f"n{{r}}_{{c - 1}}", f"n{{r}}_{{c}}") for r, c in places if c])
editor
"""


def pairs(count: int, across: int) -> str:
    """So many pairs of an input and a node that reads it, `across` of them in a row."""
    return f"""{PARTS}
nodes = []
for i in range({count}):
    x, y = 440.0 * (i % {across}), 90.0 * (i // {across})
    nodes += [(f"a{{i}}", "input", "", x, y), (f"b{{i}}", "relu", "", x + 220.0, y)]
editor = show("pairs", nodes, [(f"a{{i}}", f"b{{i}}") for i in range({count})])
editor
"""


def scoped(count: int, size: int) -> str:
    """A chain of so many scopes, each a chain of `size` nodes. Scopes that large begin folded."""
    return f"""{PARTS}
order = [(scope, i) for scope in range({count}) for i in range({size})]
ids = ["x", *(f"n{{scope}}_{{i}}" for scope, i in order)]
nodes = [("x", "input", "", None, None)]
nodes += [(f"n{{scope}}_{{i}}", "relu", f"block{{scope}}", None, None) for scope, i in order]
editor = show("scoped", nodes, list(zip(ids, ids[1:])))
editor
"""


def woven(count: int) -> str:
    """So many nodes that each add two of the 40 before, in no order that would please."""
    return f"""{PARTS}
import random
roll = random.Random(0)
g = fl.Graph("woven")
shape = {{"shape": ["batch", 4]}}
nodes = [NodeDoc(f"n{{i}}", "add" if i > 1 else "input", f"n{{i}}", params={{}} if i > 1 else shape,
                 x=220.0 * (i * 37 % 80), y=120.0 * (i // 80)) for i in range({count})]
wires = [EdgeDoc(f"n{{roll.randrange(max(0, i - 40), i)}}", "y", f"n{{i}}", port)
         for i in range(2, {count}) for port in "ab"]
g.restore([*map(AddNode, nodes), *map(Connect, wires)])
editor = fl.widgets.GraphEditor(g)
editor
"""


WIRED = """
import flowloom as fl
g = fl.Graph("wired")
with g:
    for row in range(10):
        x = fl.input(f"x{row}", shape=("batch", 8))
        for i in range(9):
            x = fl.layers.dense(x, units=4 + (row + i) % 2, name=f"d{row}_{i}")
for id in list(g.nodes):
    row, _, i = g.nodes[id].name[1:].partition("_")
    g.apply([fl.graph.document.Move(id, 260.0 * (int(i) + 1 if i else 0), 90.0 * int(row))])
editor = fl.widgets.GraphEditor(g)
editor
"""
