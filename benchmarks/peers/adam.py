"""Adam (Kingma & Ba 2015) with the defaults of Keras and flowloom, for the peers that bring none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

RATE, BETA_1, BETA_2, EPSILON = 1e-3, 0.9, 0.999, 1e-7


class NumpyAdam:
    """Changes weights in place."""

    def __init__(self, weights: dict[str, Any]) -> None:
        self.weights, self.count = weights, 0
        self.m = {name: np.zeros_like(w) for name, w in weights.items()}
        self.v = {name: np.zeros_like(w) for name, w in weights.items()}

    def __call__(self, gradients: Mapping[str, Any]) -> None:
        """Take one step; the gradients are used up."""
        self.count += 1
        rate = np.float32(RATE * np.sqrt(1 - BETA_2**self.count) / (1 - BETA_1**self.count))
        for name, g in gradients.items():
            m, v = self.m[name], self.v[name]
            m *= np.float32(BETA_1)
            m += np.float32(1 - BETA_1) * g
            v *= np.float32(BETA_2)
            g *= g
            g *= np.float32(1 - BETA_2)
            v += g
            spread = np.sqrt(v, out=g)
            spread += np.float32(EPSILON)
            change = np.divide(m, spread, out=spread)
            change *= rate
            self.weights[name] -= change


def moments(g: Any, m: Any, v: Any) -> tuple[Any, Any]:
    """The new moving means of a gradient and its square."""
    return m + (1 - BETA_1) * (g - m), v + (1 - BETA_2) * (g * g - v)


def moved(w: Any, m: Any, v: Any, rate: Any, root: Any) -> Any:
    """The weight after a step of the corrected `rate`."""
    return w - rate * m / (root(v) + EPSILON)
