"""First values have the limits and variances that their papers publish, and depend on nothing but seed and name."""

from __future__ import annotations

from math import sqrt
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from scipy import stats

import flowloom as fl
from flowloom import initializers
from flowloom.initializers import Initializer, Name, initialize
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
PARAMETRISED = [
    initializers.constant(0.25),
    initializers.random_normal(1.0, 0.1),
    initializers.random_uniform(-1.0, 2.0),
    initializers.truncated_normal(1.0, 0.1),
    initializers.variance_scaling(2.0, "fan_out", "untruncated_normal"),
    initializers.orthogonal(2.0),
    initializers.identity(3.0),
]


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
def test_normal_values_have_the_published_variance_and_are_cut_off_at_twice_their_spread(
    method: str, shape: tuple[int, ...], fan_in: int, fan_out: int
) -> None:
    values = draw(f"{method}_normal", *shape)  # type: ignore[arg-type]

    variance = VARIANCE[method](fan_in, fan_out)
    spread = sqrt(variance) / stats.truncnorm(-2, 2).std()
    assert values.mean() == pytest.approx(0, abs=5 * sqrt(variance / values.size))
    assert values.var() == pytest.approx(variance, rel=0.02)
    assert np.abs(values).max() <= 2 * spread * (1 + 1e-6)
    assert stats.kstest(values.ravel()[:20_000], stats.truncnorm(-2, 2, 0, spread).cdf).pvalue > 0.01


@pytest.mark.parametrize(("mode", "fan"), [("fan_in", 300), ("fan_out", 200), ("fan_avg", 250)])
def test_variance_scaling_divides_by_the_fan_that_it_names(mode: Any, fan: int) -> None:
    for distribution in ("truncated_normal", "untruncated_normal", "uniform"):
        values = draw(initializers.variance_scaling(3.0, mode, distribution), 300, 200)  # type: ignore[arg-type]

        assert values.var() == pytest.approx(3 / fan, rel=0.03)


def test_plain_random_values_have_keras_spread_of_a_twentieth() -> None:
    uniform, normal = draw("random_uniform", 400, 200), draw("random_normal", 400, 200)

    assert np.abs(uniform).max() == pytest.approx(0.05, rel=1e-3)
    assert normal.std() == pytest.approx(0.05, rel=0.02)
    assert np.abs(draw("truncated_normal", 400, 200)).max() == pytest.approx(0.1, rel=1e-3)


def test_parameters_are_obeyed() -> None:
    assert draw(initializers.random_normal(1.0, 0.1), 400, 200).mean() == pytest.approx(1.0, abs=1e-3)
    uniform = draw(initializers.random_uniform(-1.0, 2.0), 400, 200)
    assert (uniform.min(), uniform.max()) == (pytest.approx(-1.0, abs=1e-3), pytest.approx(2.0, abs=1e-3))
    np.testing.assert_array_equal(draw(initializers.constant(0.25), 2, 3), np.full((2, 3), 0.25))


def test_zeros_and_ones_are_that() -> None:
    np.testing.assert_array_equal(draw("zeros", 2, 3), np.zeros((2, 3)))
    np.testing.assert_array_equal(draw("ones", 2, 3, dtype="int64"), np.ones((2, 3)))


@pytest.mark.parametrize("shape", [(5, 5), (7, 3), (3, 7), (2, 3, 4)])
def test_orthogonal_columns_or_rows_are_orthogonal_and_as_long_as_the_gain(shape: tuple[int, ...]) -> None:
    values = draw(initializers.orthogonal(2.0), *shape, dtype="float64").reshape(-1, shape[-1])

    tall = values if values.shape[0] >= values.shape[1] else values.T
    np.testing.assert_allclose(tall.T @ tall, 4.0 * np.eye(tall.shape[1]), atol=1e-12)


def test_the_identity_is_cut_to_the_shape() -> None:
    np.testing.assert_array_equal(draw(initializers.identity(2.0), 2, 3), [[2, 0, 0], [0, 2, 0]])


@pytest.mark.parametrize("initializer", [*get_args(Name), *PARAMETRISED], ids=str)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (1, 0, 3)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_every_initializer_fills_every_shape_and_dtype(
    initializer: Initializer, shape: tuple[int, ...], dtype: str
) -> None:
    try:
        initializers.check_fit(initializer, Spec(shape))
    except fl.SpecError:
        return
    values = draw(initializer, *shape, dtype=dtype)

    assert (values.shape, values.dtype) == (shape, np.dtype(dtype))
    assert np.isfinite(values).all()


def test_the_same_seed_and_name_give_the_same_values_and_others_give_others() -> None:
    values = draw("he_normal", 5, 4, seed=1, name="a")

    np.testing.assert_array_equal(draw("he_normal", 5, 4, seed=1, name="a"), values)
    assert not np.allclose(draw("he_normal", 5, 4, seed=2, name="a"), values)
    assert not np.allclose(draw("he_normal", 5, 4, seed=1, name="b"), values)


@pytest.mark.parametrize("name", get_args(Name))
def test_a_name_is_its_function_without_arguments(name: Any) -> None:
    np.testing.assert_array_equal(draw(name, 4, 4), draw(getattr(fl.initializers, name)(), 4, 4))


# ------------------------------------------------------------ in a graph


def dense(**params: Any) -> fl.Graph:
    with fl.Graph("dense") as graph:
        fl.layers.dense(fl.input("x", shape=("batch", 4)), units=4, name="dense", **params)
    return graph


@pytest.mark.parametrize("initializer", PARAMETRISED, ids=str)
def test_an_initializer_with_parameters_survives_a_file(initializer: Any, tmp_path: Path) -> None:
    graph = dense(kernel_initializer=initializer)
    graph.save(tmp_path / "model.flow.json")
    loaded = fl.load(tmp_path / "model.flow.json")

    assert loaded.nodes == graph.nodes
    np.testing.assert_array_equal(loaded.variables[0].value, graph.variables[0].value)
    np.testing.assert_array_equal(graph.variables[0].value, draw(initializer, 4, 4, name=graph.variables[0].info.key))


def test_an_initializer_may_be_written_as_a_file_has_it() -> None:
    graph = dense(kernel_initializer={"name": "constant", "value": 2})

    assert graph.nodes["n2"].params["kernel_initializer"] == {"name": "constant", "value": 2.0}
    np.testing.assert_array_equal(graph.variables[0].value, np.full((4, 4), 2.0))


@pytest.mark.parametrize(
    ("initializer", "complaint"),
    [
        ("zero", "there is no 'zero'; did you mean 'zeros'"),
        ({"name": "constan"}, "there is no 'constan'; did you mean 'constant'"),
        ({"name": "constant", "value": "much"}, "value must be float, got text"),
        ({"name": "constant", "valu": 1.0}, "unknown field valu"),
        ({"name": "random_normal", "stddev": -1.0}, "stddev must be float >= 0"),
        ({"name": "random_uniform", "minval": 2.0}, "minval must not exceed maxval; got 2.0 and 0.05"),
        (3, "it must be text or mapping, got int"),
    ],
)
def test_what_is_no_initializer_is_refused_in_a_line(initializer: Any, complaint: str) -> None:
    with pytest.raises(fl.SpecError, match=complaint) as caught:
        dense(kernel_initializer=initializer)

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("initializer", ["identity", "orthogonal"])
def test_a_matrix_does_not_fill_a_bias(initializer: str) -> None:
    with pytest.raises(fl.SpecError, match=r"matrix.*; the variable is float32\[4\]"):
        dense(bias_initializer=initializer)
