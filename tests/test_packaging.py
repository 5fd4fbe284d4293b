"""What must hold for the wheel to be whole and the engine to stand alone."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FRONTEND = ROOT / "widgets" / "frontend"
JUPYTER = ("IPython", "anywidget", "comm", "ipykernel", "ipywidgets", "jupyter_client", "jupyterlab", "traitlets")
HEAVY = (*JUPYTER, "cupy", "matplotlib", "numba", "onnx", "pandas", "plotly", "scipy", "sklearn", "tqdm")
IMPORT_ENGINE = """
import importlib, pkgutil, sys
for name in sys.argv[1:]:
    sys.modules[name] = None
import flowloom
for module in pkgutil.walk_packages(flowloom.__path__, "flowloom."):
    if not module.name.startswith(("flowloom.widgets", "flowloom.kernel_ext")):
        importlib.import_module(module.name)
"""


def python(code: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def python_files(folder: str) -> list[Path]:
    return [path for path in sorted((ROOT / folder).rglob("*.py")) if not path.is_relative_to(FRONTEND)]


def test_importing_flowloom_loads_nothing_heavy() -> None:
    loaded = python("import flowloom, sys; print(*sys.modules)").split()

    assert sorted(set(HEAVY) & set(loaded)) == []


def test_every_engine_module_imports_without_jupyter() -> None:
    python(IMPORT_ENGINE, *JUPYTER)


@pytest.mark.parametrize("path", python_files("engine"), ids=lambda path: str(path.relative_to(ROOT)))
def test_engine_names_jupyter_nowhere(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level}

    assert [name for name in imported if name.partition(".")[0] in JUPYTER] == []


@pytest.mark.parametrize("folder", ["engine", "widgets", "kernel_ext"])
def test_every_folder_with_modules_is_a_package_and_so_in_the_wheel(folder: str) -> None:
    folders = {path.parent for path in python_files(folder)}

    assert [str(each) for each in sorted(folders) if not (each / "__init__.py").is_file()] == []


def test_lock_file_records_hashes_and_no_download_addresses() -> None:
    packages = json.loads((FRONTEND / "package-lock.json").read_text())["packages"]
    locked = {name: package for name, package in packages.items() if name and not package.get("link")}

    assert [name for name, package in locked.items() if "resolved" in package] == []
    assert [name for name, package in locked.items() if "integrity" not in package] == []


def test_no_file_names_a_package_registry() -> None:
    listing = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    files = [ROOT / name for name in names if name and (ROOT / name).is_file()]
    hosts = [
        part.encode()
        for part in (".".join(("registry", "npmjs")), ".".join(("files", "pythonhosted")), "/".join(("org", "simple")))
    ]

    assert [str(path) for path in files if any(host in path.read_bytes() for host in hosts)] == []
