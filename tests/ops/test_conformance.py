"""Every op in the registry keeps the promises of its declaration, on each of its own samples."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import reduce
from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy import special

import flowloom.ops  # noqa: F401  (declares the ops)
from flowloom.backends.portable import evaluate
from flowloom.compiler.expr import Expr, build, constant, placeholder
from flowloom.compiler.gradient import gradients
from flowloom.op import REGISTRY, Op, operands_of
from flowloom.ops import add, multiply, sum
from flowloom.params import complete
from flowloom.spec import Dim, Spec, SpecError

Array = np.ndarray[Any, Any]

OPS = sorted(REGISTRY.values(), key=lambda op: op.name)
TOLERANCE = {"float32": {"rtol": 2e-5, "atol": 2e-6}, "float64": {"rtol": 1e-12, "atol": 1e-14}}
SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 1e-3, 20.0, -20.0, 100.0, -100.0, 1e4, -1e4, np.inf, -np.inf, np.nan]

# Operands whose sizes an op must know, by position: a kernel's window, or what decides the rank of a result.
SIZES_NEEDED: dict[str, tuple[int, ...]] = {
    "reshape_to": (1,),
    "expand_dims_at": (1,),
    "squeeze_at": (1,),
    "moveaxis_at": (1, 2),
    "broadcast_to_shape": (1,),
    "full_of": (0,),
    "slice_at": (1, 2, 3),
    "slice_by": (1, 2, 3),
    "unslice_by": (2, 3, 4),
    "split_by": (1,),
    "tile_by": (1,),
    "untile_by": (2,),
    "gather_nd": (1,),
    "add_nd": (1,),
    "scatter_nd": (1,),
    "squeeze": (0,),
    "unstack": (0,),
    "conv": (1,),
    "conv1d": (1,),
    "conv2d": (1,),
    "conv3d": (1,),
    "conv_backprop_input": (1,),
    "conv1d_transpose": (1,),
    "conv2d_transpose": (1,),
    "conv3d_transpose": (1,),
    "deform_conv2d": (1,),
    "depthwise_conv1d": (1,),
    "depthwise_conv2d": (1,),
    "glu": (0,),
    "rotary_embedding": (1, 2),
    "affine_grid_to": (1,),
    "conv_integer": (1,),
    "qlinear_conv": (3,),
    "fold_patches_to": (1, 2),
    "extract_patches_by": (2,),
}

# Ops whose gradient is by design not their slope: straight-through estimates, through rounding.
ESTIMATES = ("fake_quantize", "round_through")

every_op = pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
every_float = pytest.mark.parametrize("dtype", ["float32", "float64"])


def samples(op: Op, dtype: str = "float64") -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
    """The op's samples, their floats in `dtype`, their parameters complete."""
    assert op.cases is not None, f"{op.name} has no samples"
    drawn = []
    for given, how in op.cases(np.random.default_rng(7)):
        args, params = operands_of(op.name, op.ports, given, how, op.params)
        arrays = tuple(None if a is None else _as(np.asarray(a), dtype) for a in args)
        drawn.append((arrays, complete(op.params, params, op.name)))
    assert drawn, f"{op.name} has no samples"
    return drawn


def _as(array: Array, dtype: str) -> Array:
    return array.astype(dtype) if array.dtype.kind == "f" else array


def run(op: Op, args: tuple[Any, ...], params: dict[str, Any], **out: Any) -> Any:
    with np.errstate(all="ignore"):
        return op.compute(np, *args, **params, **out)


def specs(args: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(None if a is None else Spec.of(a) for a in args)


def several(value: Any) -> tuple[Any, ...]:
    """The results of an op as a tuple, also where there is one."""
    return value if isinstance(value, tuple) else (value,)


@every_op
def test_it_says_what_it_does(op: Op) -> None:
    assert op.doc.endswith((".", "`")), f"{op.name} has no docstring"
    assert (op.run is None) == op.composite
    if op.family == "elementwise":
        assert op.composite or op.template is not None, f"{op.name} is elementwise and has no scalar template"


@every_op
@every_float
def test_the_result_is_as_inferred(op: Op, dtype: str) -> None:
    for args, params in samples(op, dtype):
        before = [None if a is None else a.copy() for a in args]
        found, inferred = several(run(op, args, params)), several(op.infer(*specs(args), **params))
        assert len(found) == len(inferred)
        for result, spec in zip(found, inferred, strict=True):
            assert isinstance(result, np.ndarray | np.generic)
            assert agrees(spec, Spec.of(result), 0), (spec, Spec.of(result))
        for x, y in zip(args, before, strict=True):
            np.testing.assert_array_equal(x, y, err_msg="the kernel wrote into an operand")


@every_op
@every_float
def test_out_is_obeyed(op: Op, dtype: str) -> None:
    sized = all(s.is_concrete for args, params in samples(op) for s in several(op.infer(*specs(args), **params)))
    if op.view or op.composite or len(op.outputs) > 1 or op.outputs[0].variadic or not sized:
        assert not op.takes_out
        return
    assert op.takes_out
    for args, params in samples(op, dtype):
        expected = run(op, args, params)
        out = np.empty(expected.shape, expected.dtype)
        out.fill(np.nan if out.dtype.kind == "f" else 77)

        assert run(op, args, params, out=out) is out
        if out.dtype == object:
            np.testing.assert_array_equal(out, expected)
        else:
            np.testing.assert_allclose(out, expected, **TOLERANCE[dtype])


@pytest.mark.parametrize("op", [op for op in OPS if op.view], ids=lambda op: op.name)
def test_a_view_shares_memory(op: Op) -> None:
    for args, params in samples(op):
        for result in several(run(op, args, params)):
            assert result.size == 0 or np.shares_memory(result, args[0])


@pytest.mark.parametrize("op", [op for op in OPS if op.composite], ids=lambda op: op.name)
def test_a_composite_is_the_same_on_arrays_and_as_a_plan(op: Op) -> None:
    for args, params in samples(op):
        leaves = [None if a is None else placeholder(f"x{i}", Spec.of(a)) for i, a in enumerate(args)]
        expressions = several(op(*leaves, **params))
        feeds = {x: a for x, a in zip(leaves, args, strict=True) if x is not None}
        for planned, eager in zip(evaluate(expressions, feeds), several(run(op, args, params)), strict=True):
            np.testing.assert_allclose(planned, eager, rtol=1e-12, atol=1e-14)


# ---------------------------------------------------------------- gradients


def scalarised(op: Op, args: tuple[Array, ...], params: dict[str, Any], rng: np.random.Generator) -> Any:
    """The op as a scalar function: its placeholders, those of them that are float, and the function of all."""
    inputs = [None if s is None else placeholder(f"x{i}", s) for i, s in enumerate(specs(args))]
    made = [y for y in several(build(op, tuple(inputs), params)) if y.dtype.kind == "f" and y.spec.is_concrete]
    floats = [x for x in inputs if x is not None and x.dtype.kind == "f"]
    if not op.differentiable or not made or not floats:
        return inputs, [], None
    return inputs, floats, reduce(add, (total(y, rng) for y in made))


def total(y: Expr, rng: np.random.Generator) -> Expr:
    """A random linear function of `y`."""
    weighted: Expr = sum(multiply(y, constant(rng.normal(size=y.shape), y.dtype)))
    return weighted


def slope_by_differences(f: Expr, feeds: dict[Expr, Array], direction: dict[Expr, Array], step: float = 1e-5) -> float:
    def at(t: float) -> float:
        return float(evaluate([f], {x: a + t * direction[x] if x in direction else a for x, a in feeds.items()})[0])

    return (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step)


def slope_by_gradients(f: Expr, feeds: dict[Expr, Array], direction: dict[Expr, Array]) -> float:
    found = evaluate(gradients(f, list(direction)), feeds)
    return float(np.sum([np.sum(g * v) for g, v in zip(found, direction.values(), strict=True)]))


def differentiable_samples(op: Op, rng: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    for args, params in samples(op):
        inputs, floats, f = scalarised(op, args, params, rng)
        if f is not None and op.name not in ESTIMATES:
            feeds = {x: a for x, a in zip(inputs, args, strict=True) if x is not None}
            yield f, feeds, {x: np.asarray(rng.normal(size=x.shape)) for x in floats}


@every_op
def test_the_gradient_is_the_slope(op: Op) -> None:
    for f, feeds, direction in differentiable_samples(op, np.random.default_rng(11)):
        expected = slope_by_differences(f, feeds, direction)
        assert slope_by_gradients(f, feeds, direction) == pytest.approx(expected, rel=1e-6, abs=1e-8)


@every_op
def test_the_gradient_of_the_gradient_is_its_slope(op: Op) -> None:
    rng = np.random.default_rng(13)
    for f, feeds, direction in differentiable_samples(op, rng):
        slopes = [total(g, rng) for g in gradients(f, list(direction))]
        along = slopes[0]
        for s in slopes[1:]:
            along = along + s  # type: ignore[operator]  # operators are given to the class at run time
        expected = slope_by_differences(along, feeds, direction)
        assert slope_by_gradients(along, feeds, direction) == pytest.approx(expected, rel=1e-6, abs=1e-8)


@every_op
@every_float
def test_gradients_have_the_specs_of_their_operands(op: Op, dtype: str) -> None:
    for args, params in samples(op, dtype):
        _, floats, f = scalarised(op, args, params, np.random.default_rng(17))
        if f is not None:
            assert [g.spec for g in gradients(f, floats)] == [x.spec for x in floats]


# ---------------------------------------------------------------- scalar templates

LANGUAGE: dict[str, Callable[..., Any]] = {
    "min": np.minimum,
    "max": np.maximum,
    "abs": np.abs,
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "tanh": np.tanh,
    "sin": np.sin,
    "cos": np.cos,
    "floor": np.floor,
    "ceil": np.ceil,
    "trunc": np.trunc,
    "rint": np.rint,
    "fmod": np.fmod,
    "hypot": np.hypot,
    "expm1": np.expm1,
    "log1p": np.log1p,
    "log2": np.log2,
    "log10": np.log10,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "atan2": np.arctan2,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "erf": special.erf,
    "erfc": special.erfc,
    "lgamma": lambda x: np.inf if np.isinf(x) else special.gammaln(x),  # SciPy has -inf at -inf, against C
    "polygamma": lambda order, x: special.digamma(x) if order == 0 else special.polygamma(order, x),
    "pow": lambda a, b: np.power(np.array([a]), np.array([b]))[0],  # NumPy's scalars take sqrt(-inf) for -inf ** 0.5
    "where": lambda condition, a, b: a if condition else b,
}


def by_template(op: Op, args: tuple[Array, ...], params: dict[str, Any]) -> Array:
    """The op computed element by element from its template."""
    names = op.port_names(len(args))
    code = compile(op.template.format(**{n: n for n in names}, **params), op.name, "eval")  # type: ignore[union-attr]
    spec = op.infer(*specs(args), **params)
    assert isinstance(spec, Spec)
    out = np.empty(spec.sizes, spec.dtype)
    operands = [np.broadcast_to(a, out.shape) for a in args]
    for place in np.ndindex(out.shape):
        env = {**LANGUAGE, **{n: x[place] for n, x in zip(names, operands, strict=True)}, "inf": np.inf}
        with np.errstate(all="ignore"):
            out[place] = np.asarray(eval(code, {"__builtins__": {}}, env)).astype(out.dtype)
    return out


fused = pytest.mark.parametrize("op", [op for op in OPS if op.template], ids=lambda op: op.name)


@fused
@every_float
def test_the_template_is_the_kernel(op: Op, dtype: str) -> None:
    for args, params in samples(op, dtype):
        if all(a.dtype.kind in "fb" for a in args):
            np.testing.assert_allclose(by_template(op, args, params), run(op, args, params), **TOLERANCE[dtype])


@fused
@every_float
def test_the_template_is_the_kernel_at_the_ends_of_the_range(op: Op, dtype: str) -> None:
    args, params = samples(op, dtype)[0]
    if not all(a.dtype.kind == "f" for a in args) or params.get("dtype", dtype).startswith("int"):
        return
    grid = np.array(list(product(SPECIAL, repeat=len(args))), dtype).T
    extreme = tuple(grid)
    np.testing.assert_allclose(by_template(op, extreme, params), run(op, extreme, params), **TOLERANCE[dtype])


# ---------------------------------------------------------------- names in shapes, parameters in files


def as_number(d: Dim, batch: int) -> int | None:
    """A dimension with the name "batch" replaced: "2*batch" is 2 * batch."""
    if d is None or isinstance(d, int):
        return d
    return int(np.prod([batch if part == "batch" else int(part) for part in d.split("*")]))


def agrees(symbolic: Spec, concrete: Spec, batch: int) -> bool:
    numbers = [as_number(d, batch) for d in symbolic.shape]
    return symbolic.dtype == concrete.dtype and all(
        a is None or a == b for a, b in zip(numbers, concrete.shape, strict=True)
    )


def named(op: Op, args: tuple[Any, ...], params: dict[str, Any]) -> tuple[Any, ...] | None:
    """The specs inferred with the first dimension called "batch", in all operands that have it or just in the first."""
    first = args[0].shape[0]
    for all_of_them in (True, False):
        given = [
            None
            if a is None
            else Spec(("batch", *a.shape[1:]), a.dtype)
            if a.ndim and a.shape[0] == first and (all_of_them or i == 0)
            else Spec.of(a)
            for i, a in enumerate(args)
        ]
        renamed = {k: tuple("batch" if d == first else d for d in v) if k == "shape" else v for k, v in params.items()}
        try:
            spec = op.infer(*given, **renamed)
        except SpecError:
            continue
        return several(spec)
    return None


@every_op
def test_a_named_first_dimension_is_inferred(op: Op) -> None:
    if op.family == "random":
        return  # a key has no batch
    tried = found = 0
    for args, params in samples(op):
        if args and args[0].ndim and args[0].shape[0] > 1:
            tried += 1
            if inferred := named(op, args, params):
                found += 1
                for spec, result in zip(inferred, several(run(op, args, params)), strict=True):
                    assert agrees(spec, Spec.of(result), args[0].shape[0])

    assert found or not tried or op.name in SIZES_NEEDED


@every_op
def test_unknown_dimensions_fit_anything(op: Op) -> None:
    for args, params in samples(op):
        needed = SIZES_NEEDED.get(op.name, ())
        unknown = [
            None if a is None else Spec.of(a) if i in needed else Spec((None,) * a.ndim, a.dtype)
            for i, a in enumerate(args)
        ]
        for spec, found in zip(several(op.infer(*unknown, **params)), several(run(op, args, params)), strict=True):
            result = Spec.of(found)
            assert spec.ndim == result.ndim or (op.name == "squeeze" and params["axis"] is None)
            assert spec.ndim != result.ndim or agrees(spec, result, 0)


@pytest.mark.parametrize("name", ["random_uniform", "random_normal", "random_bernoulli"])
def test_random_shapes_may_be_named(name: str) -> None:
    key = Spec((2,), "uint64")

    assert REGISTRY[name](key, shape=("batch", 3)) == Spec(("batch", 3))


@every_op
def test_parameters_survive_a_file(op: Op) -> None:
    for _, params in samples(op):
        read = json.loads(json.dumps(params))
        assert {name: op.params[name].check(value) for name, value in read.items()} == params
