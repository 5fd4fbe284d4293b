"""Fourier transforms and frames of signals."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowloom import ops
from flowloom.compiler.expr import Expr
from flowloom.formats.onnx.errors import OnnxError
from flowloom.formats.onnx.writing.table import becomes, writes
from flowloom.formats.onnx.writing.writer import Extent, Name, Writer
from flowloom.ops.composing import part, span
from flowloom.ops.fourier import fit, scale_ends
from flowloom.spec import Dim, is_float, normalize_axis

FORWARD = {"backward": 0.0, "ortho": -0.5, "forward": -1.0}  # by which power of the length it is multiplied
INVERSE = {"backward": 0.0, "ortho": 0.5, "forward": 1.0}  # beside ONNX's own division by it


@writes("fft", "ifft", "rfft")
def _transform(w: Writer, e: Expr, x: Name) -> Any:
    params, (operand,) = dict(e.params), e.args
    real, inverse = e.op.name == "rfft", e.op.name == "ifft"
    axis = normalize_axis(params["axis"], operand.ndim)
    y = w.cast(x, operand.dtype, e.dtype)
    y = w.node("Unsqueeze", y, w.ints(-1)) if real else y
    length: Extent = params["length"] or w.extent(operand, x, axis)
    count = w.scalar(length) if params["length"] else ""
    how: dict[str, Any] = {"inverse": int(inverse) or None, "onesided": int(real) or None}
    made = w.node("DFT", y, count, w.constant(np.int64(axis)), **how)
    return _scaled(w, e, made, length, (INVERSE if inverse else FORWARD)[params["norm"]])


def _scaled(w: Writer, e: Expr, y: Name, length: Extent, power: float) -> Any:
    """A transform times that power of its length."""
    if not power:
        return y
    if isinstance(length, int):
        return w.node("Mul", y, w.constant(float(length) ** power, e.dtype))
    count = w.cast(w.scalar(length), np.dtype("int64"), e.dtype)
    return w.node("Mul", y, w.node("Pow", count, w.constant(power, e.dtype)))


@becomes("irfft")
def _irfft(x: Any, *, axis: int, length: int | None, norm: str) -> Any:
    """The inverse of all frequencies: those that are left out are the conjugates of the others, from the end."""
    axis = normalize_axis(axis, x.ndim)
    x = x if is_float(x.dtype) else ops.cast(x, dtype="float32")
    half = x if length is None else fit(x, size=length // 2 + 1, axis=axis)
    last = -1 if length is None else (length + 1) // 2
    inner = span(half, 1, last, axis)
    mirrored = ops.flip(inner, axis=axis) * np.array([1.0, -1.0], x.dtype)
    whole = ops.ifft(ops.concatenate(half, mirrored, axis=axis), axis=axis, norm=norm)
    return part(whole, 0)


@becomes("dct")
def _dct(x: Any, *, type: int, axis: int, norm: str) -> Any:
    """The product with the matrix of cosines: the transforms of the unit vectors."""
    n = x.shape[axis]
    if not isinstance(n, int):
        raise OnnxError("the length must be known")
    x = x if is_float(x.dtype) else ops.cast(x, dtype="float32")
    matrix = ops.dct(np.eye(n), type=type, norm=norm).astype(x.dtype)
    rows = ops.moveaxis(x, source=axis, destination=-1)
    return ops.moveaxis(ops.matmul(rows, matrix), source=-1, destination=axis)


@becomes("scale_ends")
def _scale_ends(x: Any, *, factor: float, length: Dim, axis: int) -> Any:
    n = x.shape[axis]
    if not isinstance(n, int) or isinstance(length, str):
        raise OnnxError("the number of frequencies must be known")
    x = x if is_float(x.dtype) else ops.cast(x, dtype="float32")
    factors = scale_ends(np.ones(n), factor=factor, length=length).astype(x.dtype)
    return x * factors.reshape(-1, *(1,) * (x.ndim - 1 - normalize_axis(axis, x.ndim)))


# ---------------------------------------------------------------- frames


@becomes("frame")
def _frame(x: Any, *, frame_length: int, frame_step: int) -> Any:
    samples = x.shape[-1]
    within = np.arange(frame_length)
    if isinstance(samples, int):
        count = max((samples - frame_length) // frame_step + 1, 0)
        return ops.take(x, np.arange(count)[:, None] * frame_step + within, axis=-1)
    many = ops.floor_divide(ops.size(x, axis=-1) - frame_length, frame_step) + 1
    starts = ops.arange_of(np.int64(0), ops.maximum(many, 0), np.int64(1)) * frame_step
    return ops.take(x, ops.expand_dims(starts, axis=-1) + within, axis=-1)


@becomes("overlap_add")
def _overlap_add(x: Any, *, frame_step: int) -> Any:
    """In blocks of a step, part i of every frame lies i blocks behind where the frame starts."""
    length = x.shape[-1]
    if not isinstance(length, int):
        raise OnnxError("the length of a frame must be known")
    if x.shape[-2] == 0:
        return ops.flatten(x, first=-2)
    parts = -(-length // frame_step)
    blocks = None
    for i in range(parts):
        front = (None,) * (x.ndim - 1)
        start, stop = i * frame_step, min((i + 1) * frame_step, length)
        part = ops.slice(x, start=(*front, start), stop=(*front, stop))
        around = (*((0, 0),) * (x.ndim - 2), (i, parts - i), (0, frame_step - (stop - start)))
        moved = ops.pad(part, pad_width=around)
        blocks = moved if blocks is None else blocks + moved
    flat = ops.flatten(blocks, first=-2)
    return ops.slice(
        flat, start=(None,) * (x.ndim - 1), stop=(*(None,) * (x.ndim - 2), length - (parts + 1) * frame_step)
    )
