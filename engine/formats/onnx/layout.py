"""Layout: ONNX has channels first, flowloom last. Transpositions are put off and cancel where they meet.

A value that is `transpose(base, order)` goes through an elementwise op, or one along axes, as its base: the op is done
in the base's order of axes, and the result is a transposition again. So a chain of convolutions has none between.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from flowloom.formats.onnx.values import Value, inverse
from flowloom.op import Op, get_op
from flowloom.spec import normalize_axis

if TYPE_CHECKING:
    from flowloom.formats.onnx.builder import Builder

Order: TypeAlias = tuple[int, ...]


def channels_last(x: Value) -> Value:
    """[n, c, ...] as [n, ..., c]."""
    return x.builder.transposed(x, (0, *range(2, x.ndim), 1))


def channels_first(x: Value) -> Value:
    """[n, ..., c] as [n, c, ...]."""
    return x.builder.transposed(x, (0, x.ndim - 1, *range(1, x.ndim - 1)))


def through(x: Value, apply: Callable[[Value, Order], Value]) -> Value:
    """What `apply` makes of `x`, done on what `x` transposes: `apply(base, order)` keeps axes; order[i] is axis i."""
    if x.base is None:
        return apply(x, tuple(range(x.ndim)))
    return x.builder.transposed(apply(x.base, x.order), x.order)


def commuted(builder: Builder, op: Op, args: Sequence[Any], params: dict[str, Any]) -> Value | None:
    """`op` done in the order of axes of what its operands transpose, if it can be."""
    ordered = [a for a in args if isinstance(a, Value) and a.base is not None]
    if not ordered:
        return None
    if op.family == "elementwise" and "axis" not in params and len(op.outputs) == 1:
        return _elementwise(builder, op, args, params)
    if op.name == "concatenate":
        return _concatenated(builder, op, args, params)
    x = args[0]
    if isinstance(x, Value) and x.base is not None and len(args) == 1:
        if op.name in REDUCTIONS:
            return _reduced(builder, op, x, params)
        if op.name in ("reshape", "squeeze", "flatten") and _only_ones_move(x):
            return _reshaped(builder, op, x, params)
        if op.name in ALONG:
            return builder.transposed(builder.apply(op, [x.base], ALONG[op.name](params, x.order)), x.order)
    return None


def _elementwise(builder: Builder, op: Op, args: Sequence[Any], params: dict[str, Any]) -> Value | None:
    ndim = max(a.ndim for a in args if isinstance(a, Value))
    order = next((a.order for a in args if isinstance(a, Value) and a.base is not None and a.ndim == ndim), None)
    if order is None:
        return None
    moved = [_in_order(a, order) if isinstance(a, Value) and a.ndim else a for a in args]
    values = [(a, m) for a, m in zip(args, moved, strict=True) if isinstance(a, Value) and a.ndim]
    lower = any(m.ndim < ndim and m.array is None for _, m in values)
    made, spared = sum(m.base is not None for _, m in values), sum(a.base is not None for a, _ in values)
    if lower or made > spared:
        return None
    # What is transposed the other way stays so: to do it in that order would only turn it round once more.
    y: Value = builder.place(op, moved, params) if made else builder.apply(op, moved, params)
    return builder.transposed(y, order)


def _in_order(x: Value, order: Order) -> Value:
    """What becomes `x` by the transposition `order`; an array first gets all axes, and then loses leading ones."""
    if x.array is None:
        return _moved(x, order) if x.ndim == len(order) else x
    full = get_op("expand_dims")(x, axis=tuple(range(len(order) - x.ndim))) if x.ndim < len(order) else x
    moved: Value = _moved(full, order)
    ones = next((i for i, d in enumerate(moved.shape) if d != 1), moved.ndim)
    return get_op("reshape")(moved, shape=moved.shape[ones:]) if ones and moved.array is not None else moved


def _moved(x: Value, order: Order) -> Value:
    """What becomes `x` by the transposition `order`."""
    y: Value = get_op("transpose")(x, axes=inverse(order))
    return y


def _concatenated(builder: Builder, op: Op, args: Sequence[Any], params: dict[str, Any]) -> Value | None:
    order = next(a.order for a in args if isinstance(a, Value) and a.base is not None)
    if any(a.base is None and a.array is None for a in args):
        return None
    moved = [_moved(a, order) for a in args]
    y: Value = builder.apply(op, moved, _axis(params, order))
    return builder.transposed(y, order)


def _reduced(builder: Builder, op: Op, x: Value, params: dict[str, Any]) -> Value:
    assert x.base is not None
    axis = params["axis"]
    axes = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    gone = {x.order[normalize_axis(a, x.ndim)] for a in axes}
    inner = None if axis is None else x.order[axis] if isinstance(axis, int) else tuple(sorted(gone))
    y: Value = builder.apply(op, [x.base], {**params, "axis": inner})
    if params["keepdims"]:
        return builder.transposed(y, x.order)
    left = [a for a in range(x.ndim) if a not in gone]
    return builder.transposed(y, [left.index(a) for a in x.order if a not in gone])


def _only_ones_move(x: Value) -> bool:
    """Whether only axes of size 1 change places among the others: then the elements keep their order."""
    assert x.base is not None
    kept = [a for a in x.order if x.base.shape[a] != 1]
    return kept == sorted(kept)


def _reshaped(builder: Builder, op: Op, x: Value, params: dict[str, Any]) -> Value | None:
    spec = op(x.spec, **params)
    shape = params["shape"] if op.name == "reshape" else tuple(-1 if d is None else d for d in spec.shape)
    return None if shape.count(-1) > 1 else builder.apply(get_op("reshape"), [x.base], {"shape": shape})


def _axis(params: dict[str, Any], order: Order) -> dict[str, Any]:
    axis = params["axis"]
    if axis is None:
        return params
    inner = order[axis] if isinstance(axis, int) else tuple(order[a] for a in axis)
    return {**params, "axis": inner}


def _bounds(params: dict[str, Any], order: Order) -> dict[str, Any]:
    """The bounds of a slice, which are for the leading axes, for those of the base."""
    given = {k: (*v, *(None,) * (len(order) - len(v))) for k, v in params.items() if v}
    return {**params, **{k: tuple(v[i] for i in inverse(order)) for k, v in given.items()}}


def _widths(params: dict[str, Any], order: Order) -> dict[str, Any]:
    width = params["pad_width"]
    return params if isinstance(width, int) else {**params, "pad_width": tuple(width[i] for i in inverse(order))}


REDUCTIONS = ("sum", "mean", "max", "min", "prod", "logsumexp", "any", "all", "argmax", "argmin")
ALONG: dict[str, Callable[[dict[str, Any], Order], dict[str, Any]]] = {
    "softmax": _axis,
    "log_softmax": _axis,
    "cumsum": _axis,
    "flip": _axis,
    "slice": _bounds,
    "pad": _widths,
}
