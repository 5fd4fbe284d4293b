"""Spectra of signals, and what is made for them. A complex number is a last axis of size 2, a real one of size 1."""

from __future__ import annotations

from math import log, pi
from typing import Any

from flowloom import ops
from flowloom.formats.onnx.node import Node
from flowloom.formats.onnx.table import onnx_op
from flowloom.formats.onnx.values import Value, scalar_of
from flowloom.spec import Dim

MEL = 2595.0 / log(10.0)  # a frequency f is MEL log(1 + f / 700) mel


@onnx_op("DFT")
def _dft(node: Node, x: Value, length: Value | None = None, axis: Value | None = None) -> Value:
    along = node.attr("axis", 1) if node.version < 20 else -2 if axis is None else scalar_of(axis)
    size = scalar_of(length)
    if length is not None and size is None:
        raise node.refuse("the length must be known when the model is read")
    parts = _parts(node, x)
    if along is not None:
        return _transformed(node, x, int(along) % x.ndim, size, parts)
    assert axis is not None
    source, last = ops.reshape(axis, shape=(1,)), node.known([-2], axis.dtype)
    moved = _transformed(node, ops.moveaxis_at(x, source, last), x.ndim - 2, size, parts)
    return ops.moveaxis_at(moved, last, source)


def _parts(node: Node, x: Value) -> Dim:
    """How many numbers an element of `x` has: 1 if it is real, 2 if it is complex."""
    if x.ndim < 2 or x.shape[-1] not in (1, 2):
        raise node.refuse(f"the last axis must have size 1 (real numbers) or 2 (complex ones); got {x.spec}")
    return x.shape[-1]


def _transformed(node: Node, x: Value, axis: int, length: int | None, parts: Dim) -> Value:
    inverse, onesided = node.attr("inverse", 0), node.attr("onesided", 0)
    if onesided and not inverse:
        if parts == 2:
            raise node.refuse("one side is enough only for real numbers, and these are complex")
        return ops.rfft(ops.squeeze(x, axis=-1), axis=axis, length=length)
    pairs = x if parts == 2 else ops.concatenate(x, ops.zeros_like(x), axis=-1)
    if onesided:
        return ops.expand_dims(ops.irfft(pairs, axis=axis, length=length), axis=-1)
    return (ops.ifft if inverse else ops.fft)(pairs, axis=axis, length=length)


@onnx_op("STFT")
def _stft(
    node: Node, x: Value, frame_step: Value, window: Value | None = None, frame_length: Value | None = None
) -> Value:
    onesided = bool(node.attr("onesided", 1))
    step, length = scalar_of(frame_step), _frame_length(x, window, frame_length)
    real = _parts(node, x) == 1
    if real and isinstance(step, int) and isinstance(length, int):
        signal = ops.squeeze(x, axis=-1)
        return ops.stft(signal, window, frame_length=length, frame_step=step, onesided=onesided)
    frames = _frames(node, x, frame_step, length)
    if window is not None:
        frames = frames * ops.expand_dims(window, axis=-1)
    if onesided and real:
        return ops.rfft(ops.squeeze(frames, axis=-1), axis=2)
    return ops.fft(ops.concatenate(frames, ops.zeros_like(frames), axis=-1) if real else frames, axis=2)


def _frame_length(x: Value, window: Value | None, given: Value | None) -> Any:
    """How long a frame is: a number, or the value that says it when it runs."""
    if given is not None:
        return given if scalar_of(given) is None else int(scalar_of(given))
    source, axis = (window, 0) if window is not None else (x, 1)
    n = source.shape[axis]
    return n if isinstance(n, int) else ops.reshape(ops.shape_of(source, start=axis, stop=axis + 1), shape=())


def _frames(node: Node, x: Value, step: Value, length: Any) -> Value:
    """The frames of `x` (batch, samples, parts) where step or length are known only when it runs."""
    zero, one = node.known(0), node.known(1)
    count, step = (
        ops.cast(v, dtype="int64") for v in (length if isinstance(length, Value) else node.known(length), step)
    )
    last = ops.reshape(ops.shape_of(x, start=1, stop=2), shape=()) - count + 1
    starts = ops.arange_of(zero, last, ops.reshape(step, shape=()))
    places = ops.expand_dims(starts, axis=-1) + ops.arange_of(zero, ops.reshape(count, shape=()), one)
    return ops.take(x, places, axis=1)


WINDOWS = {
    "HannWindow": ("hann_window", (0.5, -0.5)),
    "HammingWindow": ("hamming_window", (25 / 46, -21 / 46)),
    "BlackmanWindow": ("blackman_window", (0.42, -0.5, 0.08)),
}


@onnx_op(*WINDOWS)
def _window(node: Node, size: Value) -> Value:
    kind, terms = WINDOWS[node.op_type]
    periodic, dtype = bool(node.attr("periodic", 1)), node.dtype(node.attr("output_datatype", 1)).name
    length = scalar_of(size)
    if length is not None:
        how = {"alpha": terms[0]} if kind == "hamming_window" else {}
        return node.builder.add(kind, length=int(length), periodic=periodic, dtype=dtype, **how)
    count = ops.cast(size, dtype="int64")
    places = ops.cast(ops.arange_of(node.known(0), count, node.known(1)), dtype="float64")
    turn = places * (2 * pi) / ops.cast(ops.maximum(count if periodic else count - 1, 1), dtype="float64")
    made = sum((ops.cos(turn * float(k)) * c for k, c in enumerate(terms[1:], 1)), turn * 0.0 + terms[0])
    return ops.cast(made, dtype=dtype)


@onnx_op("MelWeightMatrix")
def _mel_weight_matrix(node: Node, bands: Value, length: Value, rate: Value, low: Value, high: Value) -> Value:
    dtype = node.dtype(node.attr("output_datatype", 1)).name
    known = [scalar_of(v) for v in (bands, length, rate, low, high)]
    if None not in known and known[1] % 2 == 0:
        return node.builder.add(
            "mel_weight_matrix",
            num_mel_bins=int(known[0]),
            num_spectrogram_bins=int(known[1]) // 2 + 1,
            sample_rate=float(known[2]),
            lower_edge_hertz=float(known[3]),
            upper_edge_hertz=float(known[4]),
            method="onnx",
            dtype=dtype,
        )
    zero, one = node.known(0), node.known(1)
    bands, length = (ops.reshape(ops.cast(v, dtype="int64"), shape=()) for v in (bands, length))
    rate, low, high = (ops.cast(v, dtype="float64") for v in (rate, low, high))
    first, last = (ops.log1p(edge / 700.0) * MEL for edge in (low, high))
    steps = ops.cast(ops.arange_of(zero, bands + 2, one), dtype="float64")
    mel = first + steps * (last - first) / ops.cast(bands + 2, dtype="float64")
    corners = ops.floor(ops.expm1(mel / MEL) * 700.0 * ops.cast(length + 1, dtype="float64") / rate)
    places = ops.cast(ops.arange_of(zero, ops.floor_divide(length, 2) + 1, one), dtype="float64")
    return ops.cast(_triangles(ops.expand_dims(places, axis=-1), corners), dtype=dtype)


def _triangles(at: Value, corners: Value) -> Value:
    """Each triangle rises from a corner to 1 at the next, and falls to 0 at the one after: (places, corners - 2)."""
    left, top, right = corners[:-2], corners[1:-1], corners[2:]
    rise = ops.where(top > left, (at - left) / ops.maximum(top - left, 1.0), ops.cast(at >= top, dtype="float64"))
    fall = ops.where(right > top, (right - at) / ops.maximum(right - top, 1.0), ops.cast(at <= top, dtype="float64"))
    return ops.maximum(ops.minimum(rise, fall), 0.0)
