"""Colours against Python's `colorsys`, adjustments against their definitions, and mistakes."""

from __future__ import annotations

import colorsys
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from flowloom import ops
from flowloom.backends.portable import evaluate
from flowloom.compiler.expr import placeholder
from flowloom.compiler.gradient import gradients
from flowloom.spec import Spec, SpecError

CORNERS = np.array([[r, g, b] for r in (0.0, 0.5, 1.0) for g in (0.0, 0.5, 1.0) for b in (0.0, 0.5, 1.0)])


def colours() -> np.ndarray:
    return np.concatenate([CORNERS, np.random.default_rng(0).uniform(size=(27, 3))]).reshape(2, 9, 3, 3)


def each(function: Callable[..., Any], x: np.ndarray) -> np.ndarray:
    return np.array([function(*pixel) for pixel in x.reshape(-1, 3)]).reshape(x.shape)


def test_hue_saturation_and_value() -> None:
    np.testing.assert_allclose(ops.rgb_to_hsv(colours()), each(colorsys.rgb_to_hsv, colours()), atol=1e-15)
    np.testing.assert_allclose(ops.hsv_to_rgb(colours()), each(colorsys.hsv_to_rgb, colours()), atol=1e-15)


def test_greys_have_a_finite_gradient() -> None:
    x = placeholder("x", Spec((3, 3), "float64"))
    (slope,) = evaluate(gradients(ops.sum(ops.adjust_hue(x, 0.2)), [x]), {x: np.array([[0.5] * 3, [0] * 3, [1] * 3])})

    assert np.isfinite(slope).all()


def test_grey_is_luma() -> None:
    expected = colours() @ np.array([[0.2989], [0.587], [0.114]])

    np.testing.assert_allclose(ops.rgb_to_grayscale(colours()), expected, rtol=1e-14)
    np.testing.assert_allclose(ops.rgb_to_grayscale(np.full((1, 3), 200, np.uint8)), [[199.98]], rtol=1e-6)


def test_brightness_and_contrast() -> None:
    x = colours()
    middle = np.stack([[x[i, ..., c].mean() for c in range(3)] for i in range(2)])[:, None, None]

    np.testing.assert_allclose(ops.adjust_brightness(x, 0.2), x + 0.2)
    np.testing.assert_allclose(ops.adjust_contrast(x, 1.7), (x - middle) * 1.7 + middle, atol=1e-14)


def test_saturation_and_hue() -> None:
    def stronger(r: float, g: float, b: float) -> tuple[float, float, float]:
        h, s, v = colorsys.rgb_to_hsv(r, g, b)
        return colorsys.hsv_to_rgb(h, min(s * 1.8, 1.0), v)

    def turned(r: float, g: float, b: float) -> tuple[float, float, float]:
        h, s, v = colorsys.rgb_to_hsv(r, g, b)
        return colorsys.hsv_to_rgb((h - 0.3) % 1.0, s, v)

    np.testing.assert_allclose(ops.adjust_saturation(colours(), 1.8), each(stronger, colours()), atol=1e-14)
    np.testing.assert_allclose(ops.adjust_hue(colours(), -0.3), each(turned, colours()), atol=1e-14)


def test_each_image_may_have_its_own_amount() -> None:
    x, amounts = colours(), np.array([0.5, 1.5]).reshape(2, 1, 1, 1)

    for adjust in (ops.adjust_brightness, ops.adjust_contrast, ops.adjust_saturation, ops.adjust_hue):
        apart = np.concatenate([adjust(x[i : i + 1], a) for i, a in enumerate([0.5, 1.5])])
        np.testing.assert_allclose(adjust(x, amounts), apart, atol=1e-14)


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda: ops.rgb_to_hsv(np.zeros((2, 4))), "x must have three channels, red, green and blue, as its last axis"),
        (lambda: ops.hsv_to_rgb(np.zeros(3, np.uint8)), "colours are floats in 0..1; got uint8. Cast them"),
        (lambda: ops.adjust_brightness(np.zeros(3, int), 0.1), "colours are floats in 0..1; got int64"),
        (lambda: ops.adjust_contrast(np.zeros((2, 3)), 0.1), "x must be (..., height, width, channels)"),
        (lambda: ops.rgb_to_grayscale(np.zeros((2, 3), bool)), "the elements must be numbers; got bool"),
    ],
)
def test_mistakes_are_named(call: Callable[[], Any], rule: str) -> None:
    with pytest.raises(SpecError, match=re.escape(rule)):
        call()
