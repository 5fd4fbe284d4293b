"""Writing: a graph as Python source that builds it again."""

from __future__ import annotations

import builtins
import json
import keyword
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from flowloom.graph.document import EdgeDoc, NodeDoc
from flowloom.graph.expansion import constant_params
from flowloom.graph.graph import Graph
from flowloom.graph.kinds import ZONE_BEGINS, ZONE_ENDS, Kind, find_kind
from flowloom.graph.state import free_suffix, operand_ports
from flowloom.spec import SpecError

LONGEST = 110  # columns of a call, before it is broken into lines
SYMBOLS = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "floor_divide": "//",
    "remainder": "%",
    "power": "**",
    "matmul": "@",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
}
NAMED_FIRST = ("input", "variable")

Lines: TypeAlias = tuple[int, int]  # the first and the last line, counted from 1


@dataclass(frozen=True, slots=True)
class Source:
    """Source, and by id the lines on which each node of the graph stands, its note among them."""

    text: str
    lines: dict[str, Lines]


def to_python(graph: Graph) -> str:
    """Python source that builds the graph again: the same nodes, names, parameters, wires and notes.

    Positions on the canvas and trained values are not in it. Raises SpecError, naming the node, if the graph does not
    typecheck: only a `.flow.json` keeps what is unfinished.
    """
    return write(graph).text


def write(graph: Graph) -> Source:
    """What `to_python` gives, with the lines of each node."""
    with graph.lock:
        for id in graph.nodes:
            if graph.inferred(id).expansion is None:
                raise SpecError(f"a graph that does not typecheck has no source. {graph.why_unknown(id)}")
            if (node := graph.nodes[id]).bypassed and (problem := graph.inferred_alone(id).problem):
                raise SpecError(
                    f"a bypassed node that does not typecheck has no source. {node.path}: {problem.message}"
                )
        writer = _Writer(graph)
        return Source(writer.source(), writer.lines)


class _Writer:
    """Writes the nodes of a graph one by one, each after those it reads."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.order = [graph.nodes[id] for id in graph.state.written()]
        self.lines: dict[str, Lines] = {}
        self._given: set[tuple[str, str]] = set()  # (scope, name) of the nodes so far, as they will be given
        self._symbols: dict[tuple[str, str], str] = {}  # what each tensor (node id, port) is called
        self._used = {"fl", "g"}
        self._pending: list[NodeDoc] = []  # constants that may turn out to be literals of the next node

    def source(self) -> str:
        seed = f", seed={self.graph.seed}" if self.graph.seed else ""
        lines = ["import flowloom as fl", "", f"with fl.Graph({_text(self.graph.name)}{seed}) as g:"]
        scope = ""
        for node in self.order:
            if self._may_be_literal(node):
                self._pending.append(node)
                continue
            literals = self._literals_for(node)
            early = [n for n in self._pending if n.id not in literals]
            self._pending = []
            for written in (*early, node):
                if written.scope != scope:
                    scope = written.scope
                    lines += [f"    with g.scope({_text(scope)}):"] if scope else []
                beside = literals if written is node else {}
                first = len(lines) + 1
                lines += self._lines(written, beside, "        " if scope else "    ")
                self.lines.update(dict.fromkeys([*beside, written.id], (first, len(lines))))
        if len(lines) == 3:
            lines.append("    pass")
        return "\n".join(lines) + "\n"

    # ------------------------------------------------------------ constants written as literals

    def _may_be_literal(self, node: NodeDoc) -> bool:
        readers = self.graph.state.outgoing.get(node.id, {})
        return (
            node.kind == "constant"
            and not node.note
            and len(readers) == 1
            and isinstance(node.params.get("value"), bool | int | float)
            and self.graph.nodes[next(iter(readers)).target].scope == node.scope
        )

    def _literals_for(self, node: NodeDoc) -> dict[str, str]:
        """Which of the pending constants the call of `node` makes by itself from a number, and how that is written."""
        edges = self._edges(node)
        dtypes = [self._dtype(e) for e in edges if all(e.source != p.id for p in self._pending)]
        if not dtypes or node.kind in ("output", "gradients"):
            return {}
        found: dict[str, str] = {}
        given = set(self._given)
        for edge in edges:
            constant = next((p for p in self._pending if p.id == edge.source), None)
            if constant is None:
                continue
            value = constant.params["value"]
            name = free_suffix("constant", lambda n: (node.scope, n) in given)
            if constant.name != name or constant_params(value, beside=dtypes) != constant.params:
                return {}
            given.add((node.scope, name))
            found[constant.id] = repr(value)
        return found if [p.id for p in self._pending[-len(found) :]] == list(found) else {}

    def _dtype(self, edge: EdgeDoc) -> Any:
        return self.graph.inferred(edge.source).exprs()[edge.source_port].dtype

    # ------------------------------------------------------------ one node

    def _edges(self, node: NodeDoc) -> list[EdgeDoc]:
        kind, edges = _kind(node), self.graph.state.incoming.get(node.id, {})
        return [edges[p] for p in operand_ports(kind.ports, edges) if p in edges]

    def _lines(self, node: NodeDoc, literals: dict[str, str], indent: str) -> list[str]:
        for id in literals:
            self._given.add((node.scope, self.graph.nodes[id].name))
            self._symbols[id, "y"] = literals[id]
        call = self._call(node)
        self._given.add((node.scope, node.name))
        target = self._target(node)
        statement = f"{target} = {call}" if target else call
        if len(indent + statement) > LONGEST and call.endswith(")") and "(" in call:
            statement = _broken(statement)
        notes = [f"{indent}# {line}" for line in node.note.split("\n")] if node.note else []
        bypassed = [f"{indent}g.bypass({_text(node.path)})"] if node.bypassed else []
        return notes + [indent + line for line in statement.split("\n")] + bypassed

    def _target(self, node: NodeDoc) -> str:
        """The names that the outputs are bound to; "" if nothing reads them."""
        kind, ports = _kind(node), self.graph.inferred(node.id).outputs
        read = {e.source_port for e in self.graph.state.outgoing.get(node.id, ())}
        alone = len(ports) == 1 and not kind.outputs[0].variadic
        if node.kind == "output" or not ports:
            return ""
        names = []
        for i, port in enumerate(ports):
            name = self._symbol(node.name if alone else f"{node.name}_{i}") if alone or port in read else "_"
            self._symbols[node.id, port] = name
            names.append(name)
        return names[0] if alone else f"({names[0]},)" if len(names) == 1 else ", ".join(names)

    def _symbol(self, name: str) -> str:
        """A variable name like `name` that is free."""
        plain = "".join(c if c.isalnum() and c.isascii() else "_" for c in name)
        if not plain.isidentifier() or keyword.iskeyword(plain) or hasattr(builtins, plain):
            plain = f"_{plain}" if plain[:1].isdigit() else f"{plain}_"
        free = free_suffix(plain, lambda n: n in self._used)
        self._used.add(free)
        return free

    def _call(self, node: NodeDoc) -> str:
        kind = _kind(node)
        operands = self._operands(node, kind)
        named = node.name != free_suffix(kind.label, lambda n: (node.scope, n) in self._given)
        set_here = {k: node.params[k] for k in kind.params if k in node.params}  # in the order of the declaration
        params = {k: _literal(v) for k, v in set_here.items()}
        if node.kind in NAMED_FIRST:
            kept = {k: v for k, v in params.items() if node.params[k] != kind.params[k].default}
            return _called(f"fl.{node.kind}", [_text(node.name)], kept)
        if node.kind == "output":
            return f"fl.output({operands[0]}, {_text(node.name)})"
        if node.kind == "constant":
            if _has_own_dtype(node):
                params.pop("dtype")
            return _called("fl.constant", [params.pop("value")], {**params, **self._name(node, named)})
        if node.kind == "gradients":
            return self._gradients(node, operands, named)
        if node.kind == "variable_of":
            key = {"variable": f"{self._variable(node.params['variable'])}.key"}
            return _called("g.add", [_text(node.kind), f"({operands[0]},)", _mapping(key)], self._name(node, named))
        if node.kind in SYMBOLS and not params and not named and all(o.isidentifier() for o in operands[:1]):
            return f"{operands[0]} {SYMBOLS[node.kind]} {operands[1]}"
        if kind.internal or _begins_or_ends(node.kind):
            tensors = f"({operands[0]},)" if len(operands) == 1 else f"({', '.join(operands)})"
            given = [_literal(set_here)] if params else []
            return _called("g.add", [_text(node.kind), tensors, *given], self._name(node, named))
        return _called(f"fl.{node.kind}", operands, {**params, **self._name(node, named)})

    def _operands(self, node: NodeDoc, kind: Kind) -> list[str]:
        edges = self.graph.state.incoming.get(node.id, {})
        ports = operand_ports(kind.ports, edges)
        while ports and ports[-1] not in edges:
            ports.pop()
        return [self._symbols[edges[p].source, edges[p].source_port] if p in edges else "None" for p in ports]

    def _gradients(self, node: NodeDoc, operands: list[str], named: bool) -> str:
        variables = [self._variable(key) for key in node.params.get("wrt", ())]
        wrt = f"[{', '.join([*operands[1:], *variables])}]"
        return _called("fl.gradients", [operands[0], wrt], self._name(node, named))

    def _variable(self, key: str) -> str:
        """The variable of that key, by its name: keys are made anew when the source is read."""
        id, _, role = key.partition("/")
        path = self.graph.nodes[id].path
        return f"g.variable({_text(path if role == 'value' else f'{path}/{role}')})"

    def _name(self, node: NodeDoc, named: bool) -> dict[str, str]:
        return {"name": _text(node.name)} if named else {}


def _kind(node: NodeDoc) -> Kind:
    kind = find_kind(node.kind)
    assert kind is not None, node.kind  # the graph typechecks
    return kind


def _has_own_dtype(constant: NodeDoc) -> bool:
    """Whether the value alone says the dtype; not if a number in it is not finite, which a document writes as text."""
    try:
        return constant_params(constant.params["value"]) == constant.params
    except SpecError:
        return False


def _begins_or_ends(kind: str) -> bool:
    """Whether a node of this kind begins or ends a zone, which the functions for people build from functions."""
    return kind in (*ZONE_BEGINS, *ZONE_ENDS)


def _called(function: str, operands: Sequence[str], params: dict[str, str]) -> str:
    return f"{function}({', '.join([*operands, *(f'{k}={v}' for k, v in params.items())])})"


def _literal(value: Any) -> str:
    """A parameter as Python writes it, a list as a tuple: `(3, 3)`."""
    if isinstance(value, list):
        inner = ", ".join(_literal(v) for v in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, dict):
        return _mapping({k: _literal(v) for k, v in value.items()})
    return _text(value) if isinstance(value, str) else repr(value)


def _mapping(values: dict[str, str]) -> str:
    return "{" + ", ".join(f"{_text(k)}: {v}" for k, v in values.items()) + "}"


def _text(value: str) -> str:
    """A text in double quotes."""
    return json.dumps(value, ensure_ascii=False)


def _broken(statement: str) -> str:
    """A call too long for a line, with its arguments on a line of their own, or on one each."""
    head, _, rest = statement.partition("(")
    inside = rest[:-1].rstrip(",")
    if len(inside) > LONGEST - 8:
        inside = ",\n    ".join(_arguments(inside)) + ","
    return f"{head}(\n    {inside}\n)"


def _arguments(text: str) -> list[str]:
    """The arguments of a call, split at the commas that are in no bracket and no text."""
    parts, depth, quoted, escaped, start = [], 0, False, False, 0
    for at, c in enumerate(text):
        if quoted:
            quoted = escaped or c != '"'
            escaped = c == "\\" and not escaped
        elif c == '"':
            quoted = True
        else:
            depth += (c in "([{") - (c in ")]}")
            if c == "," and depth == 0:
                parts.append(text[start:at].strip())
                start = at + 1
    return [*parts, text[start:].strip()]
