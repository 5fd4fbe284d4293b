"""ONNX's operators on shapes, parts and places are ops here, or short compositions: held to its reference evaluator."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator

from flowloom import ops

Array = np.ndarray[Any, Any]

X = np.arange(24.0).reshape(2, 3, 4)
M = np.arange(12.0).reshape(3, 4)
IMAGE = np.random.default_rng(0).normal(size=(2, 8, 2, 3))  # channels first, as ONNX has them
UPDATES = np.array([[10.0, 11.0, -3.0], [2.0, 4.0, 90.0]])
PLACES = np.array([[0, 1, 1], [2, 1, -2]])
DISTINCT = np.array([[0, 1, 2], [-1, 1, -2]])
WORDS = np.array([3.0, 1.0, 2.0, 1.0, 3.0, 0.5])
ROWS = np.array([[1.0, 0.0], [2.0, 3.0], [1.0, 0.0], [0.0, 5.0]])
CACHE = np.arange(24.0).reshape(2, 1, 4, 3)


def first(x: Array) -> Array:
    """Channels last as channels first."""
    return x.transpose(0, 3, 1, 2)


def last(x: Array) -> Array:
    """Channels first as channels last."""
    return x.transpose(0, 2, 3, 1)


def integers(*values: Any) -> Array:
    return np.array(values, np.int64)


CASES: list[tuple[str, tuple[Any, ...], dict[str, Any], Any]] = [
    ("ArrayFeatureExtractor", (M, integers(2, 0)), {}, lambda x, i: ops.take(x, i, axis=-1)),
    ("Compress", (M, np.array([True, False, True])), {"axis": 0}, lambda x, c: ops.compress(x, c, axis=0)),
    ("Compress", (M, np.array([False, True])), {"axis": 1}, lambda x, c: ops.compress(x, c, axis=1)),
    ("Compress", (M, np.array([False, True, False, True, True])), {}, ops.compress),
    ("Concat", (M, M[:1]), {"axis": 0}, ops.concatenate),
    ("Concat", (M, M[:, :2], M), {"axis": -1}, lambda *xs: ops.concatenate(*xs, axis=-1)),
    ("Expand", (M[:, :1], integers(2, 1, 5)), {}, ops.broadcast_to_shape),
    ("Expand", (M, integers(4)), {}, ops.broadcast_to_shape),
    ("EyeLike", (M,), {"k": 1}, lambda x: ops.eye_like(x, k=1)),
    ("EyeLike", (M,), {"k": -1, "dtype": 7}, lambda x: ops.eye_like(x, k=-1, dtype="int64")),
    ("Flatten", (X,), {"axis": 2}, lambda x: ops.flatten(ops.flatten(x, last=1), first=1)),
    ("Gather", (X, integers([1, -1])), {"axis": 1}, lambda x, i: ops.take(x, i, axis=1)),
    ("GatherElements", (M, integers([-1, 0, 2, 1])), {"axis": 0}, ops.gather_elements),
    (
        "GatherElements",
        (M, integers([0, 3], [1, -2], [2, 2])),
        {"axis": 1},
        lambda x, i: ops.gather_elements(x, i, axis=1),
    ),
    ("GatherND", (X, integers([0, 2], [-1, 1])), {}, ops.gather_nd),
    (
        "GatherND",
        (X, integers([[2], [0]], [[1], [1]])),
        {"batch_dims": 1},
        lambda x, i: ops.gather_nd(x, i, batch_dims=1),
    ),
    ("GatherND", (X, integers([0, 2, 1], [1, 0, 3])), {}, ops.gather_nd),
    ("NonZero", (np.array([[1, 0, 2], [0, 0, 3]]),), {}, ops.nonzero),
    ("NonZero", (np.array([True, False, True]),), {}, ops.nonzero),
    (
        "OneHot",
        (integers(1, -1, 7, -9), np.array(4), np.array([2.0, 5.0])),
        {},
        lambda i, n, v: ops.one_hot_by(i, n, on=5.0, off=2.0, outside="off", dtype="float64"),
    ),
    (
        "OneHot",
        (integers([1, 9], [2, 0]), np.array(3), np.array([0, 3])),
        {"axis": 1},
        lambda i, n, v: ops.one_hot(i, depth=3, axis=1, on=3.0, outside="off", dtype="int64"),
    ),
    ("Range", (np.array(1), np.array(-8), np.array(-2)), {}, ops.arange_of),
    ("Range", (np.array(0.5), np.array(2.0), np.array(0.25)), {}, ops.arange_of),
    ("Reshape", (X, integers(0, -1)), {}, lambda x, s: ops.reshape_to(x, s, zero_keeps=True)),
    ("Reshape", (X[:0], integers(3, 4, 0)), {"allowzero": 1}, ops.reshape_to),
    (
        "ReverseSequence",
        (M, integers(1, 2, 3, 0)),
        {},
        lambda x, n: ops.reverse_sequence(x, n, time_axis=0, batch_axis=1),
    ),
    ("ReverseSequence", (M, integers(4, 2, 3)), {"time_axis": 1, "batch_axis": 0}, ops.reverse_sequence),
    ("Shape", (X,), {}, ops.shape_of),
    ("Shape", (X,), {"start": -2, "end": 9}, lambda x: ops.shape_of(x, start=-2, stop=9)),
    ("Slice", (X, integers(1, 0), integers(99, -1)), {}, ops.slice_at),
    (
        "Slice",
        (X, integers(-1, 1), integers(-99, 3), integers(2, 1), integers(-2, 1)),
        {},
        lambda x, starts, stops, axes, steps: ops.slice_at(x, starts, stops, steps, axes=(2, 1)),
    ),
    (
        "SpaceToDepth",
        (IMAGE[:, :, :, :2],),
        {"blocksize": 2},
        lambda x: first(ops.space_to_depth(last(x), block_size=2)),
    ),
    ("DepthToSpace", (IMAGE,), {"blocksize": 2}, lambda x: first(ops.depth_to_space(last(x), block_size=2))),
    (
        "DepthToSpace",
        (IMAGE,),
        {"blocksize": 2, "mode": "CRD"},
        lambda x: first(ops.depth_to_space(last(x), block_size=2, mode="CRD")),
    ),
    ("Split", (M, integers(1, 3)), {"axis": 1}, lambda x, s: ops.split(x, sizes=(1, 3), axis=1)),
    ("Split", (M, integers(1, 3)), {"axis": 1}, lambda x, s: ops.split_by(x, s, axis=1)),
    ("Split", (M,), {"axis": 1, "num_outputs": 2}, lambda x: ops.split(x, sections=2, axis=1)),
    ("Squeeze", (M[None, :, None], integers(0, -2)), {}, lambda x, a: ops.squeeze(x, axis=(0, -2))),
    ("Squeeze", (M[None, :, None], integers(0, -2)), {}, ops.squeeze_at),
    ("Tile", (M, integers(2, 3)), {}, lambda x, n: ops.tile(x, reps=(2, 3))),
    ("Tile", (M, integers(2, 3)), {}, ops.tile_by),
    ("Transpose", (X,), {"perm": (2, 0, 1)}, lambda x: ops.transpose(x, axes=(2, 0, 1))),
    ("Trilu", (X, np.array(1)), {"upper": 1}, lambda x, k: ops.triu(x, k=1)),
    ("Trilu", (X, np.array(-1)), {"upper": 0}, lambda x, k: ops.triangle_by(x, k, upper=False)),
    ("Unique", (WORDS,), {}, ops.unique),
    ("Unique", (WORDS,), {"sorted": 0}, lambda x: ops.unique(x, sorted=False)),
    ("Unique", (ROWS,), {"axis": 0}, lambda x: ops.unique(x, axis=0)),
    ("Unsqueeze", (M, integers(0, -1)), {}, lambda x, a: ops.expand_dims(x, axis=(0, -1))),
    ("Unsqueeze", (M, integers(0, -1)), {}, ops.expand_dims_at),
    ("Where", (M > 5, M, -M), {}, ops.where),
    (
        "TensorScatter",
        (CACHE, -CACHE[:, :, :2], integers(1, 2)),
        {},
        ops.update_slice,
    ),
    (
        "TensorScatter",
        (CACHE, -CACHE[:, :, :3], integers(3, 2)),
        {"mode": "circular"},
        lambda *xs: ops.update_slice(*xs, wrap=True),
    ),
    *(
        (
            "Pad",
            (M, integers(1, 2, 0, 3)),
            {"mode": mode},
            lambda x, n, mode=mode: ops.pad_by(x, n.reshape(2, 2).T, mode=mode),
        )
        for mode in ("constant", "reflect", "edge", "wrap")
    ),
    ("ScatterElements", (M, DISTINCT, UPDATES), {"axis": 0}, ops.scatter_elements),
    *(
        (
            "ScatterElements",
            (M, PLACES, UPDATES),
            {"reduction": r},
            lambda *xs, r=r: ops.scatter_elements(*xs, reduction=r),
        )
        for r in ("add", "mul", "max", "min")
    ),
    ("ScatterND", (M, integers([2], [-3]), UPDATES @ np.ones((3, 4))), {}, ops.scatter_nd),
    *(
        (
            "ScatterND",
            (M, integers([0, 1], [2, 2], [0, 1]), np.array([3.0, -1.0, 5.0])),
            {"reduction": r},
            lambda *xs, r=r: ops.scatter_nd(*xs, reduction=r),
        )
        for r in ("add", "mul", "max", "min")
    ),
]


def reference(operator: str, *arrays: Array, **attributes: Any) -> list[Array]:
    """What ONNX's reference evaluator makes of that one operator, in its newest version."""
    domain = "ai.onnx.ml" if operator == "ArrayFeatureExtractor" else ""
    schema = onnx.defs.get_schema(operator, domain=domain)
    names = [f"x{i}" for i in range(len(arrays))]
    outputs = [f"y{i}" for i in range(attributes.get("num_outputs", 2 if operator == "Split" else schema.max_output))]
    inputs = [
        helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
        for n, a in zip(names, arrays, strict=True)
    ]
    node = helper.make_node(operator, names, outputs, domain=domain, **attributes)
    graph = helper.make_graph([node], "g", inputs, [helper.make_empty_tensor_value_info(n) for n in outputs])
    versions = [helper.make_opsetid(domain, schema.since_version)]
    model = helper.make_model(graph, opset_imports=versions)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = ReferenceEvaluator(model).run(None, dict(zip(names, arrays, strict=True)))
    return [np.asarray(a) for a in found]


@pytest.mark.parametrize(("operator", "arrays", "attributes", "ours"), CASES, ids=[c[0] for c in CASES])
def test_it_is_onnx(operator: str, arrays: tuple[Any, ...], attributes: dict[str, Any], ours: Any) -> None:
    expected = reference(operator, *arrays, **attributes)
    found = ours(*arrays)

    for y, e in zip(found if isinstance(found, tuple) else (found,), expected, strict=True):
        assert y.dtype == e.dtype
        np.testing.assert_array_equal(y, e)
