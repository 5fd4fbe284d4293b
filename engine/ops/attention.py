"""Attention: what each query takes from the keys and values that it may see.

Tensors are (batch, heads, length, size). Fewer heads of keys and values than of queries serve groups of neighbouring
queries' heads (grouped-query attention).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

import ml_dtypes
import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.activation import tanh
from flowloom.ops.comparison import equal
from flowloom.ops.composing import extent
from flowloom.ops.elementwise import cast, maximum, where
from flowloom.ops.inference import integer, same_dims
from flowloom.ops.joining import concatenate
from flowloom.ops.linalg import matmul
from flowloom.ops.padding import pad
from flowloom.ops.probabilities import softmax
from flowloom.ops.reduction import max_
from flowloom.ops.shape import expand_dims, reshape, transpose
from flowloom.params import Count, NotNegative, Whole
from flowloom.spec import Dim, Spec, SpecError, is_bool, merge, product, quotient

Stage: TypeAlias = Literal["scores", "capped", "masked", "weights"]


@op(family="layer", composite=True)
def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    mask: Any = None,
    past_key: Any = None,
    past_value: Any = None,
    key_lengths: Any = None,
    *,
    scale: float | None = None,
    causal: bool = False,
    softcap: NotNegative = 0.0,
    left_window: Whole | None = None,
    right_window: Whole | None = None,
) -> Any:
    """softmax(query key^T scale + mask) value, for each head (Vaswani et al., arXiv 1706.03762; ONNX Attention).

    `query` (batch, heads, length, size), `key` (batch, key heads, keys, size), `value` (batch, key heads, keys, value
    size). Returns (batch, heads, length, value size). Heads are a multiple of key heads. `past_key` and `past_value`
    stand before the keys and values. `mask` broadcasts to (batch, heads, length, keys): bool, True where a key counts,
    or numbers that are added; where it has fewer keys, the rest does not count. `key_lengths` (batch) says how many
    keys of each are real. A query sees no later key if `causal`, and at most `left_window` keys before itself and
    `right_window` after; its place is behind the past, or at the end of the real keys. What it sees nothing of is 0.
    `scale` is 1 / sqrt(size) where it is not given; `softcap` limits scores to it by a tanh. Raises SpecError if the
    shapes do not fit.
    """
    weights = attention_scores(
        query,
        key,
        mask,
        past_key,
        key_lengths,
        scale=scale,
        causal=causal,
        softcap=softcap,
        left_window=left_window,
        right_window=right_window,
        stage="weights",
    )
    for name, x in (("value", value), ("past_value", past_value)):
        if x is not None and x.ndim != 4:
            raise SpecError(f"{name} must be (batch, heads, keys, size); got {x.ndim} dimensions")
    if (past_key is None) != (past_value is None):
        raise SpecError("past_key and past_value belong together; give both or none")
    values = value if past_value is None else concatenate(past_value, value, axis=2)
    return by_groups(weights, values)


@op(family="layer", composite=True, internal=True)
def attention_scores(
    query: Any,
    key: Any,
    mask: Any = None,
    past_key: Any = None,
    key_lengths: Any = None,
    *,
    scale: float | None = None,
    causal: bool = False,
    softcap: NotNegative = 0.0,
    left_window: Whole | None = None,
    right_window: Whole | None = None,
    stage: Stage = "weights",
) -> Any:
    """How much each query is to take from each key, (batch, heads, length, keys); see `scaled_dot_product_attention`.

    `stage` says where to stop: at the scaled "scores", when they are "capped", when they are "masked", -inf where a key
    does not count, or at the "weights" of the softmax, which sum to 1, or to 0 where no key counts.
    """
    for name, x in (("query", query), ("key", key), ("past_key", past_key)):
        if x is not None and x.ndim != 4:
            raise SpecError(f"{name} must be (batch, heads, length, size); got {x.ndim} dimensions")
    keys = key if past_key is None else concatenate(past_key, key, axis=2)
    size = extent(query, 3, query.dtype)
    if scale is None:
        scale = 1.0 if query.shape[3] == 0 else 1.0 / size**0.5
    query = query * scale
    scores = by_groups(query, transpose(keys, axes=(0, 1, 3, 2)))
    if softcap and stage != "scores":
        scores = tanh(scores / softcap) * softcap
    if stage in ("scores", "capped"):
        return scores
    free = mask is None and key_lengths is None and not causal and left_window is None and right_window is None
    if not free:
        offset, right = _offset(query, past_key, key_lengths), 0 if causal else right_window
        bounded = key_lengths is not None or left_window is not None or right is not None
        count = _count(keys) if bounded and key_lengths is None else key_lengths
        scores = _masked(scores, mask, offset, count, left=left_window, right=right)
    return scores if stage == "masked" else softmax(scores) if free else _softmax_of_seen(scores)


@op(family="layer", internal=True, differentiable=False)
def attention_window(
    scores: Spec, offset: Spec, count: Spec, *, left: Whole | None = None, right: Whole | None = None
) -> Spec:
    """Which keys a query may see by its place: bool, (batch, 1, length, keys).

    `scores` (batch, heads, length, keys), whose values are not read. Query i stands at i + `offset`: it sees the keys
    from `left` before that place to `right` behind it (None: all) that are among the first `count`. `offset` and
    `count`, integers, are scalars or (batch).
    """
    same_dims(scores, 4, "scores")
    for x, name in ((offset, "offset"), (count, "count")):
        if integer(x, name).ndim > 1:
            raise SpecError(f"{name} must be a scalar or (batch); got {x}")
        if x.ndim:
            merge(x.shape[0], scores.shape[0])
    return Spec((scores.shape[0], 1, *scores.shape[2:]), bool)


@attention_window.kernel
def _(xp: Any, scores: Any, offset: Any, count: Any, *, left: int | None, right: int | None, out: Any = None) -> Any:
    batch, _, length, keys = scores.shape
    key = xp.arange(keys)
    place = xp.arange(length)[:, None] + offset.astype("int64").reshape(-1, 1, 1, 1)
    seen = key < count.astype("int64").reshape(-1, 1, 1, 1)
    if left is not None:
        seen = seen & (key >= place - left)
    if right is not None:
        seen = seen & (key <= place + right)
    if out is None:
        return xp.broadcast_to(seen, (batch, 1, length, keys)).copy()
    out[...] = seen
    return out


def by_groups(a: Any, b: Any) -> Any:
    """The matrix products of heads; neighbouring heads of `a` share one of `b` where `b` has fewer."""
    heads, shared = a.shape[1], b.shape[1]
    if heads == shared or shared in (1, None) or heads is None:
        return matmul(a, b)
    try:
        group = quotient(heads, shared)
    except SpecError:
        raise SpecError(
            f"the {heads} heads of queries are no multiple of the {shared} heads of keys and values",
            dimension=f"heads {heads} / {shared}",
        ) from None
    grouped = reshape(a, shape=(a.shape[0], shared, group, *a.shape[2:]))
    y = matmul(grouped, expand_dims(b, axis=2))
    return reshape(y, shape=(a.shape[0], heads, *y.shape[3:]))


def _offset(query: Any, past_key: Any, key_lengths: Any) -> Any:
    """The place of the first query among the keys: an integer, or one for each of the batch."""
    if past_key is not None:
        return _count(past_key)
    if key_lengths is not None:
        return cast(key_lengths, dtype="int64") - _count(query)
    return np.array(0)


def _count(x: Any) -> Any:
    """The length of `x` (batch, heads, length, size) as an integer tensor."""
    n = extent(x, 2, "int64")
    return np.array(n) if isinstance(n, int) else n


def _masked(scores: Any, mask: Any, offset: Any, count: Any, *, left: Whole | None, right: Whole | None) -> Any:
    """`scores`, -inf where a key does not count."""
    if count is not None:
        seen = attention_window(scores, offset, count, left=left, right=right)
        scores = where(seen, scores, -np.inf)
    if mask is None:
        return scores
    if is_bool(mask.dtype):
        return where(_filled_up(mask, scores.shape[-1]), scores, -np.inf)
    return scores + _filled_up(cast(mask, dtype=scores.dtype.name), scores.shape[-1])


def _filled_up(mask: Any, keys: Dim) -> Any:
    """`mask` with as many keys as there are; those it does not name do not count."""
    given = mask.shape[-1] if mask.ndim else 1
    if not isinstance(given, int) or not isinstance(keys, int) or given in (1, keys):
        return mask
    if given > keys:
        raise SpecError(f"the mask has {given} keys, and there are {keys}", dimension=f"keys: {given} != {keys}")
    width = ((0, 0),) * (mask.ndim - 1) + ((0, keys - given),)
    return pad(mask, pad_width=width, value=0.0 if is_bool(mask.dtype) else -np.inf)


def _softmax_of_seen(scores: Any) -> Any:
    """The softmax of `scores`, 0 where all of a row is -inf. No -inf enters it: NaN would come back as gradient."""
    lowest = float(ml_dtypes.finfo(scores.dtype).min)  # type: ignore[no-untyped-call]
    finite = maximum(scores, lowest)
    nothing = equal(max_(finite, axis=-1, keepdims=True), lowest)
    return where(nothing, 0.0, softmax(finite))


@op(family="shape", composite=True)
def split_heads(x: Any, *, num_heads: Count) -> Any:
    """`x` (batch, length, features) with its features divided among heads: (batch, heads, length, features / heads).

    Raises SpecError unless `x` has 3 dimensions and the features are a multiple of the heads.
    """
    if x.ndim != 3:
        raise SpecError(f"x must be (batch, length, features); got {x.ndim} dimensions")
    try:
        size = quotient(x.shape[2], num_heads)
    except SpecError:
        raise SpecError(
            f"{x.shape[2]} features cannot be divided among {num_heads} heads",
            dimension=f"features {x.shape[2]} / {num_heads}",
        ) from None
    return transpose(reshape(x, shape=(*x.shape[:2], num_heads, size)), axes=(0, 2, 1, 3))


@op(family="shape", composite=True)
def merge_heads(x: Any) -> Any:
    """`x` (batch, heads, length, size) with its heads side by side again: (batch, length, heads size).

    Raises SpecError unless `x` has 4 dimensions.
    """
    if x.ndim != 4:
        raise SpecError(f"x must be (batch, heads, length, size); got {x.ndim} dimensions")
    y = transpose(x, axes=(0, 2, 1, 3))
    return reshape(y, shape=(*y.shape[:2], product(y.shape[2:])))


def _qkv(rng: np.random.Generator, heads: int = 2, shared: int = 2, length: int = 3, keys: int = 4) -> tuple[Any, ...]:
    """Queries, keys and values of sizes 4, 4 and 2 in a batch of 2."""
    return (
        rng.normal(size=(2, heads, length, 4)),
        rng.normal(size=(2, shared, keys, 4)),
        rng.normal(size=(2, shared, keys, 2)),
    )


@scaled_dot_product_attention.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield _qkv(rng), {}
    yield _qkv(rng, heads=4), {"causal": True, "scale": 0.3, "softcap": 2.0}
    yield (*_qkv(rng, heads=3, shared=1), np.arange(8).reshape(2, 1, 1, 4) % 3 > 0), {}
    yield (*_qkv(rng), rng.normal(size=(3, 3))), {"left_window": 1, "right_window": 1}
    past = rng.normal(size=(2, 2, 2, 4)), rng.normal(size=(2, 2, 2, 2))
    yield (*_qkv(rng), None, *past), {"causal": True}
    yield (*_qkv(rng), None, None, None, np.array([4, 2])), {"causal": True}


@attention_scores.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for stage in ("scores", "capped", "weights"):
        yield (*_qkv(rng)[:2], rng.normal(size=(3, 4))), {"stage": stage, "softcap": 3.0}


@attention_window.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    scores = rng.normal(size=(2, 1, 3, 4))
    yield (scores, np.array(0), np.array(4)), {"right": 0}
    yield (scores, np.array([1, -2]), np.array([4, 1])), {"left": 1, "right": 0}
    yield (scores, np.array(1), np.array([3, 2], np.int32)), {"left": 0}


@split_heads.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(2, 3, 8)),), {"num_heads": 4}
    yield (rng.integers(0, 9, (0, 3, 2)),), {"num_heads": 1}


@merge_heads.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(2, 4, 3, 2)),), {}
    yield (rng.integers(0, 9, (2, 1, 3, 0)),), {}
