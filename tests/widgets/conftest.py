"""What the widget tests share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def beside_the_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the kernel would run: what editors keep and save goes there."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
