"""flowloom beside PyTorch, JAX, ONNX Runtime and plain NumPy, in one run: `python -m benchmarks --help`."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import gap, growth, identity, importing, memory, overhead, scaling, starting
from benchmarks.conditions import processor
from benchmarks.peers import PEERS
from benchmarks.plot import draw
from benchmarks.report import Section, comparison_sections, document, with_parts_of
from benchmarks.timing import Comparison, Task, compare, processes
from benchmarks.workloads import WORKLOADS

HERE = Path(__file__).resolve().parent
SECTIONS = (
    "training",
    "inference",
    "import",
    "first",
    "memory",
    "profiling",
    "responsive",
    "identity",
    "scaling",
    "growth",
)
INFERRED = ("mnist", "lenet")
USUAL = [name for name in WORKLOADS if name != "digits"]  # which is there for first results and the soak
MULTIPLE = (
    "In brackets the time as a multiple of flowloom's, the median over rounds: above 1 flowloom is faster. "
    "Only rounds count in which other programs took less than a tenth of a core; ~: there was none."
)


def main() -> int:
    """Measure, report; the status is 1 if the results of a peer do not agree."""
    options = _options()
    lacks = {name: PEERS[name].lack() for name in options.peers}
    peers = [name for name, lack in lacks.items() if lack is None]
    left_out = [f"{PEERS[name].title} is left out: {lack}." for name, lack in lacks.items() if lack is not None]
    for line in left_out:
        _say(line)
    sections, trained = _measure(options, peers)
    head = "\n\n".join([_conditions(options, peers), *left_out])
    picture = draw(trained) if trained else None
    if picture is not None and options.output is not None:
        head += "\n\n![Times of the training steps as multiples of flowloom's](results.svg)"
    text = document("Side by side", head, sections)
    if options.output is None:
        print(text)
    else:
        options.output.mkdir(parents=True, exist_ok=True)
        target = options.output / "RESULTS.md"
        if target.is_file():
            text = with_parts_of(target.read_text(encoding="utf-8"), text)
        target.write_text(text, encoding="utf-8")
        if picture is not None:
            (options.output / "results.svg").write_text(picture, encoding="utf-8")
        _say(f"written to {options.output / 'RESULTS.md'}")
    return int(any(section.errors for section in sections))


def _measure(options: argparse.Namespace, peers: Sequence[str]) -> tuple[list[Section], list[Comparison]]:
    """All sections that are wished for, and the comparisons that are drawn. Agreement comes last: it is one word."""
    sections: list[Section] = []
    agreement: list[Section] = []
    trained: list[Comparison] = []
    wished, threads, rounds, quick = options.sections, options.threads, options.rounds, options.quick
    steady = [name for name in peers if not PEERS[name].begins]
    training = [_task(name, "train", quick) for name in options.workloads]
    asking = [_task(name, "infer", quick) for name in INFERRED if name in options.workloads]
    if {"training", "inference"} & set(wished):
        with processes({name: (name, threads) for name in steady}, _say) as made:
            if "training" in wished:
                trained = compare(made, training, rounds, _say)
                text = f"One step: forward, backward, Adam. {MULTIPLE} NumPy is written by hand for dense layers only."
                table, apart = comparison_sections("A training step", text, trained)
                sections.append(table)
                agreement.append(apart)
            if "inference" in wished and asking:
                asked = compare(made, asking, rounds, _say)
                text = f"The scores of one sample. ONNX Runtime runs the model that flowloom saved. {MULTIPLE}"
                table, apart = comparison_sections("Inference at batch 1", text, asked)
                sections.append(table)
                agreement.append(apart)
    if "import" in wished:
        sections.append(importing.measure(peers, rounds))
    if "first" in wished:
        sections += starting.measure(peers, threads, max(1, rounds // 3), _say)
    if "memory" in wished:
        sections.append(memory.measure(peers, threads, _say))
    if "profiling" in wished and "flowloom" in peers:
        sections.append(overhead.measure(threads, _say))
    if "responsive" in wished and "flowloom" in peers:
        sections.append(gap.measure(threads, 2 if quick else 10, _say))
    if "identity" in wished and "flowloom" in peers:
        sections.append(identity.measure(options.workloads, threads, 1 if quick else 5, _say))
    if "scaling" in wished and threads > 1:
        sections.append(scaling.measure(peers, training, rounds, _say))
    if "growth" in wished:
        sections += growth.measure(peers, threads, rounds, 10 if quick else 50, _say)
    return sections + agreement, trained


def _task(name: str, kind: str, quick: bool) -> Task:
    if kind == "train":
        workload = WORKLOADS[name]()
        return Task(workload.title, "train", name, max(2, workload.steps // 5) if quick else workload.steps)
    return Task(WORKLOADS[name](batch=1).title, "infer", name, 50 if quick else 500, {"batch": 1})


def _conditions(options: argparse.Namespace, peers: Sequence[str]) -> str:
    """Where and how it was measured."""
    versions = dict.fromkeys(f"{PEERS[n].package} {PEERS[n].version()}" for n in peers)
    threads = f"{options.threads} thread{'s' * (options.threads > 1)} for all"
    return (
        f"{processor()}, {os.cpu_count()} cores, {platform.system()}, {threads}, Python {platform.python_version()}, "
        f"{', '.join(versions)}. "
        f"{options.rounds} rounds, in each of which every framework runs once in a process of its own while the others "
        "sleep; medians. All begin with the same weights and see the same batch."
    )


def _options() -> argparse.Namespace:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=USUAL, metavar="NAME")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS), metavar="NAME")
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=list(SECTIONS), metavar="NAME")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=cores, help="for all frameworks alike (default: every core)")
    parser.add_argument("--quick", action="store_true", help="3 rounds of few steps, without torch.compile")
    parser.add_argument("--output", type=Path, help="a folder for the report (default: here after a whole run)")
    options = parser.parse_args()
    whole = not options.quick and all(
        getattr(options, part) == parser.get_default(part) for part in ("workloads", "peers", "sections")
    )
    if options.quick:
        options.rounds = min(options.rounds, 3)
        if options.peers == list(PEERS):
            options.peers = [name for name in PEERS if name != "torch-compile"]
    if options.output is None and whole:
        options.output = HERE
    return options


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
