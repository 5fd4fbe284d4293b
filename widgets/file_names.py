"""Names of files: which one a person may give, and which one a graph gets."""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress

SUFFIX = ".flow.json"
MOST = 200  # bytes of a name with its suffix; file systems take 255, and a file is written aside under a longer one
_FORBIDDEN = re.compile(r'[<>:"/\\|?*]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", re.IGNORECASE)


class FileNameError(ValueError):
    """A name that no file should have, or not on every machine. One line."""


def flow_name(text: str) -> str:
    """What a person typed as the name of a `.flow.json` in one folder, with its suffix. Raises FileNameError."""
    base = text.strip()
    for suffix in (SUFFIX, ".json"):
        if base.lower().endswith(suffix):
            base = base[: -len(suffix)]
            break
    if not base:
        raise FileNameError("A file needs a name")
    if _FORBIDDEN.search(base) or not base.isprintable():
        raise FileNameError('A name of a file has none of / \\ : * ? " < > | and no control characters')
    if base.startswith(".") or base.endswith((".", " ")):
        raise FileNameError("A name of a file neither begins with a dot nor ends with a dot or space")
    if _RESERVED.match(base):
        raise FileNameError(f"{base[:20]!r} is reserved on Windows; choose another name")
    if len((base + SUFFIX).encode()) > MOST:
        raise FileNameError(f"A name of a file is at most {MOST} bytes long")
    return base + SUFFIX


def name_of(graph_name: str) -> str:
    """The name of the file, without its suffix, for a graph of that name: another one for each."""
    plain = re.sub(r"[^\w.-]+", "_", graph_name).strip("._")[:40]
    if plain == graph_name and not _RESERVED.match(plain):
        return plain
    digest = hashlib.sha256(graph_name.encode("utf-8", "replace")).hexdigest()[:8]
    return f"{plain or 'graph'}-{digest}"


def first_name(graph_name: str) -> str:
    """The name under which a graph of that name is saved unless a person gives another."""
    for name in (graph_name, re.sub(r"[^\w.-]+", "_", graph_name).strip("._")[:40]):
        with suppress(FileNameError):
            return flow_name(name)
    return f"graph{SUFFIX}"
