"""Parameters: what a keyword-only argument of an op or layer may be, read from its annotation.

One declaration serves three: a call is checked against it, a file is checked against it, and the inspector makes its
form field from it.
"""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

import msgspec
import numpy as np
from msgspec import Meta

from flowloom.spec import SpecError

DType: TypeAlias = Literal[
    "float32", "float64", "float16", "int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8", "bool"
]
Padding: TypeAlias = Literal["valid", "same"]
Count: TypeAlias = Annotated[int, Meta(ge=1)]
# msgspec 0.22 crashes on a union of a constrained int and a tuple of fixed length; a length constraint says the same.
Pair: TypeAlias = Count | Annotated[tuple[Count, ...], Meta(min_length=2, max_length=2)]
Fraction: TypeAlias = Annotated[float, Meta(ge=0, lt=1)]
Axes: TypeAlias = int | tuple[int, ...] | None
Shape: TypeAlias = tuple[Annotated[int, Meta(ge=0)] | str | None, ...]

REQUIRED: Any = inspect.Parameter.empty
NOT_FINITE = ("inf", "-inf", "nan")  # how a document, which is JSON, writes the floats that JSON cannot hold
MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Param:
    """A keyword-only parameter: its name, type annotation and default (REQUIRED if it has none)."""

    name: str
    annotation: Any
    default: Any = REQUIRED

    def check(self, value: Any) -> Any:
        """`value` in canonical form (tuples for lists, dtype names for dtypes). Raises SpecError if it does not fit."""
        plain = _plain(value)
        try:
            return msgspec.convert(plain, self.annotation)
        except msgspec.ValidationError as error:
            if isinstance(plain, str) and plain in NOT_FINITE:
                return self.check(float(plain))
            raise SpecError(f"{_cut(f'{self.name}={value!r}')} does not fit: {self._why(plain, str(error))}") from None

    def _why(self, value: Any, why: str) -> str:
        allowed = choices(self.annotation)
        if isinstance(value, str) and allowed:
            return unknown_name(value, allowed, "there is no")
        return _in_words(why)


def _in_words(why: str) -> str:
    """msgspec's sentence as people say it: "Expected `int` >= 1 - at `$[0]`" is "position 0 must be int >= 1"."""
    sentence, _, place = why.partition(" - at ")
    positions = re.findall(r"\[(\d+)\]", place)
    where = f"position {', '.join(positions)}" if positions else "it"
    words = re.sub(r"^Expected", f"{where} must be", sentence)
    for theirs, ours in (("array", "list"), ("str", "text"), ("null", "none"), ("object", "mapping")):
        words = re.sub(rf"\b{theirs}\b", ours, words)
    return words.replace(" | ", " or ").replace("`", "")


def params_of(function: Callable[..., Any]) -> dict[str, Param]:
    """The keyword-only parameters of a declaration, by name."""
    hints = get_type_hints(function, include_extras=True)
    return {
        p.name: Param(p.name, hints[p.name], p.default)
        for p in inspect.signature(function).parameters.values()
        if p.kind is p.KEYWORD_ONLY
    }


def complete(declared: Mapping[str, Param], given: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """All parameters of `owner`, checked: those given, and the defaults of the rest.

    Raises TypeError for a name that is not declared and for a required one that is missing, SpecError for a value
    that does not fit its type.
    """
    for name in given:
        if name not in declared:
            raise TypeError(unknown_name(name, declared, f"{owner} has no parameter"))
    out = {}
    for name, param in declared.items():
        if name in given:
            out[name] = param.check(given[name])
        elif param.default is REQUIRED:
            raise TypeError(f"{owner} needs the parameter {name!r}")
        else:
            out[name] = param.default
    return out


def unknown_name(name: Any, known: Iterable[str], what: str) -> str:
    """Text for an error message: "{what} 'nam'; did you mean 'name'? There is: ..."."""
    names = list(known)
    close = difflib.get_close_matches(str(name), names, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    shown = [*names[:MOST_SHOWN], *(["..."] if len(names) > MOST_SHOWN else [])]
    return f"{what} {_cut(repr(name))}{hint} There is: {', '.join(shown) or 'none'}"


def choices(annotation: Any) -> tuple[str, ...]:
    """The texts that an annotation lists in a Literal, alone or beside other types; () if it lists none."""
    if get_origin(annotation) is Literal:
        return tuple(a for a in get_args(annotation) if isinstance(a, str))
    if get_origin(annotation) in (Union, UnionType):
        return tuple(c for a in get_args(annotation) for c in choices(a))
    return ()


def _plain(value: Any) -> Any:
    """NumPy scalars, dtypes and arrays as the plain values that parameters are kept as."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, np.dtype):
        return value.name
    if isinstance(value, type) and issubclass(value, np.generic | bool | int | float):
        return np.dtype(value).name
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value


def _cut(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."
