"""Spec: the shape and dtype of a tensor, with named dimensions. The ground floor: everything else is built on it.

A dimension is an `int`, a name such as "batch" (the same name is the same size everywhere in a graph, so a name equals
only itself), a product such as "64*batch", or None: unknown, compatible with anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import ml_dtypes  # noqa: F401  (registers bfloat16 and the types of 8, 4 and 2 bits with NumPy)
import numpy as np

Array: TypeAlias = np.ndarray[Any, Any]
Dim: TypeAlias = int | str | None
Shape: TypeAlias = tuple[Dim, ...]
DEFAULT_DTYPE = np.dtype("float32")


class SpecError(ValueError):
    """Operands that do not fit an op, or a parameter outside its range.

    `rule` says what broke, with the values; `dimension` names the failing dimension, where there is one; `call` is the
    op with the specs it was given, put in front once the op is known.
    """

    def __init__(self, rule: str, *, dimension: str | None = None, call: str | None = None) -> None:
        super().__init__(f"{call}: {rule}" if call else rule)
        self.rule, self.dimension, self.call = rule, dimension, call

    def within(self, call: str) -> SpecError:
        """This error with the call it happened in; the innermost call is kept."""
        return self if self.call else self.called(call)

    def called(self, call: str) -> SpecError:
        """This error with another call in front: the one that people made, where it is made of others."""
        return SpecError(self.rule, dimension=self.dimension, call=call)


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Spec:
    """The type of a tensor: `shape`, a tuple of dimensions, and `dtype`, a NumPy dtype."""

    shape: Shape
    dtype: np.dtype[Any]

    def __init__(self, shape: Iterable[Dim], dtype: Any = DEFAULT_DTYPE) -> None:
        object.__setattr__(self, "shape", tuple(_dimension(d) for d in shape))
        object.__setattr__(self, "dtype", np.dtype(dtype))

    @classmethod
    def of(cls, array: Any) -> Spec:
        """The spec of an array."""
        return cls(array.shape, array.dtype)

    @property
    def ndim(self) -> int:
        """How many dimensions."""
        return len(self.shape)

    @property
    def is_concrete(self) -> bool:
        """Whether every dimension is a number."""
        return all(type(d) is int for d in self.shape)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The shape as numbers. Raises SpecError while a dimension is only a name."""
        if not self.is_concrete:
            raise SpecError(f"the sizes must be known; got {self}")
        return self.shape  # type: ignore[return-value]  # all are numbers

    @property
    def size(self) -> int:
        """How many elements. Raises SpecError while a dimension is only a name."""
        return math.prod(self.sizes)

    @property
    def nbytes(self) -> int:
        """How many bytes the elements take. Raises SpecError while a dimension is only a name."""
        return self.size * self.dtype.itemsize

    def with_shape(self, shape: Iterable[Dim]) -> Spec:
        """This dtype in another shape."""
        return Spec(shape, self.dtype)

    def with_dtype(self, dtype: Any) -> Spec:
        """This shape in another dtype."""
        if dtype == self.dtype:
            return self
        other = object.__new__(Spec)  # the shape needs no check again
        object.__setattr__(other, "shape", self.shape)
        object.__setattr__(other, "dtype", np.dtype(dtype))
        return other

    def __str__(self) -> str:
        return f"{self.dtype}{shape_text(self.shape)}"

    def __repr__(self) -> str:
        return f"Spec({self.shape!r}, {self.dtype.name!r})"


def shape_text(shape: Iterable[Dim]) -> str:
    """A shape as people read it: "[batch, 8, ?]"."""
    return f"[{', '.join('?' if d is None else str(d) for d in shape)}]"


def _dimension(d: Any) -> Dim:
    if d is None:
        return d
    if isinstance(d, str) and d.isidentifier():
        return d
    if isinstance(d, str) and d and all(part.isidentifier() or part.isdecimal() for part in d.split("*")):
        return _joined(*_factors(d))
    if isinstance(d, bool | str) or not hasattr(d, "__index__"):
        raise SpecError(f"a dimension is a number, a name or None; got {d!r}")
    if d.__index__() < 0:
        raise SpecError(f"a dimension cannot be negative; got {d}")
    return int(d.__index__())


# ---------------------------------------------------------------- dtypes


@cache
def is_float(dtype: np.dtype[Any]) -> bool:
    """Whether elements are floating-point numbers: NumPy's own, bfloat16, or the narrow ones of `ml_dtypes`."""
    return dtype.kind == "f" or (dtype.kind == "V" and dtype.name.startswith(("bfloat", "float")))


@cache
def is_integer(dtype: np.dtype[Any]) -> bool:
    """Whether elements are whole numbers, signed or not (bool is none): NumPy's own, or the narrow ones."""
    return dtype.kind in "iu" or (dtype.kind == "V" and dtype.name.startswith(("int", "uint")))


def is_bool(dtype: np.dtype[Any]) -> bool:
    """Whether elements are truth values."""
    return dtype.kind == "b"


@cache
def is_narrow(dtype: np.dtype[Any]) -> bool:
    """Whether it is one of the dtypes that NumPy does not compute in by itself: bfloat16, and 8, 4 and 2 bits."""
    return dtype.kind == "V" or dtype.name == "float8_e5m2"  # which calls itself one of NumPy's floats


def wide_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """What a narrow dtype is computed in: float32 for floats, 8 bits for integers; any other dtype as it is."""
    if not is_narrow(dtype):
        return dtype
    return DEFAULT_DTYPE if is_float(dtype) else np.dtype("uint8" if dtype.name.startswith("u") else "int8")


def bits_of(dtype: np.dtype[Any]) -> int:
    """How many bits an element has; those of 4 and of 2 take a byte each in memory."""
    return {"int4": 4, "uint4": 4, "float4_e2m1fn": 4, "int2": 2, "uint2": 2}.get(dtype.name, 8 * dtype.itemsize)


def promote(*dtypes: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype that an op on these gives. A float stays as wide as it is beside integers (as in JAX, unlike NumPy)."""
    first = dtypes[0]
    if all(d == first for d in dtypes):
        return first
    floats = [d for d in dtypes if is_float(d)]
    try:
        return np.dtype(np.result_type(*(floats or dtypes)))
    except TypeError:  # of bfloat16 and float16, say, neither holds the other
        return DEFAULT_DTYPE if floats else np.dtype(np.result_type(*(wide_dtype(d) for d in dtypes)))


def as_array(value: Any, dtype: Any = None, *, beside: Iterable[np.dtype[Any]] = ()) -> np.ndarray[Any, Any]:
    """`value` as an array of numbers, bools or strings (dtype object): NumPy's own as they are, Python's floats as
    float32.

    A Python scalar takes the dtype of the tensors `beside` it where that can hold its kind. Raises SpecError for what
    is not made of numbers, and for a number that `dtype` cannot hold.
    """
    if dtype is None and isinstance(value, bool | int | float):
        dtype = literal_dtype(value, beside)
    if isinstance(value, np.ndarray) and value.dtype == object and all(isinstance(s, str) for s in value.flat):
        return value
    try:
        with np.errstate(over="raise", invalid="raise"):
            given = np.asarray(value)
            if dtype is None and isinstance(value, list | tuple) and is_float(given.dtype):
                dtype = DEFAULT_DTYPE
            array = np.asarray(value, dtype)
    except (ValueError, TypeError, ArithmeticError):
        raise _not_numbers(value, dtype) from None
    whole = is_bool(array.dtype) or is_integer(array.dtype)
    if not (whole or is_float(array.dtype)) or (whole and array is not given and not np.array_equal(array, given)):
        raise _not_numbers(value, dtype)
    return array


def _not_numbers(value: Any, dtype: Any) -> SpecError:
    text = " ".join(repr(value).split())
    shown = text if len(text) <= 60 else text[:57] + "..."
    return SpecError(f"{shown} is not an array of numbers{'' if dtype is None else f' that {dtype} holds'}")


def literal_dtype(value: Any, others: Iterable[np.dtype[Any]]) -> np.dtype[Any]:
    """The dtype of a Python scalar beside tensors of dtypes `others`: theirs, if it can hold the value's kind."""
    dtypes = list(others)
    beside = promote(*dtypes) if dtypes else None
    if isinstance(value, bool):
        return np.dtype(bool) if beside is None else beside
    if isinstance(value, int):
        return np.dtype("int64") if beside is None or is_bool(beside) else beside
    return beside if beside is not None and is_float(beside) else DEFAULT_DTYPE


# ---------------------------------------------------------------- dimensions


def merge(a: Dim, b: Dim, rule: str | None = None) -> Dim:
    """The one dimension that `a` and `b` both are. Raises SpecError, saying the `rule`, where they differ."""
    if a is None or b is None or a == b:
        return b if a is None else a
    raise SpecError(rule or f"sizes differ, {a} and {b}", dimension=f"{a} != {b}")


def merge_shapes(a: Sequence[Dim], b: Sequence[Dim], rule: str | None = None) -> Shape:
    """The one shape that `a` and `b` both are. Raises SpecError, saying the `rule`, where they differ."""
    if len(a) == len(b) and all(d is None or e is None or d == e for d, e in zip(a, b, strict=True)):
        return tuple(e if d is None else d for d, e in zip(a, b, strict=True))
    both = shape_text(a), shape_text(b)
    raise SpecError(rule or f"shapes differ, {both[0]} and {both[1]}", dimension=f"{both[0]} != {both[1]}")


def broadcast(*specs: Spec, dtype: np.dtype[Any] | None = None) -> Spec:
    """The spec of an elementwise result by NumPy's broadcasting, in the promoted dtype unless one is given."""
    if dtype is None:
        dtype = promote(*(s.dtype for s in specs))
    first = specs[0]
    for s in specs:
        if s.shape != first.shape:
            break
    else:
        return first.with_dtype(dtype)
    shape: list[Dim] = []
    for axis in range(1, max(s.ndim for s in specs) + 1):
        dim: Dim = 1
        for d in (s.shape[-axis] for s in specs if s.ndim >= axis):
            if d == 1 or dim == d:
                continue
            if dim == 1 or (dim is None and d is not None):
                dim = d
            elif d is not None:
                raise SpecError(
                    f"shapes do not broadcast: axis -{axis} is {dim} and {d}; the sizes must be equal or 1",
                    dimension=f"axis -{axis}: {dim} != {d}",
                )
        shape.append(dim)
    return Spec(reversed(shape), dtype)


def product(dims: Iterable[Dim]) -> Dim:
    """How many elements these dimensions hold together: a number, a name, a product such as "64*batch", or None."""
    number, names = 1, list[str]()
    for d in dims:
        if d is None:
            return None
        n, more = _factors(d)
        number, names = number * n, [*names, *more]
    return _joined(number, names)


def quotient(total: Dim, part: Dim) -> Dim:
    """The dimension that times `part` gives `total`. Raises SpecError where none does; None where that is unknown."""
    if total is None or part is None:
        return None
    (n, names), (m, divisors) = _factors(total), _factors(part)
    for name in divisors:
        if name not in names:
            return None
        names.remove(name)
    if m == 0 or n % m:
        raise SpecError(f"{total} elements cannot be divided by {part}", dimension=f"{total} / {part}")
    return _joined(n // m, names)


def _factors(d: int | str) -> tuple[int, list[str]]:
    """`d` as a number and names: "64*batch" is (64, ["batch"])."""
    number, names = 1, list[str]()
    for part in str(d).split("*"):
        if part.isdecimal():
            number *= int(part)
        else:
            names.append(part)
    return number, names


def _joined(number: int, names: list[str]) -> Dim:
    if not names or number == 0:
        return number
    return "*".join(([str(number)] if number != 1 else []) + sorted(names))


def normalize_axis(axis: int, ndim: int) -> int:
    """`axis` counted from the front. Raises SpecError outside -ndim..ndim-1."""
    if not -ndim <= axis < ndim:
        raise SpecError(f"axis {axis} is outside a tensor of {ndim} dimensions", dimension=f"axis {axis}")
    return axis % ndim
