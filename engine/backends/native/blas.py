"""Matrix products by the BLAS that SciPy brings, called from kernels by its address.

BLAS counts columns first: a C-ordered matrix is to it the transpose, and C = A B is computed as C' = B' A'.
"""

from __future__ import annotations

import ctypes
import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

# Templates for kernels. `a`, `b` and `c` are arrays of rows `lda`, `ldb`, `ldc` elements apart; `ta` and `tb` say (0 or
# 1) whether a and b are given transposed. c (m, n) = alpha * a (m, k) b (k, n) + beta * c.
_SOURCE = """
def gemm_TYPE(function, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc):
    whole = stack(i32, 6)
    reals = stack(TYPE, 2)
    letters = stack(u8, 2)
    whole[0] = i32(n)
    whole[1] = i32(m)
    whole[2] = i32(k)
    whole[3] = i32(ldb)
    whole[4] = i32(lda)
    whole[5] = i32(ldc)
    reals[0] = alpha
    reals[1] = beta
    letters[0] = u8(84) if tb != 0 else u8(78)
    letters[1] = u8(84) if ta != 0 else u8(78)
    invoke(function, letters, letters + 1, whole, whole + 1, whole + 2, reals,
           b, whole + 3, a, whole + 4, reals + 1, c, whole + 5)
"""
SOURCE = _SOURCE.replace("TYPE", "f32") + _SOURCE.replace("TYPE", "f64")


@cache
def address(name: str) -> int:
    """The address of a BLAS function, such as "sgemm", with Fortran's calling convention."""
    capsule = _cython_blas().__pyx_capi__[name]
    api = ctypes.pythonapi
    api.PyCapsule_GetName.restype = ctypes.c_char_p
    api.PyCapsule_GetName.argtypes = [ctypes.py_object]
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    pointer = api.PyCapsule_GetPointer(capsule, api.PyCapsule_GetName(capsule))
    return int(pointer)


@cache
def _cython_blas() -> Any:
    """SciPy's module of that name. All of `scipy.linalg` takes half a second to import, the module alone 50 ms."""
    name = "scipy.linalg.cython_blas"
    if "scipy.linalg" not in sys.modules:
        scipy = importlib.util.find_spec("scipy")
        assert scipy is not None
        folder = Path((scipy.submodule_search_locations or ["."])[0]) / "linalg"
        for path in (folder / f"cython_blas{suffix}" for suffix in importlib.machinery.EXTENSION_SUFFIXES):
            spec = importlib.util.spec_from_file_location(name, path) if path.exists() else None
            if spec is not None and spec.loader is not None:
                importlib.import_module("scipy")  # which finds its libraries, on Windows
                module = sys.modules[name] = importlib.util.module_from_spec(spec)
                spec.loader.exec_module(module)
                return module
    return importlib.import_module(name)


@contextmanager
def one_thread() -> Iterator[None]:
    """While this is open, SciPy's BLAS uses one thread for each call: the table's threads share the work themselves."""
    before = [(library, library.get_num_threads()) for library in _libraries()]
    several = [(library, count) for library, count in before if count != 1]
    for library, _ in several:
        library.set_num_threads(1)
    try:
        yield
    finally:
        for library, count in several:
            library.set_num_threads(count)


@cache
def _libraries() -> tuple[Any, ...]:
    import threadpoolctl

    address("sgemm")  # loads SciPy's library, so that it is found

    loaded = threadpoolctl.ThreadpoolController().select(user_api="blas").lib_controllers
    scipys = [library for library in loaded if {"scipy", "scipy.libs"} & {*Path(library.filepath).parts}]
    return tuple(scipys or loaded)
