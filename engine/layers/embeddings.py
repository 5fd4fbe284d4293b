"""Embeddings: vectors for indices, and for places in a sequence. Names and defaults of Keras and KerasHub."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from flowloom.compiler.expr import Expr
from flowloom.constraints import Constraint
from flowloom.graph.kinds import NodeContext
from flowloom.initializers import Initializer
from flowloom.layers.layer import layer
from flowloom.layers.shapes import dimensions, floats, known, positions
from flowloom.ops import any, broadcast_to, cast, cos, expand_dims, not_equal, sin, take, where
from flowloom.params import Count
from flowloom.regularizers import Regularizer
from flowloom.spec import SpecError, is_integer


@layer(outputs=("y", "*mask"))
def embedding(
    node: NodeContext,
    indices: Expr,
    *,
    input_dim: Count = 1000,
    output_dim: Count = 16,
    embeddings_initializer: Initializer = "random_uniform",
    embeddings_regularizer: Regularizer | None = None,
    embeddings_constraint: Constraint | None = None,
    mask_zero: bool = False,
    trainable: bool = True,
) -> Any:
    """The learned vector of each index. `indices` (...) are integers from 0 to `input_dim` - 1.

    Returns (..., output_dim), and with `mask_zero` also where the index is not 0: bool (...), the mask that recurrent
    layers and attention take. Variable: embeddings (input_dim, output_dim). An index out of range stops the run and is
    named.
    """
    if not is_integer(indices.dtype):
        raise SpecError(f"embedding reads integers; got {indices.spec}")
    shape = (input_dim, output_dim)
    made = (embeddings_initializer, embeddings_regularizer, embeddings_constraint)
    rows = take(node.variable("embeddings", shape, *made), indices, axis=0, from_end=False)
    return (rows, not_equal(indices, 0)) if mask_zero else rows


@layer(outputs=("y", "mask"))
def masking(node: NodeContext, x: Any, *, mask_value: float = 0.0) -> tuple[Expr, Expr]:
    """Finds the steps of `x` (batch, time, features) that are padding: those whose features are all `mask_value`.

    Returns `x` with zeros for them, in its shape, and the mask that recurrent layers and attention take: bool (batch,
    time), false for padding.
    """
    dimensions(x, 3, "sequences (batch, time, features)", 3)
    mask = any(not_equal(x, mask_value), axis=-1)
    return where(expand_dims(mask, axis=-1), x, 0), mask


@layer()
def position_embedding(
    node: NodeContext,
    x: Expr,
    *,
    sequence_length: Count = 512,
    embeddings_initializer: Initializer = "glorot_uniform",
    embeddings_regularizer: Regularizer | None = None,
    embeddings_constraint: Constraint | None = None,
    trainable: bool = True,
) -> Expr:
    """The learned vector of each place in a sequence `x` (batch, time, features), to be added to `x`.

    Returns the shape of `x`. Variable: embeddings (sequence_length, features). Raises SpecError if there are more steps
    than vectors (Gehring et al. 2017).
    """
    dimensions(x, 3, "sequences (batch, time, features)", 3)
    steps = x.shape[1]
    if isinstance(steps, int) and steps > sequence_length:
        raise SpecError(
            f"there are {steps} steps and vectors for {sequence_length}; raise sequence_length",
            dimension=f"{steps} > {sequence_length}",
        )
    made = (embeddings_initializer, embeddings_regularizer, embeddings_constraint)
    table = node.variable("embeddings", (sequence_length, known(x.shape[2], "the number of features")), *made)
    return _for_each(x, take(table, positions(x, 1), axis=0))


@layer()
def sine_position_encoding(node: NodeContext, x: Expr, *, max_wavelength: Annotated[float, Meta(gt=1)] = 1e4) -> Expr:
    """Waves that tell each place in a sequence `x` (batch, time, features), to be added to `x`.

    Features 2i and 2i + 1 are sine and cosine of place / max_wavelength**(2i / features). Returns the shape and dtype
    of `x` (Vaswani et al. 2017, section 3.5).
    """
    floats(x)
    dimensions(x, 3, "sequences (batch, time, features)", 3)
    features = known(x.shape[2], "the number of features")
    index = np.arange(features)
    rates = (max_wavelength ** -(index // 2 * 2 / features)).astype(x.dtype)
    angles = cast(expand_dims(positions(x, 1), axis=-1), dtype=x.dtype.name) * rates
    return _for_each(x, where(index % 2 == 0, sin(angles), cos(angles)))


def _for_each(x: Any, rows: Any) -> Expr:
    """`rows` (time, features) for each sequence of `x`, in the shape of `x`."""
    y: Expr = where(x * 0 > 1, 0.0, rows) if None in x.shape else broadcast_to(rows, shape=x.shape)
    return y
