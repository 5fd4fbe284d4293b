"""Reductions, running totals, orders."""

from __future__ import annotations

from typing import Any

import numpy as np

import flowloom as fl
from tests.property.table import move, move_for
from tests.property.weaving import Rejected, Strand, Weaver


def over(w: Weaver, x: Strand, *, single: bool = False) -> dict[str, Any]:
    """The parameters of a reduction of `x`: over all, one or several axes."""
    axes: Any = None
    if x.ndim and w.choose.number(0, 3):
        axes = w.choose.axis(x.ndim) if single or w.choose.flag() else w.choose.axes(x.ndim, 1)
    return {"axis": axes, "keepdims": w.choose.flag()}


@move_for("sum", "mean", "max", "min", "prod", "logsumexp")
def reduce(w: Weaver, op: str) -> None:
    x = w.floats(known=w.choose.flag())
    if 0 in x.sizes:
        raise Rejected
    w.apply(getattr(fl.ops, op), x, **over(w, x))


@move_for("var", "std", "norm")
def spread(w: Weaver, op: str) -> None:
    x = w.floats(1)
    if op == "norm":
        x = w.within(x, 0.3, 3.0)
        w.apply(fl.norm, x, **over(w, x), ord=w.choose.of([2.0, 1.0, 3.0]))
    else:
        w.apply(getattr(fl.ops, op), x, when=lambda y: bool(np.all(y > 0.05)), **over(w, x))


@move_for("median", "quantile")
def quantiles(w: Weaver, op: str) -> None:
    x = w.floats(1)
    if 0 in x.sizes:
        raise Rejected
    params = {"q": w.choose.of([0.25, 0.5, 0.875])} if op == "quantile" else {}
    w.apply(getattr(fl.ops, op), x, **over(w, x), **params)


@move_for("sum", "max", "min", "prod", "mean")
def reduce_whole(w: Weaver, op: str) -> None:
    x = w.integers()
    w.apply(getattr(fl.ops, op), x, **over(w, x))


@move_for("all", "any", "count_nonzero")
def reduce_truth(w: Weaver, op: str) -> None:
    x = w.bools()
    w.apply(getattr(fl.ops, op), x, **over(w, x))


@move_for("argmax", "argmin")
def where_extreme(w: Weaver, op: str) -> None:
    x = w.floats(1)
    if 0 in x.sizes:
        raise Rejected
    w.apply(getattr(fl.ops, op), x, **over(w, x, single=True), select_last=w.choose.rarely())


@move_for("cumsum", "cumprod")
def running(w: Weaver, op: str) -> None:
    x = w.floats(1) if w.choose.number(0, 3) else w.integers(1)
    axis = None if w.choose.rarely() else w.choose.axis(x.ndim)
    w.apply(getattr(fl.ops, op), x, axis=axis, exclusive=w.choose.flag(), reverse=w.choose.flag())


@move_for("cummax", "cummin")
def running_extreme(w: Weaver, op: str) -> None:
    x = w.floats(1)
    w.apply(getattr(fl.ops, op), x, axis=None if w.choose.rarely() else w.choose.axis(x.ndim))


@move_for("sort", "argsort")
def order(w: Weaver, op: str) -> None:
    x = w.floats(1)
    w.apply(getattr(fl.ops, op), x, axis=w.choose.axis(x.ndim), descending=w.choose.flag())


@move
def top_k(w: Weaver) -> None:
    x = w.floats(1)
    axis = w.choose.axis(x.ndim)
    most = min(3, x.sizes[axis]) if isinstance(x.shape[axis], int) else 1  # other sizes may be fed
    w.apply(fl.top_k, x, k=w.choose.number(1, max(1, most)), axis=axis, largest=w.choose.flag())


@move
def searchsorted(w: Weaver) -> None:
    ordered = w.apply(fl.sort, w.floats(1, 1))
    w.apply(fl.searchsorted, ordered, w.floats(), side=w.choose.of(["left", "right"]))


@move_for("softmax", "log_softmax", "hardmax")
def along(w: Weaver, op: str) -> None:
    x = w.floats(1)
    w.apply(getattr(fl.ops, op), x, axis=w.choose.axis(x.ndim))


@move
def normalize(w: Weaver) -> None:
    x = w.floats(1)
    w.apply(fl.normalize, w.within(x, 0.2, 2.0), axis=w.choose.axis(x.ndim))
