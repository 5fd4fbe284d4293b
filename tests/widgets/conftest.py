"""What the widget tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.widgets.filing import Editor
from tests.widgets.models import digits_model


@pytest.fixture(autouse=True)
def beside_the_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the kernel would run: what editors keep and save goes there."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """No editor, and none of its threads, is left by a test."""
    yield
    while Editor.made:
        Editor.made.pop().close()


@pytest.fixture
def editor() -> Editor:
    return Editor(digits_model())
