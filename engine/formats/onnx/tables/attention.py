"""Attention, and positions as rotations. Heads are an axis of their own, or lie side by side as features."""

from __future__ import annotations

from typing import Any

from flowloom import ops
from flowloom.formats.onnx.node import Node
from flowloom.formats.onnx.table import onnx_op
from flowloom.formats.onnx.values import Value

STAGES = ("scores", "capped", "masked", "weights")


@onnx_op("Attention")
def _attention(
    node: Node,
    query: Value,
    key: Value,
    value: Value,
    mask: Value | None = None,
    past_key: Value | None = None,
    past_value: Value | None = None,
    key_lengths: Value | None = None,
) -> tuple[Value | None, ...]:
    dtype, flat = query.dtype, query.ndim == 3
    if flat:
        query = ops.split_heads(query, num_heads=node.needs("q_num_heads"))
        key, value = (ops.split_heads(v, num_heads=node.needs("kv_num_heads")) for v in (key, value))
    given: list[Value | None] = [query, key, value, mask, past_key, past_value, key_lengths]
    q, k, v, bias, before, past, lengths = _in_precision(node, given)
    how = _how(node)
    y = ops.scaled_dot_product_attention(q, k, v, bias, before, past, lengths, **how)
    outputs = [ops.merge_heads(y) if flat else y, None, None, None]
    if node.wants(1):
        outputs[1] = key if past_key is None else ops.concatenate(past_key, key, axis=2)
    if node.wants(2):
        outputs[2] = value if past_value is None else ops.concatenate(past_value, value, axis=2)
    if node.wants(3):
        stage = STAGES[node.attr("qk_matmul_output_mode", 0)]
        outputs[3] = ops.attention_scores(q, k, bias, before, lengths, stage=stage, **how)
    return tuple(o if o is None or o.dtype == dtype else ops.cast(o, dtype=dtype.name) for o in outputs)


def _in_precision(node: Node, given: list[Value | None]) -> list[Value | None]:
    """The operands in the dtype that the softmax is said to be computed in, or float32, where that is wider."""
    query = given[0]
    assert query is not None
    wide = node.dtype(node.attr("softmax_precision", 1))
    if wide.itemsize <= query.dtype.itemsize:
        return given
    return [ops.cast(v, dtype=wide.name) if v is not None and v.dtype == query.dtype else v for v in given]


def _how(node: Node) -> dict[str, Any]:
    how: dict[str, Any] = {}
    if node.has("scale"):
        how["scale"] = node.attr("scale")
    if node.attr("softcap", 0.0):
        how["softcap"] = node.attr("softcap")
    if node.attr("is_causal", 0):
        how["causal"] = True
    for side in ("left", "right"):
        if node.attr(f"{side}_window_size", -1) >= 0:
            how[f"{side}_window"] = node.attr(f"{side}_window_size")
    return how


@onnx_op("RotaryEmbedding")
def _rotary_embedding(node: Node, x: Value, cos: Value, sin: Value, positions: Value | None = None) -> Value:
    heads = ops.split_heads(x, num_heads=node.needs("num_heads")) if x.ndim == 3 else x
    how: dict[str, Any] = {"interleaved": True} if node.attr("interleaved", 0) else {}
    y = ops.rotary_embedding(heads, cos.settled(), sin.settled(), positions, **how)
    return ops.merge_heads(y) if x.ndim == 3 else y
