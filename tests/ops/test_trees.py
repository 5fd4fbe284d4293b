"""Decision trees send each row to the leaf that scikit-learn's send it to."""

from __future__ import annotations

import numpy as np
from sklearn.tree import DecisionTreeRegressor

from flowloom.ops import tree_leaves


def test_the_leaves_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(200, 5)).astype(np.float32)
    tree = DecisionTreeRegressor(max_depth=6, random_state=0).fit(x, x @ rng.normal(size=5)).tree_
    inner = np.flatnonzero(tree.children_left >= 0)
    leaves = np.flatnonzero(tree.children_left < 0)
    place = np.zeros(tree.node_count, np.int64)
    place[inner], place[leaves] = np.arange(inner.size), -1 - np.arange(leaves.size)

    found = tree_leaves(
        x,
        np.array([0]),
        tree.feature[inner],
        tree.threshold[inner],
        np.zeros(inner.size, np.uint8),
        place[tree.children_left[inner]],
        place[tree.children_right[inner]],
        np.zeros(inner.size, np.uint8),
        np.full((1, 1), np.nan),
    )

    np.testing.assert_array_equal(leaves[found[:, 0]], tree.apply(x))
