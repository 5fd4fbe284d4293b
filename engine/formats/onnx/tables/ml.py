"""Classical models (ai.onnx.ml)."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowloom import ops
from flowloom.formats.onnx.node import Node
from flowloom.formats.onnx.table import ML, onnx_op
from flowloom.formats.onnx.values import Value


@onnx_op("Binarizer", domain=ML)
def _binarizer(node: Node, x: Value) -> Value:
    return ops.cast(ops.greater(x, node.attr("threshold", 0.0)), dtype=x.dtype.name)


@onnx_op("ArrayFeatureExtractor", domain=ML)
def _array_feature_extractor(node: Node, x: Value, places: Value) -> Value:
    found = ops.take(x, ops.reshape(places, shape=(-1,)), axis=-1)
    return ops.reshape(found, shape=(1, -1)) if x.ndim == 1 else found


AGGREGATES = {0: ops.mean, 1: ops.sum, 2: ops.min, 3: ops.max}


@onnx_op("TreeEnsemble", domain=ML)
def _tree_ensemble(node: Node, x: Value) -> Value:
    how, after = node.attr("aggregate_function", 1), node.attr("post_transform", 0)
    if how not in AGGREGATES or after not in (0, 1, 2):
        raise node.refuse(f"aggregate_function {how} with post_transform {after} is not supported")
    modes = np.asarray(node.needs("nodes_modes"), np.uint8)
    splits = np.array(node.needs("nodes_splits"))
    sets, members = _sets(node.attr("membership_values", np.zeros(0, splits.dtype)))
    splits[modes == 6] = np.arange(sets, dtype=splits.dtype)
    yes = _places(node.needs("nodes_truenodeids"), node.needs("nodes_trueleafs"))
    no = _places(node.needs("nodes_falsenodeids"), node.needs("nodes_falseleafs"))
    roots = np.asarray(node.needs("tree_roots"))
    single = (yes < 0) & (yes == no)  # a tree that is a leaf is written as a node that leads to it either way
    roots = np.where(single[roots], yes[roots], roots)
    missing = np.asarray(node.attr("nodes_missing_value_tracks_true", [0] * len(modes)))
    features = np.asarray(node.needs("nodes_featureids"))
    tree = (roots, features, splits, modes, yes, no, missing, members)
    leaves = ops.tree_leaves(x, *map(node.known, tree))
    y = AGGREGATES[how](ops.take(node.known(_weights(node, how, x.dtype)), leaves), axis=1)
    return ops.softmax(y) if after == 1 else ops.sigmoid(y) if after == 2 else y


def _places(ids: list[int], leaves: list[int]) -> np.ndarray[Any, Any]:
    """Where the nodes lead: to a node, or to a leaf, which is a number below 0."""
    places = np.asarray(ids, np.int64)
    return np.where(leaves, -1 - places, places)


def _sets(values: np.ndarray[Any, Any]) -> tuple[int, np.ndarray[Any, Any]]:
    """How many sets of members there are, which NaN ends each, and the sets as the rows of a matrix."""
    ends = np.flatnonzero(np.isnan(values))
    rows = np.split(values, ends + 1)[:-1]
    matrix = np.full((max(1, len(rows)), max([1, *(len(r) for r in rows)])), np.nan, values.dtype)
    for row, found in zip(matrix, rows, strict=False):
        row[: len(found)] = found
    return len(rows), matrix


def _weights(node: Node, how: int, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """What each leaf adds to each target."""
    rest = {2: np.finfo(dtype).max, 3: np.finfo(dtype).min}.get(how, 0)
    targets, weights = node.needs("leaf_targetids"), np.asarray(node.needs("leaf_weights"))
    table = np.full((len(targets), node.attr("n_targets") or max(targets) + 1), rest, dtype)
    table[np.arange(len(targets)), targets] = weights
    return table
