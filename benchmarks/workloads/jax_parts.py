"""Layers as JAX functions of weights in flowloom's layouts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax


def dense(w: Mapping[str, Any], name: str, x: Any) -> Any:
    """`x` times a kernel, plus a bias, by the prefix of their names."""
    return x @ w[f"{name}kernel"] + w[f"{name}bias"]


def conv2d(w: Mapping[str, Any], name: str, x: Any, padding: str = "VALID") -> Any:
    """A convolution of images NHWC, with a bias if the weights have one."""
    y = lax.conv_general_dilated(x, w[f"{name}/kernel"], (1, 1), padding, dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return y + w[f"{name}/bias"] if f"{name}/bias" in w else y


def max_pool(x: Any) -> Any:
    """The largest of each window of 2 by 2: with `reduce_window` LeNet's step takes a third longer."""
    batch, height, width, channels = x.shape
    return x.reshape(batch, height // 2, 2, width // 2, 2, channels).max((2, 4))


def batch_norm(w: Mapping[str, Any], name: str, x: Any) -> Any:
    """Each channel by the statistics of the batch."""
    mean, var = x.mean((0, 1, 2)), x.var((0, 1, 2))
    return (x - mean) * (lax.rsqrt(var + 1e-3) * w[f"{name}/gamma"]) + w[f"{name}/beta"]


def layer_norm(w: Mapping[str, Any], name: str, x: Any) -> Any:
    """Each row by its own statistics, with an epsilon of 1e-5."""
    mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) * lax.rsqrt(var + 1e-5) * w[f"{name}gamma"] + w[f"{name}beta"]


def lstm(w: Mapping[str, Any], name: str, x: Any) -> Any:
    """All outputs of a recurrent layer over `x` (batch, time, features)."""
    recurrent = w[f"{name}/recurrent_kernel"]
    read = jnp.swapaxes(x @ w[f"{name}/kernel"] + w[f"{name}/bias"], 0, 1)

    def step(state: Any, now: Any) -> Any:
        h, c = state
        i, f, g, o = jnp.split(now + h @ recurrent, 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    zeros = jnp.zeros((len(x), len(recurrent)))
    return jnp.swapaxes(lax.scan(step, (zeros, zeros), read)[1], 0, 1)
