"""Activations, softmax and gates."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowloom import ops
from flowloom.compiler.expr import Expr
from flowloom.formats.onnx.writing.layout import elementwise
from flowloom.formats.onnx.writing.table import becomes, writes
from flowloom.formats.onnx.writing.writer import Name, Writer
from flowloom.spec import is_float

SLOPES = {"elu": ("Elu", "alpha"), "leaky_relu": ("LeakyRelu", "negative_slope")}
ALONG = {"hardmax": "Hardmax", "log_softmax": "LogSoftmax", "softmax": "Softmax"}


@writes("sigmoid")
def _sigmoid(w: Writer, e: Expr, x: Name) -> Name:
    return elementwise(w, e, "Sigmoid", x)


@writes("relu")
def _relu(w: Writer, e: Expr, x: Name) -> Name:
    return x if e.dtype.name.startswith("u") else elementwise(w, e, "Relu", x)


@writes("gelu")
def _gelu(w: Writer, e: Expr, x: Name) -> Name:
    return elementwise(w, e, "Gelu", x, approximate="tanh" if dict(e.params)["approximate"] else None)


@writes(*SLOPES)
def _sloped(w: Writer, e: Expr, x: Name) -> Name:
    op_type, param = SLOPES[e.op.name]
    slope = dict(e.params)[param]
    if e.dtype == "float64" and float(np.float32(slope)) != slope:  # an attribute is a float32
        operand: Any = e.args[0]
        below = slope * (operand if op_type == "LeakyRelu" else ops.expm1(operand))
        return w.written(ops.where(operand > 0, operand, below))  # type: ignore[no-any-return]
    return elementwise(w, e, op_type, x, alpha=slope)


@writes("softplus")
def _softplus(w: Writer, e: Expr, x: Name) -> Any:
    beta = dict(e.params)["beta"]
    return elementwise(w, e, "Softplus", x) if beta == 1 else w.written(ops.softplus(e.args[0] * beta) / beta)


@becomes("silu")
def _silu(x: Any, *, alpha: float) -> Any:
    x = x if is_float(x.dtype) else ops.cast(x, dtype="float32")
    return x * ops.sigmoid(x if alpha == 1 else alpha * x)


@writes(*ALONG)
def _along(w: Writer, e: Expr, x: Name) -> Name:
    (operand,) = e.args
    base, order = w.turned(w.cast(x, operand.dtype, e.dtype))
    axis = dict(e.params)["axis"] % e.ndim
    y: Name = w.node(ALONG[e.op.name], base, axis=order[axis] if order else axis)
    return w.transpose(y, order) if order else y
