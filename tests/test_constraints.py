"""Constraints bring a variable back after each update, to what their formulas say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flowloom as fl
from flowloom.backends.portable import evaluate
from flowloom.compiler.expr import constant
from flowloom.constraints import constrained

Array = np.ndarray[Any, Any]
W = np.random.default_rng(22).normal(scale=2, size=(4, 3))
NORM = np.linalg.norm(W, axis=0, keepdims=True)


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        ("max_norm", W / NORM * np.minimum(NORM, 2.0)),
        (fl.constraints.max_norm(3.0), W / NORM * np.minimum(NORM, 3.0)),
        ("non_neg", np.maximum(W, 0)),
        ("unit_norm", W / NORM),
        (fl.constraints.unit_norm(axis=(0, 1)), W / np.linalg.norm(W)),
        (fl.constraints.min_max_norm(1.0, 3.0), W / NORM * np.clip(NORM, 1.0, 3.0)),
        (fl.constraints.min_max_norm(1.0, 3.0, rate=0.25), W / NORM * (0.25 * np.clip(NORM, 1, 3) + 0.75 * NORM)),
    ],
    ids=str,
)
def test_the_value_is_the_formula(constraint: Any, expected: Array) -> None:
    np.testing.assert_allclose(evaluate([constrained(constraint, constant(W))], {})[0], expected, rtol=1e-6)


def line(**dense: Any) -> fl.Graph:
    with fl.Graph("line") as graph:
        x, y = fl.input("x", shape=("batch", 2)), fl.input("y", shape=("batch", 3))
        fl.losses.mean_squared_error(fl.layers.dense(x, units=3, name="dense", **dense), y, name="loss")
    return graph


RNG = np.random.default_rng(23)
DATA = fl.data.from_arrays(x=RNG.normal(size=(20, 2)), y=10 * RNG.normal(size=(20, 3))).batch(8)


@pytest.mark.parametrize("optimizer", [fl.optimizers.sgd(0.5), fl.optimizers.adam(0.5, use_ema=True)])
def test_a_trained_variable_obeys_after_every_step(optimizer: fl.optimizers.Optimizer) -> None:
    graph = line(kernel_constraint=fl.constraints.max_norm(0.7), bias_constraint="non_neg")

    fl.Trainer(graph["loss"], optimizer).start(DATA, epochs=5).wait()

    kernel, bias = (v.value for v in graph.variables)
    assert np.linalg.norm(kernel, axis=0).max() <= 0.7 * (1 + 1e-6)
    assert np.linalg.norm(kernel, axis=0).max() > 0.5
    assert bias.min() >= 0


def test_a_constraint_survives_a_file(tmp_path: Path) -> None:
    graph = line(kernel_constraint=fl.constraints.min_max_norm(0.5, axis=(0, 1)))
    graph.save(tmp_path / "line.flow.json")

    assert fl.load(tmp_path / "line.flow.json").variables[0].info.constraint == fl.constraints.min_max_norm(
        0.5, axis=(0, 1)
    )


@pytest.mark.parametrize(
    ("constraint", "complaint"),
    [
        ("max_nor", "there is no 'max_nor'; did you mean 'max_norm'"),
        ({"name": "max_norm", "max_value": -1.0}, "max_value must be float >= 0"),
        ({"name": "min_max_norm", "min_value": 2.0}, "min_value must not exceed max_value; got 2.0 and 1.0"),
        (fl.constraints.unit_norm(axis=5), "axis 5 is outside"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_line(constraint: Any, complaint: str) -> None:
    with pytest.raises(fl.SpecError, match=complaint) as caught:
        line(kernel_constraint=constraint)

    assert "\n" not in str(caught.value)
