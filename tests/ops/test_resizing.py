"""Resizing against ONNX's reference evaluator and SciPy, cropping around the centre, and mistakes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from flowloom import ops
from flowloom.spec import Spec, SpecError

from .onnx_reference import onnx

NO_ROI = np.array([], np.float32)
TARGETS: list[tuple[tuple[int, int], dict[str, Any]]] = [
    ((5, 7), {"sizes": (3, 9)}),
    ((5, 7), {"scales": (1.75, 0.625)}),
    ((4, 4), {"scales": (2.0, 3.0)}),
    ((4, 6), {"sizes": (7, 7), "keep_aspect_ratio_policy": "not_larger"}),
    ((4, 6), {"sizes": (7, 7), "keep_aspect_ratio_policy": "not_smaller"}),
]
COORDINATES = ["half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric"]


def by_onnx(x: np.ndarray, roi: np.ndarray = NO_ROI, **how: Any) -> np.ndarray:
    sizes, scales = how.pop("sizes", None), how.pop("scales", None)
    (y,) = onnx(
        "Resize",
        x,
        roi,
        None if scales is None else np.array(scales, np.float32),
        None if sizes is None else np.array(sizes),
        **how,
    )
    return y


@pytest.mark.parametrize(("shape", "target"), TARGETS)
@pytest.mark.parametrize("coordinates", COORDINATES)
@pytest.mark.parametrize("rounding", ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
def test_the_nearest_is_onnxs(shape: tuple[int, int], target: dict[str, Any], coordinates: str, rounding: str) -> None:
    x = np.random.default_rng(0).normal(size=shape)
    how = {"mode": "nearest", "coordinate_transformation_mode": coordinates, "nearest_mode": rounding, **target}

    np.testing.assert_array_equal(ops.resize(x, axes=(0, 1), **how), by_onnx(x, **how))


@pytest.mark.parametrize(("shape", "target"), TARGETS)
@pytest.mark.parametrize("coordinates", COORDINATES)
@pytest.mark.parametrize("mode", ["linear", "cubic"])
@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("exclude_outside", [False, True])
def test_interpolation_is_onnxs(
    shape: tuple[int, int], target: dict[str, Any], coordinates: str, mode: str, antialias: bool, exclude_outside: bool
) -> None:
    x = np.random.default_rng(0).normal(size=shape)
    how = {"mode": mode, "coordinate_transformation_mode": coordinates, **target}

    found = ops.resize(x, axes=(0, 1), antialias=antialias, exclude_outside=exclude_outside, **how)

    expected = by_onnx(x, antialias=int(antialias), exclude_outside=int(exclude_outside), **how)
    np.testing.assert_allclose(found, expected, atol=2e-5)  # its cubic weights are float32


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_a_crop_is_onnxs(mode: str) -> None:
    x, roi = np.random.default_rng(0).normal(size=(5, 7)), (0.2, -0.3, 0.9, 1.2)
    how = {"mode": mode, "coordinate_transformation_mode": "tf_crop_and_resize", "extrapolation_value": 5.0}

    found = ops.resize(x, sizes=(4, 6), axes=(0, 1), roi=roi, **how)

    np.testing.assert_allclose(found, by_onnx(x, np.array(roi), sizes=(4, 6), **how), atol=2e-5)
    assert (found[:, [0, -1]] == 5.0).all()


def test_a_chosen_cubic_coefficient_is_onnxs() -> None:
    x = np.random.default_rng(0).normal(size=(6, 5))

    found = ops.resize(x, sizes=(9, 9), axes=(0, 1), mode="cubic", cubic_coefficient=-0.5)

    np.testing.assert_allclose(found, by_onnx(x, sizes=(9, 9), mode="cubic", cubic_coeff_a=-0.5), atol=2e-5)


def test_linear_enlargement_is_scipys() -> None:
    x = np.random.default_rng(0).normal(size=(2, 5, 7, 3))

    expected = ndimage.zoom(x, (1, 2, 3, 1), order=1, mode="nearest", grid_mode=True)
    np.testing.assert_allclose(ops.resize(x, sizes=(10, 21)), expected, atol=1e-12)


def test_halves_with_antialias_are_means_of_their_neighbourhood() -> None:
    # The triangle twice as wide: 1/8, 3/8, 3/8, 1/8 of four neighbours.
    x = np.arange(8.0) ** 2

    found = ops.resize(x, sizes=(4,), axes=(0,), antialias=True)

    assert found[1] == pytest.approx((1 * 1 + 3 * 4 + 3 * 9 + 1 * 16) / 8)


def test_a_pixel_that_is_not_a_number_stays_where_it_is() -> None:
    x = np.ones((1, 6, 6, 1))
    x[0, 0, 0, 0] = np.nan

    assert np.isnan(ops.resize(x, sizes=(12, 12))).sum() == 9
    assert np.isnan(ops.resize_backprop(x, input_size=(3, 3), sizes=(6, 6))).sum() == 1


def test_integers() -> None:
    x = np.arange(6, dtype=np.uint8).reshape(1, 2, 3, 1)

    assert ops.resize(x, sizes=(4, 6), mode="nearest").dtype == np.uint8
    assert ops.resize(x, sizes=(4, 6)).dtype == np.float32


def test_sizes_may_have_names() -> None:
    x = Spec(("batch", "height", "width", 3))

    assert ops.resize(x, scales=(2.0, 1.0)).shape == ("batch", "2*height", "width", 3)
    assert ops.resize(x, scales=(0.5, 1.5)).shape == ("batch", None, None, 3)
    assert ops.resize(x, sizes=(4, 5)).shape == ("batch", 4, 5, 3)
    assert ops.resize(x, sizes=(4, 5), keep_aspect_ratio_policy="not_larger").shape == ("batch", None, None, 3)
    assert ops.center_crop_pad(x, sizes=(4, 5)).shape == ("batch", 4, 5, 3)


@pytest.mark.parametrize(("sizes", "axes"), [((10, 7, 8), None), ((3, 10, 2), None), ((9, 1), (-1, 0))])
def test_the_centre_is_onnxs(sizes: tuple[int, ...], axes: tuple[int, ...] | None) -> None:
    x = np.random.default_rng(0).normal(size=(6, 7, 5))
    attributes = {} if axes is None else {"axes": axes}

    (expected,) = onnx("CenterCropPad", x, np.array(sizes), **attributes)
    np.testing.assert_array_equal(ops.center_crop_pad(x, sizes=sizes, axes=axes or (0, 1, 2)), expected)


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda x: ops.resize(x), "give either sizes or scales; got sizes=None and scales=None"),
        (lambda x: ops.resize(x, sizes=(2, 2), scales=(1, 1)), "give either sizes or scales"),
        (lambda x: ops.resize(x, sizes=(2,)), "there are 2 axes, (1, 2), and 1 numbers for them, (2,)"),
        (lambda x: ops.resize(x, sizes=(2, 2), axes=(1, -3)), "an axis is given twice"),
        (lambda x: ops.resize(x, sizes=(2, 2), axes=(1, 4)), "axis 4 is outside a tensor of 4 dimensions"),
        (lambda x: ops.resize(x, sizes=(2, 2), mode="nearest", antialias=True), "antialias averages"),
        (lambda x: ops.resize(x, sizes=(2, 2), mode="quadratic"), "there is no 'quadratic'"),
        (lambda x: ops.resize(x, scales=(0, 1)), "must be float > 0"),
        (lambda x: ops.resize(x[:, :0], sizes=(2, 2)), "axis 1 has size 0: there is nothing to interpolate"),
        (lambda x: ops.resize(x[0, 0], sizes=()), "say which axes are meant"),
        (
            lambda x: ops.resize(x, sizes=(2, 2), coordinate_transformation_mode="tf_crop_and_resize", roi=(0, 1)),
            "needs a roi of 4 numbers",
        ),
        (lambda x: ops.center_crop_pad(x, sizes=(1, 2, 3)), "there are 2 axes, (1, 2), and 3 sizes for them"),
    ],
)
def test_mistakes_are_named(call: Callable[[np.ndarray], Any], rule: str) -> None:
    with pytest.raises(SpecError, match=re.escape(rule)):
        call(np.zeros((1, 3, 3, 1)))
