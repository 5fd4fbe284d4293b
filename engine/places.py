"""Places in the user's own code: the cell or file, and the line, that an error should point to."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import PurePath
from types import FrameType
from typing import TypeAlias

Place: TypeAlias = tuple[str, int]  # a code object's file name, and a line in it


_hidden: ContextVar[bool] = ContextVar("no user code runs", default=False)


@contextmanager
def nowhere() -> Iterator[None]:
    """What is built inside is built by no line of the user's that ran: it was read from a file or a page."""
    token = _hidden.set(True)
    try:
        yield
    finally:
        _hidden.reset(token)


def user_place() -> Place | None:
    """The line of the innermost caller that is neither flowloom's own code nor NumPy's, which calls it back."""
    if _hidden.get():
        return None
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] not in ("flowloom", "numpy"):
            return frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back
    return None


def place_text(place: Place | None) -> str:
    """A place as people know it: "cell 7, line 3", "train.py, line 12"; "" for none."""
    if place is None:
        return ""
    file, line = place
    return f"{_cell(file) or PurePath(file).name}, line {line}"


def _cell(file: str) -> str | None:
    """The notebook cell that IPython compiled under this file name: "cell 7"."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    found = shell.compile.format_code_name(file) if shell is not None else None
    if found is None:
        return None
    _, label = found  # ("Cell", "In[7]")
    return f"cell {label.removeprefix('In[').removesuffix(']')}"
