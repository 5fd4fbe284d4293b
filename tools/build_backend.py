"""In-tree PEP 517 backend: setuptools, with the front end bundled first.

Wheels, editable or not, hold the bundle; source distributions hold its sources. Where the bundle must be built and the
system has no recent Node, one is asked for as a build requirement.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

import frontend
from setuptools import build_meta
from setuptools.build_meta import (
    build_sdist,
    get_requires_for_build_sdist,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

Settings = Mapping[str, Any] | None


def get_requires_for_build_wheel(config_settings: Settings = None) -> list[str]:
    """What a wheel needs to be built."""
    return [*build_meta.get_requires_for_build_wheel(config_settings), *_node_requirement()]


def get_requires_for_build_editable(config_settings: Settings = None) -> list[str]:
    """What an editable install needs to be built."""
    return [*build_meta.get_requires_for_build_editable(config_settings), *_node_requirement()]


def build_wheel(directory: str, config_settings: Settings = None, metadata_directory: str | None = None) -> str:
    """Bundle the front end, then build the wheel into `directory`. Returns its file name."""
    frontend.bundle()
    # setuptools gathers the wheel's files here and would pack what an earlier build left behind.
    shutil.rmtree(frontend.ROOT / "build" / "lib", ignore_errors=True)
    return build_meta.build_wheel(directory, config_settings, metadata_directory)


def build_editable(directory: str, config_settings: Settings = None, metadata_directory: str | None = None) -> str:
    """Bundle the front end, then build the editable wheel into `directory`. Returns its file name."""
    frontend.bundle()
    return build_meta.build_editable(directory, config_settings, metadata_directory)


def _node_requirement() -> list[str]:
    return [frontend.NODE_PACKAGE] if frontend.is_stale() and frontend.system_npm() is None else []
