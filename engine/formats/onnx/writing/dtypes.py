"""The dtypes that ONNX's ops take, as the standard's own schemas say; and what to compute in where they do not."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from onnx import TensorProto, defs, helper

from flowloom.formats.onnx.errors import OnnxError
from flowloom.spec import is_bool, is_float

# What came later for the ops that are written are dtypes, for which not every runtime has kernels: ONNX Runtime 1.31
# lacks EyeLike and RoiAlign of opset 22.
OPSET = 21
_WIDER = {
    "float": ("float32", "float64"),
    "bool": ("int32", "int64", "float32"),
    "int": ("int32", "int64", "float64"),
    "long": ("int64", "float64"),
}


def onnx_dtype(dtype: np.dtype[Any]) -> int:
    """ONNX's number for a dtype. Raises OnnxError for one that this opset has not."""
    code = int(helper.np_dtype_to_tensor_dtype(dtype))
    if _type_name(code) not in _taken("Cast", 0):
        raise OnnxError(f"opset {OPSET} has no {dtype}")
    return code


def takes(op_type: str, dtype: np.dtype[Any], operand: int = 0) -> bool:
    """Whether ONNX's op takes that dtype as its operand of this number."""
    return _type_name(onnx_dtype(dtype)) in _taken(op_type, operand)


def computed_in(op_type: str, dtype: np.dtype[Any], operand: int = 0) -> np.dtype[Any]:
    """The dtype in which ONNX's op does what is asked of `dtype`: that itself, or a wider one that the op takes."""
    if takes(op_type, dtype, operand):
        return dtype
    fits = dtype.itemsize < 4 or dtype == np.int32
    kind = "float" if is_float(dtype) else "bool" if is_bool(dtype) else "int" if fits else "long"
    for name in _WIDER[kind]:
        if takes(op_type, np.dtype(name), operand):
            return np.dtype(name)
    raise OnnxError(f"{op_type} of ONNX takes no {dtype}")


def _type_name(code: int) -> str:
    return f"tensor({TensorProto.DataType.Name(code).lower()})"


@cache
def _taken(op_type: str, operand: int) -> frozenset[str]:
    inputs = defs.get_schema(op_type, OPSET).inputs
    return frozenset(inputs[min(operand, len(inputs) - 1)].types)
