"""The table of flowloom's ops: one entry says how an op is written in ONNX's.

An entry is `(writer, expression, *names) -> name`: the names of its operands' values go in, that of its result (a tuple
of them for several) comes out; see `tables/elementwise.py`. Where an op is written as others of flowloom, it is
declared by what it `becomes`: `(*operands, **params)` on expressions.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, TypeAlias

from flowloom.op import REGISTRY

Entry: TypeAlias = Callable[..., Any]
_TABLE: dict[str, Entry] = {}


def writes(*ops: str) -> Callable[[Entry], Entry]:
    """Declare the entry of the ops of these names."""

    def declare(entry: Entry) -> Entry:
        for name in ops:
            if name in _TABLE:
                raise ValueError(f"the table has an entry for {name!r} already")
            _TABLE[name] = entry
        return entry

    return declare


def becomes(*ops: str) -> Callable[[Entry], Entry]:
    """Declare the ops of which those of these names are made, where ONNX has none of the kind."""

    def declare(made_of: Entry) -> Entry:
        def entry(w: Any, e: Any, *names: str) -> Any:
            return w.written(made_of(*e.args, **dict(e.params)))

        writes(*ops)(entry)
        return made_of

    return declare


def entry_of(op: str) -> Entry | None:
    """The entry of an op, if there is one."""
    _read_tables()
    composite = op in REGISTRY and REGISTRY[op].composite
    return _TABLE.get(op, _value if composite else None)


@cache
def _read_tables() -> None:
    from flowloom.formats.onnx.writing import tables

    for module in iter_modules(tables.__path__):
        import_module(f"{tables.__name__}.{module.name}")


def _value(w: Any, e: Any, value: str, *operands: str) -> str:
    """A composite with a gradient of its own, which comes with the value that it is made of."""
    return value
