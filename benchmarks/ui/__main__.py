"""How fluid the graph editor is, in a real JupyterLab and a headless Chromium: `python -m benchmarks.ui`.

Writes its section of RESULTS.md after a run of all parts, elsewhere if asked. The status is 1 if a figure is beyond its
limit.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import sync_playwright

from benchmarks.conditions import processor
from benchmarks.report import Section, with_part
from benchmarks.ui.figures import PARTS, Figure, measure
from tests.browser.lab import Lab
from tools.browser import FLAGS, find_browser

HERE = Path(__file__).resolve().parent.parent


def main() -> int:
    """Measure, report."""
    parser = argparse.ArgumentParser("python -m benchmarks.ui", description=__doc__)
    parser.add_argument("--repeats", type=int, default=60, help="of what is timed by itself")
    parser.add_argument("--seconds", type=float, default=6, help="that each motion lasts")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), metavar="NAME")
    parser.add_argument("--output", type=Path, help="a folder for the report (default: here, of all parts)")
    options = parser.parse_args()
    path = find_browser()
    if path is None:
        parser.error("no Chromium, Chrome or Edge runs here; FLOWLOOM_CHROMIUM names one")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        lab = Lab(Path(folder))
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS), headless=True)
        try:
            figures = measure(lab, browser, options.parts, options.repeats, options.seconds, _say)
            version = browser.version
        finally:
            browser.close()
            lab.close()
    section = _section(figures, version)
    folder = options.output or (HERE if options.parts == list(PARTS) else None)
    if folder is None:
        print(section)
    else:
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / "RESULTS.md"
        before = target.read_text(encoding="utf-8") if target.is_file() else ""
        target.write_text(with_part(before, "benchmarks.ui", section), encoding="utf-8")
        _say(f"written to {target}")
    return int(not all(figure.kept for figure in figures))


def _section(figures: Sequence[Figure], version: str) -> str:
    rows = [["", "measured", "limit", "how often", ""]]
    rows += [
        [
            f.title,
            _number(f) if f.kept else f"**{_number(f)}**",
            "" if f.limit is None else f"{'at least' if f.unit == 'fps' else 'at most'} {f.limit:g} {f.unit}",
            f"{len(f.values)} {'frames' if f.unit == 'fps' else 'times'}" if len(f.values) > 1 else "once",
            f.note,
        ]
        for f in figures
    ]
    text = (
        f"`python -m benchmarks.ui`: a GraphEditor that fills a page of 1440 x 900 in JupyterLab, headless Chromium "
        f"{version} without a GPU, {processor()}, {os.cpu_count()} cores, of which kernel, server and what moves the "
        "mouse take their part. Times run from the browser's stamp of the input event to the end of the frame that "
        "shows the outcome. In bold what is beyond its limit."
    )
    return Section("The editor", text, rows).markdown()


def _number(figure: Figure) -> str:
    digits = 0 if figure.counts >= 100 or figure.counts == int(figure.counts) else 1
    return f"{figure.counts:.{digits}f} {figure.unit}"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
