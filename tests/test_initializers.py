"""First values have the limits and variances that their papers publish, and depend on nothing but seed and name."""

from __future__ import annotations

from math import sqrt
from typing import Any, get_args

import numpy as np
import pytest

from flowloom.initializers import Initializer, initialize
from flowloom.spec import Spec

Array = np.ndarray[Any, Any]

# fan_in, fan_out of a dense kernel (in, out) and of an image kernel (height, width, in, out)
FANS = [((300, 200), 300, 200), ((3, 5, 40, 60), 600, 900)]
# the variance of each method: Glorot & Bengio (2010) eq. 12 and 16, He et al. (2015) eq. 10, LeCun et al. (1998) eq. 16
VARIANCE = {
    "glorot": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "he": lambda fan_in, fan_out: 2 / fan_in,
    "lecun": lambda fan_in, fan_out: 1 / fan_in,
}


def draw(initializer: Initializer, *shape: int, seed: int = 0, name: str = "w", dtype: str = "float32") -> Array:
    return initialize(initializer, Spec(shape, dtype), seed=seed, name=name)


@pytest.mark.parametrize("method", VARIANCE)
@pytest.mark.parametrize(("shape", "fan_in", "fan_out"), FANS)
def test_uniform_values_fill_the_published_interval(
    method: str, shape: tuple[int, ...], fan_in: int, fan_out: int
) -> None:
    values = draw(f"{method}_uniform", *shape)  # type: ignore[arg-type]

    variance = VARIANCE[method](fan_in, fan_out)
    limit = sqrt(3 * variance)
    assert limit * 0.999 < np.abs(values).max() <= limit * (1 + 1e-6)
    assert values.mean() == pytest.approx(0, abs=5 * sqrt(variance / values.size))
    assert values.var() == pytest.approx(variance, rel=0.02)


@pytest.mark.parametrize("method", VARIANCE)
@pytest.mark.parametrize(("shape", "fan_in", "fan_out"), FANS)
def test_normal_values_have_the_published_variance(
    method: str, shape: tuple[int, ...], fan_in: int, fan_out: int
) -> None:
    values = draw(f"{method}_normal", *shape)  # type: ignore[arg-type]

    variance = VARIANCE[method](fan_in, fan_out)
    assert values.mean() == pytest.approx(0, abs=5 * sqrt(variance / values.size))
    assert values.var() == pytest.approx(variance, rel=0.02)
    assert np.mean((values / sqrt(variance)) ** 4) == pytest.approx(3, rel=0.05)  # a normal's fourth moment


def test_plain_random_values_have_keras_spread_of_a_twentieth() -> None:
    uniform, normal = draw("random_uniform", 400, 200), draw("random_normal", 400, 200)

    assert np.abs(uniform).max() == pytest.approx(0.05, rel=1e-3)
    assert normal.std() == pytest.approx(0.05, rel=0.02)


def test_zeros_and_ones_are_that() -> None:
    np.testing.assert_array_equal(draw("zeros", 2, 3), np.zeros((2, 3)))
    np.testing.assert_array_equal(draw("ones", 2, 3, dtype="int64"), np.ones((2, 3)))


@pytest.mark.parametrize("initializer", get_args(Initializer))
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (1, 0, 3)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_every_initializer_fills_every_shape_and_dtype(
    initializer: Initializer, shape: tuple[int, ...], dtype: str
) -> None:
    values = draw(initializer, *shape, dtype=dtype)

    assert (values.shape, values.dtype) == (shape, np.dtype(dtype))
    assert np.isfinite(values).all()


def test_the_same_seed_and_name_give_the_same_values_and_others_give_others() -> None:
    values = draw("he_normal", 5, 4, seed=1, name="a")

    np.testing.assert_array_equal(draw("he_normal", 5, 4, seed=1, name="a"), values)
    assert not np.allclose(draw("he_normal", 5, 4, seed=2, name="a"), values)
    assert not np.allclose(draw("he_normal", 5, 4, seed=1, name="b"), values)
