"""Attention gives what PyTorch's gives with the same weights, and what the papers' formulas say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import softmax

import flowloom as fl

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(0)
QUERY, MEMORY = RNG.normal(size=(2, 4, 6)).astype("float32"), RNG.normal(size=(2, 5, 6)).astype("float32")
COUNTS = np.array([[True] * 5, [True, True, False, True, False]])


def build(**params: Any) -> tuple[fl.Graph, tuple[fl.Tensor, ...]]:
    with fl.Graph("attention") as g:
        query, memory = fl.input("query", shape=("batch", "q", 6)), fl.input("memory", shape=("batch", "k", 6))
        mask = fl.input("mask", shape=("batch", "k"), dtype="bool") if params.pop("masked", False) else None
        made = fl.layers.multi_head_attention(query, memory, mask=mask, name="y", **params)
    return g, made if isinstance(made, tuple) else (made,)


def theirs(g: fl.Graph, heads: int, size: int) -> Any:
    """PyTorch's module, whose weights the graph takes over."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    module = torch.nn.MultiheadAttention(size, heads, batch_first=True)
    torch.nn.init.normal_(module.in_proj_bias)
    torch.nn.init.normal_(module.out_proj.bias)
    state = {k: v.detach().numpy() for k, v in module.state_dict().items()}
    ours = {v.name.removeprefix("y/"): v for v in g.variables}
    for i, role in enumerate(("query", "key", "value")):
        ours[f"{role}_kernel"].value = np.split(state["in_proj_weight"], 3)[i].T
        ours[f"{role}_bias"].value = np.split(state["in_proj_bias"], 3)[i]
    ours["output_kernel"].value = state["out_proj.weight"].T
    ours["output_bias"].value = state["out_proj.bias"]
    return module


def by_pytorch(module: Any, query: Array, memory: Array, **how: Any) -> list[Array]:
    torch = pytest.importorskip("torch")
    how = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in how.items()}
    made = module(torch.tensor(query), torch.tensor(memory), torch.tensor(memory), average_attn_weights=False, **how)
    return [m.detach().numpy() for m in made]


@pytest.mark.parametrize("heads", [1, 2, 3])
def test_it_is_the_attention_of_pytorch(heads: int) -> None:
    g, made = build(num_heads=heads, key_dim=6 // heads, return_attention_scores=True)
    expected = by_pytorch(theirs(g, heads, 6), QUERY, MEMORY)

    for ours, other in zip(fl.compile(list(made))({"query": QUERY, "memory": MEMORY}), expected, strict=True):
        np.testing.assert_allclose(ours, other, rtol=1e-5, atol=1e-6)


def test_keys_that_do_not_count_get_no_weight() -> None:
    g, made = build(num_heads=2, key_dim=3, masked=True, return_attention_scores=True)
    expected = by_pytorch(theirs(g, 2, 6), QUERY, MEMORY, key_padding_mask=~COUNTS)

    y, weights = fl.compile(list(made))({"query": QUERY, "memory": MEMORY, "mask": COUNTS})

    np.testing.assert_allclose(y, expected[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(weights, expected[1], rtol=1e-5, atol=1e-6)
    assert (weights[1][..., ~COUNTS[1]] == 0).all()


def test_a_step_reads_itself_and_what_is_before() -> None:
    with fl.Graph("causal") as g:
        x = fl.input("query", shape=("batch", "time", 6))
        y = fl.layers.multi_head_attention(x, num_heads=2, key_dim=3, use_causal_mask=True, name="y")
    later = np.triu(np.ones((4, 4), bool), 1)
    expected, _ = by_pytorch(theirs(g, 2, 6), QUERY, QUERY, attn_mask=later)

    np.testing.assert_allclose(fl.compile(y)({"query": QUERY}), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("rank", [3, 4])
def test_a_mask_may_name_pairs(rank: int) -> None:
    shape: tuple[Any, ...] = ("batch", 2, 4, 5) if rank == 4 else ("batch", 4, 5)
    pairs = RNG.random([2 if d == "batch" else d for d in shape]) < 0.6
    pairs[..., 0] = True
    with fl.Graph("pairs"):
        query, memory = fl.input("query", shape=("batch", 4, 6)), fl.input("memory", shape=("batch", 5, 6))
        mask = fl.input("mask", shape=shape, dtype="bool")
        made = fl.layers.multi_head_attention(
            query, memory, None, mask, num_heads=2, key_dim=3, return_attention_scores=True
        )

    _, weights = fl.compile(list(made))({"query": QUERY, "memory": MEMORY, "mask": pairs})

    seen = pairs if rank == 4 else np.repeat(pairs[:, None], 2, axis=1)
    assert ((weights > 0) == seen).all()
    np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-5)


def test_a_group_of_heads_shares_keys_and_values() -> None:
    """It is ordinary attention whose kernels for keys and values repeat those of each group."""
    g, (y,) = build(num_heads=4, num_key_value_heads=2, key_dim=3)
    with g:
        full = fl.layers.multi_head_attention(g["query"], g["memory"], num_heads=4, key_dim=3, name="full")
    ours = {v.name: v for v in g.variables}
    for role in ("query", "key", "value", "output"):
        kernel = ours[f"y/{role}_kernel"].value
        if role in ("key", "value"):
            kernel = kernel.reshape(6, 2, 3).repeat(2, axis=1).reshape(6, 12)
        ours[f"full/{role}_kernel"].value = kernel

    grouped, ordinary = fl.compile([y, full])({"query": QUERY, "memory": MEMORY})

    assert ours["y/key_kernel"].shape == (6, 6)
    np.testing.assert_allclose(grouped, ordinary, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["multi_head_attention", "attention", "additive_attention"])
def test_dropout_drops_weights_only_while_learning(name: str) -> None:
    """Of values that are the rows of the identity it gives the weights themselves."""
    with fl.Graph("dropout") as g:
        query, memory = fl.input("query", shape=("batch", 4, 6)), fl.input("memory", shape=("batch", 5, 6))
        rows = fl.input("rows", shape=("batch", 5, 5))
        how = {"num_heads": 1, "value_dim": 5, "output_dim": 5} if name == "multi_head_attention" else {}
        y, weights = getattr(fl.layers, name)(query, rows, memory, dropout=0.4, return_attention_scores=True, **how)
    for v in g.variables:
        if v.info.role in ("value_kernel", "output_kernel"):
            v.value = np.eye(5)
    feeds = {"query": QUERY, "memory": MEMORY, "rows": np.stack([np.eye(5)] * 2)}

    still, learning = (fl.compile(y, training=t)(feeds) for t in (False, True))

    expected = fl.compile(weights)(feeds).reshape(2, 4, 5)
    np.testing.assert_allclose(still, expected, rtol=1e-5)
    kept = learning != 0
    assert 0 < kept.mean() < 1
    np.testing.assert_allclose(learning[kept], expected[kept] / 0.6, rtol=1e-5)


def test_heads_that_cannot_be_grouped_are_refused() -> None:
    with pytest.raises(fl.SpecError, match="num_heads must be a multiple of num_key_value_heads; got 4 and 3"):
        build(num_heads=4, num_key_value_heads=3)


# ---------------------------------------------------------------- attention with one head


def single(layer: Any, *, masked: bool = False, **params: Any) -> tuple[fl.Graph, list[fl.Tensor]]:
    with fl.Graph("attention") as g:
        query, memory = fl.input("query", shape=("batch", 4, 6)), fl.input("memory", shape=("batch", 5, 6))
        mask = fl.input("mask", shape=("batch", 5), dtype="bool") if masked else None
        return g, list(layer(query, memory, mask=mask, return_attention_scores=True, **params))


@pytest.mark.parametrize("masked", [False, True])
def test_dot_product_attention_is_its_formula(masked: bool) -> None:
    g, made = single(fl.layers.attention, masked=masked, use_scale=True)
    g.variables[0].value = 0.7
    scores = 0.7 * QUERY @ MEMORY.swapaxes(1, 2)
    weights = softmax(np.where(COUNTS[:, None], scores, -np.inf) if masked else scores, axis=-1)

    y, found = fl.compile(made)({"query": QUERY, "memory": MEMORY} | ({"mask": COUNTS} if masked else {}))

    np.testing.assert_allclose(found, weights, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(y, weights @ MEMORY, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("layer", ["additive_attention", "concat"])
def test_additive_attention_is_its_formula(layer: str) -> None:
    if layer == "concat":
        g, made = single(fl.layers.attention, score_mode="concat")
    else:
        g, made = single(fl.layers.additive_attention)
    scale = g.variables[0].value = RNG.normal(size=g.variables[0].shape).astype("float32")
    pairs = np.tanh(QUERY[:, :, None] + MEMORY[:, None])
    weights = softmax((pairs * scale).sum(-1), axis=-1)

    y, found = fl.compile(made)({"query": QUERY, "memory": MEMORY})

    np.testing.assert_allclose(found, weights, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(y, weights @ MEMORY, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("layer", ["attention", "additive_attention"])
def test_with_a_causal_mask_nothing_comes_from_later(layer: str) -> None:
    _, made = single(getattr(fl.layers, layer), use_causal_mask=True)

    _, weights = fl.compile(made)({"query": QUERY, "memory": MEMORY})

    assert (np.triu(weights[0], 1) == 0).all()
    np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-5)


def test_a_mask_of_numbers_is_refused() -> None:
    with fl.Graph("wrong"):
        x, mask = fl.input("x", shape=("batch", 4, 6)), fl.input("mask", shape=("batch", 4, 5))
        with pytest.raises(fl.SpecError, match=r"the mask is bool.*got float32\[batch, 4, 5\]"):
            fl.layers.multi_head_attention(x, mask=mask)
