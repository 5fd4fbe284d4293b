"""Operands at random: what does not fit is refused by SpecError and nothing else; what fits comes out as inferred."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import flowloom as fl
from flowloom.graph.kinds import KINDS
from flowloom.op import REGISTRY, Op
from flowloom.spec import Dim, Spec, SpecError
from tests.layers.cases import Case
from tests.layers.layer_cases import CASES, FUNCTIONAL
from tests.layers.loss_cases import LOSSES, METRICS
from tests.ops.test_conformance import agrees, samples, several

Array = np.ndarray[Any, Any]
Rng = np.random.Generator

SIZES: list[Dim] = [0, 1, 2, 3, 4, 5]
DIMS: list[Dim] = [*SIZES, "batch", "steps", None, "2*batch"]
DTYPES = ["float64", "float32", "float16", "bfloat16", "int64", "int32", "uint8", "bool"]
OPS = sorted((op for op in REGISTRY.values() if op.cases is not None), key=lambda op: op.name)
PUBLIC = [op for op in OPS if not op.internal]
LAYERS: dict[str, list[Case]] = CASES | FUNCTIONAL | LOSSES | METRICS
# What a kernel may say of values.
VALUES = (ValueError, IndexError, np.linalg.LinAlgError)

every = pytest.mark.parametrize("rounds", [15, pytest.param(600, marks=pytest.mark.long)])


def changed(rng: Rng, shape: Sequence[Dim], dims: Sequence[Dim]) -> list[Dim]:
    """A shape like this one: sizes exchanged, an axis more or less."""
    made = [dims[rng.integers(len(dims))] if rng.random() < 0.2 else d for d in shape]
    if made and rng.random() < 0.15:
        made.pop(rng.integers(len(made)))
    if rng.random() < 0.15:
        made.insert(rng.integers(len(made) + 1), dims[rng.integers(len(dims))])
    return [] if rng.random() < 0.05 else made


def dtype_near(rng: Rng, dtype: Any) -> Any:
    """This dtype, or now and then another one."""
    return dtype if rng.random() < 0.8 else DTYPES[rng.integers(len(DTYPES))]


def params_near(rng: Rng, op: Op, params: dict[str, Any]) -> dict[str, Any]:
    """Parameters like these, some of them other numbers, as far as the declaration allows them."""
    made = {}
    for name, value in params.items():
        new = value
        if rng.random() < 0.25 and isinstance(value, int) and not isinstance(value, bool):
            new = [value - 1, value + 1, -1, 0, 5][rng.integers(5)]
        elif rng.random() < 0.25 and isinstance(value, tuple) and value and all(type(v) is int for v in value):
            at = rng.integers(len(value))
            new = (*value[:at], int(rng.integers(-1, 4)), *value[at + 1 :])
        try:
            made[name] = op.params[name].check(new)
        except SpecError:
            made[name] = value
    return made


def calls(op: Op, rounds: int, dims: Sequence[Dim]) -> Any:
    """Operands of samples, and specs and parameters like theirs."""
    rng = np.random.default_rng(len(op.name))
    cases = [(args, params) for args, params in samples(op) if not any(_is_text(a) for a in args)]
    for _ in range(rounds if cases else 0):
        args, params = cases[rng.integers(len(cases))]
        specs = [None if a is None else Spec(changed(rng, a.shape, dims), dtype_near(rng, a.dtype)) for a in args]
        yield args, specs, params_near(rng, op, params), rng


def _is_text(a: Any) -> bool:
    return a is not None and a.dtype.kind not in "fiub"


@every
@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_an_op_refuses_what_does_not_fit(op: Op, rounds: int) -> None:
    for _, specs, params, _ in calls(op, rounds, DIMS):
        try:
            op.infer(*specs, **params)
        except SpecError:
            continue


@every
@pytest.mark.parametrize("op", PUBLIC, ids=lambda op: op.name)
def test_what_an_op_takes_comes_out_as_inferred(op: Op, rounds: int) -> None:
    for args, specs, params, rng in calls(op, rounds, SIZES):
        try:
            inferred = several(op.infer(*specs, **params))
        except SpecError:
            continue
        if any(s.is_concrete and s.size > 100_000 for s in inferred):
            continue
        arrays = [None if s is None else like(rng, s, a) for s, a in zip(specs, args, strict=True)]
        try:
            with np.errstate(all="ignore"):
                found = several(op.compute(np, *arrays, **params))
        except VALUES:
            continue
        for result, spec in zip(found, inferred, strict=True):
            assert agrees(spec, Spec.of(np.asarray(result)), 0), (spec, Spec.of(result))


def like(rng: Rng, spec: Spec, sample: Array) -> Array:
    """An array of that spec, of elements of the sample."""
    pool = sample.reshape(-1) if sample.size else np.zeros(1, sample.dtype)
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray(rng.choice(pool, spec.sizes)).astype(spec.dtype)


@every
@pytest.mark.parametrize("kind", LAYERS)
def test_a_layer_refuses_what_does_not_fit(kind: str, rounds: int) -> None:
    rng = np.random.default_rng(len(kind))
    ports = {p.name for p in KINDS[kind].ports}
    for _ in range(rounds):
        case = LAYERS[kind][rng.integers(len(LAYERS[kind]))]
        with fl.Graph() as g:
            tensors = {}
            for name, (shape, dtype) in case.inputs.items():
                whole = list(shape) if isinstance(shape, list) else ["batch", *shape]
                tensors[name] = fl.input(name, changed(rng, whole, DIMS[:-1]), dtype_near(rng, dtype))
            placed = [t for name, t in tensors.items() if name not in ports]
            named = {name: t for name, t in tensors.items() if name in ports}
            try:
                g.add(kind, placed, named | case.params)
            except SpecError:
                continue
