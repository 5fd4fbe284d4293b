"""Kernels made from NumPy's universal functions (CuPy has the same)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flowloom.spec import DEFAULT_DTYPE, promote


def ufunc(name: str) -> Callable[..., Any]:
    """The kernel `xp.<name>`, computing in the promoted dtype of its operands."""

    def kernel(xp: Any, *xs: Any, out: Any = None) -> Any:
        first = xs[0].dtype
        if all(x.dtype == first for x in xs):
            return getattr(xp, name)(*xs, out=out)
        return getattr(xp, name)(*xs, out=out, dtype=promote(*(x.dtype for x in xs)))

    return kernel


def float_ufunc(name: str) -> Callable[..., Any]:
    """The kernel `xp.<name>`, computing in the promoted dtype if that is float, else in the default dtype."""

    def kernel(xp: Any, *xs: Any, out: Any = None) -> Any:
        dtype = promote(*(x.dtype for x in xs))
        return getattr(xp, name)(*xs, out=out, dtype=dtype if dtype.kind == "f" else DEFAULT_DTYPE)

    return kernel


def bool_ufunc(name: str) -> Callable[..., Any]:
    """The kernel `xp.<name>` of a function whose result is bool."""

    def kernel(xp: Any, *xs: Any, out: Any = None) -> Any:
        return getattr(xp, name)(*xs, out=out)

    return kernel


def blank(xp: Any, out: Any, shape: tuple[int, ...], dtype: Any, value: Any = 0) -> Any:
    """`out` filled with `value`, or a new array where there is no `out`."""
    if out is None:
        return xp.full(shape, value, dtype)
    out.fill(value)
    return out


def as_float(x: Any) -> Any:
    """`x` if it is float, else `x` in the default dtype."""
    return x if x.dtype.kind == "f" else x.astype(DEFAULT_DTYPE)
