"""Arithmetic with sizes that are known in part, so that a shape computed by nodes becomes a parameter of one.

`Reshape(x, Concat(Slice(Shape(x)), [64]))` is `reshape(x, shape=("batch", 64))`: no node for the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from flowloom.formats.onnx.values import Value
from flowloom.op import Op
from flowloom.ops.slicing import slices
from flowloom.spec import Array, Dim, SpecError, is_integer, product, quotient

if TYPE_CHECKING:
    from flowloom.formats.onnx.builder import Builder

MOST_SIZES = 1000  # no shape has as many, and what has more may have any number


def calculated(builder: Builder, op: Op, args: Sequence[Any], params: dict[str, Any]) -> Value | None:
    """The result of an op on sizes that are known in part, if it can be said."""
    if op.name not in RULES or not any(isinstance(a, Value) and a.sizes is not None for a in args):
        return None
    known = [_objects(a) for a in args]
    if sum(MOST_SIZES if k is None else k.size for k in known) >= MOST_SIZES:
        return None
    found = RULES[op.name](*known, **params)
    if found is None:
        return None
    return builder.sizes(np.asarray(found, object), lambda: builder.place(op, args, params))


def _objects(arg: Any) -> Array | None:
    """What is known of an operand, as an array of Python objects; None if it is no list of whole numbers."""
    if not isinstance(arg, Value):
        return np.asarray(arg, object) if isinstance(arg, int) else None
    if arg.sizes is not None:
        return arg.sizes
    if arg.array is None or not is_integer(arg.dtype):
        return None
    return np.asarray(arg.array.tolist(), object).reshape(arg.array.shape)


def _elementwise(rule: Callable[[Dim, Dim], Dim]) -> Callable[..., Any]:
    return lambda a, b: np.frompyfunc(rule, 2, 1)(a, b)


def _add(a: Dim, b: Dim) -> Dim:
    if isinstance(a, int) and isinstance(b, int):
        return a + b
    return b if a == 0 else a if b == 0 else None


def _subtract(a: Dim, b: Dim) -> Dim:
    if a is not None and a == b:
        return 0
    return _add(a, -b) if isinstance(b, int) else None


def _multiply(a: Dim, b: Dim) -> Dim:
    whole = isinstance(a, int) and isinstance(b, int)
    return a * b if whole else None if -1 in (a, b) else product((a, b))  # type: ignore[operator]


def _divide(a: Dim, b: Dim) -> Dim:
    if isinstance(a, int) and isinstance(b, int):
        return None if b == 0 else a // b
    return _shared(a, b)


def _divide_to_zero(a: Dim, b: Dim) -> Dim:
    """As C divides, and ONNX integers: what is behind the point is dropped."""
    if isinstance(a, int) and isinstance(b, int):
        return None if b == 0 else abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    return _shared(a, b)


def _shared(a: Dim, b: Dim) -> Dim:
    try:
        return quotient(a, b)
    except SpecError:
        return None


def _taken(x: Array, indices: Array, *, axis: int, **_: Any) -> Array:
    return np.take(x, indices.astype("int64"), axis)


def _prod(x: Array, *, axis: Any, keepdims: bool) -> Any:
    if axis is not None and x.ndim != 1:
        return None
    whole = 1 if x.size == 0 else product(x.reshape(-1))
    return np.asarray(whole, object).reshape((1,) * x.ndim if keepdims else ())


def _cast(x: Array, *, dtype: str, **_: Any) -> Any:
    return x if dtype == "int64" else None


RULES: dict[str, Callable[..., Any]] = {
    "add": _elementwise(_add),
    "subtract": _elementwise(_subtract),
    "multiply": _elementwise(_multiply),
    "floor_divide": _elementwise(_divide),
    "trunc_divide": _elementwise(_divide_to_zero),
    "take": _taken,
    "prod": _prod,
    "cast": _cast,
    "concatenate": lambda *xs, axis: np.concatenate(xs, axis),
    "stack": lambda *xs, axis: np.stack(xs, axis),
    "expand_dims": lambda x, axis: np.expand_dims(x, axis),
    "squeeze": lambda x, axis: np.squeeze(x, axis),
    "reshape": lambda x, shape: x.reshape(shape),
    "flip": lambda x, axis: np.flip(x, axis),
    "slice": lambda x, start, stop, step: x[slices(start, stop, step)],
}
