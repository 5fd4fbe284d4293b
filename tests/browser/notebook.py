"""One open notebook: what the person sees in the page, and what the kernel behind it holds."""

from __future__ import annotations

import ast
import json
import shutil
from pathlib import Path
from typing import Any

from jupyter_client import BlockingKernelClient
from playwright.sync_api import Page, expect

from tests.browser.lab import Lab
from tests.browser.waiting import wait_until

SCREENSHOTS = Path(__file__).resolve().parents[2] / "build" / "screenshots"
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark", "contrast": "JupyterLab Dark High Contrast"}

# Notebook 7.6 raises this on every page it opens, before any cell runs; nothing of flowloom is loaded then.
KNOWN_ERRORS = {"notebook": ("Cannot read properties of undefined (reading 'schema')",)}


class OpenNotebook:
    """A notebook in a browser page, with a second client on its kernel to look at the Python side."""

    def __init__(self, lab: Lab, page: Page, name: str) -> None:
        """Open the notebook `name` of `lab` in `page` and wait until its kernel is idle."""
        self.lab = lab
        self.page = page
        self.name = name
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self._note(str(error)))
        page.on("console", lambda message: self._note(message.text) if message.type == "error" else None)
        page.goto(lab.page_address(name))
        self._wait_for_page()
        self._kernel = self._connect()

    def _note(self, error: str) -> None:
        if error not in KNOWN_ERRORS.get(self.lab.app, ()):
            self.errors.append(error)

    def _wait_for_page(self) -> None:
        self.page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=60_000)
        self.page.wait_for_function("() => window.jupyterapp?.restored.then(() => true)")
        wait_until(self._is_idle, f"the kernel of {self.name} to be idle", timeout=60)

    def _is_idle(self) -> bool:
        session = self.lab.session(self.name)
        return session is not None and session["kernel"]["execution_state"] == "idle"

    def _connect(self) -> BlockingKernelClient:
        session = self.lab.session(self.name)
        assert session is not None
        client = BlockingKernelClient(connection_file=str(self.lab.runtime / f"kernel-{session['kernel']['id']}.json"))
        client.load_connection_file()
        client.start_channels()
        return client

    def command(self, name: str, arguments: dict[str, Any] | None = None, *, wait: bool = True) -> None:
        """Execute a command of the application, as its menus do; `wait=False` does not wait for its end."""
        self.page.evaluate(
            """([name, args, wait]) => {
                const done = window.jupyterapp.commands.execute(name, args ?? {});
                return wait ? done.then(() => null) : null;
            }""",
            [name, arguments, wait],
        )

    def run_all(self, *, wait: bool = True) -> None:
        """Run all cells; `wait=False` does not wait for the last one to end."""
        self.command("notebook:run-all-cells", wait=wait)

    def rewrite(self, cell: str) -> None:
        """Put this code into the first cell, in place of what was there."""
        self.page.evaluate(
            """source => {
                const { content } = window.jupyterapp.shell.currentWidget;
                content.widgets[0].model.sharedModel.setSource(source);
            }""",
            cell,
        )

    def clear(self) -> None:
        """Remove all outputs, close all widgets and forget what the page and the folder remember of them."""
        self.command("notebook:clear-all-cell-outputs")
        expect(self.page.locator(".jp-OutputArea-output")).to_have_count(0)
        self.exec("__import__('ipywidgets').Widget.close_all()")
        self.forget_work()
        self.page.evaluate("() => localStorage.clear()")

    def reload(self) -> None:
        """Load the page afresh, as a person does; the kernel goes on."""
        self.page.reload()
        self._wait_for_page()

    def restart_kernel(self) -> None:
        """Restart the kernel and wait until it is back. Cells and their outputs stay on the page."""
        session = self.lab.session(self.name)
        assert session is not None
        self._kernel.stop_channels()
        self.lab.api(f"kernels/{session['kernel']['id']}/restart", "POST")
        wait_until(self._is_idle, f"the kernel of {self.name} to be back", timeout=60)
        self._kernel = self._connect()

    def theme(self, name: str) -> None:
        """Switch to the "light", the "dark" or the high "contrast" theme and wait until the page shows it."""
        self.command("apputils:change-theme", {"theme": THEMES[name]})
        self.page.locator(f"body[data-jp-theme-name='{THEMES[name]}']").wait_for(state="attached")
        self.page.locator("#jupyterlab-splash").wait_for(state="detached")  # it veils the page while the theme loads

    def screenshot(self, name: str, selector: str | None = None) -> Path:
        """Write build/screenshots/`name`.png, of the whole page or of the first element that `selector` finds."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        target = SCREENSHOTS / f"{name}.png"
        part = self.page if selector is None else self.page.locator(selector).first
        part.screenshot(path=target)
        return target

    def py(self, expression: str, timeout: float = 20) -> Any:
        """The value of a Python expression in the kernel, which must be of JSON's types. Shows nothing in the notebook.

        Waits for a running cell to end first. Raises AssertionError if the expression does.
        """
        reply = self._kernel.execute(
            "",
            silent=True,
            store_history=False,
            user_expressions={"value": f"__import__('json').dumps({expression})"},
            reply=True,
            timeout=timeout,
        )
        value = reply["content"]["user_expressions"]["value"]
        assert value["status"] == "ok", f"{expression}: {value.get('evalue', value)}"
        return json.loads(ast.literal_eval(value["data"]["text/plain"]))

    def exec(self, code: str, timeout: float = 60) -> None:
        """Execute Python code in the kernel, outside of all cells. Raises AssertionError if it does."""
        reply = self._kernel.execute(code, store_history=False, reply=True, timeout=timeout)
        assert reply["content"]["status"] == "ok", reply["content"]

    def eventually(self, expression: str, expected: Any = True, timeout: float = 10) -> None:
        """Wait until a Python expression in the kernel has the expected value; AssertionError if it never has.

        It may fail meanwhile, such as on a node that is not there yet.
        """
        last = ""

        def agrees() -> bool:
            nonlocal last
            try:
                value = self.py(expression)
            except AssertionError as error:
                last = str(error)
                return False
            last = f"it is {value!r}"
            return bool(value == expected)

        try:
            wait_until(agrees, f"{expression} to be {expected!r}", timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}; {last}") from None

    def forget_work(self) -> None:
        """Remove what editors have kept of graphs that were not saved."""
        shutil.rmtree(self.lab.folder / ".flowloom", ignore_errors=True)

    def close(self) -> None:
        """Close the page and end the kernel."""
        self._kernel.stop_channels()
        self.page.context.close()
        session = self.lab.session(self.name)
        if session is not None:
            self.lab.api(f"sessions/{session['id']}", "DELETE")
        self.forget_work()
