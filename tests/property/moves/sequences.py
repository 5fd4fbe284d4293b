"""Attention, recurrence, and layers that own variables."""

from __future__ import annotations

from typing import Any

import numpy as np

import flowloom as fl
from tests.property.table import move, move_for
from tests.property.weaving import Rejected, Strand, Weaver, plain


def sequences(w: Weaver) -> Strand:
    """A tensor (batch, time, features) with time and features known by number."""
    x = w.ranked(3)
    if not all(isinstance(d, int) and d > 0 for d in x.shape[1:]) or not plain(x.shape[0]):
        raise Rejected
    return x


@move
def attention(w: Weaver) -> None:
    x = sequences(w)
    batch, time, features = x.shape
    heads = w.choose.number(1, 2)
    keys = w.choose.number(1, 3)
    query = w.apply(fl.split_heads, w.apply(fl.matmul, x, w.source(features, heads * 2)), num_heads=heads)
    key, value = (w.source(batch, heads, keys, n) for n in (2, w.choose.number(1, 3)))
    mask = w.choose.of([None, "bool", "float"])
    masked = None if mask is None else w.source(time, keys, kind="input") if mask == "float" else w.truth(time, keys)
    if mask == "bool":
        masked = w.apply(lambda m: fl.logical_or(m, fl.ops.arange(start=0, stop=keys) < 1), masked)
    params: dict[str, Any] = {"causal": w.choose.rarely(), "softcap": w.choose.of([0.0, 2.0])}
    if w.choose.flag():
        params["scale"] = 0.5
    y = w.apply(fl.scaled_dot_product_attention, query, key, value, masked, **params)
    w.apply(fl.merge_heads, y)


@move_for("rnn", "lstm", "gru")
def recurrence(w: Weaver, op: str) -> None:
    x = sequences(w)
    batch, time, features = x.shape
    gates = {"rnn": 1, "lstm": 4, "gru": 3}[op]
    direction = w.choose.of(["forward", "reverse", "bidirectional"])
    ways, units = 1 + (direction == "bidirectional"), w.choose.number(1, 2)
    kernel = w.source(ways, gates * units, features, kind="variable")
    recurrent = w.source(ways, gates * units, units, kind="variable")
    bias = w.source(ways, 2 * gates * units, kind="variable") if w.choose.flag() else None
    lengths = w.whole(time + 1, batch, kind="input") if w.choose.flag() else None
    state = w.source(batch, ways, units, kind="input") if w.choose.rarely() else None
    params = {"linear_before_reset": w.choose.flag()} if op == "gru" else {}
    kind = getattr(fl.recurrent, op)
    w.layer(kind, x, kernel, recurrent, bias, lengths, state, direction=direction, **params)


@move_for("simple_rnn", "lstm", "gru")
def recurrent_layer(w: Weaver, op: str) -> None:
    params = {"units": w.choose.number(1, 2), "return_sequences": w.choose.flag(), "go_backwards": w.choose.flag()}
    if w.choose.rarely():
        params |= {"return_state": True, "go_backwards": False, "bidirectional": "concat"}
    w.layer(getattr(fl.layers, op), sequences(w), **params)


@move
def multi_head_attention(w: Weaver) -> None:
    x = sequences(w)
    w.layer(fl.layers.multi_head_attention, x, num_heads=2, key_dim=2, use_causal_mask=w.choose.flag())


@move
def transformer_encoder_block(w: Weaver) -> None:
    x = sequences(w)
    params = {"num_heads": 1, "intermediate_dim": 2, "activation": "gelu", "normalize_first": w.choose.flag()}
    w.layer(fl.layers.transformer_encoder_block, x, **params)


def features(w: Weaver, least: int = 2) -> Strand:
    """A tensor (batch, ..., features) with a number of features."""

    def fits(s: Strand) -> bool:
        return (
            s.dtype.kind == "f"
            and s.known
            and least <= s.ndim <= 4
            and isinstance(s.shape[-1], int)
            and s.array.size > 0
        )

    return w.pick(fits)


@move_for(
    *("batch_normalization", "layer_normalization", "rms_normalization", "group_normalization", "unit_normalization")
)
def normalization(w: Weaver, op: str) -> None:
    x = features(w)
    params: dict[str, Any] = {"groups": 1} if op == "group_normalization" else {}
    if op == "rms_normalization":
        params["epsilon"] = 0.25
    if op == "unit_normalization":
        x = w.within(x, 0.2, 2.0)
    w.layer(getattr(fl.layers, op), x, **params)


@move_for("dropout", "gaussian_noise", "gaussian_dropout")
def while_learning(w: Weaver, op: str) -> None:
    """Layers that do something only while the graph learns."""
    w.layer(getattr(fl.layers, op), features(w))


@move
def dense_layer(w: Weaver) -> None:
    activation = w.choose.of(["linear", "tanh", "gelu", "softmax"])
    w.layer(fl.layers.dense, features(w), units=w.choose.number(1, 3), activation=activation)


@move
def conv_layer(w: Weaver) -> None:
    x = w.ranked(4)
    if not all(isinstance(d, int) and d > 0 for d in x.shape[1:]):
        raise Rejected
    w.layer(fl.layers.conv2d, x, filters=2, kernel_size=min(2, *x.sizes[1:3]), padding=w.choose.of(["same", "valid"]))


@move
def embedding(w: Weaver) -> None:
    w.layer(fl.layers.embedding, w.indices(4), input_dim=4, output_dim=2)


@move_for("mean_squared_error", "mean_absolute_error", "huber", "log_cosh")
def regression_loss(w: Weaver, op: str) -> None:
    x = w.floats(1, 3)
    w.layer(getattr(fl.losses, op), x, w.pick(lambda s: s.shape == x.shape and s.dtype == x.dtype and s is not x))


@move
def cross_entropy(w: Weaver) -> None:
    logits = w.floats(2, 2)
    if not isinstance(logits.shape[1], int) or not plain(logits.shape[0]) or not logits.sizes[1]:
        raise Rejected
    w.layer(fl.losses.softmax_cross_entropy, logits, w.whole(logits.sizes[1], logits.shape[0], kind="input"))


@move
def glu(w: Weaver) -> None:
    x = w.floats(1)
    if not isinstance(x.shape[-1], int) or x.sizes[-1] % 2 or not x.sizes[-1]:
        raise Rejected
    w.apply(fl.glu, x)


@move
def attention_scores(w: Weaver) -> None:
    query, key = w.source("batch", 2, 3, 2, kind="input"), w.source("batch", 2, 2, 2, kind="input")
    stage, softcap = w.choose.of(["weights", "scores"]), w.choose.of([0.0, 2.0])
    w.apply(fl.ops.attention_scores, query, key, stage=stage, softcap=softcap)


@move
def rotary_embedding(w: Weaver) -> None:
    x = w.ranked(4)
    if not isinstance(x.shape[2], int) or not isinstance(x.shape[3], int) or x.sizes[3] < 2 or not x.sizes[2]:
        raise Rejected
    angles = w.source(x.sizes[2], x.sizes[3] // 2)
    cos, sin = w.apply(fl.cos, angles), w.apply(fl.sin, angles)
    w.apply(fl.ops.rotary_embedding, x, cos, sin, interleaved=w.choose.flag())


@move
def negative_log_likelihood(w: Weaver) -> None:
    scores = w.floats(2, 3)
    if not isinstance(scores.shape[-1], int) or 0 in scores.sizes or not all(plain(d) for d in scores.shape):
        raise Rejected
    labels = w.whole(scores.sizes[-1], *scores.shape[:-1])
    weights = w.within(w.source(scores.sizes[-1]), 0.3, 2.0) if w.choose.flag() else None
    given = w.apply(fl.log_softmax, scores)
    how = {"reduction": w.choose.of(["mean", "sum", "none"]), "ignore_index": w.choose.of([None, 0, -1])}
    w.apply(fl.negative_log_likelihood, given, labels, weights, when=_finite, **how)


def _finite(y: Any) -> bool:
    return bool(np.isfinite(y).all())


@move_for("batch_normalization", "layer_normalization", "rms_normalization", "group_normalization")
def normalized(w: Weaver, op: str) -> None:
    """The ops behind the layers, with numbers of their own to scale and shift by."""
    x = features(w)
    axis = w.choose.of([i for i in range(x.ndim) if isinstance(x.shape[i], int) and (i or op != "group_normalization")])
    size = x.sizes[axis]
    scale, shift = (w.source(size) if w.choose.flag() else None for _ in range(2))
    if op == "batch_normalization":
        mean, variance = w.source(size), w.within(w.source(size), 0.3, 2.0)
        w.apply(fl.ops.batch_normalization, x, mean, variance, shift, scale, axis=axis, epsilon=0.125)
    elif op == "rms_normalization":
        w.apply(fl.ops.rms_normalization, x, scale, axis=axis, epsilon=0.125)
    else:
        groups = {"groups": w.choose.of([1, -1])} if op == "group_normalization" else {}
        w.apply(getattr(fl.ops, op), x, scale, shift, axis=axis, epsilon=0.125, **groups)
