"""Explanation: what becomes of a part of a graph on its way to the machine, phase by phase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flowloom.backends.choice import has_native
from flowloom.compiler.expr import CONSTANT, INPUT, Expr, toposort
from flowloom.compiler.memory import aligned
from flowloom.compiler.plan import Plan, is_view, make_plan
from flowloom.compiler.rewriting import Phase, rewrite
from flowloom.graph.expansion import MOST_CONSTANT
from flowloom.graph.graph import Graph
from flowloom.graph.lower import Lowered
from flowloom.graph.raising import write_out
from flowloom.graph.tensor import Tensor
from flowloom.graph.variables import Variable
from flowloom.op import REGISTRY
from flowloom.spec import SpecError

LOWERED = "lowered"


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """How outputs are computed: what each phase of rewriting made of them, and the plan that runs.

    `lowered` are the expressions as the graph says them, `phases` what followed, `plan` the order of kernels and the
    places of results in memory. `names` are those of the leaves. Printed, it is a table.
    """

    lowered: tuple[Expr, ...]
    phases: tuple[Phase, ...]
    plan: Plan
    names: Mapping[Expr, str]

    @property
    def ops(self) -> tuple[int, int]:
        """How many ops there are before rewriting and after it, with those in the bodies of loops and branches."""
        return self.phases[0].before, self.phases[-1].after

    @property
    def kernels(self) -> int:
        """How many steps the plan has."""
        return len(self.plan.steps)

    @property
    def arena_bytes(self) -> int:
        """The memory that all intermediate results share, in bytes."""
        return self.plan.arena_bytes

    @property
    def peak_bytes(self) -> int:
        """The most bytes of that memory that are in use at once."""
        return peak_bytes(self.plan)

    @property
    def rules(self) -> dict[str, int]:
        """How often each rule was applied, over all phases, the most frequent first."""
        counts: dict[str, int] = {}
        for phase in self.phases:
            for name, count in phase.rules.items():
                counts[name] = counts.get(name, 0) + count
        return dict(sorted(counts.items(), key=lambda pair: -pair[1]))

    @property
    def native(self) -> tuple[Kernel, ...]:
        """The kernels of the native backend, in order; () where it cannot run the plan."""
        if not has_native() or not self.plan.is_fixed:
            return ()
        from flowloom.backends.native.listing import make_listing

        return tuple(
            Kernel(
                tuple(e.op.name for e in i.computes) or ("copy",),
                tuple(str(e.spec) for e in i.writes),
                "" if i.call is None else i.call.source,
                i.call is not None and i.call.parallel,
            )
            for i in make_listing(self.plan).instructions
        )

    def phase(self, name: str) -> tuple[Expr, ...]:
        """The expressions after that phase; after none for "lowered". Raises KeyError if there is none of the name."""
        found = {LOWERED: self.lowered} | {phase.name: phase.outputs for phase in self.phases}
        if name not in found:
            raise KeyError(f"there is no phase {name!r}; there is: {', '.join(found)}")
        return found[name]

    def graph(self, name: str = "algebra") -> Graph:
        """The expressions after that phase as a graph, op by op, whose inputs are the leaves: variables among them.

        Raises KeyError if there is no phase of the name, SpecError for a loop or branch, whose body has no nodes.
        """
        return graph_of(self.phase(name), self.names, name)

    def __repr__(self) -> str:
        before, after = self.ops
        memory = f"{_bytes(self.arena_bytes)} arena, {_bytes(self.peak_bytes)} in use at most"
        rows = [("phase", "ops", "ms", "rules")]
        for p in self.phases:
            most = sorted(p.rules.items(), key=lambda pair: -pair[1])
            rules = ", ".join(f"{name} {count}" for name, count in most)
            rows.append((p.name, f"{p.before} -> {p.after}", f"{p.milliseconds:.1f}", rules or "-"))
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        lines = [
            f"{a.ljust(widths[0])}  {b.rjust(widths[1])}  {c.rjust(widths[2])}  {d}".rstrip() for a, b, c, d in rows
        ]
        return "\n".join([f"{before} ops, rewritten {after}, in {self.kernels} kernels; {memory}", *lines])


@dataclass(frozen=True, slots=True)
class Kernel:
    """What the native backend runs as one: its `ops`, the specs of what it stores, and its source, "" if it has none.

    `shared`: several threads can share it. One without a source is a portable kernel.
    """

    ops: tuple[str, ...]
    results: tuple[str, ...]
    source: str
    shared: bool

    def __repr__(self) -> str:
        how = "portable" if not self.source else "shared by threads" if self.shared else "one thread"
        return f"<kernel {' + '.join(self.ops)} -> {', '.join(self.results)}; {how}>"


def explain(graph: Graph, lowered: Lowered) -> Explanation:
    """The explanation of what is lowered from `graph`, with all sizes known."""
    rewritten = rewrite(lowered.outputs, origins=lowered.origins)
    names = {e: name for name, e in lowered.inputs.items()}
    names |= {v.expr: Variable(graph, v).name for v in lowered.variables.values()}
    return Explanation(lowered.outputs, rewritten.phases, make_plan(rewritten.outputs), names)


def graph_of(outputs: Sequence[Expr], names: Mapping[Expr, str], name: str) -> Graph:
    """A graph with a node for each op that `outputs` need, and an input for each leaf. Raises SpecError for a loop."""
    order = toposort(outputs)
    for e in order:
        if e.args and REGISTRY.get(e.op.name) is not e.op and isinstance(e.spec, tuple):
            raise SpecError(f"{e.op.name} cannot be shown op by op: its body has no nodes")
    graph = Graph(name)
    known: dict[Expr, Tensor] = {}
    for i, e in enumerate(order):
        if e.op is INPUT or (e.op is CONSTANT and e.spec.size > MOST_CONSTANT):
            label = names.get(e) or str(dict(e.params).get("name", f"constant {i}"))
            params = {"shape": e.spec.shape, "dtype": e.dtype.name}
            known[e] = graph.add("input", (), params, name=label.replace("/", " "))
    for tensor in write_out(graph, outputs, known):
        graph.add("output", (tensor,))
    return graph


def peak_bytes(plan: Plan) -> int:
    """The most bytes of its arena that the results of a plan take at once."""
    base: dict[Expr, Expr] = {}
    for e in plan.steps:
        base[e] = base.get(e.args[0], e.args[0]) if is_view(e) else e
    dies_at = {base.get(x, x): i for i, e in enumerate(plan.steps) for x in (*e.args, e)}
    freed = [0] * len(plan.steps)
    for e in plan.offsets:
        freed[dies_at[e]] += aligned(e.spec.nbytes)
    now = most = 0
    for e, after in zip(plan.steps, freed, strict=True):
        now += aligned(e.spec.nbytes) if e in plan.offsets else 0
        most = max(most, now)
        now -= after
    return most


def _bytes(count: int) -> str:
    """A number of bytes as people read it."""
    return f"{count / 1024:.1f} KiB" if count < 1 << 20 else f"{count / (1 << 20):.1f} MiB"
