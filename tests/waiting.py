"""Waiting for what another thread does, without a fixed time."""

from __future__ import annotations

import time
from collections.abc import Callable

DEADLINE = 60.0  # seconds: far more than any machine needs, so that only a hang reaches it


def eventually(condition: Callable[[], object]) -> None:
    """Return as soon as `condition()` holds; fail if it does not before the deadline."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, "this never came true"
        time.sleep(0.001)
