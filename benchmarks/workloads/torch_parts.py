"""PyTorch modules that begin with weights in flowloom's layouts."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.workloads.workload import Array, Arrays


def _set(parameter: Any, array: Array) -> None:
    with torch.no_grad():
        parameter.copy_(torch.from_numpy(np.ascontiguousarray(array)))


def linear(weights: Arrays, *names: str) -> nn.Linear:
    """A dense layer by the prefix of its kernel and bias; several are laid side by side, as one product."""
    kernel = np.concatenate([weights[f"{name}kernel"] for name in names], axis=1)
    made = nn.Linear(*kernel.shape)
    _set(made.weight, kernel.T)
    _set(made.bias, np.concatenate([weights[f"{name}bias"] for name in names]))
    return made


def linear_after(weights: Arrays, name: str, channels: int) -> nn.Linear:
    """A dense layer behind flattened images: the rows of its kernel from channels last to channels first."""
    kernel = weights[f"{name}kernel"]
    side = round((len(kernel) / channels) ** 0.5)
    rows = kernel.reshape(side, side, channels, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)
    return linear({f"{name}kernel": rows, f"{name}bias": weights[f"{name}bias"]}, name)


def conv2d(weights: Arrays, name: str, padding: str | int = 0) -> nn.Conv2d:
    """A convolution, with a bias if the weights have one."""
    kernel = weights[f"{name}/kernel"]
    height, width, channels, filters = kernel.shape
    made = nn.Conv2d(channels, filters, (height, width), padding=padding, bias=f"{name}/bias" in weights)
    _set(made.weight, kernel.transpose(3, 2, 0, 1))
    if made.bias is not None:
        _set(made.bias, weights[f"{name}/bias"])
    return made


def batch_norm(weights: Arrays, name: str) -> nn.BatchNorm2d:
    """Batch normalisation with flowloom's (Keras') momentum and epsilon."""
    made = nn.BatchNorm2d(len(weights[f"{name}/gamma"]), eps=1e-3, momentum=0.01)
    _set(made.weight, weights[f"{name}/gamma"])
    _set(made.bias, weights[f"{name}/beta"])
    return made


def layer_norm(weights: Arrays, name: str) -> nn.LayerNorm:
    """Layer normalisation with an epsilon of 1e-5."""
    made = nn.LayerNorm(len(weights[f"{name}gamma"]), eps=1e-5)
    _set(made.weight, weights[f"{name}gamma"])
    _set(made.bias, weights[f"{name}beta"])
    return made


def embedding(weights: Arrays, name: str) -> nn.Embedding:
    """A table of vectors."""
    made = nn.Embedding(*weights[f"{name}/embeddings"].shape)
    _set(made.weight, weights[f"{name}/embeddings"])
    return made


def lstm(weights: Arrays, name: str) -> nn.LSTM:
    """A recurrent layer; its second bias, which flowloom and Keras do not have, is 0 and stays so."""
    kernel, recurrent = weights[f"{name}/kernel"], weights[f"{name}/recurrent_kernel"]
    made = nn.LSTM(len(kernel), len(recurrent), batch_first=True)
    _set(made.weight_ih_l0, kernel.T)
    _set(made.weight_hh_l0, recurrent.T)
    _set(made.bias_ih_l0, weights[f"{name}/bias"])
    _set(made.bias_hh_l0, np.zeros_like(weights[f"{name}/bias"]))
    made.bias_hh_l0.requires_grad_(False)
    return made
