"""Stand-ins for nvmath's bindings of cuBLASLt and for cuDNN's front end: what they are told is computed by NumPy.

They read matrices and tensors where the descriptions say they lie, so a wrong stride, order or padding gives wrong
numbers. Names, parameters and the numbers of attributes are those of nvmath-python 1.0 and nvidia-cudnn-frontend 1.32.
"""

from __future__ import annotations

import ctypes
import enum
import types
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from tests.backends.cuda_stand_in import enter

Array = np.ndarray[Any, Any]


def _memory(address: int, dtype: Any, shape: Sequence[int], strides: Sequence[int]) -> Array:
    """The array at an address, strides in elements."""
    count = 1 + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
    size = np.dtype(dtype).itemsize
    flat = np.frombuffer((ctypes.c_char * (count * size)).from_address(address), dtype)
    return np.lib.stride_tricks.as_strided(flat, shape, [s * size for s in strides])


# ---------------------------------------------------------------- cuBLASLt


class ComputeType(enum.IntEnum):
    COMPUTE_32F = 68
    COMPUTE_64F = 70


class MatmulDescAttribute(enum.IntEnum):
    TRANSA = 3
    TRANSB = 4
    EPILOGUE = 7
    BIAS_POINTER = 8


class MatrixLayoutAttribute(enum.IntEnum):
    BATCH_COUNT = 5
    STRIDED_BATCH_OFFSET = 6


class MatmulPreferenceAttribute(enum.IntEnum):
    MAX_WORKSPACE_BYTES = 1
    MIN_ALIGNMENT_A_BYTES = 5
    MIN_ALIGNMENT_B_BYTES = 6
    MIN_ALIGNMENT_C_BYTES = 7
    MIN_ALIGNMENT_D_BYTES = 8


class Epilogue(enum.IntEnum):
    DEFAULT = 1
    BIAS = 4
    GELU_BIAS = 36


class MatmulHeuristicResult:
    ptr = 7


class CublasLt:
    """The module, as far as it is used. `most` is the largest product that it has an algorithm for."""

    MatmulDescAttribute, MatrixLayoutAttribute = MatmulDescAttribute, MatrixLayoutAttribute
    MatmulPreferenceAttribute, Epilogue = MatmulPreferenceAttribute, Epilogue
    MatmulHeuristicResult = MatmulHeuristicResult
    cuBLASLtError = RuntimeError

    def __init__(self, most: int = 10**9) -> None:
        self.most = most
        self._made: dict[int, dict[str, Any]] = {}  # by handle: what is destroyed is gone
        self._handles = iter(range(10**9))
        self.calls = 0

    def _new(self, **told: Any) -> int:
        handle = next(self._handles)
        self._made[handle] = {"set": {}} | told
        return handle

    @property
    def held(self) -> int:
        """How many things were made, and not destroyed."""
        return len(self._made)

    def _destroy(self, handle: int) -> None:
        del self._made[handle]

    matmul_desc_destroy = matrix_layout_destroy = matmul_preference_destroy = _destroy

    def create(self) -> int:
        return self._new()

    def matmul_desc_create(self, compute: int, scale: int) -> int:
        return self._new(compute=compute, scale=scale)

    def matrix_layout_create(self, kind: int, rows: int, columns: int, ld: int) -> int:
        return self._new(kind=kind, rows=rows, columns=columns, ld=ld)

    def matmul_preference_create(self) -> int:
        return self._new()

    def _set(self, target: int, attribute: int, address: int, size: int) -> None:
        found = ctypes.string_at(address, size)
        self._made[target]["set"][attribute] = int.from_bytes(found, "little", signed=True)

    matmul_desc_set_attribute = matrix_layout_set_attribute = matmul_preference_set_attribute = _set

    def matmul_algo_get_heuristic(self, *told: int) -> None:
        preferred = self._made[told[6]]["set"]
        assert set(preferred) == set(MatmulPreferenceAttribute)
        assert all(preferred[attribute] in (4, 8, 16, 32, 64, 128, 256) for attribute in (5, 6, 7, 8))
        how, layout = self._made[told[1]], self._made[told[5]]
        assert all(self._made[t]["ld"] >= self._made[t]["rows"] for t in told[2:6])
        assert how["scale"] == 0 or MatmulDescAttribute.EPILOGUE not in how["set"]  # whether float64 has any, none says
        ctypes.c_int.from_address(told[9]).value = int(layout["rows"] * layout["columns"] <= self.most)

    def matmul(self, *told: int) -> None:
        enter("cublasLt", lambda: self._multiply(*told))

    def _multiply(self, *told: int) -> None:
        _, what, alpha, a, of_a, b, of_b, beta, c, of_c, d, of_d, algo, workspace, size, stream = told
        assert (c, of_c, algo, stream) == (d, of_d, MatmulHeuristicResult.ptr, 42)
        assert workspace
        assert size == 32 * 2**20
        self.calls += 1
        how = self._made[what]["set"]
        dtype = {(68, 0): np.float32, (70, 1): np.float64}[self._made[what]["compute"], self._made[what]["scale"]]
        assert _memory(alpha, dtype, (1,), (1,)) == 1
        assert _memory(beta, dtype, (1,), (1,)) == 0
        left, right, result = (self._matrices(x, of, dtype) for x, of in ((a, of_a), (b, of_b), (d, of_d)))
        left = left.swapaxes(1, 2) if how[MatmulDescAttribute.TRANSA] else left
        right = right.swapaxes(1, 2) if how[MatmulDescAttribute.TRANSB] else right
        made = left @ right
        if bias := how.get(MatmulDescAttribute.BIAS_POINTER):
            made = made + _memory(bias, dtype, (made.shape[1],), (1,))[:, None]  # one for each row
        if how.get(MatmulDescAttribute.EPILOGUE) == Epilogue.GELU_BIAS:
            made = 0.5 * made * (1 + np.tanh(np.sqrt(2 / np.pi) * (made + 0.044715 * made**3)))
        result[...] = made

    def _matrices(self, address: int, layout: int, dtype: Any) -> Array:
        """The batch of matrices, columns first, that a layout describes."""
        told = self._made[layout]
        count, step = told["set"].get(5, 1), told["set"].get(6, 0)
        return _memory(address, dtype, (count, told["rows"], told["columns"]), (step, 1, told["ld"]))


def bindings(lt: CublasLt) -> dict[str, Any]:
    """What is imported, by the names of modules."""
    held = types.SimpleNamespace(cublas=types.SimpleNamespace(ComputeType=ComputeType), cublasLt=lt)
    return {"nvmath": types.SimpleNamespace(bindings=held), "nvmath.bindings": held}


# ---------------------------------------------------------------- cuDNN


class Tensor:
    def __init__(self, dim: Sequence[int] = (), stride: Sequence[int] = ()) -> None:
        self.dim, self.stride, self.output = list(dim), list(stride), False

    def set_output(self, value: bool) -> Tensor:
        self.output = value
        return self

    def set_data_type(self, kind: str) -> Tensor:
        assert kind == "FLOAT"
        return self

    def set_dim(self, dim: Sequence[int]) -> Tensor:
        self.dim = list(dim)
        return self

    def set_stride(self, stride: Sequence[int]) -> Tensor:
        self.stride = list(stride)
        return self


class Graph:
    """A graph of one convolution."""

    def __init__(self, front: Cudnn) -> None:
        self._front = front
        self._done: list[str] = []

    def tensor(self, *, name: str, dim: Sequence[int], stride: Sequence[int], data_type: str) -> Tensor:
        assert data_type == "FLOAT"
        return Tensor(dim, stride)

    def conv_fprop(self, *, image: Tensor, weight: Tensor, **how: Any) -> Tensor:
        return self._told("y", image, weight, Tensor(), how)

    def conv_dgrad(self, *, loss: Tensor, filter: Tensor, **how: Any) -> Tensor:
        return self._told("x", Tensor(), filter, loss, how)

    def conv_wgrad(self, *, image: Tensor, loss: Tensor, **how: Any) -> Tensor:
        return self._told("w", image, Tensor(), loss, how)

    def _told(self, wanted: str, x: Tensor, w: Tensor, y: Tensor, how: dict[str, Any]) -> Tensor:
        self._tensors, self._wanted = {"x": x, "w": w, "y": y}, wanted
        self._how = [how[n] for n in ("pre_padding", "post_padding", "stride", "dilation")]
        return self._tensors[wanted]

    def deselect_numeric_notes(self, notes: Sequence[str]) -> None:
        assert sorted(notes) == ["down", "nondeterministic", "tensor"]
        self._done.append("deselect_numeric_notes")

    def __getattr__(self, name: str) -> Any:
        return lambda *told: self._done.append(name)

    def check_support(self) -> None:
        assert self._done == [
            *("validate", "build_operation_graph", "create_execution_plans", "deselect_numeric_notes"),
        ]
        if not self._front.supports:
            raise self._front.cudnnGraphNotSupportedError("no engine")

    def get_workspace_size(self) -> int:
        return 128

    def execute(self, given: dict[Tensor, int], workspace: int, handle: str) -> None:
        assert workspace
        assert handle == "handle"
        assert all(type(pointer) is int for pointer in given.values())
        assert self._tensors[self._wanted].output
        enter("cudnn", lambda: self._compute(given))

    def _compute(self, given: dict[Tensor, int]) -> None:
        self._front.calls += 1
        x, w, y = (_memory(given[t], np.float32, t.dim, t.stride) for t in self._tensors.values())
        before, after, stride, dilation = self._how
        padding = [(0, 0), (0, 0), *zip(before, after, strict=True)]
        wide = np.pad(x if self._wanted != "x" else np.zeros_like(x), padding)
        if self._wanted != "y":
            {"x": x, "w": w}[self._wanted][...] = 0
        else:
            y[...] = 0
        groups = x.shape[1] // w.shape[1]
        inputs, outputs = w.shape[1], w.shape[0] // groups
        for at in product(*map(range, w.shape[2:])):
            here = [
                slice(a * d, a * d + (n - 1) * s + 1, s)
                for a, d, n, s in zip(at, dilation, y.shape[2:], stride, strict=True)
            ]
            for g in range(groups):
                seen = wide[(slice(None), slice(g * inputs, (g + 1) * inputs), *here)]
                made = y[:, g * outputs : (g + 1) * outputs]
                weight = w[(slice(g * outputs, (g + 1) * outputs), slice(None), *at)]
                if self._wanted == "y":
                    made += np.einsum("nc...,kc->nk...", seen, weight)
                elif self._wanted == "x":
                    seen += np.einsum("nk...,kc->nc...", made, weight)
                else:
                    flat = made.reshape(*made.shape[:2], -1), seen.reshape(*seen.shape[:2], -1)
                    weight += np.einsum("nkp,ncp->kc", *flat)
        if self._wanted == "x":
            x[...] = wide[tuple(slice(b, wide.shape[i] - a) for i, (b, a) in enumerate(padding))]


class Cudnn:
    """The module, as far as it is used."""

    data_type = types.SimpleNamespace(FLOAT="FLOAT")
    heur_mode = types.SimpleNamespace(A="A", FALLBACK="FALLBACK")
    numerical_note = types.SimpleNamespace(
        DOWN_CONVERT_INPUTS="down", TENSOR_CORE="tensor", NONDETERMINISTIC="nondeterministic"
    )
    cudnnGraphNotSupportedError = type("cudnnGraphNotSupportedError", (Exception,), {})

    def __init__(self, *, supports: bool = True) -> None:
        self.supports = supports
        self.calls = 0

    def create_handle(self) -> str:
        return "handle"

    def set_stream(self, *, handle: str, stream: int) -> None:
        assert (handle, stream) == ("handle", 42)

    def pygraph(self, **kinds: Any) -> Graph:
        assert kinds.pop("handle") == "handle"
        assert set(kinds.values()) == {"FLOAT"}
        return Graph(self)
