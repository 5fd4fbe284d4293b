"""What the C heap holds: a process may keep memory that nobody uses, which comes and goes; this does not."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

FIELDS = (
    "arena",
    "ordblks",
    "smblks",
    "hblks",
    "hblkhd",
    "usmblks",
    "fsmblks",
    "uordblks",
    "fordblks",
    "keepcost",
)  # man mallinfo2


class _Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in FIELDS]


def in_use() -> int | None:
    """Bytes that were allocated and not freed, large blocks among them; None without glibc 2.33 or newer."""
    found = _reader()
    if found is None:
        return None
    info = found()
    return int(info.uordblks + info.hblkhd)


@cache
def _reader() -> Any:
    try:
        reader = ctypes.CDLL(None).mallinfo2
    except (AttributeError, OSError, TypeError):
        return None
    reader.restype = _Info
    return reader
