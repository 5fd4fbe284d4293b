"""Regularizers add what their formulas say to the loss that is trained and reported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flowloom as fl
from flowloom.backends.portable import evaluate
from flowloom.compiler.expr import constant
from flowloom.regularizers import penalty

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(21)
W = RNG.normal(size=(4, 3))


def cosines(rows: Array) -> Array:
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray([abs(a @ b) for i, a in enumerate(unit) for b in unit[:i]])


@pytest.mark.parametrize(
    ("regularizer", "expected"),
    [
        (fl.regularizers.l1(0.3), 0.3 * np.abs(W).sum()),
        (fl.regularizers.l2(0.3), 0.3 * (W**2).sum()),
        (fl.regularizers.l1_l2(0.3, 0.2), 0.3 * np.abs(W).sum() + 0.2 * (W**2).sum()),
        (fl.regularizers.orthogonal(0.3), 0.3 * cosines(W).mean()),
        (fl.regularizers.orthogonal(0.3, "columns"), 0.3 * cosines(W.T).mean()),
        ("l1", 0.01 * np.abs(W).sum()),
        ("l2", 0.01 * (W**2).sum()),
        ("l1_l2", 0.01 * np.abs(W).sum() + 0.01 * (W**2).sum()),
        ("orthogonal", 0.01 * cosines(W).mean()),
    ],
    ids=str,
)
def test_the_penalty_is_the_formula(regularizer: Any, expected: float) -> None:
    assert evaluate([penalty(regularizer, constant(W))], {})[0] == pytest.approx(expected, rel=1e-12)


def test_rows_that_are_orthogonal_or_zero_cost_nothing() -> None:
    for w in (np.eye(3), np.zeros((3, 2)), np.ones((1, 4))):
        assert evaluate([penalty("orthogonal", constant(w))], {})[0] == pytest.approx(0, abs=1e-12)


def line(**dense: Any) -> fl.Graph:
    """A regression of one feature, without bias; the kernel starts at 2."""
    with fl.Graph("line") as graph:
        x, y = fl.input("x", shape=("batch", 1)), fl.input("y", shape=("batch", 1))
        start = fl.initializers.constant(2.0)
        h = fl.layers.dense(x, units=1, use_bias=False, kernel_initializer=start, name="slope", **dense)
        fl.losses.mean_squared_error(h, y, name="loss")
    return graph


DATA = fl.data.from_arrays(x=np.float32([[1], [2]]), y=np.float32([[1], [2]])).batch(2)


def test_the_loss_that_is_trained_and_reported_has_the_penalty_in_it() -> None:
    """By hand: the loss is mean((2x - x)^2) = 2.5, the penalty 0.5 * 2^2; their slopes are 5 and 2."""
    graph = line(kernel_regularizer=fl.regularizers.l2(0.5))
    trainer = fl.Trainer(graph["loss"], fl.optimizers.sgd(0.01))

    assert trainer.evaluate(DATA) == {"loss": pytest.approx(4.5)}
    run = trainer.start(DATA, validation=DATA).wait()

    assert run.history["loss"] == [pytest.approx(4.5)]
    w = 2 - 0.01 * 7
    assert graph.variables[0].value.item() == pytest.approx(w)
    assert run.history["val_loss"] == [pytest.approx(2.5 * (w - 1) ** 2 + 0.5 * w**2)]
    assert fl.compile(graph["loss"])({"x": [[1], [2]], "y": [[1], [2]]}) == pytest.approx(2.5 * (w - 1) ** 2)


def test_a_frozen_variable_and_one_that_the_loss_does_not_read_add_nothing() -> None:
    graph = line(kernel_regularizer="l2", trainable=False)
    with graph:
        aside = fl.layers.dense(graph["x"], units=1, kernel_regularizer="l1", name="aside")
        both = graph["loss"] + fl.sum(fl.variable("w", (1,), initializer="zeros"))
        metric = fl.mean(aside)
    before = {v.name: v.value for v in graph.variables}

    run = fl.Trainer(both, fl.optimizers.sgd(0.01), {"aside": metric}).start(DATA).wait()

    assert run.history["loss"] == [pytest.approx(2.5)]
    for name in ("slope/kernel", "aside/kernel"):
        np.testing.assert_array_equal({v.name: v.value for v in graph.variables}[name], before[name])


def test_a_regularizer_survives_a_file(tmp_path: Path) -> None:
    graph = line(kernel_regularizer=fl.regularizers.l1_l2(0.1, 0.2))
    graph.save(tmp_path / "line.flow.json")

    loaded = fl.load(tmp_path / "line.flow.json")

    assert loaded.nodes["n3"].params["kernel_regularizer"] == {"name": "l1_l2", "l1": 0.1, "l2": 0.2}
    assert loaded.variables[0].info.regularizer == fl.regularizers.l1_l2(0.1, 0.2)


@pytest.mark.parametrize(
    ("regularizer", "complaint"),
    [
        ("l3", "there is no 'l3'. There is: l1, l2, l1_l2, orthogonal"),
        ({"name": "l2", "l2": -1.0}, "l2 must be float >= 0"),
        ({"name": "l2", "l1": 1.0}, "unknown field l1"),
    ],
)
def test_what_is_no_regularizer_is_refused_in_a_line(regularizer: Any, complaint: str) -> None:
    with pytest.raises(fl.SpecError, match=complaint) as caught:
        line(kernel_regularizer=regularizer)

    assert "\n" not in str(caught.value)


def test_a_regularizer_that_does_not_fit_is_a_problem_of_the_node() -> None:
    with fl.Graph("bias"), pytest.raises(fl.SpecError, match=r"takes a matrix; the variable is float32\[3\].*'dense'"):
        fl.layers.dense(fl.input("x", shape=("batch", 2)), units=3, bias_regularizer="orthogonal")
