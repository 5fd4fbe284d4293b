"""Image ops whose sizes are tensors do what their namesakes do, and so do their gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from flowloom import ops
from flowloom.backends.portable import evaluate
from flowloom.compiler.expr import constant, placeholder
from flowloom.compiler.gradient import pull_back
from flowloom.spec import Spec, SpecError

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(3)
IMAGES = RNG.normal(size=(2, 4, 6, 3))
ROWS = RNG.normal(size=(2, 3, 5, 12))
HOW = {"strides": 1, "padding": ((1, 0), (0, 1)), "dilation_rate": (1, 2)}

Call = Callable[..., Any]
CASES: dict[str, tuple[Array, Call, Call, list[Array]]] = {
    "resize to sizes": (
        IMAGES,
        lambda x, n: ops.resize_to(x, n, mode="cubic"),
        lambda x: ops.resize(x, sizes=(7, 3), mode="cubic"),
        [np.array([7, 3])],
    ),
    "resize by scales": (
        IMAGES,
        lambda x, s: ops.resize_to(x, s, antialias=True),
        lambda x: ops.resize(x, scales=(0.4, 1.5), antialias=True),
        [np.array([0.4, 1.5])],
    ),
    "center_crop_pad": (
        IMAGES,
        lambda x, n: ops.center_crop_pad_to(x, n),
        lambda x: ops.center_crop_pad(x, sizes=(7, 3)),
        [np.array([7, 3])],
    ),
    "affine_grid": (
        RNG.normal(size=(2, 2, 3)),
        lambda x, n: ops.affine_grid_to(x, n, align_corners=True),
        lambda x: ops.affine_grid(x, sizes=(3, 4), align_corners=True),
        [np.array([3, 4])],
    ),
    "fold_patches": (
        ROWS,
        lambda x, n, k: ops.fold_patches_to(x, n, k, **HOW),
        lambda x: ops.fold_patches(x, output_size=(3, 6), size=(2, 2), **HOW),
        [np.array([3, 6]), np.array([2, 2])],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_sizes_as_tensors_give_what_sizes_as_parameters_give(name: str) -> None:
    x_array, dynamic, static, sizes = CASES[name]
    x = placeholder("x", Spec.of(x_array))
    given = [placeholder(f"size{i}", Spec.of(s)) for i, s in enumerate(sizes)]
    feeds = {x: x_array, **dict(zip(given, sizes, strict=True))}
    known, found = static(x), dynamic(x, *given)
    assert all(a is None or a == b for a, b in zip(found.shape, known.shape, strict=True))
    g = RNG.normal(size=known.shape)

    for _ in range(2):  # the result, and then its gradient
        expected, actual = evaluate([known, found], feeds)
        np.testing.assert_array_equal(actual, expected)
        (known,), (found,) = (pull_back([y], [constant(g, y.dtype)], [x]) for y in (known, found))  # type: ignore[misc]
        g = x_array


def test_boxes_within_limits_that_are_tensors() -> None:
    boxes, scores = RNG.uniform(size=(2, 6, 4)), RNG.uniform(size=(2, 3, 6))
    limits = np.array(2), np.array(0.3), np.array(0.2)
    static = ops.non_max_suppression(
        boxes, scores, max_output_boxes_per_class=2, iou_threshold=0.3, score_threshold=0.2
    )

    np.testing.assert_array_equal(ops.non_max_suppression_by(boxes, scores, *limits), static)
    assert ops.non_max_suppression_by(boxes, scores, np.array(0), *limits[1:]).shape == (0, 3)


def test_values_that_do_not_fit_are_named_when_it_runs() -> None:
    with pytest.raises(ValueError, match="needs a roi of 4 numbers"):
        ops.resize_to(IMAGES, np.array([2, 2]), coordinate_transformation_mode="tf_crop_and_resize")
    with pytest.raises(ValueError, match=r"patches has \[3, 5\] windows, such a tensor \[9, 8\]"):
        ops.fold_patches_to(ROWS, np.array([9, 9]), np.array([2, 2]), **HOW)


def test_a_target_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(SpecError, match="target must have a number for each of the 2 axes; got 3"):
        ops.resize_to(Spec((1, 4, 4, 1)), Spec((3,), "int64"))
