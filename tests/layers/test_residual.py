"""Residual blocks give what their formulas say, made of PyTorch's layers with the same weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import flowloom as fl

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 6, 5, 4)).astype("float32")


def drawn(g: fl.Graph) -> dict[str, Array]:
    """Random values for all variables, by role; variances are positive."""
    for v in g.variables:
        v.value = RNG.uniform(0.5, 1.5, size=v.shape) if "variance" in v.name else RNG.normal(size=v.shape)
    return {v.info.role: v.value for v in g.variables}


def layers(torch: Any, w: dict[str, Array]) -> Any:
    def apply(x: Any, name: str, *, stride: int = 1) -> Any:
        """A convolution of PyTorch with padding at all sides, and its batch normalisation."""
        kernel = torch.tensor(w[f"{name}_kernel"].transpose(3, 2, 0, 1))
        y = torch.nn.functional.conv2d(x, kernel, stride=stride, padding=kernel.shape[-1] // 2)
        mean, variance, gamma, beta = (
            torch.tensor(w[f"{name}_{role}"]) for role in ("moving_mean", "moving_variance", "gamma", "beta")
        )
        return torch.nn.functional.batch_norm(y, mean, variance, gamma, beta, eps=1e-5)

    return apply


def compare(y: fl.Tensor, expected: Any) -> None:
    result = fl.compile(y)({"x": X})

    assert y.shape == ("batch", *result.shape[1:])
    np.testing.assert_allclose(result, expected.numpy().transpose(0, 2, 3, 1), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("filters", "strides"), [(4, 1), (6, 1), (4, 2)])
def test_a_residual_block_is_two_convolutions_and_a_path_around_them(filters: int, strides: int) -> None:
    torch = pytest.importorskip("torch")
    with fl.Graph("resnet") as g:
        x = fl.input("x", shape=("batch", 6, 5, 4))
        y = fl.layers.residual_block(x, filters=filters, strides=strides, epsilon=1e-5, name="y")
    w = drawn(g)
    conv, image = layers(torch, w), torch.tensor(X.transpose(0, 3, 1, 2))
    changed = filters != 4 or strides != 1

    inner = conv(conv(image, "1", stride=strides).relu(), "2")
    compare(y, (inner + (conv(image, "shortcut", stride=strides) if changed else image)).relu())
    assert ("shortcut_kernel" in w) == changed


@pytest.mark.parametrize(("filters", "strides"), [(1, 1), (2, 2)])
def test_a_bottleneck_block_narrows_and_widens(filters: int, strides: int) -> None:
    torch = pytest.importorskip("torch")
    with fl.Graph("resnet") as g:
        x = fl.input("x", shape=("batch", 6, 5, 4))
        y = fl.layers.bottleneck_block(x, filters=filters, strides=strides, epsilon=1e-5, name="y")
    w = drawn(g)
    conv, image = layers(torch, w), torch.tensor(X.transpose(0, 3, 1, 2))

    inner = conv(conv(conv(image, "1").relu(), "2", stride=strides).relu(), "3")
    compare(y, (inner + (conv(image, "shortcut", stride=strides) if filters == 2 else image)).relu())
    assert w["2_kernel"].shape == (3, 3, filters, filters)
    assert w["3_kernel"].shape == (1, 1, filters, 4 * filters)


def test_while_learning_its_averages_move() -> None:
    with fl.Graph("resnet") as g:
        x = fl.input("x", shape=("batch", 6, 5, 4))
        fl.losses.mean_squared_error(fl.layers.residual_block(x, filters=4, name="block"), x, name="loss")
    before = {v.name: v.value for v in g.variables}

    fl.Trainer(g["loss"]).start(fl.data.from_arrays(x=X).batch(2), epochs=1).wait()

    assert all((v.value != before[v.name]).any() for v in g.variables)


def test_the_gate_of_a_channel_sees_the_means_of_all() -> None:
    with fl.Graph("gate") as g:
        y = fl.layers.squeeze_excite(fl.input("x", shape=("batch", 6, 5, 4)), ratio=2, name="y")
    w = drawn(g)
    seen = np.maximum(X.mean((1, 2)) @ w["squeeze_kernel"] + w["squeeze_bias"], 0)
    gate = 1 / (1 + np.exp(-(seen @ w["excite_kernel"] + w["excite_bias"])))

    np.testing.assert_allclose(fl.compile(y)({"x": X}), X * gate[:, None, None], rtol=1e-4, atol=1e-5)
    assert w["squeeze_kernel"].shape == (4, 2)
