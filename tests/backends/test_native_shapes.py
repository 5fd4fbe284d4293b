"""Native kernels of indexing, arranging, scanning, sorting and drawing in sizes that samples do not have.

Samples are small; here there are several tiles, blocks and chunks, and what is left over, for one thread and for two.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from flowloom.backends.native.step import NativeStep
from flowloom.backends.portable import RefusedError
from flowloom.compiler.expr import build, placeholder
from flowloom.compiler.plan import make_plan
from flowloom.op import get_op
from flowloom.params import complete
from flowloom.spec import Spec, is_float

Array = np.ndarray[Any, Any]


def normal(*shape: int) -> Array:
    """Normal numbers."""
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def whole(low: int, high: int, *shape: int) -> Array:
    """Whole numbers from `low` to `high` - 1."""
    return np.random.default_rng(1).integers(low, high, shape)


def holed(*shape: int) -> Array:
    """Normal numbers with NaN of both signs, infinities and zeros of both signs among them."""
    x = normal(*shape)
    for i, value in enumerate((np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0, 1.5)):
        x.reshape(-1)[i::17] = value
    return x


KEY = np.array([3, 2**63 + 5], np.uint64)
SPREAD = {"shape": (7, 301)}
HELD = {"axis": 1}
CALLS: list[tuple[str, tuple[Array, ...], dict[str, Any]]] = [
    ("take", (normal(64, 130), whole(-64, 64, 5, 33)), {}),
    ("take", (normal(3, 40, 70), whole(-40, 40, 33)), HELD),
    ("take", (normal(300), whole(0, 300, 1000).astype(np.int32)), {"from_end": False}),
    ("take_along_axis", (normal(30, 40), whole(-40, 40, 30, 9)), {}),
    ("take_along_axis", (normal(30, 40), whole(0, 30, 9, 40)), {"axis": 0}),
    ("gather_nd", (normal(6, 7, 8, 9), whole(-6, 6, 6, 7, 3, 1)), {"batch_dims": 2}),
    ("at_labels", (normal(100, 33), whole(0, 33, 100)), {}),
    ("scatter_add", (normal(500, 131), whole(-64, 64, 500)), {"size": 64}),
    ("scatter_add", (normal(500, 3), whole(-64, 64, 500)), {"size": 64}),
    ("scatter_add", (normal(20, 50, 3), whole(-7, 7, 50)), {"size": 7, "axis": 1}),
    ("add_along_axis", (normal(3, 7, 100), whole(-40, 40, 3, 7, 100)), {"axis": 1, "shape": (3, 40, 100)}),
    ("add_nd", (normal(50, 70), whole(-6, 6, 50, 2)), {"shape": (6, 7, 70)}),
    ("add_points", (normal(20, 33, 5), whole(-9, 90, 20, 33)), {"spatial": (7, 8)}),
    *(
        ("scatter_nd", (normal(30, 5, 70), whole(-5, 5, 90, 2), normal(90, 70)), {"reduction": how})
        for how in ("none", "add", "mul", "max", "min")
    ),
    ("one_hot", (whole(-9, 9, 5, 60),), {"depth": 9, "axis": 1, "on": 2.0, "off": -1.0}),
    ("one_hot", (whole(0, 64, 300),), {"depth": 64, "dtype": "bool"}),
    ("concatenate", tuple(normal(30, n, 20) for n in (5, 33, 1)), HELD),
    ("concatenate", tuple(normal(3, 4) for _ in range(19)), HELD),
    ("concatenate", (normal(70, 50).T, normal(60, 50).T), HELD),
    ("stack", tuple(normal(3, 4) for _ in range(11)), HELD),
    *(
        ("pad", (normal(3, 9, 9, 4),), {"pad_width": ((0, 0), (1, 3), (2, -1), (0, 0)), "mode": mode, "value": 0.5})
        for mode in ("constant", "reflect", "edge", "wrap")
    ),
    ("unslice", (normal(8, 20),), {"start": (1, 0), "stop": (9, 60), "step": (1, 3), "shape": (10, 60)}),
    ("unslice", (normal(4, 60),), {"start": (6,), "stop": (2,), "step": (-1,), "shape": (10, 60)}),
    ("roll", (normal(20, 30),), {"shift": (3, -7), "axis": (0, 1)}),
    ("tile", (normal(20, 30),), {"reps": (3, 1, 2)}),
    ("triangle", (normal(2, 3, 33, 40),), {"lower": True, "offset": -2}),
    ("attention_window", (normal(3, 2, 20, 33), np.array([1, 2, 3]), np.array(20)), {"left": 3, "right": 1}),
    ("reverse_sequence", (normal(5, 20, 30), whole(0, 21, 5)), {}),
    ("update_slice", (normal(5, 20, 30), normal(5, 7, 30), whole(-30, 30, 5)), {"axis": 1, "wrap": True}),
    *((name, (holed(4, 700, 3),), {"axis": a}) for name in ("argmax", "argmin") for a in (0, 1, 2)),
    *((name, (whole(0, 3, 4, 700),), {"axis": 1, "select_last": True}) for name in ("argmax", "argmin")),
    ("hardmax", (normal(30, 20),), {}),
    *(
        ("cumsum", (normal(*shape),), {"axis": a, "exclusive": exclusive, "reverse": reverse})
        for shape, a in (((5001,), 0), ((30, 9), 1), ((3, 9, 130), 1))
        for exclusive in (False, True)
        for reverse in (False, True)
    ),
    ("cummax", (holed(9, 40),), HELD),
    ("cummin", (normal(3, 9, 130),), HELD),
    *(("linear_recurrence", (normal(9, 20, 70), normal(9, 20, 70)), {"axis": 1, "reverse": r}) for r in (False, True)),
    *(("argsort", (holed(5, 200),), {"axis": a, "descending": d}) for a in (0, 1) for d in (False, True)),
    ("argsort", (whole(-9, 9, 3, 100).astype(np.int8),), {}),
    ("argsort", (whole(-(2**62), 2**62, 3, 1000),), {"descending": True}),
    ("sort", (holed(3, 1000),), {}),
    ("fold_in", (KEY,), {"data": 2**64 - 1}),
    ("random_uniform", (KEY,), SPREAD | {"low": -1.0, "high": 2.5}),
    ("random_uniform", (KEY,), SPREAD | {"dtype": "float64"}),
    ("random_bernoulli", (KEY,), SPREAD | {"p": 0.3, "dtype": "float16"}),
    ("random_integers", (KEY,), SPREAD | {"low": -(2**63), "high": 2**63 - 1}),
    ("random_normal", (KEY,), SPREAD | {"mean": 2.0, "stddev": 0.3}),
    ("random_truncated_normal", (KEY,), SPREAD | {"stddev": 2.0}),
    ("random_exponential", (KEY,), SPREAD),
    ("random_laplace", (KEY,), SPREAD),
    ("random_gumbel", (KEY,), SPREAD),
    ("random_categorical", (KEY, holed(5, 300)), {"num_samples": 3}),
    ("resize", (normal(2, 20, 30, 5),), {"sizes": (40, 50)}),
    ("resize", (normal(2, 20, 30, 13),), {"sizes": (11, 50), "mode": "cubic", "antialias": True}),
    ("resize", (whole(0, 255, 2, 20, 30, 3).astype(np.uint8),), {"sizes": (11, 50), "mode": "nearest"}),
]
REFUSED: list[tuple[str, tuple[Array, ...], dict[str, Any]]] = [
    ("take", (normal(30, 4), np.array([1, -31, 2])), {}),
    ("take", (normal(30), np.array([1, 2**62])), {}),
    ("take", (normal(30), np.array([1, -1])), {"from_end": False}),
    ("take_along_axis", (normal(3, 4), np.full((3, 2), 4)), {}),
    ("gather_nd", (normal(6, 7), np.array([[1, 7]])), {}),
    ("at_labels", (normal(2, 3), np.array([0, -1])), {}),
    ("scatter_add", (normal(5, 100), np.array([0, 1, 2, 9, 1])), {"size": 7}),
    ("scatter_add", (normal(5), np.array([0, 1, 2, -8, 1])), {"size": 7}),
    ("add_along_axis", (normal(3, 1), np.full((3, 1), -5)), {"axis": 1, "shape": (3, 4)}),
    ("add_nd", (normal(2, 70), np.array([[0], [9]])), {"shape": (6, 70)}),
    ("scatter_elements", (normal(3, 4), np.full((1, 4), 3), normal(1, 4)), {}),
    ("checked_labels", (np.array([0, 8]),), {"classes": 8}),
    ("one_hot", (np.array([0, 8]),), {"depth": 8}),
    ("reverse_sequence", (normal(2, 5), np.array([0, 6])), {}),
    ("update_slice", (normal(2, 5), normal(2, 3), np.array([0, 3])), {"axis": 1}),
    ("read_slice", (normal(2, 5), normal(2, 3), np.array([-1, 0])), {"axis": 1, "wrap": False}),
    ("fold_in_index", (KEY, np.array(-1)), {}),
]


def step_of(
    name: str, arrays: tuple[Array, ...], params: dict[str, Any], threads: int
) -> tuple[NativeStep, list[Array]]:
    """The op as a native step, and what it is called with."""
    leaves = [placeholder(f"input {i}", Spec.of(a)) for i, a in enumerate(arrays)]
    op = get_op(name)
    step = NativeStep(make_plan([build(op, tuple(leaves), complete(op.params, params, name))]), threads=threads)
    feeds = dict(zip(leaves, arrays, strict=True))
    return step, [feeds[e] for e in step.plan.inputs]


def named(value: Any) -> str | None:
    """The op of a case."""
    return value if isinstance(value, str) else ""


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("name", "arrays", "params"), CALLS, ids=named)
def test_kernels_of_any_size_give_what_the_portable_ones_give(
    name: str, arrays: tuple[Array, ...], params: dict[str, Any], threads: int
) -> None:
    op = get_op(name)
    with np.errstate(all="ignore"):
        expected = op.compute(np, *arrays, **complete(op.params, params, name))

    step, inputs = step_of(name, arrays, params, threads)

    assert all(i.call is not None for i in step.listing.instructions)
    first = step(inputs)[0].copy()
    if is_float(expected.dtype):
        largest = float(np.abs(expected, where=np.isfinite(expected), out=np.ones(expected.shape)).max())
        np.testing.assert_allclose(first, expected, rtol=1e-5, atol=1e-5 * max(1.0, largest))
    else:
        np.testing.assert_array_equal(first, expected)
    assert step(inputs)[0].tobytes() == first.tobytes()


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("name", "arrays", "params"), REFUSED, ids=named)
def test_indices_outside_are_refused(
    name: str, arrays: tuple[Array, ...], params: dict[str, Any], threads: int
) -> None:
    step, inputs = step_of(name, arrays, params, threads)
    with pytest.raises(RefusedError):
        step(inputs)
