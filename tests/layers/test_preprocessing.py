"""Preprocessing gives what the formulas and PyTorch give, in every mode."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import flowloom as fl

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(0)


def run(layer: str, x: Array, **params: Any) -> Array:
    with fl.Graph("prepared"):
        y = getattr(fl.layers, layer)(fl.input("x", shape=("batch", *x.shape[1:]), dtype=x.dtype.name), **params)
    still, learning = (fl.compile(y, training=t)({"x": x}) for t in (False, True))
    np.testing.assert_array_equal(still, learning)
    assert y.shape == ("batch", *still.shape[1:])
    return np.asarray(still)


def test_bytes_are_rescaled_to_floats() -> None:
    x = RNG.integers(0, 256, (3, 4, 4, 1), dtype=np.uint8)

    result = run("rescaling", x, scale=1 / 127.5, offset=-1.0)

    assert result.dtype == np.float32
    np.testing.assert_allclose(result, x / 127.5 - 1, rtol=1e-5, atol=1e-6)


def test_each_channel_may_have_its_own_scale() -> None:
    x = RNG.normal(size=(3, 4, 2))

    np.testing.assert_allclose(run("rescaling", x, scale=(2.0, 3.0), offset=(1.0, 0.0)), x * [2, 3] + [1, 0])
    with pytest.raises(fl.SpecError, match="shapes do not broadcast"):
        run("rescaling", x, scale=(1.0, 2.0, 3.0))


@pytest.mark.parametrize("axis", [-1, 1])
def test_normalization_is_undone_by_its_inverse(axis: int) -> None:
    x = RNG.normal(5, 3, size=(200, 3, 3))
    rest = tuple(i for i in range(3) if i != axis % 3)
    known = {"axis": axis, "mean": x.mean(rest), "variance": x.var(rest)}

    result = run("normalization", x, **known)

    np.testing.assert_allclose(result.mean(rest), 0, atol=1e-10)
    np.testing.assert_allclose(result.std(rest), 1, rtol=1e-10)
    np.testing.assert_allclose(run("normalization", result, invert=True, **known), x)


def test_normalization_wants_as_many_numbers_as_there_are_places() -> None:
    with pytest.raises(fl.SpecError, match="there are 2 numbers for 3 along axis -1"):
        run("normalization", np.zeros((2, 3)), mean=(1.0, 2.0))
    with pytest.raises(fl.SpecError, match="a variance is not negative"):
        run("normalization", np.zeros((2, 3)), variance=-1.0)


@pytest.mark.parametrize(
    ("interpolation", "antialias", "size"),
    [
        ("bilinear", False, (3, 4)),
        ("bilinear", False, (9, 5)),
        ("bilinear", True, (3, 4)),
        ("bilinear", True, (9, 5)),
        ("bicubic", True, (3, 4)),
        ("bicubic", True, (9, 5)),
    ],
)
def test_images_are_resized_as_pytorch_does(interpolation: str, antialias: bool, size: tuple[int, int]) -> None:
    """PyTorch's cubic is that of the other libraries where it smooths."""
    torch = pytest.importorskip("torch")
    x = RNG.normal(size=(2, 6, 7, 3))

    result = run("resizing", x, height=size[0], width=size[1], interpolation=interpolation, antialias=antialias)

    images = torch.tensor(x.transpose(0, 3, 1, 2))
    expected = torch.nn.functional.interpolate(images, size, mode=interpolation, antialias=antialias)
    np.testing.assert_allclose(result, expected.numpy().transpose(0, 2, 3, 1), rtol=1e-6, atol=1e-8)


def test_nearest_repeats_pixels() -> None:
    x = RNG.normal(size=(2, 3, 2, 1))

    result = run("resizing", x, height=6, width=2, interpolation="nearest")

    np.testing.assert_array_equal(result, x.repeat(2, axis=1))


def test_the_aspect_ratio_is_kept_by_cutting() -> None:
    x = RNG.normal(size=(2, 8, 4, 1))

    result = run("resizing", x, height=4, width=4, crop_to_aspect_ratio=True)

    np.testing.assert_allclose(result, x[:, 2:6])


def test_the_middle_is_cut_out_or_surrounded_by_zeros() -> None:
    x = RNG.normal(size=(2, 6, 5, 1))

    np.testing.assert_array_equal(run("center_crop", x, height=2, width=3), x[:, 2:4, 1:4])
    np.testing.assert_array_equal(run("center_crop", x, height=8, width=5), np.pad(x, ((0, 0), (1, 1), (0, 0), (0, 0))))
