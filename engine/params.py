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
from functools import cache
from types import FunctionType, UnionType
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

import msgspec
import numpy as np
from msgspec import Meta

from flowloom.spec import SpecError

DType: TypeAlias = Literal[
    "float32",
    "float64",
    "float16",
    "bfloat16",
    "int64",
    "int32",
    "int16",
    "int8",
    "uint64",
    "uint32",
    "uint16",
    "uint8",
    "bool",
    "int4",
    "uint4",
    "int2",
    "uint2",
    "float8_e4m3fn",
    "float8_e4m3fnuz",
    "float8_e5m2",
    "float8_e5m2fnuz",
    "float8_e8m0fnu",
    "float4_e2m1fn",
]
Padding: TypeAlias = Literal["valid", "same"]
Whole: TypeAlias = Annotated[int, Meta(ge=0)]
Count: TypeAlias = Annotated[int, Meta(ge=1)]
NotNegative: TypeAlias = Annotated[float, Meta(ge=0)]
Positive: TypeAlias = Annotated[float, Meta(gt=0)]
Share: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
Fraction: TypeAlias = Annotated[float, Meta(ge=0, lt=1)]
Axis: TypeAlias = int | tuple[int, ...]
Axes: TypeAlias = Axis | None  # None: all of them
Size: TypeAlias = Whole | str | None  # a dimension: a number, a name, or unknown
Shape: TypeAlias = tuple[Size, ...]
# msgspec 0.22 crashes on a union of a constrained int and a tuple of fixed length; a length constraint says the same.
Single: TypeAlias = Count | Annotated[tuple[Count, ...], Meta(min_length=1, max_length=1)]
Pair: TypeAlias = Count | Annotated[tuple[Count, ...], Meta(min_length=2, max_length=2)]
Triple: TypeAlias = Count | Annotated[tuple[Count, ...], Meta(min_length=3, max_length=3)]
Each: TypeAlias = Count | tuple[Count, ...]  # for ops on any number of axes: one for all of them, or one for each
WindowSize: TypeAlias = tuple[Count, ...]
# Padding by name, or the widths (before, after) for each axis; see `ops/windows.py`.
Margin: TypeAlias = tuple[int, int]
WindowPadding: TypeAlias = Literal["valid", "same", "same_lower"]
Padding1D: TypeAlias = WindowPadding | Annotated[tuple[Margin, ...], Meta(min_length=1, max_length=1)]
Padding2D: TypeAlias = WindowPadding | Annotated[tuple[Margin, ...], Meta(min_length=2, max_length=2)]
Padding3D: TypeAlias = WindowPadding | Annotated[tuple[Margin, ...], Meta(min_length=3, max_length=3)]
AnyPadding: TypeAlias = WindowPadding | Literal["causal"] | tuple[Margin, ...]

REQUIRED: Any = inspect.Parameter.empty
NOT_FINITE = ("inf", "-inf", "nan")  # how a document, which is JSON, writes the floats that JSON cannot hold
MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Param:
    """A keyword-only parameter: its name, type annotation and default (REQUIRED if it has none).

    The annotations of a declaration are evaluated when they are first asked for: for all of them at import it takes
    60 ms.
    """

    name: str
    stated: Any  # the annotation, or the declaration that has it
    default: Any = REQUIRED

    @property
    def annotation(self) -> Any:
        """The type of its values."""
        return _hints(self.stated)[self.name] if isinstance(self.stated, FunctionType) else self.stated

    def check(self, value: Any) -> Any:
        """`value` in canonical form (tuples for lists, dtype names for dtypes). Raises SpecError if it does not fit."""
        plain = _plain(value)
        try:
            return msgspec.convert(plain, self.annotation)
        except msgspec.ValidationError as error:
            if isinstance(plain, str) and plain in NOT_FINITE:
                return self.check(float(plain))
            raise SpecError(f"{_cut(f'{self.name}={value!r}')} does not fit: {self._why(plain, str(error))}") from None

    def document(self, value: Any) -> Any:
        """`value` as a document holds it: checked, and what has fields as a mapping. Raises SpecError."""
        checked = self.check(value)
        return msgspec.to_builtins(checked) if isinstance(checked, msgspec.Struct) else checked

    def _why(self, value: Any, why: str) -> str:
        allowed = choices(self.annotation)
        if isinstance(value, str) and allowed:
            return unknown_name(value, allowed, "there is no")
        if isinstance(value, Mapping) and why.endswith("`$.name`"):
            return unknown_name(value.get("name"), _tags(self.annotation), "there is no")
        return _in_words(why)


def _in_words(why: str) -> str:
    """msgspec's sentence as people say it: "Expected `int` >= 1 - at `$[0]`" is "position 0 must be int >= 1"."""
    sentence, _, place = why.partition(" - at ")
    field = re.search(r"\$\.(\w+)", place)
    positions = re.findall(r"\[(\d+)\]", place)
    where = field[1] if field else f"position {', '.join(positions)}" if positions else "it"
    words = re.sub(r"^Expected", f"{where} must be", sentence)
    for theirs, ours in (("array", "list"), ("str", "text"), ("null", "none"), ("object", "mapping")):
        words = re.sub(rf"\b{theirs}\b", ours, words)
    return words.replace(" | ", " or ").replace("`", "")


def params_of(function: Callable[..., Any]) -> dict[str, Param]:
    """The keyword-only parameters of a declaration, by name."""
    _, keyword_only, _ = parameter_names(function)
    defaults = function.__kwdefaults__ or {}
    return {name: Param(name, function, defaults.get(name, REQUIRED)) for name in keyword_only}


def parameter_names(function: Callable[..., Any]) -> tuple[tuple[str, ...], tuple[str, ...], str | None]:
    """The names of a function's positional and keyword-only parameters, and of its `*` parameter if it has one.

    What `inspect.signature` says, in a fiftieth of its time; there are a thousand declarations to look at.
    """
    code = function.__code__
    names, first = code.co_varnames, code.co_argcount
    after = first + code.co_kwonlyargcount
    return names[:first], names[first:after], names[after] if code.co_flags & inspect.CO_VARARGS else None


@cache
def _hints(function: FunctionType) -> dict[str, Any]:
    return get_type_hints(function, include_extras=True)


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


def no_such_name(
    module: str, name: str, known: Iterable[str], elsewhere: Mapping[str, str] | None = None
) -> AttributeError:
    """The error for a name that a module does not have: "flowloom has no 'sofmax'; did you mean 'softmax'?".

    `elsewhere` gives the known names of what other libraries call otherwise.
    """
    names = [elsewhere[name]] if elsewhere and name in elsewhere else list(known)
    close = names if len(names) == 1 else difflib.get_close_matches(name.lower(), names, n=1)
    return AttributeError(f"{module} has no {_cut(repr(name))}" + (f"; did you mean {close[0]!r}?" if close else ""))


def choices(annotation: Any) -> tuple[str, ...]:
    """The texts that an annotation lists in a Literal, alone or beside other types; () if it lists none."""
    if get_origin(annotation) is Literal:
        return tuple(a for a in get_args(annotation) if isinstance(a, str))
    if get_origin(annotation) in (Union, UnionType):
        return tuple(c for a in get_args(annotation) for c in choices(a))
    return ()


def takes_sizes(annotation: Any) -> bool:
    """Whether an annotation is of sizes that may be names ("batch"): a bounded int or a text, or a tuple of such."""
    parts = get_args(annotation)
    if get_origin(annotation) in (Union, UnionType) and str in parts:
        return any(get_origin(a) is Annotated and get_args(a)[0] is int for a in parts)
    return get_origin(annotation) is not Literal and any(takes_sizes(a) for a in parts)


def _tags(annotation: Any) -> tuple[str, ...]:
    """The names of the mappings that an annotation allows, of structs that are told apart by one."""
    alternatives = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    configs = (getattr(a, "__struct_config__", None) for a in alternatives)
    return tuple(str(c.tag) for c in configs if c is not None)


def _plain(value: Any) -> Any:
    """NumPy scalars, dtypes, arrays and structs as the plain values that parameters are kept as."""
    if isinstance(value, msgspec.Struct):
        value = msgspec.to_builtins(value)
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
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
