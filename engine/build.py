"""Functions that add the sources of a graph: inputs, constants, variables, and gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from flowloom.compiler.gradient import gradients as differentiate
from flowloom.graph.expansion import constant_params, variables_in
from flowloom.graph.graph import Graph, current_graph
from flowloom.graph.raising import tensors_of, write_out
from flowloom.graph.tensor import Tensor
from flowloom.graph.variables import Variable
from flowloom.initializers import Initializer
from flowloom.spec import Dim, SpecError


def input(name: str, shape: Sequence[Dim] = ("batch",), dtype: Any = "float32") -> Tensor:
    """A tensor that is fed under this name. A dimension is a number, a name ("batch") or None for any size.

    Raises SpecError for a shape or dtype that is none, RuntimeError outside of a graph.
    """
    tensor: Tensor = current_graph().add("input", (), {"shape": shape, "dtype": dtype}, name=name)
    return tensor


def constant(value: Any, dtype: Any = None, *, name: str | None = None) -> Tensor:
    """A fixed number or array in the open graph; Python floats are float32. Raises SpecError if it is no such thing."""
    graph = current_graph()
    try:
        params = constant_params(value, dtype)
    except SpecError as error:
        raise graph.located(error, "constant", name) from None
    tensor: Tensor = graph.add("constant", (), params, name=name)
    return tensor


def variable(
    name: str,
    shape: Sequence[int] = (),
    *,
    dtype: Any = "float32",
    initializer: Initializer = "zeros",
    trainable: bool = True,
) -> Tensor:
    """A tensor that training changes, in the open graph. Raises SpecError for a shape that is none."""
    params = {"shape": shape, "dtype": dtype, "initializer": initializer, "trainable": trainable}
    tensor: Tensor = current_graph().add("variable", (), params, name=name)
    return tensor


def output(x: Tensor, name: str | None = None) -> Tensor:
    """Declare `x` a result of its graph, under this name. A graph with such nodes has just these outputs, in order.

    Raises TypeError unless `x` is a tensor of a graph.
    """
    if not isinstance(x, Tensor):
        raise TypeError(f"output() takes a tensor of a graph; got {type(x).__name__}")
    tensor: Tensor = x.graph.add("output", (x,), name=name)
    return tensor


def gradients(
    y: Tensor, wrt: Sequence[Tensor | Variable], *, graph: Graph | None = None, name: str | None = None
) -> list[Tensor]:
    """The gradients of the float scalar `y`, one tensor for each of `wrt`, in the same graph as `y`.

    They come from one node; with `graph`, which is that of `y`, the whole backward pass is written out in it instead,
    op by op, in a scope called `name` ("gradients"), to be looked at. Zeros, where `y` does not depend on it.

    Raises SpecError if `y` is no float scalar, an op on the way has no gradient, or `wrt` is not of floats or of
    another graph.
    """
    if not isinstance(y, Tensor) or not isinstance(wrt, list | tuple):
        raise TypeError("gradients(y, wrt) takes a tensor and a list of the tensors and variables to differentiate by")
    for w in wrt:
        if not isinstance(w, Tensor | Variable):
            raise TypeError(f"gradients() differentiates by tensors and variables of a graph; got {w!r}")
        if w.graph is not y.graph:
            raise SpecError(f"{w.name!r} belongs to graph {w.graph.name!r}, not to {y.graph.name!r}")
    if graph is not None:
        if graph is not y.graph:
            raise SpecError(f"the gradients of {y.name!r} can be written out in its own graph, {y.graph.name!r}, alone")
        return _written_out(y, wrt, name or "gradients")
    reached = variables_in(y.expr)
    tensors = [w for w in wrt if isinstance(w, Tensor)]
    variables = [w for w in wrt if isinstance(w, Variable) and w.info.key in reached]
    params = {"wrt": [v.info.key for v in variables]} if variables else {}
    if wrt and not tensors and not variables:
        differentiate(y.expr, ())  # raises what `y` must be told
    made = y.graph.add("gradients", (y, *tensors), params, name=name) if tensors or variables else ()
    found: dict[Tensor | Variable, Tensor] = dict(zip([*tensors, *variables], made, strict=True))
    return [found[w] if w in found else _zeros_like(w) for w in wrt]


def _written_out(y: Tensor, wrt: Sequence[Tensor | Variable], scope: str) -> list[Tensor]:
    with y.graph.attempt(), y.graph.scope(scope):
        leaves = [w.expr if isinstance(w, Tensor) else w.info.expr for w in wrt]
        return write_out(y.graph, differentiate(y.expr, leaves), tensors_of(y.graph), y)


def _zeros_like(w: Tensor | Variable) -> Tensor:
    """Zeros like `w`: of a tensor by looking at it, so that its sizes are known where it is."""
    if isinstance(w, Tensor):
        like: Tensor = w.graph.add("zeros_like", (w,))
        return like
    zeros: Tensor = w.graph.add("broadcast_to", (np.zeros((), w.dtype),), {"shape": w.shape})
    return zeros
