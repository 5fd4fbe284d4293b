"""A Jupyter server of the tests' own: on loopback, with its own settings, token and log."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import nbformat

from tests.browser.waiting import wait_until

# The defaults that `make lab` uses too: no question about news, no look for updates.
JUPYTER_DEFAULTS = Path(__file__).resolve().parents[2] / "tools" / "jupyter"
App = Literal["jupyterlab", "notebook"]
SETTINGS = {
    "JUPYTER_CONFIG_DIR": "config",
    "JUPYTER_DATA_DIR": "data",
    "JUPYTER_RUNTIME_DIR": "runtime",
    "JUPYTERLAB_SETTINGS_DIR": "settings",
    "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    "IPYTHONDIR": "ipython",
}
EXPOSE = {
    "jupyterlab": "--LabApp.expose_app_in_browser=True",
    "notebook": "--JupyterNotebookApp.expose_app_in_browser=True",
}
PAGES = {"jupyterlab": "lab/workspaces/{workspace}/tree", "notebook": "notebooks"}


class Lab:
    """A running JupyterLab or Notebook 7 that serves one folder."""

    def __init__(self, folder: Path, app: App = "jupyterlab") -> None:
        """Start the server on `folder` and wait until it answers. Raises AssertionError with its log if it does not."""
        self.folder = folder
        self.app = app
        self.token = secrets.token_hex(16)
        self.address = f"http://127.0.0.1:{_free_port()}"
        home = folder / ".home"
        self.runtime = home / SETTINGS["JUPYTER_RUNTIME_DIR"]
        self._log = folder / "server.log"
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                self._command(),
                env=self._environment(home),
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=folder,
            )
        wait_until(self._answers, f"{app} did not answer at {self.address}", timeout=60)

    def _command(self) -> list[str]:
        common = (
            "--no-browser",
            "--allow-root",
            "--ip=127.0.0.1",
            f"--port={self.address.rpartition(':')[2]}",
            "--ServerApp.port_retries=0",
            f"--ServerApp.root_dir={self.folder}",
            "--ServerApp.use_redirect_file=False",
            f"--IdentityProvider.token={self.token}",
        )
        return [sys.executable, "-m", self.app, *common, EXPOSE[self.app]]

    def _environment(self, home: Path) -> dict[str, str]:
        own = {name: str(home / part) for name, part in SETTINGS.items()}
        people = {"JUPYTER_CONFIG_PATH": str(JUPYTER_DEFAULTS), "FLOWLOOM_BACKEND": "auto"}
        return {**os.environ, **own, **people}

    def _answers(self) -> bool:
        assert self._process.poll() is None, f"{self.app} ended at once:\n{self._log.read_text()[-2000:]}"
        try:
            self.api("status")
        except OSError:
            return False
        return True

    def api(self, path: str, method: str = "GET") -> Any:
        """Call Jupyter's REST interface and return the decoded answer."""
        request = urllib.request.Request(
            f"{self.address}/api/{path}", method=method, headers={"Authorization": f"token {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            body = answer.read()
        return json.loads(body) if body else None

    def page_address(self, notebook: str) -> str:
        """Where a browser opens the notebook of this name.

        Each has a JupyterLab workspace of its own: in a common one, a page that is reloaded opens what others had open.
        """
        page = PAGES[self.app].format(workspace=notebook.removesuffix(".ipynb"))
        return f"{self.address}/{page}/{notebook}?token={self.token}&reset"

    def add(self, source: Path | Sequence[str], name: str) -> None:
        """Put a notebook into the served folder: a copy of a file, or one made of these code cells."""
        target = self.folder / name
        if isinstance(source, Path):
            shutil.copyfile(source, target)
            return
        document = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in source],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        )
        nbformat.write(document, target)

    def session(self, notebook: str) -> dict[str, Any] | None:
        """The session, kernel included, that the notebook of this name has, or None."""
        return next((session for session in self.api("sessions") if session["path"] == notebook), None)

    def close(self) -> None:
        """Stop the server and its kernels."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
