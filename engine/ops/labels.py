"""Labels: integers that name classes. Unlike an index, a label below 0 does not count from the end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.indexing import in_range
from flowloom.ops.inference import integer
from flowloom.params import Size
from flowloom.spec import Spec


@op(family="loss", differentiable=False, internal=True)
def checked_labels(labels: Spec, *, classes: Size) -> Spec:
    """`labels` as int64, in their shape.

    Raises SpecError if they are not integers, and IndexError, when it runs, if one is not in 0..classes - 1.
    """
    return integer(labels, "labels").with_dtype("int64")


@checked_labels.kernel
def _(xp: Any, labels: Any, *, classes: int, out: Any = None) -> Any:
    checked = in_range(xp, labels, classes, "label")
    if out is None:
        return xp.array(checked)
    out[...] = checked
    return out


@checked_labels.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.integers(0, 5, (4,)),), {"classes": 5}
    yield (rng.integers(0, 3, (2, 2), dtype=np.uint8),), {"classes": 3}
    yield (np.array(1, np.int32),), {"classes": 2}
    yield (rng.integers(0, 3, (0,)),), {"classes": 3}
