"""Layers that act only while the model learns: dropout (Srivastava et al. 2014) and noise."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from flowloom.compiler.expr import Expr
from flowloom.graph.kinds import NodeContext
from flowloom.layers.layer import layer
from flowloom.ops import cast, random_normal, random_uniform, where
from flowloom.params import Fraction
from flowloom.spec import SpecError


@layer()
def dropout(node: NodeContext, x: Expr, *, rate: Fraction = 0.5) -> Expr:
    """While learning, set a random share `rate` of `x` to zero and scale the rest up to keep the mean.

    Returns the shape of `x`; `x` as it is while not learning.
    """
    _check_float(x)
    if not node.training or rate == 0:
        return x
    kept = random_uniform(node.key(), shape=x.shape) >= rate
    y: Expr = where(kept, x * (1 / (1 - rate)), 0.0)  # type: ignore[operator]
    return y


@layer()
def gaussian_noise(node: NodeContext, x: Expr, *, stddev: Annotated[float, Meta(ge=0)] = 0.1) -> Expr:
    """While learning, add normal noise of that standard deviation to `x`.

    Returns the shape of `x`; `x` as it is while not learning.
    """
    _check_float(x)
    if not node.training:
        return x
    noise = random_normal(node.key(), shape=x.shape, stddev=stddev)
    y: Expr = x + cast(noise, dtype=x.dtype.name)
    return y


def _check_float(x: Expr) -> None:
    if x.dtype.kind != "f":
        raise SpecError(f"the elements must be floats; got {x.spec}")
