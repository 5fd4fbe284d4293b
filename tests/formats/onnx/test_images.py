"""Images in other sizes: with sizes that are constants, computed from a shape, or inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import flowloom as fl
from tests.formats.onnx.networks import check, count, floats, kinds, network

X = floats(2, 3, 5, 4)


def resized(how: str, weights: dict[str, Any], inputs: str = "x, roi, scales", opset: int = 18) -> Any:
    body = f"g (float[n, 3, h, w] x) => (y) {{ y = Resize <{how}> ({inputs}) }}"
    return network(body, {"roi": np.zeros(0, np.float32), **weights}, opset)


@pytest.mark.parametrize("opset", [11, 13, 18])
@pytest.mark.parametrize(
    "how",
    [
        'mode="nearest", nearest_mode="floor", coordinate_transformation_mode="asymmetric"',
        'mode="linear", coordinate_transformation_mode="pytorch_half_pixel"',
        'mode="cubic", cubic_coeff_a=-0.5, exclude_outside=1',
    ],
)
def test_resizing_by_scales(how: str, opset: int) -> None:
    graph = check(resized(how, {"scales": np.array([1, 1, 2, 1.5], np.float32)}, opset=opset), {"x": X})

    assert kinds(graph) == ["resize"]


def test_a_size_that_stays_is_no_part_of_the_resizing() -> None:
    graph = check(resized('mode="linear"', {"scales": np.array([1, 1, 1, 2], np.float32)}), {"x": X})
    (node,) = (n for n in graph.nodes.values() if n.kind == "resize")

    assert (node.params["axes"], node.params["scales"]) == ([3], [2.0])


@pytest.mark.parametrize(("opset", "node"), [(7, "Upsample"), (9, "Upsample"), (10, "Resize")])
def test_the_forerunners_of_resize(opset: int, node: str) -> None:
    given = '<scales=[1.0, 1.0, 2.0, 3.0], mode="linear"> (x)' if opset < 9 else '<mode="linear"> (x, scales)'
    weights = {} if opset < 9 else {"scales": np.array([1, 1, 2, 3], np.float32)}
    body = f"g (float[n, 3, 5, 4] x) => (y) {{ y = {node} {given} }}"

    assert kinds(check(network(body, weights, opset), {"x": X})) == ["resize"]


def test_to_the_size_of_another_image() -> None:
    """The way of segmentation networks: the batch keeps its name, the rest is read when it runs."""
    body = """g (float[n, 3, 5, 4] x, float[n, 1, h, w] like) => (y) {
        shape = Shape (like)
        two = Constant <value_ints=[2]> ()
        four = Constant <value_ints=[4]> ()
        zero = Constant <value_ints=[0]> ()
        size = Slice (shape, two, four)
        whole = Shape (x)
        front = Slice (whole, zero, two)
        sizes = Concat <axis=0> (front, size)
        y = Resize <mode="linear"> (x, , , sizes)
    }"""
    graph = check(network(body, opset=18), {"x": X, "like": floats(2, 1, 7, 9)})

    (node,) = (n for n in graph.nodes.values() if n.kind == "resize_to")
    assert node.params["axes"] == [2, 3]


def test_scales_that_are_inputs() -> None:
    body = 'g (float[n, 3, h, w] x, float[4] scales) => (y) { y = Resize <mode="cubic"> (x, , scales) }'
    check(network(body, opset=18), {"x": X, "scales": np.array([1, 1, 0.6, 2.5], np.float32)})


def test_a_crop_that_is_a_constant_is_not_learned() -> None:
    how = 'mode="linear", coordinate_transformation_mode="tf_crop_and_resize", extrapolation_value=2.0'
    roi = np.array([0, 0, 0.2, -0.35, 1, 1, 0.9, 1.2], np.float32)
    graph = check(resized(how, {"roi": roi, "sizes": np.array([2, 3, 4, 6])}, "x, roi, , sizes"), {"x": X})

    assert not graph.variables
    assert kinds(graph) == ["resize"]


def test_between_convolutions_resizing_moves_no_axes() -> None:
    body = """g (float[n, 3, h, w] x) => (y) {
        a = Conv (x, k)
        b = Resize <mode="nearest"> (a, , scales)
        y = Conv (b, m)
    }"""
    weights = {"k": floats(3, 3, 1, 1), "m": floats(2, 3, 1, 1), "scales": np.array([1, 1, 2, 2], np.float32)}
    graph = check(network(body, weights, opset=18), {"x": X})

    assert count(graph, "transpose") == 2
    (node,) = (n for n in graph.nodes.values() if n.kind == "resize")
    assert "axes" not in node.params


@pytest.mark.parametrize("opset", [16, 20])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
def test_sampling_at_places(opset: int, padding: str) -> None:
    mode = "bicubic" if opset == 16 else "cubic"
    body = f"""g (float[n, 3, 5, 4] x, float[n, 2, 3, 2] grid) => (y) {{
        y = GridSample <mode="{mode}", padding_mode="{padding}"> (x, grid)
    }}"""
    grid = np.random.default_rng(0).uniform(-1.5, 1.5, (2, 2, 3, 2)).astype(np.float32)

    check(network(body, opset=opset), {"x": X, "grid": grid})


@pytest.mark.parametrize("opset", [10, 16])
def test_features_under_boxes(opset: int) -> None:
    body = """g (float[n, 3, 5, 4] x, float[b, 4] boxes, int64[b] image) => (y) {
        y = RoiAlign <output_height=2, output_width=3, spatial_scale=0.5> (x, boxes, image)
    }"""
    boxes = np.array([[0, 0, 6, 7], [1, 2, 8, 9], [-3, 1, 2, 3]], np.float32)

    check(network(body, opset=opset), {"x": X, "boxes": boxes, "image": np.array([0, 1, 1])})


@pytest.mark.parametrize("known", [True, False])
def test_the_best_boxes(known: bool) -> None:
    limits = {"most": np.array([2]), "iou": np.array([0.3], np.float32), "least": np.array([0.1], np.float32)}
    inputs = "" if known else ", int64[1] most, float[1] iou, float[1] least"
    body = f"""g (float[1, 8, 4] boxes, float[1, 2, 8] scores{inputs}) => (y) {{
        y = NonMaxSuppression (boxes, scores, most, iou, least)
    }}"""
    draw = np.random.default_rng(0)
    feeds = {"boxes": draw.uniform(size=(1, 8, 4)).astype(np.float32)}
    feeds["scores"] = draw.uniform(size=(1, 2, 8)).astype(np.float32)

    graph = check(network(body, limits if known else None), feeds if known else feeds | limits)

    assert count(graph, "non_max_suppression" if known else "non_max_suppression_by") == 1


def test_without_a_number_of_boxes_there_are_none() -> None:
    body = "g (float[1, 8, 4] boxes, float[1, 2, 8] scores) => (y) { y = NonMaxSuppression (boxes, scores) }"
    graph = fl.formats.onnx.load(network(body))

    assert fl.compile(graph.outputs)({"boxes": floats(1, 8, 4), "scores": floats(1, 2, 8)})[0].shape == (0, 3)
