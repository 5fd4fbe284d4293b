"""Attention and rotary positions against ONNX's reference evaluator, rows that see nothing, and mistakes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from flowloom import ops
from flowloom.backends.portable import evaluate
from flowloom.compiler.expr import placeholder
from flowloom.compiler.gradient import gradients
from flowloom.spec import Spec, SpecError

from .onnx_reference import onnx

STAGES = ["scores", "capped", "masked", "weights"]
NAMES = {"scale": "scale", "softcap": "softcap", "left_window_size": "left_window", "right_window_size": "right_window"}


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype("f4")


def truths(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).random(shape) > 0.5


Q, K, V = numbers(2, 4, 3, 8), numbers(2, 4, 5, 8), numbers(2, 4, 5, 6)


PAST = numbers(2, 4, 2, 8), numbers(2, 4, 2, 6)


@pytest.mark.parametrize(
    ("operands", "how"),
    [
        ((Q, K, V), {}),
        ((Q, K, V), {"scale": 0.2, "softcap": 1.5}),
        ((Q, K, V), {"is_causal": 1}),
        ((Q, K, V, numbers(3, 5)), {"softcap": 0.5}),
        ((Q, K, V, truths(2, 1, 3, 5)), {"is_causal": 1}),
        ((Q, K, V, numbers(2, 4, 3, 4)), {}),
        ((Q, K, V, truths(3, 3)), {}),
        ((Q, K[:, :2], V[:, :2]), {}),
        ((Q, K[:, :1], V[:, :1]), {"is_causal": 1}),
        ((Q, K, V, None, *PAST), {"is_causal": 1}),
        ((Q, K, V, numbers(3, 7), *PAST), {}),
        ((Q, K, V, None, None, None, np.array([5, 2])), {}),
        ((Q, K, V, None, None, None, np.array([4, 2])), {"is_causal": 1}),
        ((Q, K, V), {"left_window_size": 1, "right_window_size": 1}),
        ((Q, K, V, truths(4, 3, 7), *PAST), {"left_window_size": 2, "is_causal": 1}),
    ],
)
@pytest.mark.parametrize("mode", range(4))
def test_it_is_onnxs(operands: tuple[Any, ...], how: dict[str, Any], mode: int) -> None:
    settings = {NAMES[name]: value for name, value in how.items() if name != "is_causal"}
    settings["causal"] = "is_causal" in how
    padded = (*operands, *(None,) * (7 - len(operands)))

    y, _, _, scores = onnx("Attention", *padded, outputs=4, qk_matmul_output_mode=mode, **how)

    np.testing.assert_allclose(ops.scaled_dot_product_attention(*operands, **settings), y, atol=2e-6)
    if mode == 0 and "softcap" in how:
        return  # the evaluator gives capped scores here; the operator's text says raw ones
    query, key, _, mask, past, _, lengths = padded
    found = ops.attention_scores(query, key, mask, past, lengths, stage=STAGES[mode], **settings)
    np.testing.assert_allclose(found, scores, atol=2e-6)


def test_a_row_that_sees_nothing_is_zero_and_has_a_finite_gradient() -> None:
    query, key, value = (placeholder(n, Spec((1, 1, 2, 3), "float64")) for n in ("query", "key", "value"))
    mask = np.array([[True, False], [False, False]])
    y = ops.scaled_dot_product_attention(query, key, value, mask)
    feeds = {x: numbers(1, 1, 2, 3).astype("f8") + i for i, x in enumerate((query, key, value))}

    found, *slopes = evaluate([y, *gradients(ops.sum(ops.square(y)), [query, key, value])], feeds)

    np.testing.assert_array_equal(found[0, 0, 1], 0)
    np.testing.assert_allclose(found[0, 0, 0], feeds[value][0, 0, 0])
    assert all(np.isfinite(slope).all() for slope in slopes)


def test_what_is_no_number_is_seen() -> None:
    query = numbers(1, 1, 2, 3)
    query[0, 0, 1, 0] = np.nan

    found = ops.scaled_dot_product_attention(query, query[:, :, :1], query[:, :, :1], truths(2, 1) | True)

    assert np.isnan(found[0, 0, 1]).all()
    assert np.isfinite(found[0, 0, 0]).all()


def test_heads_apart_and_together() -> None:
    x = numbers(2, 3, 8)

    apart = ops.split_heads(x, num_heads=4)

    np.testing.assert_array_equal(apart[:, 1], x[:, :, 2:4])
    np.testing.assert_array_equal(ops.merge_heads(apart), x)


def test_sizes_may_have_names() -> None:
    query, key = Spec(("batch", 8, "length", 16)), Spec(("batch", 2, "keys", 16))

    assert ops.scaled_dot_product_attention(query, key, key, causal=True).shape == query.shape
    assert ops.attention_scores(query, key).shape == ("batch", 8, "length", "keys")
    assert ops.split_heads(Spec(("batch", "length", 128)), num_heads=8).shape == query.shape
    assert ops.merge_heads(query).shape == ("batch", "length", 128)


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda: ops.scaled_dot_product_attention(Q[0], K, V), "query must be (batch, heads, length, size); got 3"),
        (lambda: ops.scaled_dot_product_attention(Q, K[:, :3], V[:, :3]), "the 4 heads of queries are no multiple of"),
        (lambda: ops.scaled_dot_product_attention(Q, K, V, truths(3, 6)), "the mask has 6 keys, and there are 5"),
        (lambda: ops.scaled_dot_product_attention(Q, K, V, None, PAST[0]), "past_key and past_value belong together"),
        (lambda: ops.scaled_dot_product_attention(Q, K, V, key_lengths=Q[:, 0, 0, 0]), "count must be integers"),
        (lambda: ops.split_heads(numbers(2, 3, 8), num_heads=3), "8 features cannot be divided among 3 heads"),
        (lambda: ops.merge_heads(numbers(2, 3, 8)), "x must be (batch, heads, length, size); got 3 dimensions"),
        (lambda: ops.rotary_embedding(Q, numbers(3, 5), numbers(3, 5)), "x has 8 features, and 5 angles turn two each"),
        (lambda: ops.rotary_angles(length=3, size=5), "features are turned in pairs; got size=5"),
    ],
)
def test_mistakes_are_named(call: Callable[[], Any], rule: str) -> None:
    with pytest.raises(SpecError, match=re.escape(rule)):
        call()
