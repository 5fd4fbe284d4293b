"""The catalogue: every kind of node as the palette and the inspector show it, made from the declarations alone."""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Any, get_type_hints

import msgspec
from msgspec import inspect

from flowloom.graph.kinds import Kind, all_kinds
from flowloom.graph.state import passes
from flowloom.params import REQUIRED, choices
from flowloom.widgets.formulas import formula
from flowloom.widgets.wire.graph import Field, KindInfo, PortKind, Variant

SENTENCE_END = re.compile(r"(?<!\bal)(?<!\be\.g)(?<!\bi\.e)\. ")  # not after "et al.", "e.g.", "i.e."
_described: dict[str, tuple[Kind, KindInfo]] = {}


def catalogue() -> list[KindInfo]:
    """All kinds that may be on the canvas. Each is described once: every view that attaches asks for them."""
    kinds = all_kinds(internal=True)
    for kind in kinds:
        known = _described.get(kind.name)
        if known is None or known[0] is not kind:  # new, or declared again in a notebook
            _described[kind.name] = (kind, _describe(kind))
    return [_described[kind.name][1] for kind in kinds]


def _describe(kind: Kind) -> KindInfo:
    return KindInfo(
        kind=kind.name,
        label=kind.label,
        version=kind.version,
        family=kind.family,
        internal=kind.internal,
        summary=_summary(kind.doc),
        doc=kind.doc,
        formula=formula(kind),
        inputs=[PortKind(p.name, p.variadic, p.optional) for p in kind.ports],
        outputs=[PortKind(p.name, p.variadic, p.optional) for p in kind.outputs],
        fields=[_field(p.name, p.annotation, p.default) for p in kind.params.values()],
        passes=passes(kind),
    )


def _summary(doc: str) -> str:
    """The first sentence of a docstring."""
    text = " ".join(doc.split("\n\n")[0].split())
    return SENTENCE_END.split(text, maxsplit=1)[0].rstrip(".")


def _field(name: str, annotation: Any, default: Any) -> Field:
    """The form field of a parameter. `annotation` lists choices in the order in which people should see them."""
    required = default is REQUIRED
    shape: dict[str, Any] = {
        "name": name,
        "default": None if required else msgspec.to_builtins(default),
        "required": required,
        "choices": list(choices(annotation)),
    }
    match _without_none(inspect.type_info(annotation)):
        case inspect.BoolType():
            return Field(control="boolean", **shape)
        case inspect.IntType(ge=low, le=high):
            return Field(control="integer", minimum=low, maximum=high, **shape)
        case inspect.FloatType(gt=above, ge=low, lt=below, le=high):
            ends = (above if low is None else low, below if high is None else high)
            inside = (low is None and above is not None, high is None and below is not None)
            return Field(control="number", minimum=ends[0], maximum=ends[1], above=inside[0], below=inside[1], **shape)
        case inspect.LiteralType(values=values) if all(isinstance(v, str) for v in values):
            return Field(control="choice", **shape)
        case inspect.LiteralType(values=values):
            return Field(control="json", **shape | {"choices": [str(v) for v in values]})
        case inspect.UnionType(types=types) if all(
            isinstance(t, inspect.LiteralType | inspect.StructType) for t in types
        ):
            variants = [_variant(t, shape["choices"]) for t in types if isinstance(t, inspect.StructType)]
            shape["choices"] += [v.name for v in variants if not v.plain]
            return Field(control="choice", variants=variants, **shape)
        case inspect.StrType():
            return Field(control="text", **shape)
        case _:
            return Field(control="json", **shape)


def _variant(struct: inspect.StructType, plain: Container[str]) -> Variant:
    """A mapping that a parameter may be, told from others by its tag; `plain` are the tags that may stand alone."""
    hints = get_type_hints(struct.cls, include_extras=True)
    fields = [_field(f.name, hints[f.name], REQUIRED if f.required else f.default) for f in struct.fields]
    return Variant(str(struct.tag), fields, str(struct.tag) in plain)


def _without_none(info: inspect.Type) -> inspect.Type:
    """A type without the None that it allows."""
    if isinstance(info, inspect.UnionType):
        others = tuple(t for t in info.types if not isinstance(t, inspect.NoneType))
        return others[0] if len(others) == 1 else inspect.UnionType(others)
    return info
