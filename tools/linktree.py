"""Makes build/types/flowloom, where the folders lie as they are imported, for tools that read but do not import."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TREE = ROOT / "build" / "types"


def make_link_tree() -> Path:
    """Lay the tree out afresh, in links where the system allows them and in copies elsewhere. Returns its folder."""
    package = TREE / "flowloom"
    shutil.rmtree(package, ignore_errors=True)
    package.mkdir(parents=True)
    parts = [path for path in sorted((ROOT / "engine").iterdir()) if path.name != "__pycache__"]
    for source in [*parts, ROOT / "widgets", ROOT / "kernel_ext"]:
        _link(package / source.name, source)
    return TREE


def _link(link: Path, source: Path) -> None:
    try:
        link.symlink_to(os.path.relpath(source, link.parent), target_is_directory=source.is_dir())
    except OSError:  # Windows lets only some users make links.
        if source.is_dir():
            shutil.copytree(source, link, ignore=shutil.ignore_patterns("__pycache__", "frontend"))
        else:
            shutil.copyfile(source, link)
