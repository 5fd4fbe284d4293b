"""A small GPT (Radford et al. 2019): learned positions, blocks that normalise first, causal attention, gelu by tanh."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.workloads.workload import Arrays, Workload, drawn, text

VOCABULARY, LENGTH, BATCH, WIDTH, HEADS, INNER, BLOCKS = 64, 64, 16, 128, 4, 512, 2


def gpt() -> Workload:
    """2 blocks of width 128 with 4 heads and 512 inside, 64 symbols, 64 steps, a batch of 16."""
    shapes: dict[str, tuple[int, ...]] = {
        "embedding/embeddings": (VOCABULARY, WIDTH),
        "position/embeddings": (LENGTH, WIDTH),
        **_norm("norm/"),
        **_dense("dense/", WIDTH, VOCABULARY),
    }
    for i in range(BLOCKS):
        shapes |= _norm(f"block{i}/attention_") | _norm(f"block{i}/feedforward_")
        for role in ("query", "key", "value", "output"):
            shapes |= _dense(f"block{i}/{role}_", WIDTH, WIDTH)
        shapes |= _dense(f"block{i}/intermediate_", WIDTH, INNER) | _dense(f"block{i}/feedforward_", INNER, WIDTH)
    return Workload(
        "GPT, 2 blocks, width 128, length 64, batch 16",
        drawn(shapes),
        *text(BATCH, LENGTH, VOCABULARY),
        10,
        _flowloom,
        _torch,
        _jax,
    )


def _dense(prefix: str, rows: int, columns: int) -> dict[str, tuple[int, ...]]:
    return {f"{prefix}kernel": (rows, columns), f"{prefix}bias": (columns,)}


def _norm(prefix: str) -> dict[str, tuple[int, ...]]:
    return {f"{prefix}gamma": (WIDTH,), f"{prefix}beta": (WIDTH,)}


def _flowloom(x: Any) -> Any:
    import flowloom as fl

    x = fl.layers.embedding(x, input_dim=VOCABULARY, output_dim=WIDTH, name="embedding")
    x = x + fl.layers.position_embedding(x, sequence_length=LENGTH, name="position")
    for i in range(BLOCKS):
        x = fl.layers.transformer_decoder_block(
            x, num_heads=HEADS, intermediate_dim=INNER, normalize_first=True, activation="gelu", name=f"block{i}"
        )
    x = fl.layers.layer_normalization(x, epsilon=1e-5, name="norm")
    return fl.layers.dense(x, units=VOCABULARY, name="dense")


def _torch(weights: Arrays) -> Any:
    import torch
    from torch import nn
    from torch.nn.functional import gelu, scaled_dot_product_attention

    from benchmarks.workloads.torch_parts import embedding, layer_norm, linear

    class Block(nn.Module):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.norm1 = layer_norm(weights, f"{name}/attention_")
            self.read = linear(weights, *(f"{name}/{role}_" for role in ("query", "key", "value")))
            self.output = linear(weights, f"{name}/output_")
            self.norm2 = layer_norm(weights, f"{name}/feedforward_")
            self.intermediate = linear(weights, f"{name}/intermediate_")
            self.feedforward = linear(weights, f"{name}/feedforward_")

        def forward(self, x: Any) -> Any:
            q, k, v = (
                part.unflatten(-1, (HEADS, -1)).transpose(1, 2) for part in self.read(self.norm1(x)).chunk(3, dim=-1)
            )
            y = scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.output(y.transpose(1, 2).flatten(2))
            return x + self.feedforward(gelu(self.intermediate(self.norm2(x)), approximate="tanh"))

    class Gpt(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = embedding(weights, "embedding")
            self.position = embedding(weights, "position")
            self.blocks = nn.Sequential(*(Block(f"block{i}") for i in range(BLOCKS)))
            self.norm = layer_norm(weights, "norm/")
            self.dense = linear(weights, "dense/")

        def forward(self, x: Any) -> Any:
            x = self.embedding(x) + self.position(torch.arange(x.shape[1]))
            return self.dense(self.norm(self.blocks(x)))

    return Gpt()


def _jax(w: Mapping[str, Any], x: Any) -> Any:
    import jax

    from benchmarks.workloads.jax_parts import dense, layer_norm

    x = w["embedding/embeddings"][x] + w["position/embeddings"]
    for i in range(BLOCKS):
        name = f"block{i}"
        read = layer_norm(w, f"{name}/attention_", x)
        q, k, v = (
            dense(w, f"{name}/{role}_", read).reshape(*x.shape[:2], HEADS, -1) for role in ("query", "key", "value")
        )
        y = jax.nn.dot_product_attention(q, k, v, is_causal=True)
        x = x + dense(w, f"{name}/output_", y.reshape(x.shape))
        wide = dense(w, f"{name}/intermediate_", layer_norm(w, f"{name}/feedforward_", x))
        x = x + dense(w, f"{name}/feedforward_", jax.nn.gelu(wide, approximate=True))
    return dense(w, "dense/", layer_norm(w, "norm/", x))
