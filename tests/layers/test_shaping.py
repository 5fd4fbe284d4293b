"""Layers that arrange, cut, pad and repeat give what NumPy and PyTorch give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import flowloom as fl

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(0)


def run(layer: Any, x: Array, **params: Any) -> tuple[Array, tuple[Any, ...]]:
    """What the layer gives, and the shape it was inferred to have."""
    with fl.Graph("shape"):
        y = layer(fl.input("x", shape=("batch", *x.shape[1:]), dtype=x.dtype.name), **params)
    return fl.compile(y)({"x": x}), y.shape


@pytest.mark.parametrize(
    ("target", "shape"), [((3, 4), (3, 4)), ((-1,), (12,)), ((2, -1, 2), (2, 3, 2)), ((12, 1), (12, 1))]
)
def test_reshape_keeps_the_batch_and_the_order(target: tuple[int, ...], shape: tuple[int, ...]) -> None:
    x = RNG.normal(size=(5, 2, 6))

    result, inferred = run(fl.layers.reshape, x, target_shape=target)

    assert inferred == ("batch", *shape)
    np.testing.assert_array_equal(result, x.reshape(5, *shape))


def test_reshape_refuses_other_sizes() -> None:
    with pytest.raises(fl.SpecError, match=r"elements.*do not fit the shape \[batch, 5\]"):
        run(fl.layers.reshape, np.zeros((5, 2, 6)), target_shape=(5,))
    with pytest.raises(fl.SpecError, match="do not fit"):
        run(fl.layers.reshape, np.zeros((5, 2, 6)), target_shape=(5, -1))


def test_permute_counts_axes_from_one() -> None:
    x = RNG.normal(size=(5, 2, 3, 4))

    result, inferred = run(fl.layers.permute, x, dims=(3, 1, 2))

    assert inferred == ("batch", 4, 2, 3)
    np.testing.assert_array_equal(result, x.transpose(0, 3, 1, 2))
    with pytest.raises(fl.SpecError, match=r"each of the axes 1 to 3 once; got \(1, 2\)"):
        run(fl.layers.permute, x, dims=(1, 2))


def test_a_vector_is_repeated_as_steps() -> None:
    x = RNG.normal(size=(5, 3))

    result, inferred = run(fl.layers.repeat_vector, x, n=4)

    assert inferred == ("batch", 4, 3)
    np.testing.assert_array_equal(result, np.repeat(x[:, None], 4, axis=1))


@pytest.mark.parametrize(
    ("axes", "padding", "widths"),
    [
        (1, 2, [(2, 2)]),
        (1, (0, 3), [(0, 3)]),
        (2, 1, [(1, 1), (1, 1)]),
        (2, (1, 2), [(1, 1), (2, 2)]),
        (2, ((1, 0), (2, 3)), [(1, 0), (2, 3)]),
        (3, (1, 0, 2), [(1, 1), (0, 0), (2, 2)]),
        (3, ((1, 0), 2, (0, 1)), [(1, 0), (2, 2), (0, 1)]),
    ],
)
def test_padding_puts_zeros_around_and_cropping_takes_them_off(axes: int, padding: Any, widths: Any) -> None:
    x = RNG.normal(size=(2, *range(3, 3 + axes), 2))

    padded, inferred = run(getattr(fl.layers, f"zero_padding{axes}d"), x, padding=padding)
    cropped, _ = run(getattr(fl.layers, f"cropping{axes}d"), padded, cropping=padding)

    assert inferred == ("batch", *padded.shape[1:])
    np.testing.assert_array_equal(padded, np.pad(x, [(0, 0), *widths, (0, 0)]))
    np.testing.assert_array_equal(cropped, x)


def test_what_would_leave_nothing_is_refused() -> None:
    with pytest.raises(fl.SpecError, match=r"nothing is left of a size of 4 without \(2, 2\)"):
        run(fl.layers.cropping1d, np.zeros((2, 4, 1)), cropping=2)


@pytest.mark.parametrize(("axes", "size"), [(1, 3), (2, 2), (2, (3, 1)), (3, (1, 2, 3))])
def test_up_sampling_repeats_elements(axes: int, size: Any) -> None:
    x = RNG.normal(size=(2, *range(2, 2 + axes), 2))
    expected = x
    for i, n in enumerate((size,) * axes if isinstance(size, int) else size):
        expected = expected.repeat(n, axis=1 + i)

    result, inferred = run(getattr(fl.layers, f"up_sampling{axes}d"), x, size=size)

    assert inferred == ("batch", *expected.shape[1:])
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_up_sampling_interpolates_as_pytorch_does(interpolation: str) -> None:
    """With antialias PyTorch's cubic is that of the other libraries; in images that grow it smooths nothing."""
    torch = pytest.importorskip("torch")
    x = RNG.normal(size=(2, 4, 3, 2))

    result, _ = run(fl.layers.up_sampling2d, x, size=(2, 3), interpolation=interpolation)

    images = torch.tensor(x.transpose(0, 3, 1, 2))
    expected = torch.nn.functional.interpolate(images, scale_factor=(2, 3), mode=interpolation, antialias=True)
    np.testing.assert_allclose(result, expected.numpy().transpose(0, 2, 3, 1), rtol=1e-6, atol=1e-9)


def test_a_size_that_is_only_a_name_stays_open_where_it_changes() -> None:
    with fl.Graph("open"):
        x = fl.input("x", shape=("batch", "height", "width", 3))
        padded = fl.layers.zero_padding2d(x, padding=(1, 0))
        larger = fl.layers.up_sampling2d(x)

    assert padded.shape == ("batch", None, "width", 3)
    assert larger.shape == ("batch", "2*height", "2*width", 3)
    assert fl.compile(padded)({"x": np.zeros((2, 4, 5, 3))}).shape == (2, 6, 5, 3)
