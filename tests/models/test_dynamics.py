"""Hares and lynxes (Lotka 1925, Volterra 1926): the rates of a differential equation, found from what was counted.

The equation is solved by Runge's and Kutta's method as the step of a scan; SciPy's solver makes the counts, its
optimizer goes down the gradient that comes back through all steps, and Newton's method uses the second derivatives.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import minimize

import flowloom as fl
from tests.models.checks import Array, check_slopes, check_survival

RATES, START, DT, STEPS = np.array([1.5, 1.0, 1.0, 2.0]), np.array([1.0, 0.5]), 0.1, 30


def counted() -> dict[str, Array]:
    def change(_t: float, y: Array) -> Array:
        a, b, c, d = RATES
        return np.array([a * y[0] - b * y[0] * y[1], c * y[0] * y[1] - d * y[1]])

    times = DT * np.arange(1, STEPS + 1)
    solved = solve_ivp(change, (0.0, times[-1]), START, t_eval=times, rtol=1e-9, atol=1e-9)
    return {"start": START, "counted": solved.y.T}


def equation() -> fl.Graph:
    with fl.Graph("hares and lynxes") as g:
        start = fl.input("start", shape=(2,), dtype="float64")
        counted = fl.input("counted", shape=("time", 2), dtype="float64")
        rates = fl.variable("rates", (4,), dtype="float64", initializer="ones")
        a, b, c, d = fl.unstack(rates)

        def change(y: fl.Tensor) -> fl.Tensor:
            hares, lynxes = fl.unstack(y)
            changes: fl.Tensor = fl.stack(a * hares - b * hares * lynxes, c * hares * lynxes - d * lynxes)
            return changes

        def step(y: fl.Tensor, _seen: fl.Tensor) -> tuple[fl.Tensor, fl.Tensor]:
            k1 = change(y)
            k2 = change(y + DT / 2 * k1)
            k3 = change(y + DT / 2 * k2)
            k4 = change(y + DT * k3)
            y = y + DT / 6 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
            return y, y

        _, path = fl.scan(step, start, counted)
        fl.output(fl.losses.mean_squared_error(path, counted, name="loss"))
    return g


def test_the_rates_are_found_by_the_gradient() -> None:
    graph, feeds = equation(), counted()
    rates = graph.variable("rates")
    program = fl.compile([graph["loss"], *fl.gradients(graph["loss"], [rates])])

    def loss_and_gradient(at: Array) -> tuple[float, Array]:
        rates.value = at
        loss, gradient = program(feeds)
        return float(loss), gradient

    found = minimize(loss_and_gradient, np.ones(4), jac=True, method="BFGS", options={"gtol": 1e-7})

    assert loss_and_gradient(np.ones(4))[0] > 0.1
    np.testing.assert_allclose(found.x, RATES, rtol=1e-3)


def test_newton_ends_in_a_few_steps() -> None:
    graph, feeds = equation(), counted()
    rates = graph.variable("rates")
    (gradient,) = fl.gradients(graph["loss"], [rates])
    rows = [fl.gradients(gradient[i], [rates])[0] for i in range(4)]
    program = fl.compile([gradient, fl.stack(*rows)])

    rates.value = RATES * 1.02
    for _ in range(4):
        slope, curvature = program(feeds)
        rates.value = rates.value - np.linalg.solve(curvature, slope)

    np.testing.assert_allclose(curvature, curvature.T, rtol=1e-9)
    np.testing.assert_allclose(rates.value, RATES, rtol=1e-4)


def test_its_gradients_are_slopes_and_it_survives(tmp_path: Path) -> None:
    check_slopes(equation(), counted())
    check_survival(equation(), counted(), tmp_path)
