"""Ops on single elements, with broadcasting."""

from __future__ import annotations

import flowloom as fl
from tests.property.table import move, move_for
from tests.property.weaving import Weaver

# Parameters of which one is drawn; they are such that float32, in which ONNX keeps them, holds them.
PARAMS: dict[str, list[dict[str, object]]] = {
    "leaky_relu": [{"negative_slope": 0.25}, {"negative_slope": -0.5}],
    "elu": [{}, {"alpha": 0.5}],
    "celu": [{}, {"alpha": 0.5}],
    "gelu": [{"approximate": False}, {}],
    "silu": [{}, {"alpha": 1.5}],
    "softplus": [{}, {"beta": 2.0}],
    "threshold": [{"threshold": 0.25, "default_value": 0.5}],
    "shrink": [{}, {"lambd": 0.25, "bias": 0.125}],
    "hard_sigmoid": [{"alpha": 0.25}, {"alpha": 0.25, "beta": 0.25}],
    "clip": [{"low": -0.5, "high": 1.0}, {"low": 0.25, "high": float("inf")}],
    "squareplus": [{}, {"b": 2.0}],
    "isinf": [{}, {"detect_negative": False}],
}
# The interval in which each of these is at home.
DOMAINS = {
    "log": (0.3, 3.0),
    "log1p": (-0.6, 3.0),
    "log2": (0.3, 3.0),
    "log10": (0.3, 3.0),
    "sqrt": (0.3, 3.0),
    "rsqrt": (0.3, 3.0),
    "reciprocal": (0.4, 3.0),
    "arcsin": (-0.8, 0.8),
    "arccos": (-0.8, 0.8),
    "arctanh": (-0.8, 0.8),
    "arccosh": (1.4, 3.0),
    "tan": (-1.0, 1.0),
    "exp": (-3.0, 2.0),
    "expm1": (-3.0, 2.0),
    "sinh": (-2.0, 2.0),
    "cosh": (-2.0, 2.0),
    "lgamma": (0.5, 4.0),
    "digamma": (0.5, 4.0),
    "polygamma": (0.5, 4.0),
}


@move_for(
    *("tanh", "sin", "cos", "sigmoid", "arctan", "arcsinh", "square", "negative", "erf", "erfc", "abs", "relu", "sign"),
    *("floor", "ceil", "round", "trunc", "isnan", "isfinite", "selu", "relu6", "hard_silu", "hard_tanh", "mish"),
    *("softsign", "log_sigmoid", "hard_shrink", "soft_shrink"),
    *PARAMS,
)
def anywhere(w: Weaver, op: str) -> None:
    w.apply(getattr(fl.ops, op), w.floats(known=w.choose.flag()), **w.choose.of(PARAMS.get(op, [{}])))


@move_for(*DOMAINS)
def within(w: Weaver, op: str) -> None:
    x = w.within(w.floats(), *DOMAINS[op])
    w.apply(getattr(fl.ops, op), x, **({"order": w.choose.number(1, 2)} if op == "polygamma" else {}))


@move_for("add", "subtract", "multiply", "maximum", "minimum", "swiglu", "prelu")
def pairs(w: Weaver, op: str) -> None:
    a = w.floats()
    w.apply(getattr(fl.ops, op), *((a, w.beside(a)) if w.choose.flag() else (w.beside(a), a)))


@move
def numbers(w: Weaver) -> None:
    """An operator with a number on one side."""
    x, number = w.floats(known=w.choose.flag()), w.choose.of([0.5, 2, -1.25, 3])
    w.apply(
        w.choose.of(
            [
                lambda a: a + number,
                lambda a: number - a,
                lambda a: a * number,
                lambda a: a / number,
                lambda a: fl.maximum(a, number),
            ]
        ),
        x,
    )


@move_for("divide", "fmod", "remainder", "floor_divide", "trunc_divide", "arctan2", "hypot", "power")
def with_positive(w: Weaver, op: str) -> None:
    """Division and the like: by what is not near 0; a power of what is positive."""
    a = w.floats()
    b = w.beside(a)
    if op in ("hypot", "power"):
        a = w.within(a, 0.4, 2.5)
        b = b if op == "hypot" else w.within(b, -2.0, 2.0)
    else:
        b = w.within(b, 0.4, 2.5)
    w.apply(getattr(fl.ops, op), a, b)


@move_for("less", "less_equal", "greater", "greater_equal", "equal", "not_equal")
def comparisons(w: Weaver, op: str) -> None:
    a = w.floats() if w.choose.number(0, 3) else w.integers()
    w.apply(getattr(fl.ops, op), a, w.beside(a, kinds="f" if a.dtype.kind == "f" else "iu"))


@move_for("logical_and", "logical_or", "logical_xor")
def logic(w: Weaver, op: str) -> None:
    a = w.bools()
    w.apply(getattr(fl.ops, op), a, w.beside(a, kinds="b"))


@move
def logical_not(w: Weaver) -> None:
    w.apply(fl.logical_not, w.bools())


@move
def where(w: Weaver) -> None:
    c = w.bools() if w.choose.number(0, 2) else w.apply(fl.greater, w.floats(), 0.125)
    a = w.beside(c)
    w.apply(fl.where, c, *((a, w.beside(a, c)) if w.choose.flag() else (0.5, a)))


@move
def where_whole(w: Weaver) -> None:
    c = w.bools()
    a = w.beside(c, kinds="iu")
    w.apply(fl.where, c, a, w.beside(a, c, kinds="iu"))


@move_for("add", "subtract", "multiply", "maximum", "minimum", "bitwise_and", "bitwise_or", "bitwise_xor")
def whole_pairs(w: Weaver, op: str) -> None:
    a = w.integers()
    w.apply(getattr(fl.ops, op), a, w.beside(a, kinds="i" if a.dtype.kind == "i" else "u") if w.choose.flag() else 3)


@move_for("floor_divide", "remainder", "fmod", "trunc_divide", "left_shift", "right_shift")
def whole_parts(w: Weaver, op: str) -> None:
    a = w.integers()
    if op.endswith("shift"):
        a = w.apply(lambda x: fl.abs(x), a)
    w.apply(getattr(fl.ops, op), a, w.choose.of([2, 3] if op.endswith("shift") else [3, 2, -2]))


@move_for("abs", "negative", "sign", "square", "bitwise_not", "clip")
def whole(w: Weaver, op: str) -> None:
    w.apply(getattr(fl.ops, op), w.integers(), **({"low": -2, "high": 5} if op == "clip" else {}))


@move
def mixed(w: Weaver) -> None:
    """Integers beside floats."""
    a = w.floats()
    b = w.beside(a, kinds="iu")
    w.apply(w.choose.of([fl.multiply, fl.add, fl.subtract]), *((a, b) if w.choose.flag() else (b, a)))


@move
def cast(w: Weaver) -> None:
    x = w.pick(lambda s: s.known)
    options = {"f": ["int64", "int32", "bool"], "b": ["float64", "int64", "int32"]}
    w.apply(fl.cast, x, dtype=w.choose.of(options.get(x.dtype.kind, ["float64", "int64", "int32", "bool"])))


@move_for("full_like", "zeros_like", "ones_like")
def filled(w: Weaver, op: str) -> None:
    params = {"value": w.choose.of([0.5, -1.0])} if op == "full_like" else {}
    w.apply(getattr(fl.ops, op), w.floats(known=w.choose.flag()), **params)
