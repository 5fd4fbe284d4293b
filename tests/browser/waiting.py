"""Waiting for something to become true, with a deadline and without fixed sleeps."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")


def wait_until(probe: Callable[[], Value | None], what: str, timeout: float) -> Value:
    """Call `probe` until it returns something true, and return that. Raises AssertionError after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not (value := probe()):
        assert time.monotonic() < deadline, f"waited {timeout:g} s in vain: {what}"
        time.sleep(0.05)
    return value
