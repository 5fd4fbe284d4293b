"""Rows: the steps of a portable plan, or the instructions of a native one, with what they cost."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, TypeAlias

from flowloom.backends.native.instructions import Instruction, Place
from flowloom.compiler.expr import Expr, toposort
from flowloom.compiler.plan import Plan, is_view
from flowloom.profiler.costs import flops, functions_of, limited, moved, turns
from flowloom.profiler.naming import Naming
from flowloom.profiler.profile import Part, Row
from flowloom.spec import Spec

if TYPE_CHECKING:
    from flowloom.backends.native.listing import Listing

Rows: TypeAlias = tuple[tuple[Row, ...], tuple[tuple[int, float], ...]]  # and the timeline, as a Profile has it
Loops: TypeAlias = tuple[Expr, ...]


def portable_rows(
    plan: Plan, naming: Naming, specs: Mapping[Expr, tuple[Spec, ...]], views: set[Expr], seconds: Sequence[float]
) -> Rows:
    """A row for each step of a plan. `specs` are those of all values when it ran, `views` what moved no data then."""
    rows = []
    for e, spent in zip(plan.steps, seconds, strict=True):
        operands, results = [s for a in e.args for s in specs[a]], specs[e]
        parts = _inside(e, naming) or [_part(e, naming, (), flops(e, operands, results))]
        rows.append(_row(naming, parts, spent, 1, 0 if e in views else moved(e, operands, results), (e.op.name,)))
    return tuple(rows), tuple(enumerate(seconds))


def _inside(e: Expr, naming: Naming, loops: Loops = (), times: int = 1) -> list[Part]:
    """The parts of a loop or branch: what is in its bodies. [] of anything else."""
    inner = (*loops, e)
    times *= turns(e) if e.op.name == "scan" else 1
    parts: list[Part] = []
    for x in toposort([o for body in functions_of(e) for o in body.outputs]):
        if x.args:
            parts += _inside(x, naming, inner, times) or [_part(x, naming, inner, times * flops(x))]
    return parts


def native_rows(listing: Listing, naming: Naming, seconds: Sequence[float]) -> Rows:
    """A row for each instruction; one for those that are the same instruction of a loop, turn by turn."""
    groups: dict[Hashable, list[int]] = {}
    for i, instruction in enumerate(listing.instructions):
        call, within = instruction.call, instruction.within
        key = (within, instruction.computes, call.source) if call is not None and within else i
        groups.setdefault(key, []).append(i)
    work = _work_of(listing.instructions)
    firsts = [listing.instructions[group[0]] for group in groups.values()]
    parts = _adopted(firsts, [_parts(i, naming, work) for i in firsts], naming)
    rows = []
    for first, mine, group in zip(firsts, parts, groups.values(), strict=True):
        calls = len(group)
        each = [replace(part, flops=part.flops * calls) for part in mine]
        rows.append(_row(naming, each, sum(seconds[i] for i in group), calls, calls * _bytes(first)))
    row_of = {i: k for k, group in enumerate(groups.values()) for i in group}
    return tuple(rows), tuple((row_of[i], float(s)) for i, s in enumerate(seconds))


def _row(
    naming: Naming, parts: Sequence[Part], seconds: float, calls: int, bytes: float, ops: tuple[str, ...] | None = None
) -> Row:
    """A row of parts whose shares are weights as yet."""
    total = sum(part.share for part in parts)
    shared = [replace(p, share=p.share / total if total else 1 / len(parts)) for p in parts]
    nodes = tuple(dict.fromkeys(node for part in parts for node in part.nodes))
    return Row(
        tuple(dict.fromkeys(part.op for part in parts)) if ops is None else ops,
        nodes,
        naming.paths(nodes),
        float(seconds),
        calls,
        bytes,
        sum(part.flops for part in parts),
        tuple(shared),
    )


def _part(e: Expr, naming: Naming, loops: Loops, operations: float) -> Part:
    """The part of one expression, with its operations as its weight; with its elements, if those are more."""
    known = all(s.is_concrete for s in e.specs)
    size = sum(s.size for s in e.specs) if known and not is_view(e) else 0
    return Part(naming.source(e).op.name, naming.nodes(e, loops), max(operations, size), operations)


# ---------------------------------------------------------------- native instructions


def _work_of(instructions: Sequence[Instruction]) -> dict[tuple[Loops, Expr], float]:
    """The work of all calls that compute an expression, in all turns of the loops that it stands in."""
    found: dict[tuple[Loops, Expr], float] = {}
    for i in instructions:
        work = 0.0 if i.call is None else i.call.work
        for e in i.computes:
            found[i.within, e] = found.get((i.within, e), 0.0) + work
    return found


def _parts(instruction: Instruction, naming: Naming, work: Mapping[tuple[Loops, Expr], float]) -> list[Part]:
    """The parts of one call. What an expression takes is split over the calls that compute it by their work."""
    if not instruction.computes:
        return [Part("copy", (), 1.0, 0.0)]  # into another order, for what comes next
    call, within = instruction.call, instruction.within
    times = prod(turns(loop) for loop in within)
    parts = []
    for e in instruction.computes:
        share = times * call.work / work[within, e] if call is not None and work[within, e] else 1.0
        parts.append(_part(e, naming, within, flops(e) * share))
    return parts


def _adopted(instructions: Sequence[Instruction], parts: Sequence[list[Part]], naming: Naming) -> list[list[Part]]:
    """The parts; those that are for no node (a copy) get the nodes of what reads them, or else of what they read."""
    made = list(parts)
    reader: dict[Expr, int] = {}
    for k in reversed(range(len(instructions))):
        if not any(part.nodes for part in made[k]):
            readers = (reader[e] for e in instructions[k].writes if e in reader)
            nodes = next((part.nodes for r in readers for part in made[r] if part.nodes), ())
            nodes = nodes or next((n for p in instructions[k].reads if (n := naming.nodes(p.base))), ())
            made[k] = [replace(part, nodes=nodes) for part in made[k]]
        reader |= {p.base: k for p in instructions[k].reads}
    return made


def _bytes(instruction: Instruction) -> int:
    """How many bytes of memory an instruction reads and writes."""
    call = instruction.call
    if call is None:
        written = sum(int(e.spec.nbytes) for e in instruction.writes)
    else:
        written_to = {*call.writes, *(operand for _, operand in call.over)}
        places = [a for a in call.args if isinstance(a, Place) and a.base in written_to]
        written = sum(_memory(places).values())
    read = _memory(instruction.reads)
    if len(instruction.computes) != 1:
        return written + sum(read.values())
    return written + sum(limited(instruction.computes[0], nbytes, written) for nbytes in read.values())


def _memory(places: Sequence[Place]) -> dict[Expr, int]:
    """How many bytes there are in these places, by what they lie in; those that are read again and again count once."""
    found: dict[Expr, int] = {}
    for p in dict.fromkeys(places):
        distinct = prod(n for n, step in zip(p.shape, p.strides, strict=True) if step != 0)
        found[p.base] = min(found.get(p.base, 0) + distinct * p.dtype.itemsize, p.base.spec.nbytes)
    return found
