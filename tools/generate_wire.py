"""Write `widgets/frontend/src/wire.ts` from the structs in `flowloom.widgets.wire`, so that the two sides cannot drift.

And `shapes.ts`, by which the browser checks what it is told of the graph. Run it after a change to `widgets/wire` or
`engine/graph/document.py`; `--check` only says whether a file is stale.
"""

from __future__ import annotations

import argparse
import inspect
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import msgspec.inspect as introspect

from flowloom.graph import document
from flowloom.widgets import wire
from flowloom.widgets.wire import blocks, files, graph, pictures, run

SOURCES = Path(__file__).resolve().parent.parent / "widgets" / "frontend" / "src"
HEADER = "// Made by tools/generate_wire.py from widgets/wire and engine/graph/document.py. Do not edit.\n"
UNIONS = {
    "Change": document.Change,
    "GraphRequest": wire.GraphRequest,
    "GraphEvent": wire.GraphEvent,
    "RunRequest": run.RunRequest,
    "RunReply": run.RunReply,
    "FilesRequest": files.FilesRequest,
    "FilesReply": files.FilesReply,
}
MODULES = (document, graph, blocks, pictures, run, files, wire)


def type_name(kind: introspect.Type) -> str:
    """The TypeScript name of a type. Raises TypeError for one that JSON has no form for."""
    match kind:
        case introspect.AnyType():
            return "unknown"
        case introspect.NoneType():
            return "null"
        case introspect.BoolType():
            return "boolean"
        case introspect.IntType() | introspect.FloatType():
            return "number"
        case introspect.StrType():
            return "string"
        case introspect.LiteralType(values=values):
            return " | ".join(f'"{value}"' if isinstance(value, str) else str(value) for value in values)
        case introspect.StructType(cls=cls):
            return cls.__name__
        case introspect.UnionType():
            return union_name(kind)
        case introspect.ListType(item_type=item):
            inner = type_name(item)
            return f"({inner})[]" if " | " in inner else f"{inner}[]"
        case introspect.DictType(value_type=value):
            return f"Record<string, {type_name(value)}>"
        case _:
            raise TypeError(f"{kind}: no TypeScript form is known for this; use what JSON can hold")


def union_name(kind: introspect.UnionType) -> str:
    """The name of a declared union, else its members joined."""
    for name, declared in UNIONS.items():
        if introspect.type_info(declared) == kind:
            return name
    return " | ".join(type_name(member) for member in kind.types)


def comment(text: str | None, indent: str = "") -> str:
    """A docstring as a TypeScript doc comment."""
    lines = inspect.cleandoc(text or "").splitlines()
    if len(lines) == 1:
        return f"{indent}/** {lines[0]} */\n"
    body = "".join(f"{indent} *{' ' if line else ''}{line}\n" for line in lines)
    return f"{indent}/**\n{body}{indent} */\n"


def interface(struct: introspect.StructType) -> str:
    """One struct as a TypeScript interface, its tag first."""
    lines = [comment(struct.cls.__doc__), f"export interface {struct.cls.__name__} {{\n"]
    if struct.tag_field is not None:
        lines.append(f'  {struct.tag_field}: "{struct.tag}";\n')
    lines += [f"  {field.encode_name}: {type_name(field.type)};\n" for field in struct.fields]
    return "".join(lines) + "}\n"


def structs(module: ModuleType) -> Iterator[introspect.StructType]:
    """The structs that `module` declares, in the order of its source."""
    for value in vars(module).values():
        if inspect.isclass(value) and issubclass(value, msgspec.Struct) and value.__module__ == module.__name__:
            yield struct_type(value)


def struct_type(cls: Any) -> introspect.StructType:
    """What msgspec knows about a struct."""
    kind = introspect.type_info(cls)
    assert isinstance(kind, introspect.StructType)
    return kind


def union(name: str, declared: Any) -> str:
    """One declared union as a TypeScript type."""
    kind = introspect.type_info(declared)
    assert isinstance(kind, introspect.UnionType)
    return f"export type {name} = {' | '.join(type_name(member) for member in kind.types)};\n"


def shape(kind: introspect.Type) -> Any:
    """A type as `conforms.ts` checks it. Raises TypeError for one that JSON has no form for."""
    match kind:
        case introspect.AnyType():
            return "unknown"
        case introspect.IntType():
            return "integer"
        case introspect.LiteralType(values=values):
            return {"one": list(values)}
        case introspect.UnionType(types=types):
            return {"any": [shape(member) for member in types]}
        case introspect.ListType(item_type=item):
            return {"list": shape(item)}
        case introspect.DictType(value_type=value):
            return {"map": shape(value)}
        case introspect.StructType(cls=cls):
            return {"struct": cls.__name__}
        case _:
            return type_name(kind)


def fields(struct: introspect.StructType) -> dict[str, Any]:
    """The shapes of a struct's fields, its tag first."""
    tag = {} if struct.tag_field is None else {struct.tag_field: {"one": [struct.tag]}}
    return tag | {field.encode_name: shape(field.type) for field in struct.fields}


def within(kind: introspect.Type, seen: set[type]) -> Iterator[introspect.StructType]:
    """The structs that a type is made of, but for those that were `seen`."""
    if isinstance(kind, introspect.StructType):
        if kind.cls in seen:
            return
        seen.add(kind.cls)
        yield kind
    inner = getattr(kind, "types", ()) or [getattr(kind, name, None) for name in ("item_type", "value_type")]
    inner = [field.type for field in kind.fields] if isinstance(kind, introspect.StructType) else inner
    for part in inner:
        if part is not None:
            yield from within(part, seen)


def generate_shapes() -> str:
    """The whole of `shapes.ts`."""
    event = introspect.type_info(wire.GraphEvent)
    found = {struct.cls.__name__: fields(struct) for struct in within(event, set())}
    lines = [
        HEADER,
        'import type { Shape } from "./conforms";\n',
        f"export const GRAPH_EVENT: Shape = {json.dumps(shape(event))};\n",
        "/** The fields of every struct that is part of one. */",
        "export const STRUCTS: Record<string, Record<string, Shape>> = {",
        *(f"  {name}: {json.dumps(found[name])}," for name in sorted(found)),
        "};\n",
    ]
    return "\n".join(lines)


def generate() -> str:
    """The whole of `wire.ts`."""
    parts = [interface(struct) for module in MODULES for struct in structs(module)]
    return "\n".join([HEADER, *parts, *(union(name, declared) for name, declared in UNIONS.items())])


FILES = {"wire.ts": generate, "shapes.ts": generate_shapes}


def main() -> int:
    """Write the files, or with `--check` return 1 when one is stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 when a file is stale")
    check = parser.parse_args().check
    stale = 0
    for name, make in FILES.items():
        text, target = make(), SOURCES / name
        if not check:
            target.write_text(text, encoding="utf-8")
        elif not target.is_file() or target.read_text(encoding="utf-8") != text:
            print(f"{name} is stale: run python tools/generate_wire.py", file=sys.stderr)
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main())
