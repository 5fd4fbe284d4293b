"""What a machine runs, as a picture: the expressions that a part of a graph was lowered to, each a node with its wires.

Each lies in a scope that is called like the node it was made for, so that a folded picture looks like the graph. A node
that became one expression stays one node. What `backward` adds lies likewise in a scope of its own, "gradients".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from flowloom.compiler.expr import CONSTANT, INPUT, ITEM, Expr, toposort
from flowloom.compiler.function import Function
from flowloom.compiler.gradient import Origins
from flowloom.graph.document import EdgeDoc, NodeDoc
from flowloom.graph.expansion import STEP_KEY
from flowloom.graph.picture import Drawn, Picture, PortSpec, coarse, laid_out
from flowloom.graph.state import State, free_suffix
from flowloom.op import port_names
from flowloom.spec import Spec

BACKWARD = "gradients"
LONGEST = 80  # characters of a parameter
MOST = 8_000  # nodes: more are too many to send and to fold


@dataclass(frozen=True, slots=True)
class End:
    """A result that is drawn as a node of its own: its name, the id of the node that it belongs to, and what it is."""

    name: str
    node: str
    value: Expr
    backward: bool = False


def machine_picture(
    state: State,
    results: Sequence[Expr],
    origins: Origins,
    *,
    ends: Sequence[End] = (),
    forward: Sequence[Expr] | None = None,
    most: int = MOST,
) -> Picture:
    """All that `results` and the `ends` are computed by, as a picture of the graph in `state` that it was made for.

    What `forward` does not need is drawn as the backward pass (None: there is none). More than `most` nodes become one
    for each node of the graph.
    """
    order = [e for e in toposort([*results, *(end.value for end in ends)]) if e.op is not ITEM]
    ahead = None if forward is None else set(toposort(forward))
    items = [_Item(e, _owner(e, state, origins), ahead is not None and e not in ahead) for e in order]
    maker = _Maker(state, items, ends)
    for item in items:
        maker.draw(item)
    for end in ends:
        maker.finish(end)
    picture = maker.picture()
    return laid_out(coarse(picture) if len(picture.nodes) > most else picture)


@dataclass(frozen=True, slots=True)
class _Item:
    """An expression to draw, the id of the node that it was made for ("": none is known), and in which pass it is."""

    expr: Expr
    owner: str
    backward: bool


def _owner(e: Expr, state: State, origins: Origins) -> str:
    known = [_leaf_node(e)] if e.op is INPUT else origins.of(e)
    return next((id for id in known if id in state.nodes), "")


def _leaf_node(e: Expr) -> str:
    """The id of the node that a leaf is fed for: its name is "input <id>", "variable <id>/<role>" or the like."""
    return str(dict(e.params)["name"]).partition(" ")[2].partition("/")[0]


@dataclass(slots=True)
class _Maker:
    """Draws one expression after another."""

    state: State
    items: Sequence[_Item]
    ends: Sequence[End]
    drawn: list[Drawn] = field(default_factory=list)
    edges: list[EdgeDoc] = field(default_factory=list)
    ids: dict[Expr, str] = field(default_factory=dict)
    ports: dict[Expr, tuple[PortSpec, ...]] = field(default_factory=dict)  # the outputs of what is drawn
    constants: dict[tuple[Expr, str], str] = field(default_factory=dict)
    names: dict[str, set[str]] = field(default_factory=dict)
    scopes: dict[str, str] = field(default_factory=dict)
    alone: set[tuple[str, bool]] = field(default_factory=set)
    taken: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        owned = Counter((i.owner, i.backward) for i in self.items if not self._is_inline(i))
        owned.update((end.node, end.backward) for end in self.ends)
        self.alone = {key for key, count in owned.items() if count == 1}
        self.taken = {node.scope for node in self.state.nodes.values()}

    def draw(self, item: _Item) -> None:
        """Draw an expression. A single number is drawn where it is read instead, as often as that is."""
        e = item.expr
        if self._is_inline(item):
            return
        scope, name = self._place(item.owner, item.backward, _name(e, self.state))
        self.ids[e] = self._add(e, scope, name, (item.owner,) if item.owner else ())

    def finish(self, end: End) -> None:
        """Draw a result."""
        scope, name = self._place(end.node, end.backward, end.name, always=True)
        doc = NodeDoc(f"e{len(self.drawn)}", "output", self._free(scope, name), scope=scope)
        spec = str(end.value.spec)
        self.drawn.append(Drawn(doc, (("x", spec),), (("y", spec),), origins=(end.node,)))
        self._wire(end.value, doc, "x")

    def picture(self) -> Picture:
        """All that was drawn; scopes that stand for a node are folded, and the backward pass is open."""
        folded = dict.fromkeys(self.scopes, True) | {BACKWARD: False}
        return Picture(self.drawn, self.edges, self.scopes, folded)

    def _is_inline(self, item: _Item) -> bool:
        """Whether it is a single number, and none that a node of the graph holds."""
        owner = self.state.nodes.get(item.owner)
        held = owner is not None and owner.kind == "constant"
        return item.expr.value is not None and item.expr.value.size == 1 and not held

    def _place(self, owner: str, backward: bool, name: str, *, always: bool = False) -> tuple[str, str]:
        """The scope and the name of something that was made for a node; `always`: that keeps its own name."""
        outer = [BACKWARD] if backward else []
        node = self.state.nodes.get(owner)
        if node is None:
            return "/".join(outer), name
        if (owner, backward) in self.alone:
            return "/".join([*outer, node.scope] if node.scope else outer), name if always else node.name
        path = f"{node.path} (node)" if node.path in self.taken else node.path  # a scope of the graph has this name
        scope = "/".join([*outer, path])
        self.scopes[scope] = owner
        return scope, name

    def _add(self, e: Expr, scope: str, name: str, origins: tuple[str, ...]) -> str:
        """Draw a node for an expression in a scope, with its wires."""
        doc = NodeDoc(f"e{len(self.drawn)}", _kind(e), self._free(scope, name), scope=scope)
        outputs = self.ports[e] = _outputs(e)
        place = len(self.drawn)
        self.drawn.append(Drawn(doc, (), outputs, facts=tuple(_facts(e)), origins=origins))
        names = port_names(e.op.ports, len(e.args))
        inputs = tuple((port, self._wire(arg, doc, port)) for port, arg in zip(names, e.args, strict=True))
        self.drawn[place] = replace(self.drawn[place], inputs=inputs)
        return doc.id

    def _wire(self, value: Expr, to: NodeDoc, port: str) -> str | None:
        """Draw a wire, and a number at its beginning. Returns the spec of what it carries."""
        whole, index = (value.args[0], int(dict(value.params)["index"])) if value.op is ITEM else (value, 0)
        id = self.ids.get(whole)
        if id is None:  # a number
            key = (whole, to.scope)
            id = self.constants.get(key)
            if id is None:
                id = self.constants[key] = self._add(whole, to.scope, _name(whole, self.state), ())
        source, spec = self.ports[whole][index]
        self.edges.append(EdgeDoc(id, source, to.id, port))
        return spec

    def _free(self, scope: str, name: str) -> str:
        names = self.names.setdefault(scope, set())
        free = free_suffix(name, names.__contains__)
        names.add(free)
        return free


def _name(e: Expr, state: State) -> str:
    """What a person calls it: an input and a variable by their names, a number by its value, all else by its op."""
    if e is STEP_KEY:
        return "step key"
    if e.op is INPUT:
        node = state.nodes.get(_leaf_node(e))
        role = str(dict(e.params)["name"]).partition("/")[2]
        return role if node is None or (role and node.kind != "variable") else node.name
    if e.value is not None:
        return _text(e.value.reshape(-1)[0], 24) if e.value.size == 1 else "constant"
    return e.op.name


def _kind(e: Expr) -> str:
    if e.op is INPUT:
        return "variable" if str(dict(e.params)["name"]).startswith("variable ") else "input"
    return e.op.name


def _outputs(e: Expr) -> tuple[PortSpec, ...]:
    """The output ports of an expression: those of its op, or y.0, y.1, ... where it does not name so many."""
    named = port_names(e.op.outputs, len(e.specs)) if e.op is not CONSTANT and e.op is not INPUT else ("y",)
    if len(named) != len(e.specs):
        named = tuple(f"y.{i}" for i in range(len(e.specs)))
    return tuple(zip(named, map(str, e.specs), strict=True))


def _facts(e: Expr) -> Iterable[str]:
    """The parameters of an expression, a line each; the value of a constant."""
    if e.op is INPUT:
        return
    if e.value is not None:
        yield f"value: {_text(np.array2string(e.value, threshold=8, separator=', ').replace(chr(10), ''))}"
    for name, value in e.params:
        if isinstance(value, Function):
            count = sum(inner.op not in (INPUT, CONSTANT, ITEM) for inner in toposort(value.outputs))
            yield f"{name}: a body of {count} {'operation' if count == 1 else 'operations'}"
        elif isinstance(value, tuple) and value and all(isinstance(v, Spec) for v in value):
            yield f"{name}: {_text(', '.join(map(str, value)))}"
        else:
            yield f"{name}: {_text(value)}"


def _text(value: object, longest: int = LONGEST) -> str:
    text = str(value)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
