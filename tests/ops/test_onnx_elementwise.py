"""Each elementwise operator of ONNX is one op here, or a short composition: held to ONNX's reference evaluator."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator

from flowloom import ops

Array = np.ndarray[Any, Any]

FLOATS = np.array([[-2.5, -1.5, -0.7, -0.2], [0.0, 0.3, 0.5, 0.9], [1.0, 1.5, 2.5, 30.0]])
SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan])
INTEGERS = np.array([[-7, 7, -1, 100], [5, 0, 3, -128]])
DIVISORS = np.array([[2, -2, 3, 7]])
# ONNX's attributes and constants are float32, also where the tensors are wider.
TOLERANCE = {"float16": (4e-3, 1e-3), "float32": (3e-6, 1e-6), "float64": (3e-7, 1e-7)}

UNARY: list[tuple[str, dict[str, Any], Callable[[Array], Any]]] = [
    ("Abs", {}, ops.abs),
    ("Acos", {}, ops.arccos),
    ("Acosh", {}, ops.arccosh),
    ("Asin", {}, ops.arcsin),
    ("Asinh", {}, ops.arcsinh),
    ("Atan", {}, ops.arctan),
    ("Atanh", {}, ops.arctanh),
    ("Ceil", {}, ops.ceil),
    ("Celu", {"alpha": 2.0}, lambda x: ops.celu(x, alpha=2.0)),
    ("Cos", {}, ops.cos),
    ("Cosh", {}, ops.cosh),
    ("Elu", {"alpha": 2.0}, lambda x: ops.elu(x, alpha=2.0)),
    ("Erf", {}, ops.erf),
    ("Exp", {}, ops.exp),
    ("Floor", {}, ops.floor),
    ("Gelu", {}, lambda x: ops.gelu(x, approximate=False)),
    ("Gelu", {"approximate": "tanh"}, ops.gelu),
    ("HardSigmoid", {}, lambda x: ops.hard_sigmoid(x, alpha=0.2)),
    ("HardSwish", {}, ops.hard_silu),
    ("IsInf", {}, ops.isinf),
    ("IsInf", {"detect_negative": 0}, lambda x: ops.isinf(x, detect_negative=False)),
    ("IsNaN", {}, ops.isnan),
    ("LeakyRelu", {}, lambda x: ops.leaky_relu(x, negative_slope=0.01)),
    ("Log", {}, ops.log),
    ("Mish", {}, ops.mish),
    ("Neg", {}, ops.negative),
    ("Reciprocal", {}, ops.reciprocal),
    ("Relu", {}, ops.relu),
    ("Round", {}, ops.round),
    ("Selu", {}, ops.selu),
    ("Sigmoid", {}, ops.sigmoid),
    ("Sign", {}, ops.sign),
    ("Sin", {}, ops.sin),
    ("Sinh", {}, ops.sinh),
    ("Softplus", {}, ops.softplus),
    ("Softsign", {}, ops.softsign),
    ("Sqrt", {}, ops.sqrt),
    ("Swish", {"alpha": 1.3}, lambda x: ops.silu(x, alpha=1.3)),
    ("Tan", {}, ops.tan),
    ("Tanh", {}, ops.tanh),
]
WHOLE: list[tuple[str, dict[str, Any], Callable[[Array, Array], Any]]] = [
    ("Add", {}, ops.add),
    ("BitwiseAnd", {}, ops.bitwise_and),
    ("BitwiseOr", {}, ops.bitwise_or),
    ("BitwiseXor", {}, ops.bitwise_xor),
    ("Div", {}, ops.trunc_divide),
    ("Equal", {}, ops.equal),
    ("Greater", {}, ops.greater),
    ("GreaterOrEqual", {}, ops.greater_equal),
    ("Less", {}, ops.less),
    ("LessOrEqual", {}, ops.less_equal),
    ("Max", {}, ops.maximum),
    ("Min", {}, ops.minimum),
    ("Mod", {}, ops.remainder),
    ("Mod", {"fmod": 1}, ops.fmod),
    ("Mul", {}, ops.multiply),
    ("Sub", {}, ops.subtract),
]


@pytest.fixture(autouse=True)
def _quiet() -> object:
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def reference(operator: str, *arrays: Array, **attributes: Any) -> Array:
    """What ONNX's reference evaluator makes of a model of that one operator, in its newest version."""
    names = [f"x{i}" for i in range(len(arrays))]
    inputs = [
        helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
        for n, a in zip(names, arrays, strict=True)
    ]
    node = helper.make_node(operator, names, ["y"], **attributes)
    graph = helper.make_graph([node], "g", inputs, [helper.make_empty_tensor_value_info("y")])
    version = onnx.defs.get_schema(operator).since_version
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", version)])
    return np.asarray(ReferenceEvaluator(model).run(None, dict(zip(names, arrays, strict=True)))[0])


@pytest.mark.parametrize(("operator", "attributes", "ours"), UNARY, ids=[u[0] for u in UNARY])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_functions_of_floats(operator: str, attributes: dict[str, Any], ours: Any, dtype: str) -> None:
    rtol, atol = TOLERANCE[dtype]
    for x in (FLOATS.astype(dtype), SPECIAL.astype(dtype)):
        expected, y = reference(operator, x, **attributes), ours(x)

        assert y.dtype == expected.dtype
        np.testing.assert_allclose(y.astype(float), expected.astype(float), rtol=rtol, atol=atol)


@pytest.mark.parametrize(("operator", "attributes", "ours"), WHOLE, ids=[w[0] for w in WHOLE])
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "int64"])
def test_functions_of_integers(operator: str, attributes: dict[str, Any], ours: Any, dtype: str) -> None:
    a, b = INTEGERS.astype(dtype), DIVISORS.astype(dtype)

    expected, y = reference(operator, a, b, **attributes), ours(a, b)

    assert y.dtype == expected.dtype
    np.testing.assert_array_equal(y, expected)


def test_thresholds() -> None:
    # Without NaN, which passes here and is 0 there.
    shrunk, cut = reference("Shrink", FLOATS, lambd=0.6, bias=0.25), reference("ThresholdedRelu", FLOATS, alpha=0.7)

    np.testing.assert_allclose(ops.shrink(FLOATS, lambd=0.6, bias=0.25), shrunk)
    np.testing.assert_allclose(ops.threshold(FLOATS, threshold=0.7), cut)


def test_bit_shifts() -> None:
    a, by = np.array([[1, 200], [16, 255]], np.uint8), np.array([[1, 3], [7, 8]], np.uint8)

    np.testing.assert_array_equal(ops.left_shift(a, by), reference("BitShift", a, by, direction="LEFT"))
    np.testing.assert_array_equal(ops.right_shift(a, by), reference("BitShift", a, by, direction="RIGHT"))


def test_clip_with_bounds_that_are_tensors() -> None:
    for low, high in ((-0.5, 0.5), (2.0, 1.0)):
        bounds = np.array(low), np.array(high)
        y = ops.minimum(ops.maximum(FLOATS, bounds[0]), bounds[1])

        np.testing.assert_array_equal(y, reference("Clip", FLOATS, *bounds))


def test_a_power_in_the_dtype_of_its_base() -> None:
    base, exponent = np.array([[1, 2, 3]], np.int32), np.array([[2.0], [0.5]], np.float32)
    y = ops.cast(ops.power(base, exponent), dtype=base.dtype)

    np.testing.assert_array_equal(y, reference("Pow", base, exponent))


def test_gates() -> None:
    slope = np.array([0.1, 0.2, 0.3, 0.4])

    np.testing.assert_allclose(ops.prelu(FLOATS, slope), reference("PRelu", FLOATS, slope))
    np.testing.assert_array_equal(ops.prelu(INTEGERS, DIVISORS), reference("PRelu", INTEGERS, DIVISORS))
    np.testing.assert_allclose(
        ops.swiglu(FLOATS, FLOATS[::-1], alpha=1.5), reference("SwiGLU", FLOATS, FLOATS[::-1].copy(), alpha=1.5)
    )
    for axis in (0, -1):
        np.testing.assert_array_equal(ops.hardmax(FLOATS, axis=axis), reference("Hardmax", FLOATS, axis=axis))


@pytest.mark.parametrize(
    "dtype", ["float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "int4", "uint4"]
)
@pytest.mark.parametrize("saturate", [True, False])
def test_casts(dtype: str, saturate: bool) -> None:
    x = (
        np.array([0, 1, -2, 7.4, 5.5])
        if "int" in dtype
        else np.array([0, 0.3, 1.5, -300, 464, 465, 1e6, np.inf, np.nan])
    )
    to = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))

    expected = reference("Cast", x.astype(np.float32), to=to, saturate=int(saturate))

    y = ops.cast(x.astype(np.float32), dtype=dtype, saturate=saturate)
    np.testing.assert_array_equal(y.astype(float), expected.astype(float))
