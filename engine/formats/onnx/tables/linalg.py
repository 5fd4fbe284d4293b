"""Matrices and tensors."""

from __future__ import annotations

from flowloom import ops
from flowloom.formats.onnx.node import Node
from flowloom.formats.onnx.table import onnx_op
from flowloom.formats.onnx.values import Value


@onnx_op("MatMul")
def _matmul(node: Node, a: Value, b: Value) -> Value:
    return ops.matmul(a, b)


@onnx_op("Gemm")
def _gemm(node: Node, a: Value, b: Value, c: Value | None = None) -> Value:
    alpha, beta = node.attr("alpha", 1.0), node.attr("beta", 1.0)
    y = ops.matmul(ops.transpose(a) if node.attr("transA", 0) else a, ops.transpose(b) if node.attr("transB", 0) else b)
    y = y if alpha == 1 else y * alpha
    return y if c is None else y + (c if beta == 1 else c * beta)


@onnx_op("Einsum")
def _einsum(node: Node, *xs: Value) -> Value:
    return ops.einsum(*xs, equation=node.needs("equation"))


@onnx_op("Det")
def _det(node: Node, x: Value) -> Value:
    return ops.det(x)
