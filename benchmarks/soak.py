"""An hour of work in one process, and whether its memory stays flat: `python -m benchmarks.soak --minutes 60`.

Writes SOAK.md and soak.svg to the folder of the benchmarks after an hour or more, elsewhere if asked. The status is 1
if memory is not flat. It needs /proc, so Linux.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.curve import curve
from benchmarks.flatness import FROM, MOST_BYTES, MOST_SHARE, Trend, trend
from benchmarks.heap import in_use
from benchmarks.report import Section, document
from benchmarks.ticking import Ticks

HERE = Path(__file__).resolve().parent
PROC = Path("/proc/self")
LEAST = 10.0  # seconds from one sample to the next


@dataclass(frozen=True, slots=True)
class Sample:
    """The process after a collection of garbage: at so many seconds, bytes resident, and the count of other things."""

    second: float
    resident: float
    used: int | None  # bytes of the C heap
    objects: int
    threads: int
    files: int
    graphs: int
    steps: int


def main() -> int:
    """Work, sample, report."""
    parser = argparse.ArgumentParser("python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--output", type=Path, help="a folder for the report (default: here after an hour or more)")
    options = parser.parse_args()
    if not PROC.is_dir():
        parser.error("the memory of a process is read from /proc, which is not here")
    samples, worst = _soaked(60 * options.minutes)
    found = trend([s.second for s in samples], [s.resident for s in samples])
    text = document(
        "An hour's soak" if options.minutes >= 60 else "A soak", _head(samples), [_section(samples, found, worst)]
    )
    folder = options.output or (HERE if options.minutes >= 60 else None)
    if folder is None:
        print(text)
    else:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "SOAK.md").write_text(text, encoding="utf-8")
        (folder / "soak.svg").write_text(_picture(samples, found), encoding="utf-8")
    return int(not found.is_flat)


def _soaked(seconds: float) -> tuple[list[Sample], float]:
    """The samples of work for so long, and the longest gap of a thread on the side."""
    from benchmarks.notebook import Notebook

    start = time.perf_counter()
    samples: list[Sample] = []
    worst = 0.0
    notebook = Notebook()
    while not samples or samples[-1].second < seconds:
        with Ticks() as ticks:
            notebook.cycle()
            notebook.cycle()  # on the other backend, so that all samples are alike
        worst = max(worst, ticks.worst)  # without what sampling takes
        now = time.perf_counter() - start
        if not samples or now >= min(seconds, samples[-1].second + LEAST):
            samples.append(_sample(now, notebook.steps))
            print(_line(samples[-1]), file=sys.stderr, flush=True)
    return samples, worst


def _sample(second: float, steps: int) -> Sample:
    from flowloom import Graph

    gc.collect()
    objects = gc.get_objects()
    resident = int((PROC / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    graphs = sum(isinstance(o, Graph) for o in objects)
    files = len(list((PROC / "fd").iterdir()))
    return Sample(second, resident, in_use(), len(objects), threading.active_count(), files, graphs, steps)


def _line(s: Sample) -> str:
    return (
        f"{s.second:7.0f} s {s.resident / 1e6:8.1f} MB, heap {_megabytes(s.used)} {s.objects:8} objects "
        f"{s.threads:3} threads {s.files:3} files {s.graphs:3} graphs {s.steps:8} steps"
    )


def _section(samples: Sequence[Sample], found: Trend, worst: float) -> Section:
    quarters = [samples[round(k * (len(samples) - 1) / 4)] for k in range(5)]
    rows = [
        ["after", "memory", "of it in use on the heap", "objects", "threads", "open files", "graphs", "training steps"]
    ]
    rows += [
        [
            f"{s.second / 60:.1f} min",
            f"{s.resident / 1e6:.1f} MB",
            _megabytes(s.used),
            *(f"{count}" for count in (s.objects, s.threads, s.files, s.graphs, s.steps)),
        ]
        for s in quarters
    ]
    hourly, spread = 3600 * found.slope / 1e6, 3600 * found.spread / 1e6
    doubt = "" if found.is_certain else "These samples are too few to be sure. "
    verdict = "Memory is flat" if found.is_flat else "Memory is not flat"
    text = (
        f"{verdict}: the line through the samples of the last {1 - FROM:.0%} of the time rises by {hourly:.2f} MB an "
        f"hour (95 %: ±{spread:.2f}), which is {found.growth / 1e6:.2f} MB or {found.growth / found.level:.2%} in the "
        f"whole time; flat is less than {MOST_SHARE:.0%} and {MOST_BYTES / 1e6:.0f} MB. {doubt}The longest that a "
        f"Python thread on the side, which ticks every millisecond, had to wait was {1e3 * worst:.0f} ms."
    )
    errors = [] if found.is_flat else ["memory grows"]
    return Section("Memory", f"{text}\n\n![Memory over time](soak.svg)", rows, errors)


def _megabytes(size: int | None) -> str:
    return "?" if size is None else f"{size / 1e6:.1f} MB"


def _head(samples: Sequence[Sample]) -> str:
    return (
        f"{samples[-1].second / 60:.0f} min in one process of what people do in a notebook "
        "(`benchmarks/notebook.py`): a digits CNN is trained, edited meanwhile, trained again, made deeper, all is "
        "undone; a recurrent model is made anew, trained and forgotten; runs are paused, stepped, set and profiled; "
        "programs are asked with batches of many sizes. Backends auto and native in turns. Sampled after a collection "
        "of garbage."
    )


def _picture(samples: Sequence[Sample], found: Trend) -> str:
    minutes = [s.second / 60 for s in samples]
    first, last = FROM * samples[-1].second, samples[-1].second
    fit = [(first / 60, found.at(first) / 1e6), (last / 60, found.at(last) / 1e6)]
    return curve("MB over minutes", minutes, [s.resident / 1e6 for s in samples], fit)


if __name__ == "__main__":
    sys.exit(main())
