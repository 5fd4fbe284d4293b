"""Reading: from a path, bytes or a ModelProto to a checked ModelProto, and from its tensors to arrays.

Data outside the model's file is read only from the model's own folder, wherever links may lead, and only as much as the
tensor needs.
"""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from flowloom.formats.onnx.errors import OnnxError
from flowloom.params import DType, choices
from flowloom.spec import Array, bits_of

if TYPE_CHECKING:
    from onnx import AttributeProto, ModelProto, SparseTensorProto, TensorProto

MOST_BYTES = (1 << 31) - 1  # a protobuf message has no more
MOST_DENSE = 1 << 26  # elements of a sparse tensor written out
DTYPES = (*choices(DType), "object")


def read(model: Any) -> tuple[ModelProto, Files]:
    """The model of a path, bytes or a ModelProto, and what reads its tensors. Raises OnnxError, and OSError."""
    import onnx

    if isinstance(model, onnx.ModelProto):
        place, folder, proto = "the model", None, model
    elif isinstance(model, bytes | bytearray | memoryview):
        place, folder, proto = "the data", None, _parsed(bytes(model), "the data")
    else:
        path = Path(model)
        with open(path, "rb") as file:
            data = file.read(MOST_BYTES + 1)
        place, folder, proto = str(path), path.resolve().parent, _parsed(data, str(path))
    _check(proto, place)
    return proto, Files(folder)


def _parsed(data: bytes, place: str) -> ModelProto:
    import onnx
    from google.protobuf.message import DecodeError

    if len(data) > MOST_BYTES:
        raise OnnxError(f"{place} is larger than {MOST_BYTES} bytes, the most that an ONNX model has")
    try:
        model: ModelProto = onnx.ModelProto.FromString(data)
    except DecodeError:
        raise OnnxError(f"{place} is not an ONNX model, or only a part of one") from None
    return model


def _check(model: ModelProto, place: str) -> None:
    import onnx

    if not model.ir_version or not model.HasField("graph") or not model.graph.output:
        raise OnnxError(f"{place} is not an ONNX model, or only a part of one")
    if model.ir_version > onnx.IR_VERSION:
        raise OnnxError(f"{place} has IR version {model.ir_version}; the installed onnx reads up to {onnx.IR_VERSION}")
    imports = {"" if o.domain == "ai.onnx" else o.domain: o.version for o in model.opset_import}
    newest = onnx.defs.onnx_opset_version()
    if not 1 <= imports.get("", 1) <= newest:
        raise OnnxError(f"{place} has opset {imports['']}; the installed onnx knows 1 to {newest}")
    if not imports and model.ir_version >= 3:
        raise OnnxError(f"{place} does not say which opset it is written in")


class Files:
    """What reads the tensors of a model; `folder` is the model's, None for one that came without a path."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def dtype(self, code: int | str, what: str) -> np.dtype[Any]:
        """The dtype of an ONNX element type (of its name, in old opsets). Raises OnnxError if flowloom has it not."""
        import onnx

        try:
            number = onnx.TensorProto.DataType.Value(code) if isinstance(code, str) else code
            dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(number))
        except (KeyError, ValueError):
            raise OnnxError(f"{what} has an unknown element type ({code})") from None
        if dtype.name not in DTYPES:
            raise OnnxError(f"{what} is of {dtype.name}; flowloom has no such dtype")
        return dtype

    def array(self, tensor: TensorProto) -> Array:
        """The array that a tensor holds. Raises OnnxError if its data does not fit its shape, or cannot be read."""
        import onnx

        what = f"tensor {tensor.name!r}"
        self.dtype(tensor.data_type, what)
        if any(d < 0 for d in tensor.dims):
            raise OnnxError(f"{what} has a negative size: {list(tensor.dims)}")
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            tensor = self._with_data(tensor, what)
        try:
            array = onnx.numpy_helper.to_array(tensor)
        except (ValueError, TypeError) as error:
            raise OnnxError(f"{what}: {error}") from None
        return np.array(array, object) if array.dtype.kind in "OUS" else array

    def dense(self, sparse: SparseTensorProto) -> Array:
        """A sparse tensor, written out."""
        shape = tuple(int(d) for d in sparse.dims)
        if prod(shape) > MOST_DENSE:
            raise OnnxError(
                f"the sparse tensor {sparse.values.name!r} has {prod(shape)} elements; at most {MOST_DENSE}"
            )
        values, indices = self.array(sparse.values), self.array(sparse.indices)
        out = np.zeros(shape, values.dtype)
        if indices.ndim == 1:
            out.reshape(-1)[indices] = values
        else:
            out[tuple(indices.T)] = values
        return out

    def attribute(self, a: AttributeProto) -> Any:
        """An attribute as Python has it: int, float, str, a list of these, an array, or a GraphProto."""
        import onnx

        match onnx.AttributeProto.AttributeType.Name(a.type):
            case "TENSOR":
                return self.array(a.t)
            case "SPARSE_TENSOR":
                return self.dense(a.sparse_tensor)
            case "TENSORS":
                return [self.array(t) for t in a.tensors]
            case "STRING":
                return a.s.decode("utf-8", "replace")
            case "STRINGS":
                return [s.decode("utf-8", "replace") for s in a.strings]
            case "UNDEFINED":
                raise OnnxError(f"the attribute {a.name!r} has no type")
            case "FLOAT":
                return float(str(np.float32(a.f)))  # 0.1, not the nearest to it in 32 bits
            case _:
                value = onnx.helper.get_attribute_value(a)
                return value if isinstance(value, int | float) or hasattr(value, "node") else list(value)

    def _with_data(self, tensor: TensorProto, what: str) -> TensorProto:
        """The tensor with its data inside, read from the file that it names."""
        import onnx

        info = {e.key: e.value for e in tensor.external_data}
        size = prod(tensor.dims) * bits_of(self.dtype(tensor.data_type, what))
        data = self._outside(info, -(-size // 8), what)
        return onnx.TensorProto(name=tensor.name, dims=tensor.dims, data_type=tensor.data_type, raw_data=data)

    def _outside(self, info: dict[str, str], size: int, what: str) -> bytes:
        """`size` bytes of the file that an entry of external data names."""
        location = info.get("location", "")
        if self.folder is None:
            raise OnnxError(f"the data of {what} is in the file {location!r}; give the model's path to load it")
        path = (self.folder / location).resolve()
        if Path(location).is_absolute() or not path.is_relative_to(self.folder):
            raise OnnxError(f"the data of {what} is in {location!r}, which is not in the folder of the model")
        try:
            offset, length = int(info.get("offset", 0)), int(info.get("length", size))
            if offset < 0 or length != size:
                raise ValueError
            with open(path, "rb") as file:
                file.seek(offset)
                data = file.read(size)
        except ValueError:
            raise OnnxError(f"the data of {what} has a wrong offset or length; {size} bytes are needed") from None
        except OSError as error:
            raise OnnxError(f"the data of {what} cannot be read from {location!r}: {error.strerror}") from None
        if len(data) < size:
            raise OnnxError(f"the data of {what} is cut off in {location!r}: {len(data)} of {size} bytes")
        return data
