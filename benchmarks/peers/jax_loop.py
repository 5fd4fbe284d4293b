"""JAX: many steps as one compiled loop."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks.peers.jax_jit import beginning, stepping
from benchmarks.workloads import Workload


def train(workload: Workload) -> Callable[[int], float]:
    """Steps in a `fori_loop` under one `jax.jit`."""
    if workload.x.ndim == 4:
        raise NotImplementedError("XLA's convolutions take 15 times as long in a loop")
    x, label = jnp.asarray(workload.x), jnp.asarray(workload.label)
    step, state = stepping(workload), beginning(workload)

    @partial(jax.jit, donate_argnums=0)
    def loop(state: Any, steps: Any, x: Any, label: Any) -> Any:
        return jax.lax.fori_loop(0, steps, lambda _, now: step(now[0], x, label), (state, jnp.float32(0)))

    def take(steps: int) -> float:
        nonlocal state
        state, loss = loop(state, steps, x, label)
        jax.block_until_ready(state)
        return float(loss)

    return take
