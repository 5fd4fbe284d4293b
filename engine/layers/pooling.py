"""Pooling over all steps. The poolings of windows, and those over all of an image, are ops of the same names."""

from __future__ import annotations

from typing import Any

from flowloom.compiler.expr import Expr
from flowloom.graph.kinds import NodeContext
from flowloom.layers.layer import layer
from flowloom.layers.shapes import dimensions, floats
from flowloom.ops import cast, expand_dims, global_avg_pool, maximum, sum, where
from flowloom.spec import SpecError, is_bool, merge


@layer()
def global_average_pooling1d(node: NodeContext, x: Any, mask: Any = None, *, keepdims: bool = False) -> Expr:
    """The mean of all steps of a sequence, or of those that `mask` counts: bool (batch, time).

    `x` (batch, time, channels); returns (batch, channels), or with `keepdims` (batch, 1, channels). Zeros where no step
    counts.
    """
    dimensions(x, 3, "sequences (batch, time, channels)", 3)
    y: Any
    if mask is None:
        y = global_avg_pool(x, keepdims=keepdims)
    else:
        floats(x)
        if not is_bool(mask.dtype) or mask.ndim != 2:
            raise SpecError(f"the mask is bool (batch, time); got {mask.spec}", dimension=str(mask.spec))
        merge(mask.shape[1], x.shape[1])
        counted = expand_dims(mask, axis=-1)
        total = sum(where(counted, x, 0.0), axis=1, keepdims=keepdims)
        y = total / maximum(sum(cast(counted, dtype=x.dtype.name), axis=1, keepdims=keepdims), 1.0)
    pooled: Expr = y
    return pooled
