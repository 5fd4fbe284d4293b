"""The browser's types are those of the kernel: one schema, two languages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_typescript_types_are_those_of_the_structs() -> None:
    """`wire.ts` is what the structs of `wire.py` make today."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "generate_wire.py"), "--check"], capture_output=True, text=True
    )

    assert (done.returncode, done.stderr) == (0, "")
