"""The native backend gives what the portable one gives, op by op."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from flowloom.backends.native.step import NativeStep
from flowloom.backends.portable import KernelError, PortableStep, RefusedError
from flowloom.compiler.expr import Expr, build, placeholder
from flowloom.compiler.plan import make_plan
from flowloom.op import REGISTRY, Op
from flowloom.spec import Spec, is_float

OPS = sorted(REGISTRY.values(), key=lambda op: op.name)
TOLERANCE = {"float32": {"rtol": 2e-5, "atol": 2e-5}, "float64": {"rtol": 1e-11, "atol": 1e-11}}


def leaves_of(args: tuple[Any, ...], dtype: str) -> tuple[list[Any], dict[Expr, Any]]:
    """Placeholders for arrays, floats in that dtype, and what they are fed."""
    arrays = [None if a is None else np.asarray(a) for a in args]
    arrays = [a.astype(dtype) if a is not None and a.dtype == np.float64 else a for a in arrays]
    leaves = [None if a is None else placeholder(f"input {i}", Spec.of(a)) for i, a in enumerate(arrays)]
    return leaves, {e: a for e, a in zip(leaves, arrays, strict=True) if e is not None}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_native_is_portable(op: Op, dtype: str) -> None:
    assert op.cases is not None
    for args, params in op.cases(np.random.default_rng(0)):
        if any(a is not None and np.asarray(a).dtype == object for a in args):
            continue
        full = {p.name: params.get(p.name, p.default) for p in op.params.values()}
        full = {name: op.params[name].check(value) for name, value in full.items()}
        leaves, feeds = leaves_of(args, dtype)
        made = build(op, tuple(leaves), full)
        plan = make_plan(list(made) if isinstance(made, tuple) else [made])
        if not plan.steps or not plan.is_fixed:
            continue
        inputs = [feeds[e] for e in plan.inputs]
        expected = PortableStep(plan)(inputs)
        found = NativeStep(plan, threads=1)(inputs)
        for e, f in zip(expected, found, strict=True):
            assert (f.shape, f.dtype) == (e.shape, e.dtype)
            scale = max(1.0, float(np.abs(e).max(initial=0))) if is_float(e.dtype) else 1.0
            close = TOLERANCE.get(e.dtype.name, TOLERANCE[dtype])
            np.testing.assert_allclose(
                f.astype("float64"),
                e.astype("float64"),
                rtol=close["rtol"],
                atol=close["atol"] * scale,
                err_msg=str(params),
            )


def test_a_refused_value_is_told_by_the_portable_backend() -> None:
    labels = placeholder("labels", Spec((3,), "int64"))
    plan = make_plan(
        [
            build(
                REGISTRY["one_hot"],
                (labels,),
                {p.name: p.default for p in REGISTRY["one_hot"].params.values()} | {"depth": 4},
            )
        ]
    )
    step = NativeStep(plan, threads=1)

    assert step([np.array([0, 3, -1])])[0].tolist() == np.eye(4)[[0, 3, 3]].tolist()
    with pytest.raises(RefusedError):
        step([np.array([0, 4, 1])])
    with pytest.raises(KernelError, match="index 4 is outside"):
        PortableStep(plan)([np.array([0, 4, 1])])
