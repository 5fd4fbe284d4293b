"""A language model by long short-term memory: embedding, one recurrent layer, a dense layer at every step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.workloads.workload import Arrays, Workload, drawn, text

VOCABULARY, LENGTH, BATCH, WIDTH = 64, 64, 16, 128
SHAPES = {
    "embedding/embeddings": (VOCABULARY, WIDTH),
    "lstm/kernel": (WIDTH, 4 * WIDTH),
    "lstm/recurrent_kernel": (WIDTH, 4 * WIDTH),
    "lstm/bias": (4 * WIDTH,),
    "dense/kernel": (WIDTH, VOCABULARY),
    "dense/bias": (VOCABULARY,),
}


def language_lstm() -> Workload:
    """64 symbols, width 128, 64 steps, a batch of 16."""
    return Workload(
        "LSTM language model, width 128, length 64, batch 16",
        drawn(SHAPES),
        *text(BATCH, LENGTH, VOCABULARY),
        20,
        _flowloom,
        _torch,
        _jax,
    )


def _flowloom(x: Any) -> Any:
    import flowloom as fl

    x = fl.layers.embedding(x, input_dim=VOCABULARY, output_dim=WIDTH, name="embedding")
    x = fl.layers.lstm(x, units=WIDTH, return_sequences=True, name="lstm")
    return fl.layers.dense(x, units=VOCABULARY, name="dense")


def _torch(weights: Arrays) -> Any:
    from torch import nn

    from benchmarks.workloads.torch_parts import embedding, linear, lstm

    class Language(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = embedding(weights, "embedding")
            self.lstm = lstm(weights, "lstm")
            self.dense = linear(weights, "dense/")

        def forward(self, x: Any) -> Any:
            return self.dense(self.lstm(self.embedding(x))[0])

    return Language()


def _jax(w: Mapping[str, Any], x: Any) -> Any:
    from benchmarks.workloads.jax_parts import dense, lstm

    return dense(w, "dense/", lstm(w, "lstm", w["embedding/embeddings"][x]))
