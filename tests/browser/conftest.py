"""A JupyterLab, a browser, and notebooks opened in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ViewportSize, sync_playwright

from tests.browser.lab import Lab
from tests.browser.notebook import OpenNotebook
from tools.browser import FLAGS, find_browser

Opener = Callable[..., OpenNotebook]
Show = Callable[[str], OpenNotebook]


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A running JupyterLab."""
    server = Lab(tmp_path_factory.mktemp("lab"))
    yield server
    server.close()


@pytest.fixture(scope="session")
def notebook_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A running Notebook 7."""
    server = Lab(tmp_path_factory.mktemp("notebook"), app="notebook")
    yield server
    server.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A running headless browser. Without one these tests fail: a skipped test proves nothing."""
    path = find_browser()
    if path is None:
        pytest.fail("no Chromium, Chrome or Edge runs here: `make test` installs one, FLOWLOOM_CHROMIUM names one")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=list(FLAGS), headless=True)
        yield running
        running.close()


@pytest.fixture
def notebook(lab: Lab, browser: Browser) -> Iterator[Opener]:
    """Opens a notebook, given a list of code cells or the path of a file: `notebook(["1 + 1"], name="sum.ipynb")`.

    At the end of the test each must have shown no error in the page or its console.
    """
    with opener(lab, browser) as open_notebook:
        yield open_notebook


@pytest.fixture
def show(standing: OpenNotebook) -> Iterator[Show]:
    """Runs a cell in a notebook that stands open, as a page and a kernel take long to start: `show("view")`.

    At the end of the test its widgets are closed; it must have shown no error in the page or its console.
    """

    def run(cell: str) -> OpenNotebook:
        standing.rewrite(cell)
        standing.run_all()
        return standing

    yield run
    standing.clear()
    errors, standing.errors[:] = list(standing.errors), []
    assert errors == []


@pytest.fixture(scope="session")
def standing(lab: Lab, browser: Browser) -> Iterator[OpenNotebook]:
    """The notebook that stands open for `show`."""
    with opener(lab, browser) as open_notebook:
        yield open_notebook([""], name="standing.ipynb")


@contextmanager
def opener(lab: Lab, browser: Browser) -> Iterator[Opener]:
    """What opens notebooks. At the end they are closed; each must have shown no error in the page or its console."""
    opened: list[OpenNotebook] = []

    def open_notebook(
        source: Path | Sequence[str],
        name: str | None = None,
        server: Lab = lab,
        width: int = 1440,
        height: int = 900,
    ) -> OpenNotebook:
        name = name or (source.name if isinstance(source, Path) else f"notebook-{len(opened)}.ipynb")
        server.add(source, name)
        # Reduced motion: a click aimed at what still moves may miss it.
        size: ViewportSize = {"width": width, "height": height}
        page = browser.new_context(viewport=size, reduced_motion="reduce").new_page()
        opened.append(OpenNotebook(server, page, name))
        return opened[-1]

    yield open_notebook
    for each in opened:
        each.close()
    assert [error for each in opened for error in each.errors] == []
