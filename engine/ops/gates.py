"""Activations of more than one element: gates, of which one half opens and shuts the other, and hardmax."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowloom.op import op
from flowloom.ops.activation import sigmoid, silu
from flowloom.ops.composing import span
from flowloom.ops.inference import floating, not_empty
from flowloom.ops.kernels import put
from flowloom.ops.sampling import away_from_zero, distinct
from flowloom.spec import Spec, SpecError, normalize_axis


@op(family="layer", composite=True)
def glu(x: Any, *, axis: int = -1) -> Any:
    """Gated linear unit: the first half of `x` along `axis` times the sigmoid of the second half.

    Returns half the size along `axis`. A float dtype stays; integers give float32. Raises SpecError if that size is
    unknown or odd. Source: Dauphin et al., "Language Modeling with Gated Convolutional Networks", 2017.
    """
    axis = normalize_axis(axis, x.ndim)
    size = x.shape[axis]
    if not isinstance(size, int) or size % 2:
        raise SpecError(f"the size along the axis must be known and even; got {size}", dimension=f"axis {axis}")
    return span(x, None, size // 2, axis) * sigmoid(span(x, size // 2, None, axis))


@glu.samples
def _(rng: np.random.Generator) -> Any:
    yield (rng.normal(size=(3, 4)),), {}
    yield (rng.normal(size=(2, 6, 3)),), {"axis": 1}
    yield (rng.normal(size=(0, 2)),), {}
    yield (rng.integers(-3, 3, (3, 2)),), {}


@op(family="elementwise", composite=True)
def swiglu(a: Any, b: Any, *, alpha: float = 1.0) -> Any:
    """`b` gated by `a`: a sigmoid(alpha a) b, elementwise with broadcasting, in the wider dtype; integers give float32.

    Source: Shazeer, "GLU Variants Improve Transformer", 2020; ONNX, operator SwiGLU.
    """
    return silu(a, alpha=alpha) * b


@swiglu.samples
def _(rng: np.random.Generator) -> Any:
    yield (rng.normal(size=(3, 4)), rng.normal(size=(3, 4))), {}
    yield (rng.normal(size=(3, 4)), away_from_zero(rng, 4)), {"alpha": 1.7}
    yield (rng.normal(size=(0, 4)), rng.normal(size=())), {}


@op(family="layer", differentiable=False)
def hardmax(x: Spec, *, axis: int = -1) -> Spec:
    """1 at the first maximum along `axis`, else 0: what softmax comes to for large numbers. In the dtype of `softmax`.

    Raises SpecError if the axis is outside `x` or of size 0.
    """
    normalize_axis(axis, x.ndim)
    return not_empty(floating(x), axis)


@hardmax.kernel
def _(xp: Any, x: Any, *, axis: int, out: Any = None) -> Any:
    places = xp.arange(x.shape[axis]).reshape([-1 if i == axis % x.ndim else 1 for i in range(x.ndim)])
    hot = xp.expand_dims(xp.argmax(x, axis=axis), axis) == places
    return put(hot, out, floating(Spec.of(x)).dtype)


@hardmax.samples
def _(rng: np.random.Generator) -> Any:
    yield (distinct(rng, 3, 4),), {}
    yield (rng.integers(0, 3, (2, 3, 4)),), {"axis": 1}
    yield (rng.normal(size=(0, 4)),), {}
