"""Sizes by name in parameters: they are names while the graph is drawn, and numbers when it runs."""

from __future__ import annotations

import numpy as np
import pytest

import flowloom as fl
from flowloom.op import REGISTRY
from flowloom.params import takes_sizes

X = np.arange(24, dtype=np.float32).reshape(6, 4)


def test_a_shape_may_hold_names() -> None:
    with fl.Graph():
        x = fl.input("x", shape=("batch", 4))
        pairs = fl.reshape(x, shape=("batch", 2, 2))
        ones = fl.broadcast_to(fl.constant(1.0), shape=("batch", 2, 2))
        both = fl.reshape(pairs + ones, shape=("4*batch",))
    program = fl.compile(both)

    assert both.shape == ("4*batch",)
    for rows in (2, 6):
        np.testing.assert_array_equal(program({"x": X[:rows]}), X[:rows].ravel() + 1)


def test_a_name_that_no_input_has_is_named() -> None:
    with fl.Graph():
        ones = fl.broadcast_to(fl.constant(1.0), shape=("batch", 2))

    with pytest.raises(fl.SpecError, match=r"the size of 'batch' is not known: .* node 'broadcast_to'"):
        fl.compile(ones)({})


def test_gradients_written_out_run_with_any_batch() -> None:
    with fl.Graph("model") as g:
        x = fl.input("x", shape=("batch", 4))
        hidden = fl.layers.dense(x, units=3, activation="tanh")
        loss = fl.mean(fl.square(hidden[:, 1:])) + fl.sum(fl.max(x, axis=1))
        wrt = [x, *g.trainable_variables]
        together = fl.gradients(loss, wrt)
        apart = fl.gradients(loss, wrt, graph=g)

    for rows in (1, 6):
        found = fl.compile([*together, *apart])({"x": X[:rows]})
        for a, b in zip(found[:3], found[3:], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6)


@pytest.mark.parametrize(
    ("op", "names"),
    [("reshape", ["shape"]), ("one_hot", ["depth"]), ("einsum", []), ("label_encode", []), ("clip", [])],
)
def test_parameters_that_take_sizes_are_known_by_their_types(op: str, names: list[str]) -> None:
    assert [name for name, param in REGISTRY[op].params.items() if takes_sizes(param.annotation)] == names
