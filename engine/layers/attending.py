"""Attention: layers that let each step of a sequence read from the steps of another, or of its own.

Keras' names and defaults. A mask is bool, true for what counts: (batch, keys) leaves keys out, padding say, (batch,
queries, keys) says it for each pair, and (batch, heads, queries, keys) for each head.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from flowloom.compiler.expr import Expr
from flowloom.constraints import Constraint
from flowloom.graph.kinds import NodeContext
from flowloom.initializers import Initializer
from flowloom.layers.activations import lowest
from flowloom.layers.core import Made, linear
from flowloom.layers.layer import layer
from flowloom.layers.regularization import dropped
from flowloom.layers.shapes import dimensions, floats, known
from flowloom.ops import (
    attention_scores,
    expand_dims,
    matmul,
    merge_heads,
    ones_like,
    softmax,
    split_heads,
    squeeze,
    sum,
    tanh,
    transpose,
    tril,
    where,
)
from flowloom.ops.attention import by_groups
from flowloom.params import Count, Fraction
from flowloom.regularizers import Regularizer
from flowloom.spec import SpecError, is_bool

ScoreMode: TypeAlias = Literal["dot", "concat"]


@layer(outputs=("y", "*scores"))
def multi_head_attention(
    node: NodeContext,
    query: Any,
    value: Any = None,
    key: Any = None,
    mask: Any = None,
    *,
    num_heads: Count = 8,
    key_dim: Count = 64,
    value_dim: Count | None = None,
    num_key_value_heads: Count | None = None,
    output_dim: Count | None = None,
    dropout: Fraction = 0.0,
    use_bias: bool = True,
    use_causal_mask: bool = False,
    return_attention_scores: bool = False,
    kernel_initializer: Initializer = "glorot_uniform",
    bias_initializer: Initializer = "zeros",
    kernel_regularizer: Regularizer | None = None,
    bias_regularizer: Regularizer | None = None,
    kernel_constraint: Constraint | None = None,
    bias_constraint: Constraint | None = None,
    trainable: bool = True,
) -> tuple[Expr, ...]:
    """Attention by several heads side by side, each with its own view of query, key and value (Vaswani et al. 2017).

    `query` (batch, queries, features), `value` and `key` (batch, keys, features); without a value the query reads from
    itself, without a key the value is the key. Each head takes softmax(query key^T / sqrt(key_dim)) of the values. With
    `use_causal_mask` a query sees no later key. `mask` is bool, true for what counts: (batch, keys), (batch, queries,
    keys), or (batch, heads, queries, keys). With fewer `num_key_value_heads` a group of heads shares one of those
    (Ainslie et al. 2023). While learning, a share `dropout` of the weights is dropped.

    Returns (batch, queries, output_dim), by default with the features of the query; with `return_attention_scores` also
    the weights (batch, heads, queries, keys). `value_dim` None is `key_dim`. Variables: query_kernel, key_kernel and
    value_kernel (features, heads * dim), output_kernel (heads * value_dim, output_dim), and a bias for each.
    """
    heads = Heads(num_heads, num_key_value_heads or num_heads, key_dim, value_dim or key_dim, output_dim)
    how = How(
        (kernel_initializer, kernel_regularizer, kernel_constraint),
        (bias_initializer, bias_regularizer, bias_constraint) if use_bias else None,
        dropout,
    )
    y, scores = attended(node, query, value, key, mask, heads, how, causal=use_causal_mask)
    return (y, scores) if return_attention_scores else (y,)


@layer(outputs=("y", "*scores"))
def attention(
    node: NodeContext,
    query: Any,
    value: Any,
    key: Any = None,
    mask: Any = None,
    *,
    use_scale: bool = False,
    score_mode: ScoreMode = "dot",
    dropout: Fraction = 0.0,
    use_causal_mask: bool = False,
    return_attention_scores: bool = False,
    trainable: bool = True,
) -> tuple[Expr, ...]:
    """Each query takes a share of every value, the more the better its product with the key (Luong et al. 2015).

    `query` (batch, queries, features), `value` (batch, keys, size), `key` (batch, keys, features) or the value itself.
    Scores are query key^T, times a learned `scale` if wished; "concat" takes the sum of tanh(query + key) over features
    instead, times a learned weight. `mask` is bool, true for what counts: (batch, keys) or (batch, queries, keys). With
    `use_causal_mask` a query sees no later key. Returns (batch, queries, size), and with `return_attention_scores` also
    the weights (batch, queries, keys). Variables: scale () with `use_scale`, concat_score_weight () for "concat".
    """
    key = value if key is None else key
    _sequences(query=query, key=key, value=value)
    scale: Any = node.variable("scale", (), "ones") if use_scale else None
    if score_mode == "dot":
        scores = matmul(query, transpose(key, axes=(0, 2, 1)))
        scores = scores if scale is None else scores * scale
    else:
        both = _every_pair(query, key)
        weight: Any = node.variable("concat_score_weight", (), "ones")
        scores = sum(tanh(both if scale is None else both * scale), axis=-1) * weight
    return _read(node, scores, value, mask, use_causal_mask, dropout, return_attention_scores)


@layer(outputs=("y", "*scores"))
def additive_attention(
    node: NodeContext,
    query: Any,
    value: Any,
    key: Any = None,
    mask: Any = None,
    *,
    use_scale: bool = True,
    dropout: Fraction = 0.0,
    use_causal_mask: bool = False,
    return_attention_scores: bool = False,
    trainable: bool = True,
) -> tuple[Expr, ...]:
    """Each query takes a share of every value, by the sum of scale * tanh(query + key) over features (Bahdanau 2015).

    `query` (batch, queries, features), `value` (batch, keys, size), `key` (batch, keys, features) or the value itself.
    `mask` is bool, true for what counts: (batch, keys) or (batch, queries, keys). With `use_causal_mask` a query sees
    no later key. Returns (batch, queries, size), and with `return_attention_scores` also the weights (batch, queries,
    keys). Variable: scale (features,) with `use_scale`.
    """
    key = value if key is None else key
    _sequences(query=query, key=key, value=value)
    waves = tanh(_every_pair(query, key))
    if use_scale:
        waves = waves * node.variable("scale", (query.shape[2],), "glorot_uniform")
    return _read(node, sum(waves, axis=-1), value, mask, use_causal_mask, dropout, return_attention_scores)


# ---------------------------------------------------------------- for other layers


@dataclass(frozen=True, slots=True)
class Heads:
    """How many heads there are for queries and for keys and values, and the sizes of each."""

    queries: int
    values: int
    key_dim: int
    value_dim: int
    output_dim: int | None = None


@dataclass(frozen=True, slots=True)
class How:
    """How kernels and biases (None: there are none) begin and are kept in bounds, and the share of weights dropped."""

    kernel: Made
    bias: Made | None
    dropout: float = 0.0


def attended(
    node: NodeContext,
    query: Any,
    value: Any,
    key: Any,
    mask: Any,
    heads: Heads,
    how: How,
    *,
    causal: bool,
    prefix: str = "",
    use: int = 0,
) -> tuple[Any, Any]:
    """What multi-head attention gives, and its weights. For the arguments see `multi_head_attention`."""
    value = query if value is None else value
    key = value if key is None else key
    _sequences(query=query, key=key, value=value)
    if heads.queries % heads.values:
        raise SpecError(
            f"num_heads must be a multiple of num_key_value_heads; got {heads.queries} and {heads.values}",
            dimension=f"{heads.queries} / {heads.values}",
        )

    def split(x: Any, count: int, size: int, role: str) -> Any:
        return split_heads(linear(node, x, count * size, how.kernel, how.bias, f"{prefix}{role}_"), num_heads=count)

    q = split(query, heads.queries, heads.key_dim, "query")
    k = split(key, heads.values, heads.key_dim, "key")
    v = split(value, heads.values, heads.value_dim, "value")
    weights = attention_scores(q, k, _pairs(mask), causal=causal)
    read = by_groups(dropped(node, weights, how.dropout, use=use), v)
    size = known(query.shape[2], "the number of features") if heads.output_dim is None else heads.output_dim
    return linear(node, merge_heads(read), size, how.kernel, how.bias, f"{prefix}output_"), weights


def _read(
    node: NodeContext, scores: Any, value: Any, mask: Any, causal: bool, rate: float, both: bool
) -> tuple[Expr, ...]:
    """The values by the softmax of `scores` (batch, queries, keys), and that softmax if it is asked for."""
    if mask is not None and mask.ndim == 4:
        raise SpecError(f"there is one head; the mask is (batch, keys) or (batch, queries, keys); got {mask.spec}")
    least = lowest(scores.dtype)
    if mask is not None:
        scores = where(squeeze(_pairs(mask), axis=1), scores, least)
    if causal:
        scores = where(tril(ones_like(scores, dtype="bool")), scores, least)
    weights = softmax(scores)
    y = matmul(dropped(node, weights, rate), value)
    return (y, weights) if both else (y,)


def _every_pair(query: Any, key: Any) -> Any:
    """The sum of every query and every key: (batch, queries, keys, features)."""
    return expand_dims(query, axis=2) + expand_dims(key, axis=1)


def _pairs(mask: Any) -> Any:
    """A mask (batch, keys), or of pairs, so that it broadcasts to (batch, heads, queries, keys). Raises SpecError."""
    if mask is None:
        return None
    if not is_bool(mask.dtype) or mask.ndim not in (2, 3, 4):
        raise SpecError(
            f"the mask is bool: (batch, keys), (batch, queries, keys) or (batch, heads, queries, keys); "
            f"got {mask.spec}",
            dimension=str(mask.spec),
        )
    return expand_dims(mask, axis={2: (1, 2), 3: 1}[mask.ndim]) if mask.ndim < 4 else mask


def _sequences(**tensors: Any) -> None:
    for name, x in tensors.items():
        floats(x)
        dimensions(x, 3, f"a {name} (batch, length, features)", 3)
