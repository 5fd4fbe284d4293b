"""Normalization gives what ONNX's reference gives, wherever the channels are, and says what does not fit."""

from __future__ import annotations

import numpy as np
import pytest

from flowloom import ops
from flowloom.spec import Spec, SpecError
from tests.ops.by_onnx import by_onnx, channels_second
from tests.ops.onnx_reference import onnx

RNG = np.random.default_rng(1)
X = RNG.normal(size=(2, 3, 5, 4)) * 3 + 1
GAMMA, BETA, MEAN, VARIANCE = RNG.uniform(0.5, 2, (4, 4))


def test_batch_normalization_with_given_statistics() -> None:
    expected = by_onnx("BatchNormalization", channels_second(X), GAMMA, BETA, MEAN, VARIANCE, epsilon=0.01)

    made = ops.batch_normalization(X, MEAN, VARIANCE, BETA, GAMMA, epsilon=0.01)
    np.testing.assert_allclose(made, expected, rtol=1e-6)
    moved = ops.batch_normalization(channels_second(X), MEAN, VARIANCE, BETA, GAMMA, axis=1, epsilon=0.01)
    np.testing.assert_allclose(moved, channels_second(expected), rtol=1e-6)


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_group_normalization(groups: int) -> None:
    # The reference rounds to float32 on its way.
    expected = by_onnx("GroupNormalization", channels_second(X), GAMMA, BETA, num_groups=groups, epsilon=0.01)

    made = ops.group_normalization(X, GAMMA, BETA, groups=groups, epsilon=0.01)
    np.testing.assert_allclose(made, expected, rtol=1e-5, atol=1e-6)


def test_every_channel_as_a_group_is_instance_normalization() -> None:
    expected = by_onnx("InstanceNormalization", channels_second(X), GAMMA, BETA, epsilon=0.01)

    np.testing.assert_allclose(ops.group_normalization(X, GAMMA, BETA, groups=-1, epsilon=0.01), expected, rtol=1e-6)
    by_four = ops.group_normalization(X, GAMMA, BETA, groups=4, epsilon=0.01)
    np.testing.assert_allclose(by_four, expected, rtol=1e-6)


def test_layer_and_rms_normalization_over_the_last_axes() -> None:
    gamma, beta = RNG.normal(size=(2, 5, 4))
    how = {"axis": 2, "epsilon": 0.01}

    made = ops.layer_normalization(X, gamma, beta, axis=(2, 3), epsilon=0.01)
    expected = onnx("LayerNormalization", X, gamma, beta, **how)[0]
    np.testing.assert_allclose(made, expected, rtol=1e-5, atol=1e-6)
    made = ops.rms_normalization(X, gamma, axis=(2, 3), epsilon=0.01)
    np.testing.assert_allclose(made, onnx("RMSNormalization", X, gamma, **how)[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("size", [1, 3, 4, 9])
def test_local_response_normalization(size: int) -> None:
    how = {"size": size, "alpha": 0.3, "beta": 0.6, "bias": 1.5}
    x = RNG.normal(size=(4, 3, 5, 4))  # the reference takes the size of the batch for the number of channels

    made = ops.local_response_normalization(x, **how)
    np.testing.assert_allclose(made, by_onnx("LRN", channels_second(x), **how), rtol=1e-6)


def test_half_floats_are_rounded_once() -> None:
    x = (RNG.normal(size=(2, 512)) + 300).astype(np.float16)
    exact = ops.layer_normalization(x.astype(np.float64))

    assert ops.layer_normalization(x).dtype == np.float16
    np.testing.assert_allclose(ops.layer_normalization(x), exact, atol=2e-3)


def test_what_does_not_fit_is_said() -> None:
    x, four, five = Spec(("batch", 8, 4)), Spec((4,)), Spec((5,))
    with pytest.raises(SpecError, match=r"mean must be \[4\]; got \[5\]"):
        ops.batch_normalization(x, five, four)
    with pytest.raises(SpecError, match=r"gamma must be \[8, 4\]; got \[4\]"):
        ops.layer_normalization(x, four, axis=(1, 2))
    with pytest.raises(SpecError, match="4 channels cannot be divided into 3 groups"):
        ops.group_normalization(x, groups=3)
    with pytest.raises(SpecError, match="x must be floats; got int64"):
        ops.rms_normalization(Spec((2, 3), "int64"))
