"""Strings, and labels and n-grams of them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from flowloom import ops
from flowloom.formats.onnx.node import Node
from flowloom.formats.onnx.table import ML, onnx_op
from flowloom.formats.onnx.values import Value


@onnx_op("StringNormalizer")
def _string_normalizer(node: Node, x: Value) -> Value:
    return ops.string_normalizer(
        x,
        case=node.attr("case_change_action", "NONE").lower(),
        stopwords=tuple(node.attr("stopwords", [])),
        case_sensitive=bool(node.attr("is_case_sensitive", 0)),
    )


@onnx_op("StringConcat")
def _string_concat(node: Node, a: Value, b: Value) -> Value:
    return ops.string_concat(a, b)


@onnx_op("StringSplit")
def _string_split(node: Node, x: Value) -> tuple[Value, Value]:
    return ops.string_split(x, delimiter=node.attr("delimiter", ""), maxsplit=node.attr("maxsplit"))


@onnx_op("TfIdfVectorizer")
def _tf_idf(node: Node, x: Value) -> Value:
    words = node.attr("pool_strings") or node.attr("pool_int64s") or []
    starts = [*node.needs("ngram_counts"), len(words)]
    grams = [
        tuple(words[i : i + n]) for n, (start, stop) in enumerate(pairwise(starts), 1) for i in range(start, stop, n)
    ]
    lengths = range(node.needs("min_gram_length"), node.needs("max_gram_length") + 1)
    columns, weights = node.needs("ngram_indexes"), node.attr("weights") or [1.0] * len(grams)
    used = [(g, c, w) for g, c, w in zip(grams, columns, weights, strict=True) if len(g) in lengths]
    return ops.count_ngrams(
        x,
        ngrams=tuple(g for g, _, _ in used),
        columns=tuple(c for _, c, _ in used),
        weights=tuple(w for _, _, w in used) if node.has("weights") else (),
        mode=node.needs("mode").lower(),
        max_skip_count=node.needs("max_skip_count"),
        size=max(columns) + 1,
    )


@onnx_op("LabelEncoder", domain=ML)
def _label_encoder(node: Node, x: Value) -> Value:
    if node.has("classes_strings"):  # opset 1: to the other of strings and places
        words = node.needs("classes_strings")
        places = list(range(len(words)))
        if x.dtype == object:
            return _encoded(x, words, places, node.attr("default_int64", -1), "int64")
        return _encoded(x, places, words, node.attr("default_string", "_Unused"), "object")
    keys, _ = _given(node, "keys")
    values, dtype = _given(node, "values")
    defaults: dict[str, tuple[str, Any]] = {
        "float32": ("default_float", -0.0),
        "int64": ("default_int64", -1),
        "object": ("default_string", "_Unused"),
    }
    if node.has("default_tensor"):
        default = node.attr("default_tensor").reshape(-1)[0]
        default = default if isinstance(default, str) else default.item()
    else:
        default = node.attr(*defaults.get(dtype, ("default_float", 0)))
    return _encoded(x, keys, values, default, dtype)


def _encoded(x: Value, keys: Any, values: Any, default: Any, dtype: str) -> Value:
    return ops.label_encode(x, keys=tuple(keys), values=tuple(values), default=default, dtype=dtype)


def _given(node: Node, what: str) -> tuple[list[Any], str]:
    """The keys or values of a label encoder, and their dtype."""
    for kind, dtype in (("strings", "object"), ("int64s", "int64"), ("floats", "float32")):
        if node.has(f"{what}_{kind}"):
            return node.attr(f"{what}_{kind}"), dtype
    array = node.needs(f"{what}_tensor")
    return array.reshape(-1).tolist(), array.dtype.name
