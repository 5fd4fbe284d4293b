"""JAX: a whole step as one compiled function, whose weights are donated to the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.peers.adam import BETA_1, BETA_2, RATE, moments, moved
from benchmarks.workloads import Workload


def train(workload: Workload) -> Callable[[int], float]:
    """Loss, gradients and Adam under one `jax.jit`, called for each step."""
    x, label = jnp.asarray(workload.x), jnp.asarray(workload.label)
    step, state = jax.jit(stepping(workload), donate_argnums=0), beginning(workload)

    def take(steps: int) -> float:
        nonlocal state
        for _ in range(steps):
            state, loss = step(state, x, label)
        jax.block_until_ready(state)
        return float(loss)

    return take


def beginning(workload: Workload) -> Any:
    """Weights, what Adam remembers of each, and the count of steps. Of moving statistics nothing is learned."""
    first = {name: jnp.asarray(w) for name, w in workload.weights.items() if "moving_" not in name}
    return first, {name: (jnp.zeros_like(w), jnp.zeros_like(w)) for name, w in first.items()}, jnp.float32(0)


def stepping(workload: Workload) -> Callable[[Any, Any, Any], Any]:
    """The function from a state, an input and its labels to the next state and the loss."""

    def objective(w: Any, x: Any, label: Any) -> Any:
        scores = workload.jax(w, x)
        if workload.loss == "sigmoid":
            return jnp.mean(jax.nn.softplus(scores) - scores * label)
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(scores), label[..., None], axis=-1))

    def step(state: Any, x: Any, label: Any) -> Any:
        w, slots, count = state
        loss, gradients = jax.value_and_grad(objective)(w, x, label)
        count = count + 1
        rate = RATE * jnp.sqrt(1 - BETA_2**count) / (1 - BETA_1**count)
        slots = {name: moments(gradients[name], m, v) for name, (m, v) in slots.items()}
        w = {name: moved(w[name], m, v, rate, jnp.sqrt) for name, (m, v) in slots.items()}
        return (w, slots, count), loss

    return step


def infer(workload: Workload) -> Callable[[int], Any]:
    """The scores under `jax.jit`."""
    weights, x = {name: jnp.asarray(w) for name, w in workload.weights.items()}, jnp.asarray(workload.x)
    forward = jax.jit(workload.jax)

    def ask(times: int) -> Any:
        for _ in range(times):
            scores = forward(weights, x).block_until_ready()
        return np.asarray(scores)

    return ask
