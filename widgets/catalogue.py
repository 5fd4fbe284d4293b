"""The catalogue: every kind of node as the palette and the inspector show it, made from the declarations alone."""

from __future__ import annotations

from typing import Any

from msgspec import inspect

from flowloom.graph.kinds import Kind, all_kinds
from flowloom.params import REQUIRED, Param
from flowloom.widgets.wire import Field, KindInfo, PortKind


def catalogue() -> list[KindInfo]:
    """All kinds that a person may put on the canvas."""
    return [_described(kind) for kind in all_kinds()]


def _described(kind: Kind) -> KindInfo:
    return KindInfo(
        kind=kind.name,
        label=kind.label,
        version=kind.version,
        family=kind.family,
        summary=_summary(kind.doc),
        doc=kind.doc,
        inputs=[PortKind(p.name, p.variadic) for p in kind.ports],
        outputs=[PortKind(p.name, p.variadic) for p in kind.outputs],
        fields=[_field(p) for p in kind.params.values()],
    )


def _summary(doc: str) -> str:
    """The first sentence of a docstring."""
    return " ".join(doc.split("\n\n")[0].split()).split(". ")[0].rstrip(".")


def _field(param: Param) -> Field:
    required = param.default is REQUIRED
    default = None if required else list(param.default) if isinstance(param.default, tuple) else param.default
    shape: dict[str, Any] = {"name": param.name, "default": default, "required": required}
    match _without_none(inspect.type_info(param.annotation)):
        case inspect.BoolType():
            return Field(control="boolean", **shape)
        case inspect.IntType(ge=low, le=high):
            return Field(control="integer", minimum=low, maximum=high, **shape)
        case inspect.FloatType(ge=low, le=high, lt=below):
            return Field(control="number", minimum=low, maximum=high if high is not None else below, **shape)
        case inspect.LiteralType(values=values):
            return Field(control="choice", choices=[str(v) for v in values], **shape)
        case inspect.StrType():
            return Field(control="text", **shape)
        case _:
            return Field(control="json", **shape)


def _without_none(info: inspect.Type) -> inspect.Type:
    """The one type of an optional; the type itself otherwise."""
    if isinstance(info, inspect.UnionType):
        others = [t for t in info.types if not isinstance(t, inspect.NoneType)]
        return others[0] if len(others) == 1 else info
    return info
