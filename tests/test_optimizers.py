"""Optimizers take the steps that their papers' formulas give, computed here in NumPy's float64."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import flowloom as fl
from flowloom.optimizers import Optimizer
from tests.training.waiting import eventually

Array = np.ndarray[Any, Any]
STEPS = 12
START = np.array([1.0, -2.0, 0.5])
PULL = np.random.default_rng(9).normal(size=(STEPS, 3))  # the loss of step i is w . PULL[i] + |w|^2 / 2


def trained(
    optimizer: Optimizer, *, dtype: str = "float64", change: tuple[int, dict[str, float]] | None = None
) -> Array:
    """The variable after each step: (STEPS, 3). `change` sets hyperparameters after so many steps."""
    with fl.Graph("bowl") as g:
        w = fl.variable("w", (3,), dtype=dtype)
        pull = fl.input("pull", shape=("batch", 3), dtype="float64")
        loss = fl.sum(fl.mean(pull, axis=0) * w) + fl.sum(w * w) / 2.0
    g.variables[0].value = START
    seen = []
    run = fl.Trainer(loss, optimizer).start(fl.data.from_arrays(pull=PULL).batch(1), paused=True)
    for i in range(STEPS):
        if change is not None and change[0] == i:
            run.set(**change[1])
        run.step()
        if i == STEPS - 1:
            run.wait()
        else:
            eventually(lambda i=i: run.step_count == i + 1)
        seen.append(g.variables[0].value)
    return np.array(seen)


def gradient(i: int, w: Array) -> Array:
    return PULL[i] + w


def descent(learning_rate: float) -> Iterator[Array]:
    w = START
    for i in range(STEPS):
        w = w - learning_rate * gradient(i, w)
        yield w


def momentum(learning_rate: float, mu: float) -> Iterator[Array]:
    """Polyak (1964), as in Sutskever et al. (2013) eq. 1 and 2."""
    w, v = START, np.zeros(3)
    for i in range(STEPS):
        v = mu * v - learning_rate * gradient(i, w)
        w = w + v
        yield w


def nesterov(learning_rate: float, mu: float) -> Iterator[Array]:
    """Sutskever et al. (2013) eq. 3 and 4, whose gradient is taken ahead at theta + mu v.

    That look-ahead point is what is stored here, as in Keras, so it is what is compared.
    """
    theta, v = START, np.zeros(3)
    for i in range(STEPS):
        v = mu * v - learning_rate * gradient(i, theta + mu * v)
        theta = theta + v
        yield theta + mu * v


def adam(learning_rate: float, beta_1: float, beta_2: float, epsilon: float) -> Iterator[Array]:
    """Kingma & Ba (2015), algorithm 1, with the note after it: epsilon stands beside the uncorrected root."""
    w, m, v = START, np.zeros(3), np.zeros(3)
    for i in range(STEPS):
        g, t = gradient(i, w), i + 1
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        w = w - learning_rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t) * m / (np.sqrt(v) + epsilon)
        yield w


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        (fl.optimizers.sgd(0.1), descent(0.1)),
        (fl.optimizers.sgd(0.1, momentum=0.9), momentum(0.1, 0.9)),
        (fl.optimizers.sgd(0.1, momentum=0.9, nesterov=True), nesterov(0.1, 0.9)),
        (fl.optimizers.adam(0.05), adam(0.05, 0.9, 0.999, 1e-7)),
        (fl.optimizers.adam(0.05, beta_1=0.0, beta_2=0.5, epsilon=1e-2), adam(0.05, 0.0, 0.5, 1e-2)),
    ],
    ids=["sgd", "momentum", "nesterov", "adam", "adam with other betas"],
)
def test_the_steps_are_those_of_the_paper(optimizer: Optimizer, expected: Iterator[Array]) -> None:
    # hyperparameters are float32: 1 - 0.999 has a relative error of 1e-5 there
    np.testing.assert_allclose(trained(optimizer), list(expected), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("make", [fl.optimizers.sgd, fl.optimizers.adam])
def test_a_variable_keeps_its_dtype(make: Callable[..., Optimizer], dtype: str) -> None:
    result = trained(make(0.1), dtype=dtype)

    assert result.dtype == dtype
    np.testing.assert_allclose(result, trained(make(0.1)), rtol=0.05, atol=0.02)


def test_a_learning_rate_set_on_the_way_acts_from_the_next_step() -> None:
    half = STEPS // 2
    result = trained(fl.optimizers.sgd(0.1), change=(half, {"learning_rate": 0.01}))

    w = START
    for i in range(STEPS):
        w = w - (0.1 if i < half else 0.01) * gradient(i, w)
        np.testing.assert_allclose(result[i], w, rtol=1e-5)


def test_the_defaults_are_those_of_keras() -> None:
    assert {n: h.value for n, h in fl.optimizers.sgd().hyperparameters.items()} == {
        "learning_rate": 0.01,
        "momentum": 0.0,
    }
    assert {n: h.value for n, h in fl.optimizers.adam().hyperparameters.items()} == {
        "learning_rate": 0.001,
        "beta_1": 0.9,
        "beta_2": 0.999,
        "epsilon": 1e-7,
    }


@pytest.mark.parametrize("value", [0.0, -1.0, 1e9, float("nan"), float("inf"), "0.1", True, None])
def test_a_learning_rate_that_makes_no_sense_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="learning_rate must be"):
        fl.optimizers.adam(value)


def test_an_unknown_hyperparameter_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="adam has no hyperparameter 'learning_rat'; did you mean 'learning_rate'"):
        fl.optimizers.adam().check("learning_rat", 0.1)
