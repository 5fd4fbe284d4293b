"""Layers that make one tensor of several: a sum of two paths, or both side by side. Keras' names and defaults.

Those that work elementwise broadcast; beside (batch, time, features), (batch, features) stands for all times.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Annotated, Any, TypeAlias

from msgspec import Meta

from flowloom import ops
from flowloom.compiler.expr import Expr
from flowloom.graph.kinds import NodeContext
from flowloom.layers.layer import layer
from flowloom.layers.shapes import floats
from flowloom.ops import matmul, moveaxis, reshape
from flowloom.spec import SpecError, normalize_axis, product
from flowloom.spec import merge as agree

AxisPair: TypeAlias = Annotated[tuple[int, ...], Meta(min_length=2, max_length=2)]


@layer()
def add(node: NodeContext, *xs: Any) -> Expr:
    """The sum of all `xs`, elementwise. Returns the shape they broadcast to."""
    return _joined(ops.add, xs)


@layer()
def multiply(node: NodeContext, *xs: Any) -> Expr:
    """The product of all `xs`, elementwise. Returns the shape they broadcast to."""
    return _joined(ops.multiply, xs)


@layer()
def average(node: NodeContext, *xs: Any) -> Expr:
    """The mean of all `xs`, elementwise. Returns the shape they broadcast to."""
    y: Any = _joined(ops.add, xs)
    mean: Expr = y / len(xs)
    return mean


@layer()
def maximum(node: NodeContext, *xs: Any) -> Expr:
    """The largest of all `xs`, elementwise. Returns the shape they broadcast to."""
    return _joined(ops.maximum, xs)


@layer()
def minimum(node: NodeContext, *xs: Any) -> Expr:
    """The smallest of all `xs`, elementwise. Returns the shape they broadcast to."""
    return _joined(ops.minimum, xs)


@layer()
def concatenate(node: NodeContext, *xs: Any, axis: int = -1) -> Expr:
    """All `xs` one after the other along `axis`; the other sizes must be equal. Returns that longer shape."""
    y: Expr = ops.concatenate(*xs, axis=axis)
    return y


@layer()
def dot(node: NodeContext, a: Any, b: Any, *, axes: int | AxisPair = -1, normalize: bool = False) -> Expr:
    """For each example, the sum of products of `a` and `b` along an axis of each: `axes`, one for both or (of a, of b).

    `normalize` divides each vector by its length first, which makes it the cosine. Both are (batch, ...); returns
    (batch, the other axes of a, the other axes of b), and (batch, 1) where there are none. Raises SpecError if the
    sizes differ.
    """
    floats(a, 2)
    floats(b, 2)
    along = (axes, axes) if isinstance(axes, int) else axes
    of_a, of_b = normalize_axis(along[0], a.ndim), normalize_axis(along[1], b.ndim)
    if 0 in (of_a, of_b):
        raise SpecError(f"axis 0 is that of the examples, which stays; got axes={axes}", dimension=f"axes {axes}")
    agree(a.shape[of_a], b.shape[of_b])
    if normalize:
        a, b = ops.normalize(a, axis=of_a), ops.normalize(b, axis=of_b)
    rows, columns = _without(a, of_a), _without(b, of_b)
    left = reshape(moveaxis(a, source=of_a, destination=-1), shape=(a.shape[0], product(rows), a.shape[of_a]))
    right = reshape(moveaxis(b, source=of_b, destination=1), shape=(b.shape[0], b.shape[of_b], product(columns)))
    y: Expr = reshape(matmul(left, right), shape=(a.shape[0], *((*rows, *columns) or (1,))))
    return y


def _joined(op: Any, xs: Sequence[Any]) -> Expr:
    """`op` on all of `xs`. What has fewer axes gets new ones behind the first, that of the examples."""
    most = max(x.ndim for x in xs)
    aligned = [ops.expand_dims(x, axis=tuple(range(1, 1 + most - x.ndim))) if 0 < x.ndim < most else x for x in xs]
    y: Expr = reduce(op, aligned)
    return y


def _without(x: Any, axis: int) -> tuple[Any, ...]:
    """The sizes of `x` but the first and that of `axis`."""
    return tuple(d for i, d in enumerate(x.shape) if i not in (0, axis))
