"""The ops, by name. One declaration each, in the module of its family; to add one, see `elementwise.py`."""

from flowloom.ops.activation import (
    elu,
    gelu,
    leaky_relu,
    relu,
    sigmoid,
    silu,
    softplus,
    tanh,
)
from flowloom.ops.broadcasting import (
    broadcast_to,
    sum_to,
)
from flowloom.ops.comparison import (
    equal,
    greater,
    greater_equal,
    isfinite,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    not_equal,
)
from flowloom.ops.convolution import (
    conv2d,
    conv2d_backprop_filter,
    conv2d_backprop_input,
)
from flowloom.ops.elementwise import (
    abs_ as abs,
)
from flowloom.ops.elementwise import (
    add,
    cast,
    clip,
    cos,
    divide,
    exp,
    floor,
    inside,
    log,
    maximum,
    minimum,
    multiply,
    negative,
    power,
    sign,
    sin,
    sqrt,
    square,
    subtract,
    where,
)
from flowloom.ops.indexing import (
    one_hot,
    scatter_add,
    take,
)
from flowloom.ops.joining import (
    concatenate,
    stack,
    tile,
)
from flowloom.ops.linalg import (
    matmul,
)
from flowloom.ops.pooling import (
    avg_pool2d,
    avg_pool2d_backprop,
    max_pool2d,
    max_pool2d_backprop,
    max_pool2d_select,
)
from flowloom.ops.probabilities import (
    log_softmax,
    softmax,
    sparse_softmax_cross_entropy,
)
from flowloom.ops.random import (
    fold_in,
    random_bernoulli,
    random_normal,
    random_uniform,
)
from flowloom.ops.reduction import (
    argmax,
    argmin,
    logsumexp,
    mean,
    prod,
    size,
)
from flowloom.ops.reduction import (
    max_ as max,
)
from flowloom.ops.reduction import (
    min_ as min,
)
from flowloom.ops.reduction import (
    sum_ as sum,
)
from flowloom.ops.shape import (
    expand_dims,
    reshape,
    squeeze,
    stop_gradient,
    transpose,
)
from flowloom.ops.slicing import (
    flip,
    pad,
    unslice,
)
from flowloom.ops.slicing import (
    slice_ as slice,
)

__all__ = [
    "abs",
    "add",
    "argmax",
    "argmin",
    "avg_pool2d",
    "avg_pool2d_backprop",
    "broadcast_to",
    "cast",
    "clip",
    "concatenate",
    "conv2d",
    "conv2d_backprop_filter",
    "conv2d_backprop_input",
    "cos",
    "divide",
    "elu",
    "equal",
    "exp",
    "expand_dims",
    "flip",
    "floor",
    "fold_in",
    "gelu",
    "greater",
    "greater_equal",
    "inside",
    "isfinite",
    "leaky_relu",
    "less",
    "less_equal",
    "log",
    "log_softmax",
    "logical_and",
    "logical_not",
    "logical_or",
    "logsumexp",
    "matmul",
    "max",
    "max_pool2d",
    "max_pool2d_backprop",
    "max_pool2d_select",
    "maximum",
    "mean",
    "min",
    "minimum",
    "multiply",
    "negative",
    "not_equal",
    "one_hot",
    "pad",
    "power",
    "prod",
    "random_bernoulli",
    "random_normal",
    "random_uniform",
    "relu",
    "reshape",
    "scatter_add",
    "sigmoid",
    "sign",
    "silu",
    "sin",
    "size",
    "slice",
    "softmax",
    "softplus",
    "sparse_softmax_cross_entropy",
    "sqrt",
    "square",
    "squeeze",
    "stack",
    "stop_gradient",
    "subtract",
    "sum",
    "sum_to",
    "take",
    "tanh",
    "tile",
    "transpose",
    "unslice",
    "where",
]
