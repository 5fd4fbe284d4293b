"""Text, labels and counts of words."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import numpy_helper

from flowloom import ops
from flowloom.compiler.expr import Expr
from flowloom.formats.onnx.writing.table import becomes, writes
from flowloom.formats.onnx.writing.tables.indexing import positions
from flowloom.formats.onnx.writing.writer import ML, Name, Writer


@writes("string_normalizer")
def _string_normalizer(w: Writer, e: Expr, x: Name) -> Any:
    params = dict(e.params)
    return w.node(
        "StringNormalizer",
        x,
        case_change_action=params["case"].upper(),
        is_case_sensitive=int(params["case_sensitive"]),
        stopwords=list(params["stopwords"]) or None,
    )


@writes("string_concat")
def _string_concat(w: Writer, e: Expr, a: Name, b: Name) -> Any:
    return w.node("StringConcat", a, b)


@writes("string_split")
def _string_split(w: Writer, e: Expr, x: Name) -> Any:
    params = dict(e.params)
    return w.node("StringSplit", x, count=2, delimiter=params["delimiter"] or None, maxsplit=params["maxsplit"])


@writes("label_encode")
def _label_encode(w: Writer, e: Expr, x: Name) -> Any:
    """The last value of a key counts, as in a table that is filled in order."""
    params, (operand,) = dict(e.params), e.args
    keys, values = _coded(operand.dtype), _coded(e.dtype)
    table = dict(zip(params["keys"], params["values"], strict=True))
    if not table:
        return w.node("Expand", w.constant(params["default"], e.dtype), w.node("Shape", x))
    y = w.node(
        "LabelEncoder",
        w.cast(x, operand.dtype, keys),
        domain=ML,
        keys_tensor=numpy_helper.from_array(np.array(list(table), keys)),
        values_tensor=numpy_helper.from_array(np.array(list(table.values()), values)),
        default_tensor=numpy_helper.from_array(np.array([params["default"]], values)),
    )
    return w.cast(y, values, e.dtype)


def _coded(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype in which ONNX encodes labels of that one."""
    return dtype if dtype.kind == "O" or dtype.name in ("float32", "float64") else np.dtype("int64")


@writes("count_ngrams")
def _count_ngrams(w: Writer, e: Expr, x: Name) -> Any:
    """ONNX wants the n-grams by length, each length with where it starts."""
    params, (operand,) = dict(e.params), e.args
    grams = params["ngrams"]
    order = sorted(range(len(grams)), key=lambda i: len(grams[i]))
    lengths = [len(grams[i]) for i in order]
    pool = [word for i in order for word in grams[i]]
    starts = [sum(n for n in lengths if n < length) for length in range(1, lengths[-1] + 1)]
    text = isinstance(pool[0], str)
    weights = params["weights"] or (1.0,) * len(grams)
    width = e.shape[-1]
    made = w.node(
        "TfIdfVectorizer",
        x if text else positions(w, operand, x),
        mode={"tf": "TF", "idf": "IDF", "tfidf": "TFIDF"}[params["mode"]],
        min_gram_length=lengths[0],
        max_gram_length=lengths[-1],
        max_skip_count=params["max_skip_count"],
        ngram_counts=starts,
        ngram_indexes=[params["columns"][i] for i in order],
        pool_int64s=None if text else pool,
        pool_strings=pool if text else None,
        weights=[weights[i] for i in order],
    )
    missing = width - 1 - max(params["columns"])
    if not missing:
        return made
    pads = [0] * (2 * e.ndim - 1) + [missing]
    return w.node("Pad", made, w.ints(*pads), w.constant(0, e.dtype))


@becomes("checked_labels")
def _checked_labels(labels: Any, *, classes: Any) -> Any:
    return ops.cast(labels, dtype="int64")
