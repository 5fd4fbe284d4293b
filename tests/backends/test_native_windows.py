"""Native kernels of convolution and pooling, in sizes that samples do not have, for one thread and for two.

There are whole tiles and vectors and what is left over, each kind of kernel, and operands of any strides.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from scipy import signal

pytest.importorskip("llvmlite")

from flowloom.backends.native import vectors, winograd
from flowloom.backends.native.step import NativeStep
from flowloom.compiler.expr import Expr, build, placeholder
from flowloom.compiler.plan import make_plan
from flowloom.op import get_op
from flowloom.ops import slice, transpose
from flowloom.params import complete
from flowloom.spec import Spec

Array = np.ndarray[Any, Any]
Case = tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]

SAME = {"padding": "same"}
CONVOLUTIONS: list[Case] = [
    ((4, 28, 28, 1), (5, 5, 1, 16), {}),
    ((2, 17, 15, 3), (3, 3, 3, 32), SAME),
    ((3, 12, 13, 20), (3, 2, 20, 37), {"strides": (2, 1), "padding": ((1, 2), (0, 1))}),
    ((1, 9, 9, 48), (1, 1, 48, 40), {}),
    ((2, 14, 14, 24), (3, 3, 24, 19), SAME | {"dilation_rate": (2, 1)}),
    ((2, 13, 13, 16), (7, 7, 16, 16), {"strides": 3, "padding": "same_lower"}),
    ((2, 20, 24), (3, 24, 33), {"padding": "causal", "dilation_rate": 4}),
    ((2, 5, 6, 7, 8), (2, 3, 3, 8, 17), {"strides": (1, 2, 2), "padding": ((1, 0), (1, 1), (-1, 2))}),
    ((1, 4, 4, 64), (3, 3, 64, 70), SAME),  # more weights than elements: threads share the filters
    # few filters
    ((2, 11, 12, 32), (3, 3, 32, 1), SAME),
    ((2, 11, 12, 16), (5, 3, 16, 3), {"strides": (1, 2)}),
    ((3, 6, 6, 64), (2, 2, 32, 8), {"groups": 2}),
    # groups, and a filter for each channel
    ((2, 9, 9, 24), (3, 3, 8, 42), {"groups": 3}),
    ((2, 14, 15, 32), (3, 3, 1, 32), SAME | {"groups": 32}),
    ((2, 14, 15, 21), (3, 3, 1, 21), {"groups": 21, "strides": 2}),
    ((2, 7, 7, 18), (3, 3, 1, 36), {"groups": 18}),
    # by Winograd's transforms
    ((2, 32, 32, 16), (3, 3, 16, 32), SAME),
    ((3, 19, 17, 32), (3, 3, 32, 16), {}),
    ((9, 12, 12, 16), (5, 5, 16, 48), {}),
    ((2, 23, 18, 48), (5, 5, 48, 16), {"padding": ((4, 1), (-1, 3))}),
    ((1, 24, 24, 64), (3, 3, 64, 64), SAME),
]

POOLS: list[Case] = [
    ((2, 24, 24, 16), (2, 2), {}),
    ((9, 9, 11, 33), (2, 2), {"strides": 2}),
    ((2, 14, 14, 40), (3, 3), {"strides": 2, "padding": ((1, 1), (1, 1))}),
    ((9, 13, 12, 5), (3, 2), {"strides": 1} | SAME),
    ((1, 12, 14, 64), (7, 7), {"strides": 7}),
    ((2, 15, 16), (3,), {"strides": 2, "ceil_mode": True, "padding": ((1, 0),)}),
    ((2, 6, 7, 8, 20), (2, 3, 2), {"strides": (2, 2, 1), "dilation_rate": (1, 2, 3)}),
]


def normal(*shape: int, seed: int = 0) -> Array:
    """Normal numbers."""
    return np.random.default_rng(seed).normal(size=shape)


def convolutions(x: tuple[int, ...], kernel: tuple[int, ...], how: dict[str, Any]) -> Iterator[Any]:
    """The convolution and its two gradients: op, operands, parameters."""
    y = get_op("conv").infer(Spec(x), Spec(kernel), **complete(get_op("conv").params, how, "conv")).sizes
    a, b, g = normal(*x), normal(*kernel, seed=1), normal(*y, seed=2)
    yield "conv", (a, b), how
    yield "conv_backprop_input", (g, b), how | {"input_size": x[1:-1]}
    yield "conv_backprop_filter", (a, g), how | {"kernel_size": kernel[:-2]}


def pools(x: tuple[int, ...], size: tuple[int, ...], how: dict[str, Any]) -> Iterator[Any]:
    """The poolings and their gradients; among the elements are equal ones and a NaN."""
    how = how | {"pool_size": size}
    y = get_op("max_pool").infer(Spec(x), **complete(get_op("max_pool").params, how, "max_pool")).sizes
    a, h, g = np.round(normal(*x), 1), normal(*x, seed=1), normal(*y, seed=2)
    a.reshape(-1)[7] = np.nan
    yield "max_pool", (a,), how
    yield "max_pool", ((10 * h).astype(np.int32),), how
    yield "max_pool_backprop", (g, a), how
    yield "max_pool_select", (h, a), how
    for divided_by in ("one", "elements", "places"):
        yield "avg_pool", (h,), how | {"divided_by": divided_by}
        yield "avg_pool_backprop", (g,), how | {"divided_by": divided_by, "input_size": x[1:-1]}


def in_dtype(arrays: tuple[Array, ...], dtype: str) -> list[Array]:
    """Arrays whose floats are of that dtype."""
    return [a.astype(dtype) if a.dtype.kind == "f" else a for a in arrays]


def portable(name: str, arrays: list[Array], params: dict[str, Any]) -> Array:
    """What the portable kernel gives."""
    op = get_op(name)
    with np.errstate(all="ignore"):
        return np.asarray(op.compute(np, *arrays, **complete(op.params, params, name)))


def native(name: str, leaves: list[Expr], operands: list[Expr], params: dict[str, Any], threads: int) -> NativeStep:
    """The op on operands made from leaves, as a step that is native in all its parts."""
    op = get_op(name)
    step = NativeStep(make_plan([build(op, tuple(operands), complete(op.params, params, name))]), threads=threads)
    assert all(i.call is not None for i in step.listing.instructions)
    return step


def run(name: str, arrays: list[Array], params: dict[str, Any], threads: int = 1) -> Array:
    """What the native kernel gives."""
    leaves = [placeholder(f"input {i}", Spec.of(a)) for i, a in enumerate(arrays)]
    step = native(name, leaves, leaves, params, threads)
    feeds = dict(zip(leaves, arrays, strict=True))
    return step([feeds[e] for e in step.plan.inputs])[0].copy()


def assert_close(found: Array, expected: Array, message: str) -> None:
    """As close as sums of that dtype in another order are; Winograd's transforms included."""
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    tolerance = {"float32": 2e-5, "float64": 1e-12}.get(expected.dtype.name, 0.0)
    largest = float(np.abs(expected, where=~np.isnan(expected), out=np.ones(expected.shape)).max())
    np.testing.assert_allclose(found, expected, tolerance, tolerance * max(1.0, largest), err_msg=message)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CONVOLUTIONS, ids=str)
def test_convolutions_of_any_size_are_the_portable_ones(case: Case, dtype: str) -> None:
    for name, arrays, params in convolutions(*case):
        given = in_dtype(arrays, dtype)
        found = run(name, given, params)

        assert_close(found, portable(name, given, params), name)
        assert run(name, given, params, threads=2).tobytes() == found.tobytes(), name


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", POOLS, ids=str)
def test_pools_of_any_size_are_the_portable_ones(case: Case, dtype: str) -> None:
    for name, arrays, params in pools(*case):
        given = in_dtype(arrays, dtype)
        found = run(name, given, params)

        assert_close(found, portable(name, given, params), f"{name} {params}")
        assert run(name, given, params, threads=2).tobytes() == found.tobytes(), name


@pytest.mark.parametrize("case", [CONVOLUTIONS[i] for i in (2, 6, 10, 13, 17)], ids=str)
def test_operands_may_have_any_strides_and_nothing_beside_them_is_read(case: Case) -> None:
    for name, arrays, params in convolutions(*case):
        given = in_dtype(arrays, "float32")
        for turned in (False, True):
            leaves, operands, feeds = [], [], {}
            for i, a in enumerate(given):
                wide = np.full([n + 2 for n in a.shape], np.nan, np.float32)
                wide[tuple(np.s_[1:-1] for _ in a.shape)] = a
                held = np.ascontiguousarray(wide.T) if turned else wide
                leaf = placeholder(f"input {i}", Spec.of(held))
                whole = transpose(leaf) if turned else leaf
                inner = slice(whole, start=(1,) * a.ndim, stop=tuple(n + 1 for n in a.shape))
                leaves.append(leaf)
                operands.append(inner)
                feeds[leaf] = held
            step = native(name, leaves, operands, params, threads=2)

            assert_close(step([feeds[e] for e in step.plan.inputs])[0], portable(name, given, params), name)


@pytest.mark.parametrize("width", [16, 32])
def test_kernels_for_narrower_registers_give_the_same(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "register_bytes", lambda: width)
    calls = [call for i in (2, 9, 14, 17, 18) for call in convolutions(*CONVOLUTIONS[i])]
    for name, arrays, params in [*calls, *pools(*POOLS[3])]:
        given = in_dtype(arrays, "float32")
        assert_close(run(name, given, params), portable(name, given, params), f"{name} {params}")


@pytest.mark.parametrize("window", [3, 5])
def test_a_convolution_by_transforms_is_scipys(window: int) -> None:
    x, kernel = normal(2, 20, 22, 16).astype(np.float32), normal(window, window, 16, 16, seed=1).astype(np.float32)
    found = run("conv", [x, kernel], {})

    for n, f in ((0, 0), (1, 15)):
        expected = signal.correlate(x[n].astype(np.float64), kernel[..., f].astype(np.float64), mode="valid")[..., 0]
        np.testing.assert_allclose(found[n, ..., f], expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("case", [((4, 16, 16, 64), (3, 3, 64, 64), SAME), ((16, 12, 12, 16), (5, 5, 16, 32), {})])
def test_transforms_lose_little(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, arrays, params in convolutions(*case):
        given = in_dtype(arrays, "float32")
        exact = portable(name, [a.astype(np.float64) for a in given], params)
        scale = float(np.sqrt((exact**2).mean()))

        def error(found: Array, exact: Array = exact, scale: float = scale) -> float:
            return float(np.sqrt(((found - exact) ** 2).mean())) / scale

        with monkeypatch.context() as patch:
            patch.setattr(winograd, "LEAST_WINDOWS", 10**9)
            plain = run(name, given, params)
        transformed = run(name, given, params)

        assert (transformed != plain).any(), "both are the same kernel"
        assert error(transformed) < 4e-6
        assert error(transformed) < 4 * error(plain)
        assert np.abs(transformed - exact).max() < 4e-5 * scale
