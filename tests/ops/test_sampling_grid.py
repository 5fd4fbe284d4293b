"""Sampling against ONNX's reference evaluator and SciPy, affine grids, turned images, and mistakes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from flowloom import ops
from flowloom.spec import Spec, SpecError

from .onnx_reference import channels_last, onnx

SHAPES: list[tuple[tuple[int, ...], tuple[int, ...]]] = [((3, 4, 5), (3, 6)), ((1, 3, 4, 2), (2, 1, 3)), ((2, 6), (5,))]


@pytest.mark.parametrize(("shape", "out"), SHAPES)
@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("align", [False, True])
def test_it_is_onnxs(shape: tuple[int, ...], out: tuple[int, ...], mode: str, padding: str, align: bool) -> None:
    rng = np.random.default_rng(0)
    x, grid = rng.normal(size=(2, *shape)), rng.uniform(-2.3, 2.3, (2, *out, len(out)))
    if (mode, padding) == ("cubic", "border"):
        grid = np.clip(grid, -0.6, 0.6)  # beyond the border the evaluator is alone; see the test of the border

    found = ops.grid_sample(channels_last(x), grid, mode=mode, padding_mode=padding, align_corners=align)

    how = {"mode": mode, "padding_mode": padding, "align_corners": int(align)}
    (expected,) = onnx("GridSample", x, grid, opset=22, **how)
    np.testing.assert_allclose(found, channels_last(expected), atol=5e-6)  # its places are float32


@pytest.mark.parametrize(
    ("padding", "align", "scipys"),
    [
        ("zeros", True, "grid-constant"),
        ("border", True, "nearest"),
        ("reflection", True, "mirror"),
        ("reflection", False, "reflect"),
    ],
)
def test_linear_interpolation_is_scipys(padding: str, align: bool, scipys: str) -> None:
    rng = np.random.default_rng(0)
    image, places = rng.normal(size=(5, 7)), rng.uniform(-12, 18, (2, 40))
    sizes = np.array([[5], [7]])
    normalized = 2 * places / (sizes - 1) - 1 if align else (2 * places + 1) / sizes - 1

    found = ops.grid_sample(image[None, ..., None], normalized[::-1].T[None], padding_mode=padding, align_corners=align)

    expected = ndimage.map_coordinates(image, places, order=1, mode=scipys)
    np.testing.assert_allclose(found[0, :, 0], expected, atol=1e-11)


@pytest.mark.parametrize("align", [False, True])
def test_a_border_is_the_image_with_its_rim_repeated(align: bool) -> None:
    # As in PyTorch and ONNX Runtime: each tap of the cubic kernel is brought inside, not the place as a whole.
    rng = np.random.default_rng(0)
    x, grid, rim = rng.normal(size=(1, 5, 6, 2)), rng.uniform(-1.8, 1.8, (1, 4, 4, 2)), 12
    wide = np.pad(x, ((0, 0), (rim, rim), (rim, rim), (0, 0)), mode="edge")
    size, wider = np.array([6, 5]), np.array([6, 5]) + 2 * rim
    shrink = (size - 1) / (wider - 1) if align else size / wider

    found = ops.grid_sample(x, grid, mode="cubic", padding_mode="border", align_corners=align)

    np.testing.assert_allclose(
        found, ops.grid_sample(wide, grid * shrink, mode="cubic", align_corners=align), atol=1e-12
    )


def test_the_identity_returns_the_image() -> None:
    x = np.random.default_rng(0).normal(size=(2, 4, 5, 3))
    theta = np.tile(np.eye(2, 3), (2, 1, 1))

    for mode in ("nearest", "linear", "cubic"):
        for align in (False, True):
            np.testing.assert_allclose(ops.affine_transform(x, theta, mode=mode, align_corners=align), x, atol=1e-13)


@pytest.mark.parametrize("align", [False, True])
@pytest.mark.parametrize("sizes", [(3, 4), (2, 3, 5)])
def test_affine_grids_are_onnxs(sizes: tuple[int, ...], align: bool) -> None:
    theta = np.random.default_rng(0).normal(size=(2, len(sizes), len(sizes) + 1)).astype("f4")

    (expected,) = onnx("AffineGrid", theta, np.array([2, 1, *sizes]), align_corners=int(align))
    np.testing.assert_allclose(ops.affine_grid(theta, sizes=sizes, align_corners=align), expected, atol=1e-6)


def test_a_quarter_turn() -> None:
    x = np.random.default_rng(0).normal(size=(2, 5, 5, 3))

    found = ops.rotate(x, np.array([np.pi / 2, -np.pi / 2]))

    np.testing.assert_allclose(found[0], np.rot90(x[0]), atol=1e-12)
    np.testing.assert_allclose(found[1], np.rot90(x[1], -1), atol=1e-12)


def test_a_turn_of_what_is_not_square_is_scipys() -> None:
    x, degrees = np.random.default_rng(0).normal(size=(9, 14)), 23.0
    inside = ndimage.rotate(np.ones((9, 14)), degrees, reshape=False, order=1) > 0.999

    found = ops.rotate(x[None, ..., None], np.radians(degrees))[0, ..., 0]

    expected = ndimage.rotate(x, degrees, reshape=False, order=1)
    np.testing.assert_allclose(found[inside], expected[inside], atol=1e-12)
    assert inside.sum() > 80


def test_a_place_that_is_no_number_gives_none() -> None:
    x, grid = np.ones((1, 2, 2, 1)), np.full((1, 1, 2), np.nan)
    with np.errstate(invalid="ignore"):
        assert np.isnan(ops.grid_sample(x, grid, padding_mode="border")).all()


def test_dtypes() -> None:
    x, grid = np.ones((1, 2, 2, 1), np.uint8), np.zeros((1, 3, 2), np.float32)

    assert ops.grid_sample(x, grid, mode="nearest").dtype == np.uint8
    assert ops.grid_sample(x, grid).dtype == np.float32
    assert ops.grid_sample(x.astype("f8"), grid).dtype == np.float64


def test_sizes_may_have_names() -> None:
    x = Spec(("batch", "height", "width", 3))

    assert ops.grid_sample(x, Spec(("batch", "places", 2))).shape == ("batch", "places", 3)
    assert ops.rotate(x, Spec(("batch",))).shape == x.shape


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (
            lambda x: ops.grid_sample(x, np.zeros((1, 2, 3))),
            "2 axes between batch and channels, and the grid 3 numbers",
        ),
        (lambda x: ops.grid_sample(x, np.zeros((1, 2, 2), int)), "grid must be floats; got int64"),
        (lambda x: ops.grid_sample(x[0, 0], np.zeros((1, 2))), "x needs 3 or more dimensions"),
        (lambda x: ops.grid_sample(x, np.zeros((2, 3, 2))), "sizes differ, 1 and 2"),
        (lambda x: ops.affine_grid(np.zeros((1, 2, 2)), sizes=(3, 3)), "theta must be (batch, 2, 3)"),
        (lambda x: ops.rotate(x[0], 0.1), "x must be (batch, height, width, channels)"),
        (lambda x: ops.rotate(x, np.zeros(3)), "[3] does not broadcast to [1]"),
    ],
)
def test_mistakes_are_named(call: Callable[[np.ndarray], Any], rule: str) -> None:
    with pytest.raises(SpecError, match=re.escape(rule)):
        call(np.zeros((1, 3, 3, 1)))
