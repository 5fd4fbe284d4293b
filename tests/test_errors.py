"""A catalogue of mistakes that people make, and what they are told: the call with its specs, the rule that broke with the
values, the line in their own code, and the node.
"""

# ruff: noqa: E501  (a sentence on one line is easier to read than one in pieces)
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import flowloom as fl

Mistake = tuple[type[Exception], str, str | None, Callable[[], Any]]


def rows() -> Any:
    return fl.input("rows", shape=("batch", 4))


def label() -> Any:
    return fl.input("label", shape=("batch",), dtype="int64")


def images() -> Any:
    return fl.input("images", shape=("batch", 8, 8, 3))


# The error, its sentence, the node that it names, and the mistake.
BUILDING: dict[str, Mistake] = {
    # operands that do not fit
    "matmul inner": (
        fl.SpecError,
        "matmul(a: float32[batch, 4], b: float64[3, 2]): inner sizes differ, 4 and 3",
        "matmul",
        lambda: rows() @ fl.constant(np.ones((3, 2))),
    ),
    "matmul twice rows": (
        fl.SpecError,
        "matmul(a: float32[batch, 4], b: float32[batch, 4]): inner sizes differ, 4 and batch",
        "matmul",
        lambda: fl.matmul((r := rows()), r),
    ),
    "broadcast": (
        fl.SpecError,
        "add(a: float32[batch, 4], b: float32[3]): shapes do not broadcast: axis -1 is 4 and 3; the sizes must be equal or 1",
        "add",
        lambda: rows() + fl.constant([1.0, 2.0, 3.0]),
    ),
    "broadcast names": (
        fl.SpecError,
        "add(a: float32[batch], b: float32[time]): shapes do not broadcast: axis -1 is batch and time; the sizes must be equal or 1",
        "add",
        lambda: fl.input("a", shape=("batch",)) + fl.input("b", shape=("time",)),
    ),
    "bool add": (
        fl.SpecError,
        "add(a: bool[batch, 4], b: bool[batch, 4]): both are bool; cast one to a number, or use logical_and and logical_or",
        "add",
        lambda: (rows() > 0.0) + (fl.input("r2", shape=("batch", 4)) > 0.0),
    ),
    "where number": (
        fl.SpecError,
        "where(condition: float32[batch, 4], a: float32[], b: float32[]): the condition must be bool; got float32. Compare it with something",
        "where",
        lambda: fl.where(rows(), 1.0, 0.0),
    ),
    "and numbers": (
        fl.SpecError,
        "logical_and(a: float32[batch, 4], b: bool[batch, 4]): the elements must be bool; got float32. Compare them first",
        "logical_and",
        lambda: fl.logical_and(rows(), fl.input("b", shape=("batch", 4), dtype="bool")),
    ),
    "concat sizes": (
        fl.SpecError,
        "concatenate(xs.0: float32[batch, 4], xs.1: float32[batch, 4, 1]): xs.0 has 2 dimensions, xs.1 has 3",
        "concatenate",
        lambda: fl.concatenate(rows(), fl.input("b", shape=("batch", 4, 1)), axis=1),
    ),
    "concat other axis": (
        fl.SpecError,
        "concatenate(xs.0: float32[2, 3], xs.1: float32[3, 3]): xs.0 and xs.1 differ along axis 0: 2 and 3",
        "concatenate",
        lambda: fl.concatenate(fl.input("a", shape=(2, 3)), fl.input("b", shape=(3, 3)), axis=1),
    ),
    "stack": (
        fl.SpecError,
        "stack(xs.0: float32[2], xs.1: float32[3]): xs.0 and xs.1 differ along axis 0: 2 and 3",
        "stack",
        lambda: fl.stack(fl.input("a", shape=(2,)), fl.input("b", shape=(3,))),
    ),
    "reshape": (
        fl.SpecError,
        "reshape(x: float32[2, 3]): the 6 elements of [2, 3] do not fit the shape [4, 2]",
        "reshape",
        lambda: fl.reshape(fl.input("a", shape=(2, 3)), shape=(4, 2)),
    ),
    "reshape two unknown": (
        fl.SpecError,
        "reshape(x: float32[2, 3]): one dimension may be -1; got [-1, -1]",
        "reshape",
        lambda: fl.reshape(fl.input("a", shape=(2, 3)), shape=(-1, -1)),
    ),
    "squeeze": (
        fl.SpecError,
        "squeeze(x: float32[2, 3]): axis 0 has size 2, not 1",
        "squeeze",
        lambda: fl.squeeze(fl.input("a", shape=(2, 3)), axis=0),
    ),
    "transpose axes": (
        fl.SpecError,
        "transpose(x: float32[batch, 4]): an axis is given twice in (0, 0)",
        "transpose",
        lambda: fl.transpose(rows(), axes=(0, 0)),
    ),
    "axis outside": (
        fl.SpecError,
        "sum(x: float32[batch, 4]): axis 2 is outside a tensor of 2 dimensions",
        "sum",
        lambda: fl.sum(rows(), axis=2),
    ),
    "axis twice": (
        fl.SpecError,
        "mean(x: float32[batch, 4]): an axis is given twice in (0, 0)",
        "mean",
        lambda: fl.mean(rows(), axis=(0, 0)),
    ),
    "index outside": (
        fl.SpecError,
        "slice(float32[batch, 4]): index 7 is outside axis 1, which has size 4",
        "slice",
        lambda: rows()[:, 7],
    ),
    "too many indices": (
        fl.SpecError,
        "slice(float32[batch, 4]): a tensor of 2 dimensions takes as many indices; got [0, 0, 0]",
        "slice",
        lambda: rows()[0, 0, 0],
    ),
    "index by text": (
        fl.SpecError,
        "slice(float32[batch, 4]): an index is an integer, a slice, None or ...; got ['a':]",
        "slice",
        lambda: rows()["a":],
    ),
    "take float": (
        fl.SpecError,
        "take(x: float32[batch, 4], indices: float32[2]): indices must be integers; got float32",
        "take",
        lambda: fl.take(rows(), fl.input("i", shape=(2,))),
    ),
    "one_hot float": (
        fl.SpecError,
        "one_hot(indices: float32[batch, 4]): indices must be integers; got float32",
        "one_hot",
        lambda: fl.one_hot(rows(), depth=3),
    ),
    "split": (
        fl.SpecError,
        "split(x: float32[batch, 4]): an axis of size 4 does not divide into 3",
        "split",
        lambda: fl.split(rows(), sections=3, axis=1),
    ),
    "top_k": (
        fl.SpecError,
        "top_k(x: float32[batch, 4]): there are 4 elements along axis 1; got k=9",
        "top_k",
        lambda: fl.top_k(rows(), k=9),
    ),
    "einsum equation": (
        fl.SpecError,
        "einsum(operands.0: float32[batch, 4]): the equation 'ij,jk->ik' has 2 terms for 1 tensors",
        "einsum",
        lambda: fl.einsum(rows(), equation="ij,jk->ik"),
    ),
    "einsum sizes": (
        fl.SpecError,
        "einsum(operands.0: float32[batch, 4], operands.1: float64[3, 2]): the letter 'j' has sizes 4 and 3",
        "einsum",
        lambda: fl.einsum(rows(), fl.constant(np.ones((3, 2))), equation="ij,jk->ik"),
    ),
    "solve": (
        fl.SpecError,
        "solve(a: float32[3, 4], b: float32[3]): the matrix must be square; got 3 rows and 4 columns",
        "solve",
        lambda: fl.solve(fl.input("m", shape=(3, 4)), fl.input("b", shape=(3,))),
    ),
    "det": (
        fl.SpecError,
        "det(a: float32[3, 4]): the matrix must be square; got 3 rows and 4 columns",
        "det",
        lambda: fl.det(fl.input("m", shape=(3, 4))),
    ),
    "conv channels": (
        fl.SpecError,
        "conv2d(x: float32[batch, 8, 8, 3], kernel: float64[3, 3, 4, 2]): x has 3 channels, the kernel takes 4",
        "conv2d",
        lambda: fl.conv2d(images(), fl.constant(np.ones((3, 3, 4, 2)))),
    ),
    "conv rank": (
        fl.SpecError,
        "conv2d(x: float32[batch, 4], kernel: float64[3, 3, 4, 2]): x must be (batch, height, width, channels); got 2 dimensions",
        "conv2d",
        lambda: fl.conv2d(rows(), fl.constant(np.ones((3, 3, 4, 2)))),
    ),
    "window too large": (
        fl.SpecError,
        'max_pool2d(x: float32[batch, 8, 8, 3]): the window spans 9 and the height is 8; use a smaller one, or padding="same"',
        "max_pool2d",
        lambda: fl.max_pool2d(images(), pool_size=9),
    ),
    "pad widths": (
        fl.SpecError,
        "pad(x: float32[batch, 4]): pad_width needs a (before, after) for each of the 2 axes; got 1",
        "pad",
        lambda: fl.pad(rows(), pad_width=((1, 1),)),
    ),
    "broadcast_to": (
        fl.SpecError,
        "broadcast_to(x: float32[3]): [3] does not broadcast to [2, 4]: axis -1 is 3 and 4",
        "broadcast_to",
        lambda: fl.broadcast_to(fl.input("a", shape=(3,)), shape=(2, 4)),
    ),
    # layers, losses, metrics
    "dense scalar": (
        fl.SpecError,
        "dense(x: float32[]): dense reads rows of features: 2 dimensions or more; got float32[]",
        "dense",
        lambda: fl.layers.dense(fl.input("a", shape=())),
    ),
    "dense ints": (
        fl.SpecError,
        "dense(x: int64[batch]): dense reads rows of features: 2 dimensions or more; got int64[batch]",
        "dense",
        lambda: fl.layers.dense(label()),
    ),
    "dense unknown": (
        fl.SpecError,
        "dense(x: float32[batch, ?]): kernel needs known sizes; got [?, 3]",
        "dense",
        lambda: fl.layers.dense(fl.input("a", shape=("batch", None)), units=3),
    ),
    "conv layer": (
        fl.SpecError,
        "conv2d(x: float32[batch, 4]): it reads images: (batch, height, width, channels); got float32[batch, 4]",
        "conv2d",
        lambda: fl.layers.conv2d(rows(), filters=3),
    ),
    "embedding": (
        fl.SpecError,
        "embedding(indices: float32[batch, 4]): embedding reads integers; got float32[batch, 4]",
        "embedding",
        lambda: fl.layers.embedding(rows(), input_dim=3, output_dim=2),
    ),
    "lstm": (
        fl.SpecError,
        "lstm(x: float32[batch, 4]): it reads sequences (batch, time, features); got float32[batch, 4]",
        "lstm",
        lambda: fl.layers.lstm(rows(), units=3),
    ),
    "attention heads": (
        fl.SpecError,
        "multi_head_attention(query: float32[batch, 4], value: float32[batch, 4]): it reads a query (batch, length, features); got float32[batch, 4]",
        "multi_head_attention",
        lambda: fl.layers.multi_head_attention((r := rows()), r, num_heads=2, key_dim=3),
    ),
    "batch norm": (
        fl.SpecError,
        "batch_normalization(x: int64[batch]): it takes floats of 2 dimensions or more; got int64[batch]",
        "batch_normalization",
        lambda: fl.layers.batch_normalization(label()),
    ),
    "loss label floats": (
        fl.SpecError,
        "softmax_cross_entropy(logits: float32[batch, 3], label: float32[batch, 2]): both must have the same shape; got float32[batch, 3] and float32[batch, 2]",
        "softmax_cross_entropy",
        lambda: fl.losses.softmax_cross_entropy(fl.layers.dense(rows(), units=3), fl.input("y", shape=("batch", 2))),
    ),
    "loss shapes": (
        fl.SpecError,
        "mean_squared_error(prediction: float32[batch, 4], target: float32[batch, 3]): both must have the same shape; got float32[batch, 4] and float32[batch, 3]",
        "mean_squared_error",
        lambda: fl.losses.mean_squared_error(rows(), fl.input("y", shape=("batch", 3))),
    ),
    "metric": (
        fl.SpecError,
        "accuracy(logits: float32[batch, 4], label: float32[batch, 4]): logits must be (batch, classes), labels (batch,) integers; got float32[batch, 4], float32[batch, 4]",
        "accuracy",
        lambda: fl.metrics.accuracy(rows(), fl.input("b", shape=("batch", 4))),
    ),
    # parameters
    "unknown parameter": (
        TypeError,
        "layers.dense() has no parameter 'unit'; did you mean 'units'? There is: units, activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint, trainable",
        "dense",
        lambda: fl.layers.dense(rows(), unit=3),
    ),
    "negative units": (
        fl.SpecError,
        "dense(float32[batch, 4]): units=-1 does not fit: it must be int >= 1",
        "dense",
        lambda: fl.layers.dense(rows(), units=-1),
    ),
    "text units": (
        fl.SpecError,
        "dense(float32[batch, 4]): units='3' does not fit: it must be int, got text",
        "dense",
        lambda: fl.layers.dense(rows(), units="3"),
    ),
    "activation": (
        fl.SpecError,
        "dense(float32[batch, 4]): activation='rellu' does not fit: there is no 'rellu'; did you mean 'relu'? There is: linear, relu, relu6, leaky_relu, elu, selu, celu, gelu, silu, mish, sigmoid, log_sigmoid, hard_sigmoid, hard_silu, tanh, hard_tanh, softplus, softsign, squareplus, hard_shrink, ...",
        "dense",
        lambda: fl.layers.dense(rows(), units=3, activation="rellu"),
    ),
    "dropout": (
        fl.SpecError,
        "dropout(float32[batch, 4]): rate=1.5 does not fit: it must be float < 1.0",
        "dropout",
        lambda: fl.layers.dropout(rows(), rate=1.5),
    ),
    "padding": (
        fl.SpecError,
        "conv2d(float32[batch, 8, 8, 3]): padding='full' does not fit: there is no 'full'. There is: valid, same, same_lower",
        "conv2d",
        lambda: fl.layers.conv2d(images(), filters=2, padding="full"),
    ),
    "dtype": (
        fl.SpecError,
        "cast(float32[batch, 4]): dtype='float31' does not fit: there is no 'float31'; did you mean 'float32'? There is: float32, float64, float16, bfloat16, int64, int32, int16, int8, uint64, uint32, uint16, uint8, bool, int4, uint4, int2, uint2, float8_e4m3fn, float8_e4m3fnuz, float8_e5m2, ...",
        "cast",
        lambda: fl.cast(rows(), dtype="float31"),
    ),
    "clip": (
        fl.SpecError,
        "clip(x: float32[batch, 4]): low must not exceed high; got low=2.0, high=1.0",
        "clip",
        lambda: fl.clip(rows(), low=2.0, high=1.0),
    ),
    "missing parameter": (TypeError, "one_hot() needs the parameter 'depth'", "one_hot", lambda: fl.one_hot(label())),
    "op parameter": (
        TypeError,
        "softmax() has no parameter 'axes'; did you mean 'axis'? There is: axis",
        "softmax",
        lambda: fl.softmax(rows(), axes=1),
    ),
    "initializer": (
        fl.SpecError,
        "dense(float32[batch, 4]): kernel_initializer='glorot' does not fit: there is no 'glorot'; did you mean 'glorot_normal'? There is: glorot_uniform, glorot_normal, he_uniform, he_normal, lecun_uniform, lecun_normal, random_normal, random_uniform, truncated_normal, variance_scaling, orthogonal, identity, constant, zeros, ones",
        "dense",
        lambda: fl.layers.dense(rows(), units=2, kernel_initializer="glorot"),
    ),
    # calls
    "too few": (TypeError, "add(a, b) takes 2 tensors; got 1", "add", lambda: fl.add(rows())),
    "too many": (TypeError, "exp(x) takes 1 tensor; got 3", "exp", lambda: fl.exp(rows(), 2.0, 3.0)),
    "parameter by position": (
        TypeError,
        "expand_dims(x) takes 1 tensor; got 2. Parameters are given by name: axis=-1",
        "expand_dims",
        lambda: fl.expand_dims(rows(), -1),
    ),
    "list and parameter": (
        TypeError,
        "layers.concatenate(*xs) takes 1 or more tensors; got 2. Parameters are given by name: axis=1",
        "concatenate",
        lambda: fl.layers.concatenate([r := rows(), r], 1),
    ),
    "sizes to draw by position": (
        fl.SpecError,
        "normal(like: int64[2]): sizes are given by name: shape=(3, 4)",
        "normal",
        lambda: (rows(), fl.random.normal((3, 4))),
    ),
    "size by name outside of a graph": (
        fl.SpecError,
        "full(): only a graph knows the size 'batch', and there one begins with a tensor; "
        "fl.broadcast_to(fl.constant(0.0), shape=...) gives one of that size",
        None,
        lambda: fl.full(shape=("batch", 4)),
    ),
    "none": (fl.SpecError, "add(): None is not an array of numbers", "add", lambda: rows() + None),
    "text operand": (
        fl.SpecError,
        "multiply(float32[batch, 4]): 'two' is not an array of numbers",
        "multiply",
        lambda: rows() * "two",
    ),
    "ragged": (
        fl.SpecError,
        "add(float32[batch, 4]): [[1.0], [2.0, 3.0]] is not an array of numbers",
        "add",
        lambda: fl.add(rows(), [[1.0], [2.0, 3.0]]),
    ),
    "twice": (TypeError, "layers.dense() is given 'x' twice", "dense", lambda: fl.layers.dense((r := rows()), x=r)),
    "misspelt op": (
        AttributeError,
        "flowloom has no 'sofmax'; did you mean 'softmax'?",
        None,
        lambda: fl.sofmax(rows()),
    ),
    "misspelt layer": (
        AttributeError,
        "flowloom.layers has no 'danse'; did you mean 'dense'?",
        None,
        lambda: fl.layers.danse(rows()),
    ),
    "Keras' layer": (
        AttributeError,
        "flowloom.layers has no 'LSTM'; did you mean 'lstm'?",
        None,
        lambda: fl.layers.LSTM(rows()),
    ),
    "Keras' loss": (
        AttributeError,
        "flowloom.losses has no 'binary_crossentropy'; did you mean 'sigmoid_cross_entropy'?",
        None,
        lambda: fl.losses.binary_crossentropy(rows(), rows()),
    ),
    "truth": (
        TypeError,
        "a tensor has no truth value while the graph is built; use where(condition, a, b), or cond",
        "greater",
        lambda: 1 if rows() > 0.0 else 0,
    ),
    "iterate": (
        TypeError,
        "a tensor cannot be iterated over while the graph is built; use unstack, or scan",
        "rows",
        lambda: list(rows()),
    ),
    "name taken": (
        fl.PatchError,
        "there is a node named 'rows' already",
        "rows",
        lambda: (fl.input("rows"), fl.input("rows")),
    ),
    "name with slash": (
        fl.PatchError,
        "a name is 1 to 120 printable characters without '/'; got 'a/b'",
        "a/b",
        lambda: fl.input("a/b"),
    ),
    "input shape": (
        fl.SpecError,
        "input(): shape=('batch', -1) does not fit: position 1 must be int >= 0",
        "a",
        lambda: fl.input("a", shape=("batch", -1)),
    ),
    "input dim text": (
        fl.SpecError,
        "input(): a dimension is a number, a name or None; got 'two words'",
        "a",
        lambda: fl.input("a", shape=("two words",)),
    ),
    "big constant": (
        fl.SpecError,
        "constant(): a constant holds at most 10000 numbers; got 20000. Use an input or a variable",
        "constant",
        lambda: fl.constant(np.zeros(20000)),
    ),
    "cond number": (
        fl.SpecError,
        "cond_begin(condition: float32[batch, 4]): the condition must be one bool; got float32[batch, 4]",
        "cond/begin",
        lambda: fl.cond(rows(), lambda: 1.0, lambda: 2.0),
    ),
    "cond differ": (
        fl.SpecError,
        "cond(condition: bool[], then: float32[2], otherwise: float32[1]): both branches must give one spec as result 0; got float32[2] and float32[1]",
        "cond/end",
        lambda: fl.cond(fl.constant(True), lambda: fl.constant([1.0, 2.0]), lambda: fl.constant([1.0])),
    ),
    "scan state": (
        fl.SpecError,
        "scan(index: int64[], results.0: float32[2]): state 0 must keep its spec; it begins as float32[] and becomes float32[2]",
        "scan/end",
        lambda: fl.scan(lambda s, x: (fl.stack(s, s), None), fl.constant(0.0), rows()),
    ),
    "gradient of vector": (
        fl.SpecError,
        "gradients(y: float32[batch, 4], xs.0: float32[batch, 4]): the gradient needs a scalar; got float32[batch, 4]. Take its mean or sum, or give a seed",
        "gradients",
        lambda: fl.gradients(rows() * 2.0, [fl.current]) if False else fl.gradients((r := rows()) * 2.0, [r]),
    ),
    "gradient by ints": (
        fl.SpecError,
        "gradients(y: float32[], xs.0: int64[batch]): only floats can be differentiated by; got int64[batch]",
        "gradients",
        lambda: fl.gradients(fl.sum(rows()), [label()]),
    ),
}


@pytest.mark.parametrize("mistake", BUILDING)
def test_a_mistake_in_building_is_told_with_call_rule_line_and_node(mistake: str) -> None:
    kind, sentence, node, wrong = BUILDING[mistake]
    with fl.Graph("model") as g, pytest.raises(kind) as caught:
        wrong()
    if node is not None:
        sentence += f". In test_errors.py, line {wrong.__code__.co_firstlineno}, node {node!r}"

    assert str(caught.value) == sentence
    assert all(g.inferred(id).problem is None for id in g.nodes), "what was wrong has left something behind"


# Compiling and running; the node is one that the message names with its line.
ROWS = np.ones((2, 4), np.float32)


def product_in_a_scan() -> Any:
    last, _ = fl.scan(lambda total, x: (total, total * x), fl.constant(0.0), fl.input("xs", shape=("time",)))
    return last.graph["scan/multiply"]


def program(*outputs: Any) -> fl.Program:
    return fl.compile(list(outputs))


RUNNING: dict[str, Mistake] = {
    "nothing is fed": (fl.FeedError, "input 'rows' (float32[batch, 4]) is not fed", None, lambda: program(rows())({})),
    "a name is misspelt": (
        fl.FeedError,
        "there is no input 'row'; did you mean 'rows'? There is: rows",
        None,
        lambda: program(rows())({"row": ROWS}),
    ),
    "no dict is fed": (
        fl.FeedError,
        "feeds are a dict of arrays by input name (rows); got ndarray",
        None,
        lambda: program(rows())(ROWS),  # type: ignore[arg-type]
    ),
    "dimensions are missing": (
        fl.FeedError,
        "input 'rows' takes float32[batch, 4]; got 1 dimensions: [4]",
        None,
        lambda: program(rows())({"rows": ROWS[0]}),
    ),
    "a size is wrong": (
        fl.FeedError,
        "input 'rows' takes float32[batch, 4]; axis 1 has size 3, not 4",
        None,
        lambda: program(rows())({"rows": ROWS[:, :3]}),
    ),
    "text is fed": (
        fl.FeedError,
        "input 'rows' takes float32[batch, 4]; got <U1 of shape [1, 4]",
        None,
        lambda: program(rows())({"rows": [["a", "b", "c", "d"]]}),
    ),
    "floats are fed for labels": (
        fl.FeedError,
        "input 'label' takes int64[batch]; got float64 of shape [1]",
        None,
        lambda: program(label())({"label": [0.5]}),
    ),
    "rows differ in length": (
        fl.FeedError,
        "input 'rows' takes float32[batch, 4]; the rows given differ in length",
        None,
        lambda: program(rows())({"rows": [[1.0], [1.0, 2.0]]}),
    ),
    "batches differ in size": (
        fl.FeedError,
        "'batch' is 2 in input 'rows' and 3 in input 'label'",
        None,
        lambda: program(rows(), label())({"rows": ROWS, "label": [0, 1, 2]}),
    ),
    "nothing is compiled": (ValueError, "compile() needs at least one tensor", None, lambda: fl.compile([])),
    "a number is compiled": (
        TypeError,
        "compile() takes tensors of a graph; got float",
        None,
        lambda: fl.compile([1.0]),  # type: ignore[list-item]
    ),
    "a label is out of range": (
        fl.RunError,
        "one_hot: index 7 is outside -3..2, at position (1,)",
        "one_hot",
        lambda: program(fl.one_hot(label(), depth=3))({"label": [0, 7]}),
    ),
    "an index is out of range": (
        fl.RunError,
        "take: index 9 is outside -4..3, at position (0,)",
        "take",
        lambda: program(fl.take(rows(), label(), axis=1))({"rows": ROWS, "label": [9, 0]}),
    ),
    "a matrix is singular": (
        fl.RunError,
        "inv: the matrix is singular",
        "inv",
        lambda: program(fl.inv(fl.input("m", shape=(2, 2))))({"m": np.ones((2, 2))}),
    ),
    "a matrix has no root": (
        fl.RunError,
        "cholesky: the matrix is not positive definite",
        "cholesky",
        lambda: program(fl.cholesky(fl.input("m", shape=(2, 2))))({"m": -np.eye(2)}),
    ),
    "a body is asked for": (
        fl.SpecError,
        "scan/multiply lies inside a loop or branch; take it through the node that ends it",
        None,
        lambda: program(product_in_a_scan()),
    ),
}


@pytest.mark.parametrize("mistake", RUNNING)
def test_a_mistake_in_running_is_told_with_rule_and_values(mistake: str) -> None:
    kind, sentence, node, wrong = RUNNING[mistake]
    with fl.Graph("model"), pytest.raises(kind) as caught:
        wrong()
    if node is not None:
        sentence += f". In test_errors.py, line {wrong.__code__.co_firstlineno}, node {node!r}"

    assert str(caught.value) == sentence


def test_a_mistake_in_a_notebook_is_told_with_its_cell() -> None:
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    shell.run_cell("import flowloom as fl", store_history=True)
    found = shell.run_cell("g = fl.Graph()\nwith g:\n    x = fl.constant([1.0]) @ fl.constant(2.0)", store_history=True)
    InteractiveShell.clear_instance()

    assert str(found.error_in_exec).endswith("In cell 2, line 3, node 'matmul'")
