"""The report: sections of text and tables in Markdown."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from benchmarks.peers import PEERS
from benchmarks.timing import Comparison

Row: TypeAlias = Sequence[str]

_PART = re.compile(r"<!-- (?P<name>[\w.]+) -->\n\n(?P<part>.*?)\n\n<!-- end of (?P=name) -->", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, a paragraph, and a table whose first row is its header. `errors` are shown below, and count."""

    title: str
    text: str
    rows: Sequence[Row] = ()
    errors: Sequence[str] = field(default=())

    def markdown(self) -> str:
        """The section as text."""
        parts = [f"## {self.title}", self.text]
        if self.rows:
            parts.append(table(self.rows))
        parts += [f"**Error:** {error}" for error in self.errors]
        return "\n\n".join(parts)


def table(rows: Sequence[Row]) -> str:
    """Rows in Markdown, the first as the header; all columns but the first to the right. Short rows are filled up."""
    ruled = [rows[0], ["---", *["---:"] * (len(rows[0]) - 1)], *rows[1:]]
    return "\n".join(f"| {' | '.join([*row, *[''] * (len(rows[0]) - len(row))])} |" for row in ruled)


def document(title: str, head: str, sections: Iterable[Section]) -> str:
    """The whole report."""
    return "\n\n".join([f"# {title}", head, *(s.markdown() for s in sections)]) + "\n"


def with_part(text: str, name: str, part: str) -> str:
    """A report with a part that a command of its own writes, in place of what that wrote before, or at the end."""
    marked = f"<!-- {name} -->\n\n{part}\n\n<!-- end of {name} -->"
    before = next((found.group() for found in _PART.finditer(text) if found["name"] == name), None)
    return text.replace(before, marked) if before else "\n\n".join(filter(None, [text.rstrip(), marked])) + "\n"


def with_parts_of(before: str, text: str) -> str:
    """A new report with the parts of the one before that commands of their own wrote."""
    for found in _PART.finditer(before):
        text = with_part(text, found["name"], found["part"])
    return text


def comparison_sections(title: str, text: str, comparisons: Sequence[Comparison]) -> list[Section]:
    """The times of each peer for each task, and how well their results agree."""
    names = [n for n in PEERS if any(n in c.figures for c in comparisons)]
    header = ["", *(PEERS[n].title for n in names)]
    times = [[c.task.title, *(_time(c, n) for n in names)] for c in comparisons]
    apart = [[c.task.title, *(_difference(c, n) for n in names)] for c in comparisons]
    errors = [
        f"{PEERS[n].title} computes something else: its results in {c.task.title!r} are off by {d:.1e}"
        for c in comparisons
        for n, d in c.disagreeing().items()
    ]
    errors += [
        f"{PEERS[n].title} failed at {c.task.title!r}: {figure.failure}"
        for c in comparisons
        for n, figure in c.figures.items()
        if figure.failure is not None
    ]
    training = comparisons[0].task.kind == "train"
    what, share = ("losses of the first five steps", "first loss") if training else ("scores", "largest score")
    others = [o for c in comparisons for figure in c.figures.values() for o in figure.others]
    if others:
        text += f" Meanwhile other programs took {statistics.mean(others):.2f} cores, at most {max(others):.2f}."
    if not all(c.exact for c in comparisons):
        text += " Where PyTorch is missing, nothing says whether the others compute the same."
    return [
        Section(title, text, [header, *times, *_means(comparisons, names)], errors),
        Section(
            f"{title}: agreement",
            f"The largest difference between a peer's {what} and those that PyTorch computes in float64, as a share of "
            f"the {share}.",
            [header, *apart],
        ),
    ]


def milliseconds(seconds: float) -> str:
    """A time with three digits that count."""
    value = 1e3 * seconds
    return f"{value:.{max(0, min(3, 2 - math.floor(math.log10(value))))}f} ms"


def _means(comparisons: Sequence[Comparison], names: Sequence[str]) -> list[Row]:
    """A row with the geometric mean of the ratios of each peer; none where there is but one task, or no ratio."""
    ratios = {
        n: [c.ratio(n, "flowloom") for c in comparisons if _beside(c, n) and c.figures[n].seconds]
        for n in names
        if n != "flowloom"
    }
    if len(comparisons) < 2 or not any(ratios.values()):
        return []
    return [["geometric mean", *(_mean(ratios.get(n, []), len(comparisons)) for n in names)]]


def _mean(ratios: Sequence[float], of: int) -> str:
    """The geometric mean of ratios, and of how many it is, if not of all."""
    if not ratios:
        return ""
    return f"({statistics.geometric_mean(ratios):.2f}" + (f", {len(ratios)} of {of})" if len(ratios) < of else ")")


def _time(comparison: Comparison, name: str) -> str:
    figure = comparison.figures.get(name)
    if figure is None:
        return ""
    if not figure.results:
        return figure.absent or "failed"
    ratio = f" ({comparison.ratio(name, 'flowloom'):.2f})" if _beside(comparison, name) else ""
    return ("" if any(figure.quiet) else "~") + milliseconds(figure.median) + ratio


def _beside(comparison: Comparison, name: str) -> bool:
    ours = comparison.figures.get("flowloom")
    return name != "flowloom" and name in comparison.figures and ours is not None and bool(ours.seconds)


def _difference(comparison: Comparison, name: str) -> str:
    differences = comparison.differences()
    return f"{differences[name]:.0e}" if name in differences else ""
