"""Positions as rotations: pairs of features turned by an angle that grows with the place (Su et al. 2021)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.composing import span
from flowloom.ops.indexing import take
from flowloom.ops.joining import concatenate, stack
from flowloom.ops.shape import expand_dims, reshape
from flowloom.params import Count, Positive
from flowloom.spec import DEFAULT_DTYPE, Spec, SpecError


@op(family="layer", composite=True)
def rotary_embedding(x: Any, cos: Any, sin: Any, position_ids: Any = None, *, interleaved: bool = False) -> Any:
    """`x` with pairs of features turned by an angle that grows with the position (Su et al., arXiv 2104.09864).

    `x` (batch, heads, length, size). `cos` and `sin` of the angles are (length, half) or (batch, length, half), or a
    table (positions, half) with the `position_ids` (batch, length) to look up (ONNX RotaryEmbedding). The first 2 half
    features are turned, i with i + half, or neighbours if `interleaved`; the rest stays. Keeps the shape. Raises
    SpecError if `half` is not known or too large.
    """
    if position_ids is not None:
        cos, sin = take(cos, position_ids, axis=0), take(sin, position_ids, axis=0)
    for name, angles in (("cos", cos), ("sin", sin)):
        if angles.ndim not in (2, 3):
            raise SpecError(f"{name} must be (length, half) or (batch, length, half); got {angles.ndim} dimensions")
    if cos.ndim == 3:
        cos, sin = expand_dims(cos, axis=1), expand_dims(sin, axis=1)
    if x.ndim != 4:
        raise SpecError(f"x must be (batch, heads, length, size); got {x.ndim} dimensions")
    half, size = cos.shape[-1], x.shape[-1]
    if not isinstance(half, int) or (isinstance(size, int) and 2 * half > size):
        raise SpecError(f"x has {size} features, and {half} angles turn two each", dimension=f"{size} < 2 * {half}")
    if interleaved:
        first, second = span(x, None, 2 * half, step=2), span(x, 1, 2 * half, step=2)
    else:
        first, second = span(x, None, half), span(x, half, 2 * half)
    turned = first * cos - second * sin, first * sin + second * cos
    if interleaved:
        y = reshape(stack(*turned, axis=-1), shape=(*x.shape[:-1], 2 * half))
    else:
        y = concatenate(*turned, axis=-1)
    return y if size == 2 * half else concatenate(y, span(x, 2 * half, None), axis=-1)


@op(family="data", differentiable=False, outputs=("cos", "sin"))
def rotary_angles(*, length: Count, size: Count, base: Positive = 10000.0) -> tuple[Spec, Spec]:
    """Cosine and sine of the angles of `rotary_embedding`: position times base ** (-2 k / size), for k < size / 2.

    Returns two tensors (length, size / 2) of float32. Raises SpecError if `size` is odd.
    """
    if size % 2:
        raise SpecError(f"features are turned in pairs; got size={size}", dimension=f"size {size}")
    return Spec((length, size // 2)), Spec((length, size // 2))


@rotary_angles.kernel
def _(xp: Any, *, length: int, size: int, base: float) -> Any:
    angles = np.arange(length)[:, None] * base ** (-np.arange(0, size, 2) / size)
    return xp.asarray(np.cos(angles).astype(DEFAULT_DTYPE)), xp.asarray(np.sin(angles).astype(DEFAULT_DTYPE))


@rotary_embedding.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    x = rng.normal(size=(2, 3, 4, 6))
    yield (x, rng.normal(size=(4, 3)), rng.normal(size=(4, 3))), {}
    yield (x, rng.normal(size=(2, 4, 2)), rng.normal(size=(2, 4, 2))), {"interleaved": True}
    yield (x, rng.normal(size=(9, 3)), rng.normal(size=(9, 3)), rng.integers(0, 9, (2, 4))), {"interleaved": True}


@rotary_angles.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (), {"length": 5, "size": 4}
