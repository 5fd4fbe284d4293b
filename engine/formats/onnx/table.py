"""The table of ONNX's ops: one entry says how nodes of a type become ops of flowloom, in all versions of the opset.

An entry is `(node, *inputs) -> value`: see `tables/elementwise.py`. Inputs are Values (None where left out), results a
Value, a tuple of them for several outputs, a list for a sequence; or NotImplemented: then the function stands in by
which the standard defines the op.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, TypeAlias

Entry: TypeAlias = Callable[..., Any]
TABLE: dict[tuple[str, str], Entry] = {}
SCOPED: set[Entry] = set()  # the entries that open a scope for their nodes themselves: branches and loops
ML = "ai.onnx.ml"
TRAINING = "ai.onnx.preview.training"
PREVIEW = "ai.onnx.preview"


def onnx_op(*types: str, domain: str = "", scoped: bool = False) -> Callable[[Entry], Entry]:
    """Declare the entry of the ops of these types; `scoped`: it opens a scope for its nodes itself."""

    def declare(entry: Entry) -> Entry:
        for name in types:
            if (domain, name) in TABLE:
                raise ValueError(f"the table has an entry for {name!r} already")
            TABLE[domain, name] = entry
        if scoped:
            SCOPED.add(entry)
        return entry

    return declare


def entry_of(domain: str, op_type: str) -> Entry | None:
    """The entry of an op, if there is one."""
    if not TABLE:
        from flowloom.formats.onnx import tables

        for module in iter_modules(tables.__path__):
            import_module(f"{tables.__name__}.{module.name}")
    return TABLE.get((domain, op_type))
