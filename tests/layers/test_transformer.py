"""Transformer blocks give what PyTorch's give with the same weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import flowloom as fl

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(0)
X, ENCODED = RNG.normal(size=(2, 4, 6)).astype("float32"), RNG.normal(size=(2, 5, 6)).astype("float32")
COUNTS = np.array([[True] * 4, [True, True, True, False]])


def pytorch(name: str, **how: Any) -> Any:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    module = getattr(torch.nn, name)(6, 2, dim_feedforward=7, dropout=0.0, batch_first=True, **how)
    for p in module.parameters():
        torch.nn.init.normal_(p, std=0.5)
    return module.eval()


def take_over(g: fl.Graph, module: Any) -> None:
    state = {k: v.detach().numpy() for k, v in module.state_dict().items()}
    ours = {v.name.removeprefix("y/"): v for v in g.variables}
    decoder = "multihead_attn.in_proj_weight" in state
    for prefix, theirs in (("", "self_attn"), ("cross_", "multihead_attn"))[: 2 if decoder else 1]:
        for i, role in enumerate(("query", "key", "value")):
            ours[f"{prefix}{role}_kernel"].value = np.split(state[f"{theirs}.in_proj_weight"], 3)[i].T
            ours[f"{prefix}{role}_bias"].value = np.split(state[f"{theirs}.in_proj_bias"], 3)[i]
        ours[f"{prefix}output_kernel"].value = state[f"{theirs}.out_proj.weight"].T
        ours[f"{prefix}output_bias"].value = state[f"{theirs}.out_proj.bias"]
    for role, theirs in (("intermediate", "linear1"), ("feedforward", "linear2")):
        ours[f"{role}_kernel"].value, ours[f"{role}_bias"].value = state[f"{theirs}.weight"].T, state[f"{theirs}.bias"]
    for i, role in enumerate(("attention", "cross", "feedforward") if decoder else ("attention", "feedforward"), 1):
        ours[f"{role}_gamma"].value, ours[f"{role}_beta"].value = state[f"norm{i}.weight"], state[f"norm{i}.bias"]


def by_pytorch(module: Any, *inputs: Array, **masks: Array) -> Array:
    torch = pytest.importorskip("torch")
    made = module(*(torch.tensor(x) for x in inputs), **{k: torch.tensor(v) for k, v in masks.items()})
    return np.asarray(made.detach())


@pytest.mark.parametrize("normalize_first", [False, True])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_an_encoder_block_is_that_of_pytorch(normalize_first: bool, activation: str) -> None:
    torch = pytest.importorskip("torch")
    gelu = torch.nn.GELU(approximate="tanh")
    module = pytorch(
        "TransformerEncoderLayer", norm_first=normalize_first, activation=gelu if activation == "gelu" else "relu"
    )
    with fl.Graph("encoder") as g:
        x, mask = fl.input("x", shape=("batch", "time", 6)), fl.input("mask", shape=("batch", "time"), dtype="bool")
        y = fl.layers.transformer_encoder_block(
            x,
            mask,
            num_heads=2,
            intermediate_dim=7,
            normalize_first=normalize_first,
            activation=activation,
            name="y",
        )
    take_over(g, module)
    expected = by_pytorch(module, X, src_key_padding_mask=~COUNTS)

    result = fl.compile(y)({"x": X, "mask": COUNTS})

    np.testing.assert_allclose(result[COUNTS], expected[COUNTS], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("normalize_first", [False, True])
def test_a_decoder_block_is_that_of_pytorch(normalize_first: bool) -> None:
    module = pytorch("TransformerDecoderLayer", norm_first=normalize_first)
    with fl.Graph("decoder") as g:
        x, encoded = fl.input("x", shape=("batch", "time", 6)), fl.input("encoded", shape=("batch", "other", 6))
        y = fl.layers.transformer_decoder_block(
            x, encoded, num_heads=2, intermediate_dim=7, normalize_first=normalize_first, name="y"
        )
    take_over(g, module)
    later = np.triu(np.ones((4, 4), bool), 1)

    np.testing.assert_allclose(
        fl.compile(y)({"x": X, "encoded": ENCODED}),
        by_pytorch(module, X, ENCODED, tgt_mask=later),
        rtol=1e-4,
        atol=1e-5,
    )


def test_a_decoder_without_anything_encoded_is_a_causal_encoder() -> None:
    with fl.Graph("gpt") as g:
        x = fl.input("x", shape=("batch", "time", 6))
        decoder = fl.layers.transformer_decoder_block(x, num_heads=2, intermediate_dim=7, name="decoder")
        encoder = fl.layers.transformer_encoder_block(
            x, num_heads=2, intermediate_dim=7, use_causal_mask=True, name="encoder"
        )
    ours = {v.name: v for v in g.variables}
    for name, v in ours.items():
        if name.startswith("encoder/"):
            v.value = ours[name.replace("encoder/", "decoder/")].value

    a, b = fl.compile([decoder, encoder])({"x": X})

    np.testing.assert_array_equal(a, b)
    changed = np.array(X)
    changed[:, 3] += 1
    np.testing.assert_array_equal(fl.compile(decoder)({"x": changed})[:, :3], a[:, :3])


def test_heads_must_divide_the_features_and_a_mask_needs_something_encoded() -> None:
    with fl.Graph("wrong"):
        x, mask = fl.input("x", shape=("batch", 4, 6)), fl.input("mask", shape=("batch", 4), dtype="bool")
        with pytest.raises(fl.SpecError, match="the features must be a multiple of num_heads; got 6 and 4"):
            fl.layers.transformer_encoder_block(x, num_heads=4)
        with pytest.raises(fl.SpecError, match="give both or none"):
            fl.layers.transformer_decoder_block(x, encoded_mask=mask, num_heads=2)


# ---------------------------------------------------------------- dense blocks


def test_an_mlp_is_its_dense_layers() -> None:
    with fl.Graph("mlp") as g:
        y = fl.layers.mlp(fl.input("x", shape=("batch", 6)), units=(5, 4, 2), last_activation="tanh", name="y")
    w = {v.name: v.value for v in g.variables}
    rows = X[0]
    for i in range(2):
        rows = np.maximum(rows @ w[f"y/{i}_kernel"] + w[f"y/{i}_bias"], 0)

    np.testing.assert_allclose(
        fl.compile(y)({"x": X[0]}), np.tanh(rows @ w["y/2_kernel"] + w["y/2_bias"]), rtol=1e-5, atol=1e-6
    )


def test_a_residual_block_adds_to_what_it_reads() -> None:
    with fl.Graph("residual") as g:
        x = fl.input("x", shape=("batch", 6))
        y = fl.layers.residual_dense_block(x, units=9, normalize_first=False, activation="tanh", name="y")
    w = {v.name.removeprefix("y/"): v.value for v in g.variables}
    expected = X[0] + np.tanh(X[0] @ w["hidden_kernel"]) @ w["output_kernel"]

    np.testing.assert_allclose(fl.compile(y)({"x": X[0]}), expected, rtol=1e-5, atol=1e-6)
    assert {k: v.shape for k, v in w.items()} == {
        "hidden_kernel": (6, 9),
        "hidden_bias": (9,),
        "output_kernel": (9, 6),
        "output_bias": (6,),
    }
