"""Decision trees: which leaf each row of a table falls into."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.inference import floats, integer, same_dims
from flowloom.ops.kernels import put
from flowloom.spec import Spec

# The comparisons of a node, in ONNX's order: x <= t, x < t, x >= t, x > t, x == t, x != t; then x among set t.
COMPARISONS = (np.less_equal, np.less, np.greater_equal, np.greater, np.equal, np.not_equal)
MEMBER = 6


@op(family="data", differentiable=False, internal=True)
def tree_leaves(
    x: Spec,
    roots: Spec,
    features: Spec,
    thresholds: Spec,
    modes: Spec,
    if_true: Spec,
    if_false: Spec,
    missing: Spec,
    members: Spec,
) -> Spec:
    """The leaf that each row of `x` (rows, features) reaches in each tree: int64 (rows, trees).

    The trees lie in one list of nodes: node i compares the feature `features[i]` with `thresholds[i]` as `modes[i]`
    says (0 to 6: <=, <, >=, >, ==, !=, and among the row of `members` of that number) and goes on to `if_true[i]` or
    `if_false[i]`; where the feature is NaN, to the former if `missing[i]`. A place p < 0 is the leaf -1 - p. `roots`
    are the places that the trees begin at.

    Raises SpecError for another number of dimensions, IndexError or ValueError, when it runs, for a place that is not
    there and a tree that never ends.
    """
    same_dims(x, 2, "x")
    for name, list_ in (("roots", roots), ("features", features), ("modes", modes), ("if_true", if_true)):
        same_dims(integer(list_, name), 1, name)
    for name, list_ in (("thresholds", thresholds), ("if_false", if_false), ("missing", missing)):
        same_dims(list_, 1, name)
    floats(same_dims(members, 2, "members"), "members")
    return Spec((x.shape[0], roots.shape[0]), "int64")


@tree_leaves.kernel
def _(
    xp: Any,
    x: Any,
    roots: Any,
    features: Any,
    thresholds: Any,
    modes: Any,
    if_true: Any,
    if_false: Any,
    missing: Any,
    members: Any,
    *,
    out: Any = None,
) -> Any:
    place = xp.broadcast_to(roots.astype("int64"), (x.shape[0], roots.shape[0])).copy()
    for _ in range(features.size + 1):
        row, tree = xp.nonzero(place >= 0)
        if row.size == 0:
            break
        node = place[row, tree]
        value, threshold, mode = x[row, features[node]], thresholds[node], modes[node]
        holds = xp.zeros(node.shape, bool)
        for number, compare in enumerate(COMPARISONS):
            holds |= (mode == number) & compare(value, threshold)
        among = mode == MEMBER
        holds[among] = (value[among, None] == members[threshold[among].astype("int64")]).any(axis=-1)
        holds |= missing[node].astype(bool) & (value != value)
        place[row, tree] = xp.where(holds, if_true[node], if_false[node])
    else:
        raise ValueError("a tree never comes to a leaf")
    return put(-1 - place, out)


@tree_leaves.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    # Two trees: one asks twice, the other whether feature 0 is 1 or 3.
    trees = (np.array([0, 2]), np.array([0, 1, 0]), np.array([0.0, 0.5, 0]), np.array([0, 3, 6], np.uint8))
    places = (np.array([1, -1, -4]), np.array([-3, -2, -5]), np.array([1, 0, 0]), np.array([[1.0, 3.0, np.nan]]))
    yield (rng.normal(size=(5, 2)), *trees, *places), {}
    yield (np.array([[1.0, 0.0], [np.nan, 1.0]]), *trees, *places), {}
    yield (np.zeros((0, 2)), *trees, *places), {}
