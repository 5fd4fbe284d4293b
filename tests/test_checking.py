"""Gradients checked against slopes, on models as people build them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import flowloom as fl
from flowloom.op import REGISTRY
from flowloom.spec import Spec

X = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)


def model() -> fl.Tensor:
    with fl.Graph():
        x = fl.input("x", shape=("batch", 4))
        label = fl.input("label", shape=("batch",), dtype="int64")
        hidden = fl.layers.dense(x, units=5, activation="tanh")
        return fl.losses.softmax_cross_entropy(fl.layers.dense(hidden, units=3), label)  # type: ignore[no-any-return]


@pytest.fixture
def wrong_op() -> Iterator[Any]:
    """An op whose gradient rule forgets a factor of 2."""

    @fl.op
    def twice(x: Spec) -> Spec:
        """Two times x."""
        return x

    twice.kernel(lambda xp, x: x * 2).vjp(lambda g, y, x: (g,))
    yield twice
    del REGISTRY["twice"]


def test_gradients_of_a_model_are_its_slopes() -> None:
    errors = fl.check_gradients(model(), {"x": X, "label": np.arange(6) % 3})

    assert set(errors) == {"x", "dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias"}
    assert max(errors.values()) < 1e-8


def test_it_checks_what_it_is_asked_for() -> None:
    loss = model()
    wrt = [loss.graph.variable("dense/kernel"), loss.graph["x"]]

    assert list(fl.check_gradients(loss, {"x": X, "label": np.arange(6) % 3}, wrt)) == ["dense/kernel", "x"]


def test_a_wrong_rule_is_named_with_its_node(wrong_op: Any) -> None:
    with fl.Graph():
        x = fl.input("x", shape=("batch", 4))
        loss = fl.mean(fl.square(wrong_op(fl.sin(x), name="doubled")))

    with pytest.raises(
        fl.GradientError,
        match=r"the rule of twice is wrong, or differs on purpose\. In test_checking\.py, line .*'doubled'",
    ) as e:
        fl.check_gradients(loss, {"x": X})
    assert e.value.name == "x"
    assert loss.graph.nodes[e.value.node or ""].name == "doubled"


def test_a_kink_is_no_mistake() -> None:
    """Of equal values the first is the largest, and relu has no slope at 0; a little further on all is clear."""
    with fl.Graph():
        image = fl.input("image", shape=("batch", 4, 4, 1))
        loss = fl.sum(fl.sin(fl.max_pool2d(fl.relu(image)) + fl.max_pool2d(image)))

    assert fl.check_gradients(loss, {"image": np.zeros((2, 4, 4, 1))})["image"] < 1e-6


def test_a_wrong_rule_is_named_where_there_are_kinks_too(wrong_op: Any) -> None:
    with fl.Graph():
        x = fl.input("x", shape=("batch", 4))
        loss = fl.sum(wrong_op(fl.relu(fl.sin(x))))

    with pytest.raises(fl.GradientError, match="the rule of twice is wrong"):
        fl.check_gradients(loss, {"x": np.zeros((6, 4))})


def test_loops_are_in_double_precision_too() -> None:
    with fl.Graph():
        x = fl.input("x", shape=("batch", "time", 3))
        loss = fl.mean(fl.square(fl.layers.gru(x, units=4)))

    feeds = {"x": np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)}
    assert max(fl.check_gradients(loss, feeds, tolerance=1e-9).values()) < 1e-9


def test_a_graph_is_checked_as_it_learns_if_asked() -> None:
    with fl.Graph() as g:
        x = fl.input("x", shape=(6, 4))
        loss = fl.mean(fl.layers.dropout(fl.layers.batch_normalization(x), rate=0.5) ** 2 * X)
        (by_x,) = fl.gradients(loss, [x])

    for training in (False, True):
        assert max(fl.check_gradients(loss, {"x": X}, training=training).values()) < 1e-8
    seen, learning = (fl.compile(by_x, training=t)({"x": X}) for t in (False, True))
    assert not np.allclose(seen, learning)
    assert g.trainable_variables != []


def test_what_cannot_be_checked_is_said() -> None:
    loss = model()
    with fl.Graph() as other:
        elsewhere = fl.input("elsewhere")

    with pytest.raises(fl.SpecError, match="is not computed from an input or variable 'elsewhere'"):
        fl.check_gradients(loss, {"x": X, "label": np.arange(6) % 3}, [elsewhere])
    with pytest.raises(fl.SpecError, match="the gradient needs a scalar"):
        fl.check_gradients(other["elsewhere"] * 2.0, {"elsewhere": X[0]})
    with pytest.raises(fl.FeedError, match="label"):
        fl.check_gradients(loss, {"x": X})
