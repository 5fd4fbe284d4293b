"""A network that is called twice: the same variables, other tensors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flowloom as fl
from flowloom.formats.python import load

RNG = np.random.default_rng(0)
ONE, OTHER = RNG.normal(size=(2, 5, 4)).astype(np.float32)


def twins() -> fl.Graph:
    """A network of two layers, called on "one" and on "other"."""
    with fl.Graph("twins", seed=1) as g:
        one, other = (fl.input(name, shape=("batch", 4)) for name in ("one", "other"))
        hidden = fl.layers.dropout(fl.layers.dense(one, units=8, activation="tanh"), rate=0.5)
        code = fl.layers.dense(hidden, units=3, name="code")
        twin = fl.again(code, {one: other}, name="twin")
        fl.mean(fl.square(code - twin), name="distance")
    return g


def test_both_calls_have_the_same_variables() -> None:
    graph = twins()
    program = fl.compile([graph["code"], graph["twin"]])

    assert [v.name for v in graph.variables] == ["dense/kernel", "dense/bias", "code/kernel", "code/bias"]
    code, twin = program({"one": ONE, "other": OTHER})
    swapped, swapped_twin = program({"one": OTHER, "other": ONE})
    np.testing.assert_array_equal(code, swapped_twin)
    np.testing.assert_array_equal(twin, swapped)
    assert graph["twin"].spec == graph["code"].spec


def test_the_variables_learn_from_both_calls() -> None:
    graph = twins()
    feeds = {"one": ONE, "other": OTHER}

    fl.check_gradients(graph["distance"], feeds)
    fl.check_gradients(graph["distance"], feeds, training=True)
    run = fl.Trainer(graph["distance"], fl.optimizers.sgd(0.1)).start(fl.data.from_arrays(feeds).batch(5), epochs=20)
    assert run.wait().history["loss"][-1] < 0.5 * run.history["loss"][0]


def test_what_is_random_on_the_way_is_drawn_anew() -> None:
    graph = twins()
    program = fl.compile([graph["code"], graph["twin"]], training=True)

    code, twin = program({"one": ONE, "other": ONE})

    assert not np.allclose(code, twin)


def test_it_follows_an_edit_of_what_it_calls(tmp_path: Path) -> None:
    graph = twins()
    graph.set("code", units=7)

    assert graph["twin"].shape == ("batch", 7)
    graph.remove("code")
    assert graph.problems
    graph.undo()
    assert graph.problems == []


def test_a_file_and_source_bring_it_back(tmp_path: Path) -> None:
    graph = twins()
    graph.save(tmp_path / "twins.flow.json")
    feeds = {"one": ONE, "other": OTHER}

    expected = fl.compile(graph["distance"])(feeds)
    for again in (fl.load(tmp_path / "twins.flow.json"), load(graph.to_python())):
        assert fl.compile(again["distance"])(feeds) == expected


def test_a_decoder_draws_from_any_code_without_what_was_encoded() -> None:
    with fl.Graph():
        image = fl.input("image", shape=("batch", 6))
        code = fl.layers.dense(image, units=2)
        drawn = fl.layers.reshape(fl.layers.dense(code, units=6), target_shape=(2, 3))
        chosen = fl.input("chosen", shape=("batch", 2))
        program = fl.compile(fl.again(drawn, {code: chosen}))

    assert list(program.inputs) == ["chosen"]
    assert program({"chosen": np.zeros((3, 2))}).shape == (3, 2, 3)


def test_a_network_is_called_on_what_it_made() -> None:
    with fl.Graph():
        x = fl.input("x", shape=(3,))
        once = fl.tanh(x * fl.variable("w", (3,), initializer="ones"))
        program = fl.compile(fl.again(once, {x: once}))

    np.testing.assert_allclose(program({"x": [0.1, 0.2, 0.3]}), np.tanh(np.tanh([0.1, 0.2, 0.3])), rtol=1e-6)


def test_the_loss_after_a_step_has_a_gradient_through_the_step() -> None:
    """Finn et al. (2017): of w^2 x / 2, w' = w - 0.1 w x, and the slope of w'^2 z / 2 is w' (1 - 0.1 x) z."""
    with fl.Graph() as g:
        w = fl.variable("w", initializer="ones")
        x, z = fl.input("x", shape=()), fl.input("z", shape=())
        loss = 0.5 * w * w * x
        (slope,) = fl.gradients(loss, [w])
        after = fl.again(loss, {w: w - 0.1 * slope, x: z})
        (by_w,) = fl.gradients(after, [g.variable("w")])

    assert fl.compile(by_w)({"x": 2.0, "z": 3.0}) == pytest.approx(0.8 * 0.8 * 3.0)


@pytest.mark.parametrize(
    ("use", "error", "why"),
    [
        (lambda g: fl.again(g["code"], {g["other"]: g["one"]}), fl.SpecError, r"y is not computed from tensors\.0"),
        (
            lambda g: fl.again(g["code"], {g["one"]: g["dense"]}),
            fl.SpecError,
            r"float32\[batch, 8\] in the place of float32\[batch, 4\] does not fit on the way to y: matmul\(a: float32",
        ),
        (
            lambda g: fl.again(g["code"], {g["one"]: fl.sum(g["other"])}),
            fl.SpecError,
            r"float32\[\] cannot be in the place of float32\[batch, 4\]",
        ),
        (lambda g: fl.again(g["code"], {}), TypeError, "takes a tensor, and a dict from tensors on the way to it"),
        (lambda g: fl.again(g["code"], [g["one"]]), TypeError, "takes a tensor, and a dict"),
        (lambda g: fl.again(g["code"], {g["one"]: OTHER}), TypeError, "takes a tensor, and a dict"),
    ],
)
def test_what_cannot_be_called_is_said(use: Any, error: type[Exception], why: str) -> None:
    graph = twins()
    count = len(graph.nodes)

    with pytest.raises(error, match=why):
        use(graph)
    assert len(graph.nodes) - count in (0, 1)  # the sum that one of them makes
