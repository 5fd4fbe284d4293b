"""Means and norms of windows against ONNX's, whatever the padding counts for; and global pooling."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from flowloom import ops
from flowloom.backends.portable import evaluate
from flowloom.compiler.expr import placeholder
from flowloom.compiler.gradient import gradients
from flowloom.spec import Spec, SpecError
from tests.ops.by_onnx import by_onnx, channels_second, pads

CASES: list[tuple[int, dict[str, Any]]] = [
    (1, {"pool_size": 3, "strides": 2, "padding": ((1, 1),)}),
    (1, {"pool_size": 2, "strides": 3, "ceil_mode": True}),
    (2, {"pool_size": (3, 2), "strides": (2, 1), "padding": ((1, 2), (0, 1)), "ceil_mode": True}),
    (2, {"pool_size": 2, "strides": 1, "dilation_rate": (2, 3), "padding": ((1, 0), (2, 2))}),
    (3, {"pool_size": (2, 3, 1), "strides": 2, "padding": ((1, 0), (1, 1), (0, 0))}),
]


def onnx_attributes(rank: int, how: dict[str, Any]) -> dict[str, Any]:
    def each(name: str, default: int = 1) -> list[int]:
        return np.broadcast_to(how.get(name, default), rank).tolist()  # type: ignore[no-any-return]

    return {
        "kernel_shape": each("pool_size"),
        "strides": each("strides"),
        "dilations": each("dilation_rate"),
        "pads": pads(how.get("padding", [(0, 0)] * rank)),
        "ceil_mode": int(how.get("ceil_mode", False)),
    }


@pytest.mark.parametrize("include", [False, True])
@pytest.mark.parametrize(("rank", "how"), CASES)
def test_means_are_onnxs(rank: int, how: dict[str, Any], include: bool) -> None:
    x = np.random.default_rng(0).normal(size=(2, *(6, 7, 5)[:rank], 3))

    found = getattr(ops, f"avg_pool{rank}d")(x, count_include_pad=include, **how)

    attributes = onnx_attributes(rank, how)
    expected = by_onnx("AveragePool", channels_second(x), count_include_pad=int(include), **attributes)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


def test_what_ceil_adds_never_counts() -> None:
    # PyTorch, AvgPool1d with ceil_mode: of a window that reaches beyond the padding, only what is within it counts.
    x = np.arange(1.0, 7).reshape(1, 6, 1)
    how: dict[str, Any] = {"pool_size": 3, "strides": 3, "padding": ((1, 1),), "ceil_mode": True}

    assert ops.avg_pool1d(x, count_include_pad=True, **how).reshape(-1).tolist() == [1.0, 4.0, 3.0]
    assert ops.avg_pool1d(x, **how).reshape(-1).tolist() == [1.5, 4.0, 6.0]


@pytest.mark.parametrize("p", [1, 2, 3])
@pytest.mark.parametrize(("rank", "how"), CASES)
def test_norms(rank: int, how: dict[str, Any], p: int) -> None:
    x = np.random.default_rng(0).normal(size=(2, *(6, 7, 5)[:rank], 3))
    sums = ops.avg_pool(np.abs(x) ** p, divided_by="one", **how)

    found = getattr(ops, f"lp_pool{rank}d")(x, p=p, **how)

    np.testing.assert_allclose(found, sums ** (1 / p), rtol=1e-12)
    if not how.get("ceil_mode"):  # which ONNX's evaluator of LpPool does not know
        expected = by_onnx("LpPool", channels_second(x), p=p, **onnx_attributes(rank, how))
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_gradient_of_a_window_of_zeros_is_0() -> None:
    x = placeholder("x", Spec((1, 4, 1), "float64"))

    (g,) = evaluate(gradients(ops.sum(ops.lp_pool1d(x)), [x]), {x: np.array([0.0, 0, 3, 4]).reshape(1, 4, 1)})

    assert g.reshape(-1).tolist() == pytest.approx([0, 0, 0.6, 0.8])


@pytest.mark.parametrize("shape", [(2, 5, 3), (2, 3, 4, 3), (2, 2, 3, 4, 3)])
def test_global_pooling(shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=shape)
    axes = tuple(range(1, len(shape) - 1))

    np.testing.assert_allclose(ops.global_avg_pool(x), x.mean(axes), rtol=1e-12)
    np.testing.assert_array_equal(ops.global_max_pool(x, keepdims=True), x.max(axes, keepdims=True))
    np.testing.assert_allclose(ops.global_lp_pool(x, p=3.0), (np.abs(x) ** 3).sum(axes) ** (1 / 3), rtol=1e-12)


def test_global_pooling_needs_something_between_batch_and_channels() -> None:
    with pytest.raises(SpecError, match=r"global_avg_pool\(x: float32\[2, 3\]\): x must be \(batch, one or more axes"):
        ops.global_avg_pool(Spec((2, 3)))


def test_a_window_must_not_lie_in_the_padding() -> None:
    with pytest.raises(SpecError, match="a padding of 2 holds a whole window, which spans 2"):
        ops.avg_pool2d(Spec((1, 4, 4, 1)), padding=((0, 2), (0, 0)))
