"""Templates: which expressions are computed element by element, and what the source of one element is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from flowloom.compiler.expr import Expr, build_whole
from flowloom.op import Op, Port
from flowloom.ops.indexing import in_range
from flowloom.ops.inference import normalize_axes
from flowloom.spec import Spec, is_bool, is_float, promote

_TYPES = {
    "float32": "f32",
    "float64": "f64",
    "int64": "i64",
    "int32": "i32",
    "int16": "i16",
    "int8": "i8",
    "uint64": "u64",
    "uint32": "u32",
    "uint16": "u16",
    "uint8": "u8",
    "bool": "bool",
}
_COMPARISONS = {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal"}
_LOGICAL = {"logical_and", "logical_or", "logical_xor", "logical_not"}
_WHOLE = {"add", "subtract", "multiply", "negative", "abs", "maximum", "minimum", "square", "where", "copy", "check"}
_BITS = {"bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not"}
_NOT_HERE = {"polygamma", "inside", "left_shift", "right_shift"}
_REDUCTIONS = {"sum", "max", "min", "prod", "sum_to", "any", "all"}
_COSTLY = {"exp", "log", "tanh", "erf", "erfc", "expm1", "log1p", "power", "sigmoid", "gelu", "silu", "softplus", "elu"}


def _internal(name: str, run: Any) -> Op:
    return Op(name, "shape", lambda x, **_: x, "", (Port("x"),), {}, run=run, template="{x}")


COPY = _internal("copy", lambda xp, x: x)
# An index, which must be in low..high; from the front, if low < 0.
CHECK = _internal("check", lambda xp, x, *, low, high: in_range(xp, x, high + 1, negative=low < 0))


def copy_of(e: Expr) -> Expr:
    """The elements of `e` in memory of their own."""
    return build_whole(COPY, (e,), {})


def checked(e: Expr, low: int, high: int) -> Expr:
    """Indices that are counted from the front, and a step that is refused where one is not in low..high."""
    return build_whole(CHECK, (e,), {"low": low, "high": high})


def type_name(dtype: np.dtype[Any]) -> str | None:
    """The name of a dtype in the kernel language; None if it has none."""
    return _TYPES.get(dtype.name)


def array_type(dtype: np.dtype[Any]) -> str:
    """The name of the type of an element in memory."""
    return "bool8" if is_bool(dtype) else _TYPES[dtype.name]


def is_elementwise(e: Expr) -> bool:
    """Whether one element of the result is computed of one of each operand by a template that is right for the
    dtypes.
    """
    if e.op.template is None or e.op.name in _NOT_HERE or not _simple(e):
        return False
    name, dtypes = e.op.name, [a.dtype for a in e.args]
    if name in _COMPARISONS | _LOGICAL or name in ("cast", "copy", "where", "check"):
        return True
    if all(is_float(d) for d in dtypes) or (is_float(e.dtype) and not any(is_bool(d) for d in dtypes)):
        return is_float(e.dtype) or is_bool(e.dtype)
    if any(is_bool(d) for d in dtypes):
        return name in _BITS and is_bool(e.dtype)
    return name in _WHOLE | _BITS


def is_reduction(e: Expr) -> bool:
    """Whether it takes away at least one axis that is longer than 1, in a dtype that a loop can add up."""
    if e.op.name not in _REDUCTIONS or not _simple(e):
        return False
    sizes = e.args[0].spec.sizes
    return any(sizes[i] != 1 for i in reduced_axes(e)) and 0 not in sizes


def _simple(e: Expr) -> bool:
    """Whether all is of types that kernels have, of known sizes, and not empty."""
    specs = [e.spec, *(a.spec for a in e.args)]
    return all(
        isinstance(s, Spec) and s.is_concrete and type_name(s.dtype) is not None and 0 not in s.shape for s in specs
    )


def reduced_axes(e: Expr) -> tuple[int, ...]:
    """The axes of its operand that a reduction takes away."""
    params, x = dict(e.params), e.args[0].spec
    if e.op.name == "sum_to":
        shape = (1,) * (x.ndim - len(params["shape"])) + tuple(params["shape"])
        return tuple(i for i, (n, m) in enumerate(zip(x.sizes, shape, strict=True)) if n != m)
    return tuple(sorted(normalize_axes(params["axis"], x.ndim)))


def is_costly(e: Expr) -> bool:
    """Whether an element takes so long that it is rather kept than computed again."""
    return e.op.name in _COSTLY


def element(e: Expr, operands: Sequence[str]) -> str:
    """The source of one element, in the type of the result, of those of its operands."""
    name, result = e.op.name, type_name(e.dtype)
    if name == "check":
        low, size = dict(e.params)["low"], dict(e.params)["high"] + 1
        return f"where({operands[0]} < 0, {operands[0]} + {size}, {operands[0]})" if low < 0 else operands[0]
    if name == "copy":
        return operands[0]
    if name == "where":
        texts = [operands[0], *_as(operands[1:], e.args[1:], e.dtype)]
    elif name in _COMPARISONS:
        texts = _as(operands, e.args, promote(*(a.dtype for a in e.args)))
    elif name in _LOGICAL:
        texts = _as(operands, e.args, np.dtype(bool))
        if name == "logical_not":
            return f"not {texts[0]}"
    elif name == "cast" or is_bool(e.dtype):
        texts = list(operands)
    else:
        texts = _as(operands, e.args, e.dtype)
    params = {k: _text(v) for k, v in e.params}
    assert e.op.template is not None
    return f"{result}({e.op.template.format(**dict(zip((p.name for p in e.op.ports), texts, strict=True)), **params)})"


def _as(texts: Sequence[str], args: Sequence[Expr], dtype: np.dtype[Any]) -> list[str]:
    return [t if a.dtype == dtype else f"{type_name(dtype)}({t})" for t, a in zip(texts, args, strict=True)]


def _text(value: Any) -> str:
    return repr(float(value)) if isinstance(value, np.floating) else repr(value)


def identity(e: Expr) -> str:
    """What a reduction begins with."""
    t = type_name(e.dtype)
    low, high = ("-inf", "inf") if is_float(e.dtype) else _ends(e.dtype)
    return {
        "sum": f"{t}(0)",
        "sum_to": f"{t}(0)",
        "prod": f"{t}(1)",
        "max": f"{t}({low})",
        "min": f"{t}({high})",
        "any": "False",
        "all": "True",
    }[e.op.name]


def _ends(dtype: np.dtype[Any]) -> tuple[str, str]:
    if is_bool(dtype):
        return "False", "True"
    info = np.iinfo(dtype)
    return str(info.min), str(info.max)


def combined(e: Expr, total: str, x: str) -> str:
    """The statement that takes one more element `x` into the reduction."""
    if e.op.name in ("max", "min"):
        return f"{total} = {e.op.name}({total}, {x})"
    symbol = {"sum": "+", "sum_to": "+", "prod": "*", "any": "|", "all": "&"}[e.op.name]
    return f"{total} {symbol}= {type_name(e.dtype)}({x})"
