"""The catalogue of operations says what the declarations say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = (ROOT / "docs" / "ops.md").read_text(encoding="utf-8")


def row(name: str) -> str:
    """The line of the catalogue about that operation, layer, loss or metric."""
    return next(line for line in CATALOGUE.splitlines() if line.startswith(f"| `{name}("))


def test_the_catalogue_is_current() -> None:
    checked = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "generate_docs.py"), "--check"], capture_output=True, text=True
    )

    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("matmul", "yes | yes"),
        ("argmax", "no | yes"),
        ("round", "no | yes"),
        ("layers.dense", "yes | yes"),
        ("losses.mean_squared_error", "yes | yes"),
        ("metrics.accuracy", "no | yes"),
        ("random.normal", "no | no"),
    ],
)
def test_it_says_what_has_a_gradient_and_what_onnx_can_say(name: str, columns: str) -> None:
    assert row(name).endswith(f" | {columns} |")


def test_a_row_has_the_signature_and_the_first_sentence() -> None:
    assert row("maximum").startswith("| `maximum(a, b)` | ")
    assert row("clip").startswith("| `clip(x, *, low=0.0, high=1.0)` | ")
    assert row("input").endswith("| A tensor that is fed under this name. |")
