"""Write `docs/ops.md` from the declarations: every operation, layer, loss and metric, with what can be done with it.

Run it after a change to one of them; `--check` only says whether the file is stale. Whether a gradient passes and
whether ONNX can say it is found by expanding the samples of each operation, and the cases that the tests have of each
layer.
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np

import flowloom as fl
from flowloom.compiler.expr import CONSTANT, INPUT, ITEM, Expr, placeholder, toposort
from flowloom.compiler.gradient import pull_back
from flowloom.formats.onnx.writing.table import entry_of
from flowloom.graph.expansion import STEP_KEY
from flowloom.graph.kinds import KINDS, Kind
from flowloom.graph.lower import lower
from flowloom.op import REGISTRY, Family, Op, Port
from flowloom.params import REQUIRED, Param
from flowloom.spec import Spec, SpecError, is_float

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "ops.md"
NAMESPACES = ("layers", "recurrent", "losses", "metrics", "random")
FUNCTIONS = (fl.input, fl.constant, fl.variable, fl.output, fl.gradients, fl.cond, fl.while_loop, fl.scan)
HEADER = """<!-- Made by tools/generate_docs.py from the declarations. Do not edit. -->

# Operations, layers, losses and metrics

What a graph is made of. Write `fl.` in front of a name; call it on arrays, specs or tensors of a graph (layers, losses
and metrics on tensors alone). What stands before the `*` are tensors, the rest are parameters, with their defaults.

**gradient**: whether one flows back to the first operand of floats, or to variables. **ONNX**: whether
`fl.formats.onnx.save` can write it; *some*, if that hangs on the parameters.
"""


@dataclass(frozen=True)
class Row:
    """A line of a table; `gradient` and `onnx` are "yes", "some" or "no"."""

    signature: str
    sentence: str
    gradient: str
    onnx: str


@dataclass(frozen=True)
class Expanded:
    """What a use of an operation or layer became: its results, and the leaves that gradients are looked for at."""

    outputs: tuple[Expr, ...]
    leaves: tuple[Expr, ...]

    @property
    def passes_gradient(self) -> bool:
        """Whether a gradient reaches a leaf from the results."""
        ys = [e for e in self.outputs if is_float(e.dtype)]
        try:
            return any(g is not None for g in pull_back(ys, ys, self.leaves))
        except SpecError:
            return False

    @property
    def in_onnx(self) -> bool:
        """Whether each part has a form in ONNX; random numbers of a step have none."""
        parts = toposort(self.outputs)
        return STEP_KEY not in parts and all(e.op in (CONSTANT, INPUT, ITEM) or entry_of(e.op.name) for e in parts)


def op_row(op: Op) -> Row:
    """What there is to say about an operation, from its samples."""
    made = [_op_expanded(op, args, params) for args, params in op.cases(np.random.default_rng(0))] if op.cases else []
    name = op.name if op.name in fl.__all__ else f"ops.{op.name}"
    return _row(name, op.ports, op.params, op.doc, made, made)


def kind_row(kind: Kind, cases: Iterable[Any]) -> Row:
    """What there is to say about a layer, loss or metric, from its cases."""
    graphs = [case.build(kind.name) for case in cases]
    learning, fixed = ([_kind_expanded(g, training) for g in graphs] for training in (True, False))
    return _row(kind.name, kind.ports, kind.params, kind.doc, learning, fixed)


def _row(
    name: str,
    ports: Sequence[Port],
    params: Mapping[str, Param],
    doc: str,
    learning: Sequence[Expanded],
    fixed: Sequence[Expanded],
) -> Row:
    gradient = "yes" if any(e.passes_gradient for e in learning) else "no"
    written = [e.in_onnx for e in fixed]
    onnx = "yes" if all(written) else "some" if any(written) else "no"
    return Row(f"{name}({', '.join(_arguments(ports, params))})", first_sentence(doc), gradient, onnx)


def _op_expanded(op: Op, args: Iterable[Any], params: Mapping[str, Any]) -> Expanded:
    operands = [a if a is None else placeholder(f"operand {i}", Spec.of(np.asarray(a))) for i, a in enumerate(args)]
    made = op(*operands, **params)
    outputs = made if isinstance(made, tuple) else (made,)
    floats = [o for o in operands if o is not None and is_float(o.dtype)]
    return Expanded(tuple(e for e in outputs if isinstance(e, Expr)), tuple(floats[:1]))


def _kind_expanded(graph: fl.Graph, training: bool) -> Expanded:
    y = graph["y"]
    tensors = [fl.Tensor(graph, y.id, port) for port in graph.inferred(y.id).outputs]
    lowered = lower(graph, tensors, training=training)
    floats = [e for e in lowered.inputs.values() if is_float(e.dtype)]
    return Expanded(lowered.outputs, (*floats[:1], *(v.expr for v in lowered.variables.values() if v.trainable)))


def first_sentence(doc: str) -> str:
    """The first sentence of a docstring, in one line."""
    text = " ".join(doc.split())
    end = re.search(r"(?<!\bal)(?<!\be\.g)(?<!\bi\.e)\.(?= [A-Z`0-9])", text)
    return text[: end.end()] if end else text


def _arguments(ports: Sequence[Port], params: Mapping[str, Param]) -> Iterator[str]:
    for port in ports:
        yield f"*{port.name}" if port.variadic else f"{port.name}=None" if port.optional else port.name
    if params and not any(port.variadic for port in ports):
        yield "*"
    for name, param in params.items():
        yield name if param.default is REQUIRED else f"{name}={_literal(param.default)}"


def _literal(value: Any) -> str:
    return repr(value).replace("'", '"')


def function_row(function: Callable[..., Any]) -> str:
    """A function that adds sources or control flow, as a line of their table."""
    bare = [p.replace(annotation=p.empty) for p in inspect.signature(function).parameters.values()]
    signature = str(inspect.Signature(bare)).replace("'", '"')
    doc = first_sentence(inspect.getdoc(function) or "")
    return f"| {_code(function.__name__ + signature)} | {_cell(doc)} |"


def table(rows: Iterable[Row]) -> list[str]:
    """A table in Markdown."""
    return [
        "| | what it does | gradient | ONNX |",
        "|---|---|---|---|",
        *(f"| {_code(r.signature)} | {_cell(r.sentence)} | {r.gradient} | {r.onnx} |" for r in rows),
    ]


def _code(text: str) -> str:
    return f"`{_cell(text)}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def cases() -> dict[str, list[Any]]:
    """The cases that the tests have of every kind that is no operation."""
    sys.path.insert(0, str(ROOT))
    from tests.layers.layer_cases import CASES, FUNCTIONAL
    from tests.layers.loss_cases import LOSSES, METRICS, RANDOM

    return {**CASES, **FUNCTIONAL, **LOSSES, **METRICS, **RANDOM}


def generate() -> str:
    """The whole of `ops.md`."""
    lines = [HEADER, "## Sources and control", "", "| | what it does |", "|---|---|", *map(function_row, FUNCTIONS)]
    for family in get_args(Family):
        ops = [op for op in REGISTRY.values() if op.family == family and not op.internal]
        if ops:
            rows = map(op_row, sorted(ops, key=lambda op: op.name))
            lines += ["", f"## Operations: {family}", "", *table(rows)]
    examples = cases()
    for namespace in NAMESPACES:
        kinds = [kind for name, kind in sorted(KINDS.items()) if name.startswith(f"{namespace}.") and not kind.internal]
        lines += ["", f"## {namespace.capitalize()}", "", *table(kind_row(k, examples[k.name]) for k in kinds)]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the file, or with `--check` return 1 when it is stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 when the file is stale")
    text = generate()
    if parser.parse_args().check:
        stale = not TARGET.is_file() or TARGET.read_text(encoding="utf-8") != text
        if stale:
            print(f"{TARGET.name} is stale: run python tools/generate_docs.py", file=sys.stderr)
        return int(stale)
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
