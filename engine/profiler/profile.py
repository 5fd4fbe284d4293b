"""Profile: where the time of a step goes, by instruction, by op and by node of the graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from typing import TypeAlias

from flowloom.profiler.roofline import peak


@dataclass(frozen=True, slots=True)
class Part:
    """One expression's part in a row: its op, its nodes, and what share of the row it is estimated to take."""

    op: str
    nodes: tuple[str, ...]
    share: float
    flops: float


@dataclass(frozen=True, slots=True)
class Row:
    """What one instruction costs in a step: the ops that it computes in one go, or what an op or a node costs in all.

    `nodes` are the ids of the nodes of the graph that it is for, `paths` their names. `seconds`, `bytes` (read and
    written) and `flops` (operations, of which a multiplication and an addition are two) are those of all its `calls`,
    which are more than one in a loop.
    """

    ops: tuple[str, ...]
    nodes: tuple[str, ...]
    paths: tuple[str, ...]
    seconds: float
    calls: int
    bytes: float
    flops: float
    parts: tuple[Part, ...] = field(default=(), repr=False)

    @property
    def intensity(self) -> float:
        """Arithmetic intensity: operations for each byte that is moved; 0 where none is."""
        return self.flops / self.bytes if self.bytes else 0.0

    @property
    def gflops(self) -> float:
        """Billions of operations a second."""
        return self.flops / self.seconds / 1e9 if self.seconds else 0.0

    @property
    def of_peak(self) -> float:
        """The share of this machine's peak: by the roofline, the least time that it could take, over its time.

        What stays in the processor's cache moves faster than memory does, and so may exceed 1.
        """
        return peak().seconds(self.flops, self.bytes) / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True, repr=False)
class Profile:
    """What a step costs, instruction by instruction, in the order in which they first run. Printed, it is a table.

    `timeline` has for each instruction that runs which of the rows it is, and its seconds: a loop runs its rows again
    and again. `steps` is how many steps were measured.
    """

    rows: tuple[Row, ...]
    timeline: tuple[tuple[int, float], ...]
    backend: str
    threads: int
    steps: int

    @property
    def total(self) -> float:
        """Seconds a step, all instructions together."""
        return sum(row.seconds for row in self.rows)

    @property
    def flops(self) -> float:
        """Operations a step."""
        return sum(row.flops for row in self.rows)

    @property
    def bytes(self) -> float:
        """Bytes that the instructions of a step read and write."""
        return sum(row.bytes for row in self.rows)

    def by_node(self) -> dict[str, Row]:
        """What each node of the graph costs, forwards and backwards, by its id, the longest first.

        The time and bytes of an instruction that computes several ops are split over them by the operations that each
        takes: an estimate. What is for no node is under "".
        """
        paths = {node: path for row in self.rows for node, path in zip(row.nodes, row.paths, strict=True)}
        split = self._split(lambda part: part.nodes or ("",))
        return {
            id: replace(row, nodes=(id,), paths=(paths[id],)) if id else replace(row, nodes=(), paths=())
            for id, row in split.items()
        }

    def by_op(self) -> dict[str, Row]:
        """What each op costs, by its name, the longest first; instructions are split as in `by_node`."""
        return self._split(lambda part: (part.op,))

    def table(self, most: int | None = None) -> str:
        """The rows as text, those first that take the longest, at most so many."""
        from flowloom.profiler.table import written

        return written(self, most)

    def to_chrome_trace(self, path: str | Path) -> None:
        """Write a step as a timeline for Perfetto (ui.perfetto.dev) or chrome://tracing, a JSON file."""
        from flowloom.profiler.trace import write

        write(self, path)

    def __repr__(self) -> str:
        return self.table(20)

    def _repr_html_(self) -> str:
        """The same in a notebook, which would break long lines; here they scroll."""
        return f'<pre style="white-space: pre; overflow-x: auto">{escape(repr(self))}</pre>'

    def _split(self, keys: Callable[[Part], Sequence[str]]) -> dict[str, Row]:
        pieces: dict[str, list[_Piece]] = {}
        for row in self.rows:
            for part in row.parts:
                for key in keys(part):
                    pieces.setdefault(key, []).append((row, part, 1 / len(keys(part))))
        summed = {key: _summed(mine) for key, mine in pieces.items()}
        return dict(sorted(summed.items(), key=lambda pair: -pair[1].seconds))


_Piece: TypeAlias = tuple[Row, Part, float]  # a part of a row, and how much of it counts


def _summed(pieces: Sequence[_Piece]) -> Row:
    paths = {n: p for row, _, _ in pieces for n, p in zip(row.nodes, row.paths, strict=True)}
    nodes = tuple(dict.fromkeys(node for _, part, _ in pieces for node in part.nodes))
    return Row(
        ops=tuple(dict.fromkeys(part.op for _, part, _ in pieces)),
        nodes=nodes,
        paths=tuple(paths[node] for node in nodes),
        seconds=sum(row.seconds * part.share * weight for row, part, weight in pieces),
        calls=sum({id(row): row.calls for row, _, _ in pieces}.values()),
        bytes=sum(row.bytes * part.share * weight for row, part, weight in pieces),
        flops=sum(part.flops * weight for _, part, weight in pieces),
    )
