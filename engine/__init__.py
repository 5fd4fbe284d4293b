"""flowloom: weave a model, watch it learn, take it apart, ship it.

```python
import flowloom as fl

with fl.Graph("line") as g:
    x = fl.input("x", shape=("batch", 1))
    y = fl.input("y", shape=("batch", 1))
    loss = fl.losses.mean_squared_error(fl.layers.dense(x, units=1), y)
```
"""

from flowloom import data, formats, layers, losses, metrics, ops, optimizers
from flowloom.build import constant, gradients, input, variable
from flowloom.feeds import FeedError
from flowloom.formats.flow import FlowFileError, load
from flowloom.graph import Graph, PatchError, Problem, Tensor, Variable
from flowloom.op import op
from flowloom.ops import (
    abs,
    add,
    argmax,
    argmin,
    avg_pool2d,
    broadcast_to,
    cast,
    clip,
    concatenate,
    conv2d,
    cos,
    divide,
    elu,
    equal,
    exp,
    expand_dims,
    flip,
    floor,
    gelu,
    greater,
    greater_equal,
    isfinite,
    leaky_relu,
    less,
    less_equal,
    log,
    log_softmax,
    logical_and,
    logical_not,
    logical_or,
    logsumexp,
    matmul,
    max,
    max_pool2d,
    maximum,
    mean,
    min,
    minimum,
    multiply,
    negative,
    not_equal,
    one_hot,
    pad,
    power,
    prod,
    relu,
    reshape,
    sigmoid,
    sign,
    silu,
    sin,
    slice,
    softmax,
    softplus,
    sqrt,
    square,
    squeeze,
    stack,
    stop_gradient,
    subtract,
    sum,
    take,
    tanh,
    tile,
    transpose,
    where,
)
from flowloom.program import Program, RunError, compile
from flowloom.spec import Spec, SpecError
from flowloom.training import Run, Trainer, TrainingError

__all__ = [
    "FeedError",
    "FlowFileError",
    "Graph",
    "PatchError",
    "Problem",
    "Program",
    "Run",
    "RunError",
    "Spec",
    "SpecError",
    "Tensor",
    "Trainer",
    "TrainingError",
    "Variable",
    "abs",
    "add",
    "argmax",
    "argmin",
    "avg_pool2d",
    "broadcast_to",
    "cast",
    "clip",
    "compile",
    "concatenate",
    "constant",
    "conv2d",
    "cos",
    "data",
    "divide",
    "elu",
    "equal",
    "exp",
    "expand_dims",
    "flip",
    "floor",
    "formats",
    "gelu",
    "gradients",
    "greater",
    "greater_equal",
    "input",
    "isfinite",
    "layers",
    "leaky_relu",
    "less",
    "less_equal",
    "load",
    "log",
    "log_softmax",
    "logical_and",
    "logical_not",
    "logical_or",
    "logsumexp",
    "losses",
    "matmul",
    "max",
    "max_pool2d",
    "maximum",
    "mean",
    "metrics",
    "min",
    "minimum",
    "multiply",
    "negative",
    "not_equal",
    "one_hot",
    "op",
    "ops",
    "optimizers",
    "pad",
    "power",
    "prod",
    "relu",
    "reshape",
    "sigmoid",
    "sign",
    "silu",
    "sin",
    "slice",
    "softmax",
    "softplus",
    "sqrt",
    "square",
    "squeeze",
    "stack",
    "stop_gradient",
    "subtract",
    "sum",
    "take",
    "tanh",
    "tile",
    "transpose",
    "variable",
    "where",
]


def __getattr__(name: str) -> object:
    """What costs time to import comes only when it is asked for: the widgets (Jupyter), and the version."""
    if name in ("widgets", "kernel_ext"):
        from importlib import import_module

        return import_module(f"flowloom.{name}")
    if name == "__version__":
        from importlib.metadata import version

        return version("flowloom")
    raise AttributeError(f"flowloom has no {name!r}")
