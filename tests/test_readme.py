"""The code in the README runs as it stands there, from the first block to the last."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

README = Path(__file__).resolve().parents[1] / "README.md"


def test_readme_code_runs() -> None:
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    names: dict[str, Any] = {}

    for block in blocks:
        exec(compile(block, str(README), "exec"), names)

    assert len(blocks) == 2
    assert names["run"].status == "finished"
    assert names["run"].history["val_accuracy"][-1] > 0.9


def test_pictures_in_the_readme_are_there() -> None:
    pictures = re.findall(r'(?:src|srcset)="([^"]+)"', README.read_text(encoding="utf-8"))

    assert pictures
    assert all((README.parent / picture).is_file() for picture in pictures)
