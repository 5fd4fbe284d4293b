"""Kernels made from NumPy's universal functions (CuPy has the same)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from flowloom.spec import DEFAULT_DTYPE, is_float, promote

BLOCK = 1 << 15  # elements: 128 KiB of float32


def ufunc(name: str) -> Callable[..., Any]:
    """The kernel `xp.<name>`, computing in the promoted dtype of its operands."""

    def kernel(xp: Any, *xs: Any, out: Any = None) -> Any:
        first = xs[0].dtype
        for x in xs:  # a loop, not all(): half of what a call on a few numbers costs
            if x.dtype != first:
                return getattr(xp, name)(*xs, out=out, dtype=promote(*(x.dtype for x in xs)))
        return getattr(xp, name)(*xs, out=out)

    return kernel


def float_ufunc(name: str) -> Callable[..., Any]:
    """The kernel `xp.<name>`, computing in the promoted dtype if that is float, else in the default dtype."""

    def kernel(xp: Any, *xs: Any, out: Any = None) -> Any:
        dtype = promote(*(x.dtype for x in xs))
        return getattr(xp, name)(*xs, out=out, dtype=dtype if is_float(dtype) else DEFAULT_DTYPE)

    return kernel


def rounding_ufunc(name: str) -> Callable[..., Any]:
    """The kernel `xp.<name>` of a function that gives whole numbers, and leaves integers as they are."""

    def kernel(xp: Any, x: Any, *, out: Any = None) -> Any:
        if is_float(x.dtype):
            return getattr(xp, name)(x, out=out)
        return xp.positive(x, out=out)

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


def put(made: Any, out: Any, dtype: Any = None) -> Any:
    """`made`, written to `out` where there is one, else in `dtype` (None: its own)."""
    if out is None:
        return made if dtype is None else made.astype(dtype, copy=False)
    out[...] = made
    return out


def as_float(x: Any) -> Any:
    """`x` if it is float, else `x` in the default dtype."""
    return x if is_float(x.dtype) else x.astype(DEFAULT_DTYPE)


def on_host(array: Any) -> Any:
    """`array` in the host's memory: CuPy's arrays are fetched with `get`."""
    return array.get() if hasattr(array, "get") else array


def room(xp: Any, x: Any, out: Any) -> Any:
    """`out`, or a new C-contiguous array of the shape and dtype of `x`; an array also for a single number."""
    return xp.empty(x.shape, x.dtype) if out is None else out


def polynomial(xp: Any, x: Any, coefficients: Sequence[float]) -> Any:
    """The polynomial with these coefficients, highest power first, at `x`, in the dtype of `x`, by Horner's rule."""
    y = xp.full_like(x, coefficients[0])
    for c in coefficients[1:]:
        y = xp.add(xp.multiply(y, x, out=y), c, out=y)
    return y


def in_blocks(xp: Any, function: Callable[..., None], x: Any, out: Any) -> Any:
    """`out`, after `function(xp, part of x, the same part of out)` for parts that fit a cache; on a GPU, for the whole.

    For functions of many passes: 4 times as fast for the error function of a million float32.
    """
    step = BLOCK if xp is np else max(x.size, 1)
    flat, into = x.reshape(-1), out.reshape(-1)
    for start in range(0, x.size, step):
        function(xp, flat[start : start + step], into[start : start + step])
    return out
