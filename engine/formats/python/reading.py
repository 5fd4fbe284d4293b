"""Reading: the graph that Python source builds, without running it.

Source is a tree of a few kinds of statements and calls, and these are interpreted: calls of flowloom's own functions on
tensors and literals, arithmetic, names. Anything else is refused with its line.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from flowloom import build
from flowloom.graph.document import SetNote
from flowloom.graph.graph import Graph
from flowloom.graph.kinds import find_kind
from flowloom.graph.state import PatchError
from flowloom.graph.tensor import Tensor
from flowloom.graph.variables import Variable
from flowloom.op import get_op
from flowloom.places import nowhere
from flowloom.spec import SpecError

MOST_CHARACTERS = 4 << 20
MOST_DEPTH = 100
LONGEST_REASON = 500

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "input": build.input,
    "constant": build.constant,
    "variable": build.variable,
    "output": build.output,
    "gradients": build.gradients,
}
_BINARY: dict[type[ast.AST], str] = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.FloorDiv: "floor_divide",
    ast.Mod: "remainder",
    ast.Pow: "power",
    ast.MatMult: "matmul",
    ast.Lt: "less",
    ast.LtE: "less_equal",
    ast.Gt: "greater",
    ast.GtE: "greater_equal",
}


class PythonSourceError(ValueError):
    """Source that is not the description of a graph. One line, naming the line of the source.

    `line` and `column` count from 1; None where it is not about one place. `reason` is the message without the line.
    """

    def __init__(self, reason: str, line: int | None = None, column: int | None = None) -> None:
        reason = reason if len(reason) <= LONGEST_REASON else f"{reason[: LONGEST_REASON - 3]}..."
        super().__init__(f"line {line}: {reason}" if line else reason)
        self.reason, self.line, self.column = reason, line, column


@dataclass(frozen=True, slots=True)
class Reading:
    """What source describes: a graph, and by id the lines on which each of its nodes stands, counted from 1.

    `variables` are the names that those nodes are bound to which the source gives no name of their own.
    """

    graph: Graph
    lines: dict[str, tuple[int, int]]
    variables: dict[str, str]


def load(source: str | Path) -> Graph:
    """The graph that Python `source`, or the file at a Path, builds: what `g.to_python()` writes, and the like by hand.

    The source is never run. It may import flowloom, open one graph, name tensors, call flowloom's functions on tensors
    and literals, use arithmetic and comparisons, and open scopes. Comments above a line become the note of its node.
    Raises PythonSourceError for anything else, with its line, and OSError for a file that cannot be read.
    """
    return read(source.read_text(encoding="utf-8") if isinstance(source, Path) else source).graph


def read(source: str, inside: Graph | None = None) -> Reading:
    """What `load` gives, with the lines of each node. Raises PythonSourceError.

    With a graph, the source is what stands inside `with graph as g:`, where flowloom is called `fl`; it is built there.
    """
    if len(source) > MOST_CHARACTERS:
        raise PythonSourceError(f"the source has {len(source)} characters; at most {MOST_CHARACTERS} are read")
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        if not isinstance(error, SyntaxError):
            raise PythonSourceError("this is not Python: it is nested too deeply or is not text") from None
        column = error.offset if error.lineno and error.offset else None
        raise PythonSourceError(f"this is not Python: {error.msg}", error.lineno or None, column) from None
    reader = _Reader(source)
    try:
        with nowhere():
            graph = reader.graph(module) if inside is None else reader.body(module, inside)
            return Reading(graph, reader.lines, reader.variables)
    except PythonSourceError as error:
        error.column = reader.column(error.line, error.column)
        raise


class _Reader:
    def __init__(self, source: str) -> None:
        self._lines = source.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self._module = ""  # what flowloom is called here
        self._graph: Graph | None = None
        self._graph_name = ""
        self._names: dict[str, Any] = {}
        self.lines: dict[str, tuple[int, int]] = {}
        self.variables: dict[str, str] = {}

    def column(self, line: int | None, offset: int | None) -> int | None:
        """The column in characters; the syntax tree counts bytes."""
        if line is None or offset is None:
            return None
        return len(self._lines[line - 1].encode()[: offset - 1].decode(errors="ignore")) + 1

    def graph(self, module: ast.Module) -> Graph:
        for statement in module.body:
            self._top(statement)
        if self._graph is None:
            raise PythonSourceError("the source opens no graph: it needs `with fl.Graph(name) as g:`")
        return self._graph

    def body(self, module: ast.Module, graph: Graph) -> Graph:
        """Build in `graph` what stands inside its `with`."""
        self._module, self._graph, self._graph_name = "fl", graph, "g"
        with graph:
            for statement in module.body:
                self._statement(statement)
        return graph

    # ------------------------------------------------------------ statements

    def _top(self, node: ast.stmt) -> None:
        match node:
            case ast.Import(names=[ast.alias(name="flowloom", asname=asname)]):
                self._module = asname or "flowloom"
            case ast.Expr(value=ast.Constant(value=str())):
                pass  # a docstring
            case ast.With(items=[ast.withitem(context_expr=ast.Call() as call, optional_vars=name)], body=body):
                if self._dotted(call.func) != "Graph":
                    raise _refused(node, "this `with` opens no graph")
                if self._graph is not None:
                    raise _refused(node, "the source opens a second graph")
                args, keywords = self._arguments(call)
                self._graph = self._guarded(node, lambda: Graph(*args, **keywords))
                if isinstance(name, ast.Name):
                    self._graph_name = name.id
                with self._graph:
                    for statement in body:
                        self._statement(statement)
            case _:
                raise _refused(node, "this is not part of a graph's description")

    def _statement(self, node: ast.stmt) -> None:
        assert self._graph is not None
        nodes = self._graph.state.nodes
        before = len(nodes)
        match node:
            case ast.Pass() | ast.Expr(value=ast.Constant(value=str())):
                return
            case ast.Expr(value=value):
                self._value(value)
            case ast.Assign(targets=[target], value=value):
                self._bind(target, self._value(value))
            case ast.With(items=[ast.withitem(context_expr=ast.Call() as call, optional_vars=None)], body=body):
                with self._scope(call):
                    for statement in body:
                        self._statement(statement)
                return
            case _:
                raise _refused(node, "this statement is not part of a graph's description")
        made = list(islice(reversed(nodes), len(nodes) - before))[::-1]
        note = self._note_above(node)
        if note and made:
            self._graph.state.apply([SetNote(made[-1], note)])
        if made and (variable := _variable(node)) is not None:
            self.variables[made[-1]] = variable
        first = node.lineno - (note.count("\n") + 1 if note else 0)
        self.lines.update(dict.fromkeys(made, (first, node.end_lineno or node.lineno)))

    def _scope(self, call: ast.Call) -> AbstractContextManager[Any]:
        match call:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr="scope"), args=[ast.Constant(value=name)]):
                if owner == self._graph_name and self._graph is not None and isinstance(name, str):
                    return self._graph.scope(name)
        raise _refused(call, "this `with` opens no scope: write `with g.scope(name):`")

    def _bind(self, target: ast.expr, value: Any) -> None:
        match target:
            case ast.Name(id=name):
                self._names[name] = value
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                if not isinstance(value, list | tuple) or len(value) != len(targets):
                    count = len(value) if isinstance(value, list | tuple) else 1
                    raise _refused(target, f"{len(targets)} names for {count} values")
                for inner, part in zip(targets, value, strict=True):
                    self._bind(inner, part)
            case _:
                raise _refused(target, "only names can be assigned to")

    def _note_above(self, node: ast.stmt) -> str:
        lines: list[str] = []
        at = node.lineno - 2
        while at >= 0 and self._lines[at].lstrip().startswith("#"):
            lines.append(self._lines[at].lstrip().removeprefix("#").removeprefix(" "))
            at -= 1
        return "\n".join(reversed(lines))

    # ------------------------------------------------------------ values

    def _value(self, node: ast.expr, depth: int = 0) -> Any:
        if depth > MOST_DEPTH:
            raise _refused(node, f"the expression is nested more than {MOST_DEPTH} deep")

        def inner(e: ast.expr) -> Any:
            return self._value(e, depth + 1)

        match node:
            case ast.Constant(value=value) if value is None or isinstance(value, bool | int | float | str):
                return value
            case ast.Name(id=name):
                if name not in self._names:
                    raise _refused(node, f"{name!r} is not defined")
                return self._names[name]
            case ast.Tuple(elts=parts):
                return tuple(inner(e) for e in parts)
            case ast.List(elts=parts):
                return [inner(e) for e in parts]
            case ast.Dict(keys=keys, values=values) if all(isinstance(k, ast.Constant) for k in keys):
                return {k.value: inner(v) for k, v in zip(keys, values, strict=True) if isinstance(k, ast.Constant)}
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                x = inner(operand)
                return self._guarded(node, lambda: get_op("negative")(x) if isinstance(x, Tensor) else -x)
            case ast.BinOp(left=left, op=symbol, right=right) if type(symbol) in _BINARY:
                return self._operator(node, _BINARY[type(symbol)], inner(left), inner(right))
            case ast.Compare(left=left, ops=[symbol], comparators=[right]) if type(symbol) in _BINARY:
                return self._operator(node, _BINARY[type(symbol)], inner(left), inner(right))
            case ast.Attribute(value=ast.Call() as call, attr="key") if isinstance(v := inner(call), Variable):
                return v.key
            case ast.Subscript(value=whole, slice=index):
                return self._indexed(node, inner(whole), index, depth)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=method)) if owner == self._graph_name:
                return self._method(node, method, depth)
            case ast.Call():
                return self._called(node, depth)
        raise _refused(node, "this expression is not part of a graph's description")

    def _operator(self, node: ast.expr, name: str, a: Any, b: Any) -> Any:
        if not isinstance(a, Tensor) and not isinstance(b, Tensor):
            raise _refused(node, "arithmetic needs a tensor on one side")
        return self._guarded(node, lambda: get_op(name)(a, b))

    def _indexed(self, node: ast.expr, whole: Any, index: ast.expr, depth: int) -> Any:
        place = self._index(index, depth)
        if not isinstance(whole, Tensor | list | tuple):
            raise _refused(node, "only tensors and lists are indexed")
        return self._guarded(node, lambda: whole[place])  # type: ignore[index]  # operators are given at run time

    def _index(self, node: ast.expr, depth: int) -> Any:
        match node:
            case ast.Tuple(elts=parts):
                return tuple(self._index(p, depth + 1) for p in parts)
            case ast.Slice(lower=low, upper=high, step=step):
                return slice(*(None if e is None else self._value(e, depth + 1) for e in (low, high, step)))
            case ast.Constant(value=value) if value is Ellipsis:
                return value
        return self._value(node, depth + 1)

    def _arguments(self, call: ast.Call, depth: int = 0) -> tuple[list[Any], dict[str, Any]]:
        if any(isinstance(a, ast.Starred) for a in call.args) or any(k.arg is None for k in call.keywords):
            raise _refused(call, "arguments are written out one by one")
        args = [self._value(a, depth + 1) for a in call.args]
        return args, {k.arg: self._value(k.value, depth + 1) for k in call.keywords if k.arg is not None}

    def _called(self, call: ast.Call, depth: int) -> Any:
        name = self._dotted(call.func)
        if name is None:
            raise _refused(call, f"only functions of {self._module or 'flowloom'} are called")
        args, keywords = self._arguments(call, depth)
        if name in _FUNCTIONS:
            return self._guarded(call, lambda: _FUNCTIONS[name](*args, **keywords))
        if find_kind(name) is None:
            raise _refused(call, f"flowloom has no {name!r} that a graph is made of")
        operands = args[0] if len(args) == 1 and isinstance(args[0], list | tuple) else args
        label = keywords.pop("name", None)
        graph = self._graph
        assert graph is not None
        return self._guarded(call, lambda: graph.add(name, operands, keywords, name=label))

    def _method(self, call: ast.expr, method: str, depth: int) -> Any:
        assert isinstance(call, ast.Call)
        assert self._graph is not None
        graph = self._graph
        args, keywords = self._arguments(call, depth)
        if method == "add":
            return self._guarded(call, lambda: graph.add(*args, **keywords))
        if method == "bypass":
            return self._guarded(call, lambda: graph.bypass(*args, **keywords))
        if method == "variable":
            found: Variable = self._guarded(call, lambda: graph.variable(*args, **keywords))
            return found
        raise _refused(call, f"g.{method} is not part of a graph's description")

    def _dotted(self, node: ast.expr) -> str | None:
        """The name of a function of flowloom, as in `fl.layers.dense`: "layers.dense"; None for anything else."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or node.id != self._module or not parts:
            return None
        return ".".join(reversed(parts))

    def _guarded(self, node: ast.AST, work: Any) -> Any:
        """What `work` gives; what flowloom refuses is refused with its line."""
        try:
            return work()
        except (SpecError, PatchError, TypeError, KeyError, ValueError, IndexError, ArithmeticError) as error:
            reason = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
            raise _refused(node, " ".join(reason.split())) from None


def _variable(node: ast.stmt) -> str | None:
    """The name that a statement binds a node to which it gives no name of its own."""
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(keywords=keywords)):
            return None if any(keyword.arg == "name" for keyword in keywords) else name
    return None


def _refused(node: ast.AST, reason: str) -> PythonSourceError:
    assert isinstance(node, ast.stmt | ast.expr)
    return PythonSourceError(reason, node.lineno, node.col_offset + 1)
