"""The CUDA backend gives what the portable one gives, op by op: on a GPU, and on what stands in for one."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from flowloom.backends import choice
from flowloom.backends.choice import check_backend, has_cuda
from flowloom.backends.cuda.libraries import OwnKernel
from flowloom.backends.cuda.step import CudaStep
from flowloom.backends.portable import PortableStep
from flowloom.compiler.expr import build, placeholder
from flowloom.compiler.plan import Plan, make_plan
from flowloom.op import REGISTRY
from flowloom.params import complete
from flowloom.spec import Spec, is_float

TOLERANCE = {"float32": 2e-5, "float64": 1e-11}
# What CuPy cannot do: cast among its samples has dtypes of 8 and 4 bits, the others are loops in Python.
ON_THE_HOST = {"cast", "count_ngrams", "label_encode"}


def cases(dtype: str) -> Iterator[tuple[str, Plan, list[Any]]]:
    """A plan for each sample of each op, with the op's name and what it is fed, floats in that dtype."""
    for name in sorted(REGISTRY):
        for plan, inputs in _cases(name, dtype):
            yield name, plan, inputs


def _cases(name: str, dtype: str) -> Iterator[tuple[Plan, list[Any]]]:
    op = REGISTRY[name]
    assert op.cases is not None
    for args, params in op.cases(np.random.default_rng(0)):
        arrays = [None if a is None else np.asarray(a) for a in args]
        arrays = [a.astype(dtype) if a is not None and a.dtype == np.float64 else a for a in arrays]
        if any(a is not None and a.dtype == object for a in arrays):
            continue
        leaves = [None if a is None else placeholder(f"input {i}", Spec.of(a)) for i, a in enumerate(arrays)]
        feeds = {e: a for e, a in zip(leaves, arrays, strict=True) if e is not None}
        made = build(op, tuple(leaves), complete(op.params, params, name))
        plan = make_plan(list(made) if isinstance(made, tuple) else [made])
        if plan.steps and plan.is_fixed:
            yield plan, [feeds[e] for e in plan.inputs]


def oriented(name: str, results: list[Any]) -> list[Any]:
    """The results of an op; vectors that are found but for their sign point to where their largest component does."""
    if name not in ("eigh", "svd"):
        return results
    vectors = results[1 if name == "eigh" else 0]
    signs = np.sign(np.take_along_axis(vectors, np.abs(vectors).argmax(-2)[..., None, :], -2))
    turned = {1: signs} if name == "eigh" else {0: signs, 2: np.swapaxes(signs, -1, -2)}
    return [r * turned[i] if i in turned else r for i, r in enumerate(results)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_cuda_is_portable(gpu: Any, dtype: str) -> None:
    on_the_host = set()
    steps = [(name, CudaStep(plan, on=gpu), inputs) for name, plan, inputs in cases(dtype)]
    for name, step, inputs in steps:
        expected = PortableStep(step.plan)(inputs)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=f"({'|'.join(ON_THE_HOST)}) is left to NumPy on the host")
            found = step(inputs)
        for e, f in zip(oriented(name, expected), oriented(name, found), strict=True):
            assert (f.shape, f.dtype) == (e.shape, e.dtype), name
            close = TOLERANCE.get(e.dtype.name, TOLERANCE[dtype])
            scale = max(1.0, float(np.abs(e).max(initial=0))) if is_float(e.dtype) else 1.0
            e, f = e.astype("float64"), f.astype("float64")
            np.testing.assert_allclose(f, e, rtol=close, atol=close * scale, err_msg=f"{name}, {step.plan.outputs}")
        on_the_host |= {x.e.op.name for x in step.calls if isinstance(x, OwnKernel) and x.on_host}
    assert on_the_host == ON_THE_HOST


@pytest.mark.skipif(has_cuda(), reason="there is a GPU")
def test_without_a_gpu_the_backend_says_what_it_needs() -> None:
    with pytest.raises(ValueError, match=r"'cuda' needs CuPy and an NVIDIA GPU: pip install 'flowloom\[cuda\]'"):
        check_backend("cuda")


def test_a_forked_process_is_told_that_cuda_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "_found_cuda_in", lambda: os.getppid())
    assert not has_cuda()
    with pytest.raises(ValueError, match="lost in a process that was forked: start processes by 'spawn'"):
        check_backend("cuda")
    monkeypatch.setattr(choice, "_found_cuda_in", lambda: os.getpid())
    check_backend("cuda")
