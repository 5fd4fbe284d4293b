"""Batch and layer normalisation, against the formulas of their papers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import flowloom as fl

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(4)
X = RNG.normal(3, 2, size=(8, 4))


def batch_model(**params: Any) -> tuple[fl.Graph, dict[str, fl.Variable]]:
    graph = fl.Graph("normal")
    with graph:
        x = fl.input("x", shape=("batch", 4), dtype="float64")
        fl.losses.mean_squared_error(fl.layers.batch_normalization(x, name="y", **params), x, name="loss")
    return graph, {v.info.role: v for v in graph.variables}


def test_while_learning_each_channel_has_the_statistics_of_its_batch_removed() -> None:
    graph, variables = batch_model()
    variables["gamma"].value, variables["beta"].value = [1, 2, 3, 4], [4, 3, 2, 1]

    result = fl.compile(graph["y"], training=True)({"x": X})

    expected = (X - X.mean(0)) / np.sqrt(X.var(0) + 1e-3) * [1, 2, 3, 4] + [4, 3, 2, 1]
    np.testing.assert_allclose(result, expected, rtol=1e-6)


def test_otherwise_it_uses_its_moving_averages() -> None:
    graph, variables = batch_model()
    variables["moving_mean"].value, variables["moving_variance"].value = [1, 2, 3, 4], [4, 4, 1, 1]

    result = fl.compile(graph["y"])({"x": X})

    np.testing.assert_allclose(result, (X - [1, 2, 3, 4]) / np.sqrt(np.array([4, 4, 1, 1]) + 1e-3), rtol=1e-6)


def test_training_moves_the_averages_towards_each_batch() -> None:
    graph, variables = batch_model(momentum=0.9)
    data = fl.data.from_arrays(x=X).batch(4)

    fl.Trainer(graph["loss"]).start(data, epochs=2).wait()

    mean, variance = np.zeros(4), np.ones(4)
    for batch in [X[:4], X[4:]] * 2:
        mean = 0.9 * mean + 0.1 * batch.mean(0)
        variance = 0.9 * variance + 0.1 * batch.var(0)
    np.testing.assert_allclose(variables["moving_mean"].value, mean, rtol=1e-5)
    np.testing.assert_allclose(variables["moving_variance"].value, variance, rtol=1e-5)
    assert variables["moving_mean"].dtype == variables["moving_mean"].value.dtype == "float32"


def test_the_averages_are_not_trained_by_the_gradient() -> None:
    graph, _ = batch_model()

    assert [v.info.role for v in graph.trainable_variables] == ["gamma", "beta"]


def test_frozen_it_uses_the_moving_averages_even_while_learning() -> None:
    graph, _ = batch_model(trainable=False)

    result = fl.compile(graph["y"], training=True)({"x": X})

    np.testing.assert_allclose(result, X / np.sqrt(1 + 1e-3), rtol=1e-6)


def test_images_are_normalised_by_channel() -> None:
    x = RNG.normal(-1, 3, size=(3, 4, 5, 2))
    with fl.Graph("images"):
        y = fl.layers.batch_normalization(fl.input("x", shape=("batch", 4, 5, 2), dtype="float64"), epsilon=1e-9)

    result = fl.compile(y, training=True)({"x": x})

    np.testing.assert_allclose(result.mean((0, 1, 2)), 0, atol=1e-7)
    np.testing.assert_allclose(result.var((0, 1, 2)), 1, rtol=1e-6)


@pytest.mark.parametrize("training", [False, True])
def test_layer_normalisation_treats_each_row_alone_in_either_mode(training: bool) -> None:
    with fl.Graph("rows") as g:
        y = fl.layers.layer_normalization(fl.input("x", shape=("batch", 4), dtype="float64"))
    g.variables[0].value = [1, 2, 3, 4]

    result = fl.compile(y, training=training)({"x": X})

    expected = (X - X.mean(1, keepdims=True)) / np.sqrt(X.var(1, keepdims=True) + 1e-3) * [1, 2, 3, 4]
    np.testing.assert_allclose(result, expected, rtol=1e-6)


@pytest.mark.parametrize("layer", [fl.layers.batch_normalization, fl.layers.layer_normalization])
def test_integers_are_refused(layer: Any) -> None:
    with fl.Graph("wrong"), pytest.raises(fl.SpecError, match=r"floats of 2 dimensions.*int64\[batch, 2\]"):
        layer(fl.input("x", shape=("batch", 2), dtype="int64"))


# ---------------------------------------------------------------- other axes, groups, and sizes


def along(layer: Any, shape: tuple[int, ...], **params: Any) -> tuple[fl.Graph, fl.Tensor]:
    with fl.Graph("normal") as g:
        return g, layer(fl.input("x", shape=("batch", *shape), dtype="float64"), name="y", **params)


def drawn(g: fl.Graph) -> dict[str, Array]:
    """Random values for all variables, by role."""
    for v in g.variables:
        v.value = RNG.normal(size=v.shape)
    return {v.info.role: v.value.astype("float64") for v in g.variables}


def test_channels_may_lie_along_another_axis() -> None:
    x = RNG.normal(size=(4, 3, 5))
    g, y = along(fl.layers.batch_normalization, (3, 5), axis=1)
    w = drawn(g)
    centre, spread = x.mean((0, 2)), x.var((0, 2))

    result = fl.compile(y, training=True)({"x": x})

    normal = (x - centre[:, None]) / np.sqrt(spread + 1e-3)[:, None]
    np.testing.assert_allclose(result, normal * w["gamma"][:, None] + w["beta"][:, None], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("axis", [(1, 2), (-1, 1)])
def test_layer_normalisation_takes_several_axes_together(axis: tuple[int, int]) -> None:
    torch = pytest.importorskip("torch")
    x = RNG.normal(size=(4, 3, 5))
    g, y = along(fl.layers.layer_normalization, (3, 5), axis=axis, epsilon=1e-5)
    w = drawn(g)

    expected = torch.nn.functional.layer_norm(
        torch.tensor(x), [3, 5], torch.tensor(w["gamma"]), torch.tensor(w["beta"]), eps=1e-5
    )

    assert w["gamma"].shape == (3, 5)
    np.testing.assert_allclose(fl.compile(y)({"x": x}), expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("shape", "groups"), [((6,), 1), ((6,), 3), ((4, 6), 2), ((4, 6), -1), ((3, 2, 6), 3), ((3, 2, 6), 6)]
)
def test_groups_of_channels_are_those_of_pytorch(groups: int, shape: tuple[int, ...]) -> None:
    torch = pytest.importorskip("torch")
    x = RNG.normal(2, 3, size=(4, *shape))
    g, y = along(fl.layers.group_normalization, shape, groups=groups, epsilon=1e-5)
    w = drawn(g)

    expected = torch.nn.functional.group_norm(
        torch.tensor(np.moveaxis(x, -1, 1)),
        6 if groups == -1 else groups,
        torch.tensor(w["gamma"]),
        torch.tensor(w["beta"]),
        eps=1e-5,
    )

    np.testing.assert_allclose(fl.compile(y)({"x": x}), np.moveaxis(expected.numpy(), 1, -1), rtol=1e-6, atol=1e-7)


def test_groups_must_divide_the_channels() -> None:
    with pytest.raises(fl.SpecError, match="6 channels cannot be divided into 4 groups"):
        along(fl.layers.group_normalization, (3, 6), groups=4)


def test_rms_normalisation_is_that_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    x = RNG.normal(2, 3, size=(4, 3, 5))
    g, y = along(fl.layers.rms_normalization, (3, 5), epsilon=1e-5)
    w = drawn(g)

    expected = torch.nn.functional.rms_norm(torch.tensor(x), [5], torch.tensor(w["scale"]), eps=1e-5)

    np.testing.assert_allclose(fl.compile(y)({"x": x}), expected, rtol=1e-6)


def test_unit_normalisation_gives_length_one_and_leaves_zeros() -> None:
    x = RNG.normal(size=(4, 5))
    x[2] = 0
    _, y = along(fl.layers.unit_normalization, (5,))

    result = fl.compile(y)({"x": x})

    np.testing.assert_allclose(np.linalg.norm(result, axis=1), [1, 1, 0, 1])
    np.testing.assert_allclose(result[0] * np.linalg.norm(x[0]), x[0])
