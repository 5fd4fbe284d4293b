"""The backward pass written out in the graph, op by op, to be looked at."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import flowloom as fl

X = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
LABEL = np.arange(5) % 3


def model() -> tuple[fl.Graph, Any, Any]:
    with fl.Graph("model") as g:
        x = fl.input("x", shape=("batch", 4))
        label = fl.input("label", shape=("batch",), dtype="int64")
        hidden = fl.layers.dense(x, units=5, activation="tanh")
        values, _ = fl.top_k(fl.layers.dense(hidden, units=4), k=3)
        loss = fl.losses.softmax_cross_entropy(values, label)
    return g, x, loss


def test_it_gives_the_numbers_of_the_one_node() -> None:
    g, x, loss = model()
    wrt = [x, *g.trainable_variables]
    one = fl.gradients(loss, wrt)
    written = fl.gradients(loss, wrt, graph=g)

    found = fl.compile([*one, *written])({"x": X, "label": LABEL})
    for a, b in zip(found[: len(wrt)], found[len(wrt) :], strict=True):
        np.testing.assert_array_equal(a, b)


def test_every_op_of_it_is_a_node_in_a_scope_of_its_own() -> None:
    g, x, loss = model()
    before = set(g.nodes)
    (slope,) = fl.gradients(loss, [x], graph=g, name="backward")
    made = [n for id, n in g.nodes.items() if id not in before]

    assert {n.scope for n in made} == {"backward"}
    assert {"matmul", "multiply", "transpose", "variable_of"} <= {n.kind for n in made}
    assert g.problems == []
    assert slope.shape == ("batch", 4)


def test_it_can_be_saved_edited_and_differentiated_again(tmp_path: Any) -> None:
    g, x, loss = model()
    (slope,) = fl.gradients(loss, [x], graph=g)
    with g:
        (curvature,) = fl.gradients(fl.sum(slope * slope), [x], graph=g)
        fl.output(curvature, "curvature")
    g.save(tmp_path / "g.flow.json")
    loaded = fl.load(tmp_path / "g.flow.json")

    feeds = {"x": X, "label": LABEL}
    np.testing.assert_array_equal(fl.compile(g.outputs)(feeds)[0], fl.compile(loaded.outputs)(feeds)[0])


def test_what_it_does_not_depend_on_has_zeros() -> None:
    g, _, loss = model()
    with g:
        other = fl.input("other", shape=("batch", 2))
    (slope,) = fl.gradients(loss, [other], graph=g)

    np.testing.assert_array_equal(fl.compile(slope)({"other": np.ones((3, 2))}), np.zeros((3, 2)))


def test_what_has_no_node_of_its_own_is_said() -> None:
    with fl.Graph() as g:
        x = fl.input("x", shape=("time", 3))
        last, _ = fl.scan(lambda s, row: (fl.tanh(s + row), None), fl.constant([0.0, 0.0, 0.0]), x)
        loss = fl.sum(last)
        count = len(g.nodes)
        with pytest.raises(fl.SpecError, match="the gradient of scan cannot be written out op by op"):
            fl.gradients(loss, [x], graph=g)

    assert len(g.nodes) == count


def test_another_graph_is_refused() -> None:
    _, x, loss = model()

    with pytest.raises(fl.SpecError, match="can be written out in its own graph, 'model', alone"):
        fl.gradients(loss, [x], graph=fl.Graph("other"))


def test_a_variable_is_found_by_name() -> None:
    g, _, _ = model()

    assert g.variable("dense/kernel").shape == (4, 5)
    with pytest.raises(KeyError, match="graph 'model' has no variable 'dense/kernle'; did you mean 'dense/kernel'"):
        g.variable("dense/kernle")
