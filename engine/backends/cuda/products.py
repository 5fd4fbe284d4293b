"""Matrix products by cuBLASLt, through the bindings of nvmath-python where that is installed; else CuPy's.

CuPy's calls of cuBLAS cannot be captured in a CUDA graph. These can, and add a bias, or that and GELU, to the product
while it is still in registers. cuBLASLt's own ReLU is left out: it is not said to keep NaN, and a step must see one.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from flowloom.backends.cuda.device import Device, fall_back, has_package
from flowloom.backends.cuda.libraries import OwnKernel
from flowloom.backends.native.instructions import Call, Lowering, Place
from flowloom.backends.native.layout import broadcast
from flowloom.backends.native.products import batch_axes, rows_together
from flowloom.compiler.expr import Expr
from flowloom.op import REGISTRY, Op, Port
from flowloom.spec import Spec

WORKSPACE = 32 * 2**20  # bytes, as NVIDIA recommends for Hopper
_FORMS = {"float32": (0, "COMPUTE_32F"), "float64": (1, "COMPUTE_64F")}  # cudaDataType (library_types.h); not TF32


def _run_affine(xp: Any, a: Any, b: Any, bias: Any, *, gelu: bool) -> Any:
    made = xp.matmul(a, b) + bias
    run = REGISTRY["gelu"].run
    assert run is not None
    return run(xp, made, approximate=True) if gelu else made


# The product of a and b plus a bias for each column, and GELU (approximate) of that.
AFFINE = Op(
    "affine",
    "linalg",
    lambda a, b, bias, *, gelu: Spec((*a.shape[:-1], b.shape[-1]), a.dtype),
    "",
    (Port("a"), Port("b"), Port("bias")),
    {},
    run=_run_affine,
)


def _lower(e: Expr, operands: Sequence[Place], result: Place) -> Call | None:
    """The call of cuBLASLt; None if it does not take such operands, or is not there."""
    a, b = operands[:2]
    if e.dtype.name not in _FORMS or a.dtype != e.dtype or b.dtype != e.dtype or min(len(a.shape), len(b.shape)) < 2:
        return None
    if not has_package("nvmath") or 0 in (*a.shape, *b.shape):
        return None
    whole = result
    if len(b.shape) == 2 and (rows := rows_together(a)) is not None:
        a = rows
        result = Place(result.base, 0, (rows.shape[0], result.shape[-1]), (result.shape[-1], 1), result.dtype)
    leading = result.shape[:-2]
    a, b = broadcast(a, (*leading, *a.shape[-2:])), broadcast(b, (*leading, *b.shape[-2:]))
    forms, batch = (_matrix_form(a), _matrix_form(b)), batch_axes([a, b, result])
    if forms[0] is None or forms[1] is None or len(batch) > 1:
        return None
    sizes = (a.shape[-2], b.shape[-1], a.shape[-1])
    product = partial(Product, e, sizes, (*forms[0], *forms[1]), batch[0] if batch else None)
    count = batch[0][0] if batch else 1
    args = (*operands, whole)
    return Call(f"{e.op.name} by cuBLASLt", args, (e,), work=2.0 * np.prod(sizes) * count, library=product)


def _matrix_form(a: Place) -> tuple[int, int] | None:
    """Whether the last two axes are a transposed matrix to BLAS (0 or 1), and the step between its rows."""
    (m, n), (s, t) = a.shape[-2:], a.strides[-2:]
    if (t == 1 or n == 1) and (s >= n or m == 1):
        return 0, max(s, n) if m > 1 else n
    if (s == 1 or m == 1) and (t >= m or n == 1):
        return 1, max(t, m) if n > 1 else m
    return None


LOWERINGS: dict[str, Lowering] = {"matmul": _lower, "affine": _lower}


class Product:
    """A product of two matrices, or of a batch of them, in C order: of arrays that are the factors, perhaps a bias, and
    the result.

    cuBLASLt counts columns first: a matrix in C order is to it the transpose, and C = A B is computed as C' = B' A'.
    What it has no algorithm for is left to CuPy, which a warning tells.
    """

    def __init__(
        self,
        e: Expr,
        sizes: tuple[int, int, int],
        forms: tuple[int, int, int, int],
        batch: tuple[int, tuple[int, ...]] | None,
        on: Device,
        *arrays: Any,
    ) -> None:
        self.e, self._sizes, self._forms, self._batch = e, sizes, forms, batch
        self._call: Callable[[], None]
        try:
            self._call, self.capturable = self._prepared(on, [a.data.ptr for a in arrays]), True
        except MemoryError:
            raise
        except Exception as error:  # a library that is not whole, or too old, or does not take this
            self._call, self.capturable = OwnKernel(e, (e,), on, *arrays), False
            fall_back(f"{e.op.name} by cuBLASLt", "CuPy", error)

    def __call__(self) -> None:
        """Compute."""
        self._call()

    def _prepared(self, on: Device, pointers: Sequence[int]) -> Callable[[], None]:
        """The call on arrays at these addresses. Raises LookupError if there is no algorithm."""
        from nvmath.bindings import cublas, cublasLt

        lt = on.kept("cublasLt", cublasLt.create)
        workspace = on.workspace(WORKSPACE)
        kind, compute = _FORMS[self.e.dtype.name]
        a, b, *bias, c = pointers
        m, n, k = self._sizes
        ta, lda, tb, ldb = self._forms
        what = cublasLt.matmul_desc_create(int(cublas.ComputeType[compute]), kind)
        weakref.finalize(self, cublasLt.matmul_desc_destroy, what)
        attribute = cublasLt.MatmulDescAttribute
        _set(cublasLt.matmul_desc_set_attribute, what, attribute.TRANSA, np.int32(tb))
        _set(cublasLt.matmul_desc_set_attribute, what, attribute.TRANSB, np.int32(ta))
        if bias:
            gelu = dict(self.e.params)["gelu"]
            epilogue = cublasLt.Epilogue.GELU_BIAS if gelu else cublasLt.Epilogue.BIAS
            _set(cublasLt.matmul_desc_set_attribute, what, attribute.EPILOGUE, np.int32(epilogue))
            _set(cublasLt.matmul_desc_set_attribute, what, attribute.BIAS_POINTER, np.uint64(bias[0]))
        count, steps = self._batch or (1, (0, 0, 0))
        rows_b, rows_a = (k, n) if tb else (n, k), (m, k) if ta else (k, m)
        layouts = [
            _layout(cublasLt, kind, shape, ld, count, step)
            for shape, ld, step in ((rows_b, ldb, steps[1]), (rows_a, lda, steps[0]), ((n, m), n, steps[2]))
        ]
        for layout in layouts:
            weakref.finalize(self, cublasLt.matrix_layout_destroy, layout)
        of_b, of_a, of_c = layouts
        preference = cublasLt.matmul_preference_create()
        most = cublasLt.MatmulPreferenceAttribute.MAX_WORKSPACE_BYTES
        _set(cublasLt.matmul_preference_set_attribute, preference, most, np.uint64(WORKSPACE))
        for letter, pointer in zip("ABCD", (b, a, c, c), strict=True):
            alignment = cublasLt.MatmulPreferenceAttribute[f"MIN_ALIGNMENT_{letter}_BYTES"]
            _set(
                cublasLt.matmul_preference_set_attribute, preference, alignment, np.uint32(min(256, pointer & -pointer))
            )
        best, found = cublasLt.MatmulHeuristicResult(), np.zeros(1, np.int32)
        cublasLt.matmul_algo_get_heuristic(lt, what, of_b, of_a, of_c, of_c, preference, 1, best.ptr, found.ctypes.data)
        cublasLt.matmul_preference_destroy(preference)
        if not found[0]:
            raise LookupError("it has no algorithm")
        one, zero = np.ones(1, self.e.dtype), np.zeros(1, self.e.dtype)
        factors = one.ctypes.data, zero.ctypes.data

        def call(_kept: Any = (one, zero, best)) -> None:
            cublasLt.matmul(
                *(lt, what, factors[0], b, of_b, a, of_a, factors[1], c, of_c, c, of_c),
                *(best.ptr, workspace.ptr, WORKSPACE, on.stream.ptr),  # the algorithm is the first thing in a result
            )

        return call


def _layout(cublas_lt: Any, kind: int, shape: tuple[int, int], ld: int, count: int, step: int) -> int:
    """The description of a matrix, columns first, or of `count` of them, `step` elements apart."""
    made: int = cublas_lt.matrix_layout_create(kind, *shape, ld)
    if count > 1:
        attribute = cublas_lt.MatrixLayoutAttribute
        _set(cublas_lt.matrix_layout_set_attribute, made, attribute.BATCH_COUNT, np.int32(count))
        _set(cublas_lt.matrix_layout_set_attribute, made, attribute.STRIDED_BATCH_OFFSET, np.int64(step))
    return made


def _set(setter: Callable[..., None], target: int, attribute: int, value: np.generic) -> None:
    held = np.array([value])
    setter(target, int(attribute), held.ctypes.data, held.nbytes)
