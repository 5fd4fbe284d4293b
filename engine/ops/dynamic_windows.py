"""Patches whose sizes are tensors: for values that are known only when it runs.

Each op does what its namesake with parameters does. Prefer the namesake where values are known.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.dynamic import length_of
from flowloom.ops.inference import numeric
from flowloom.ops.patches import extract_patches, fold_patches
from flowloom.ops.windows import images
from flowloom.params import AnyPadding, Each
from flowloom.spec import Spec, SpecError


@op(family="shape", internal=True)
def fold_patches_to(
    patches: Spec,
    output_size: Spec,
    size: Spec,
    *,
    strides: Each = 1,
    dilation_rate: Each = 1,
    padding: AnyPadding = "valid",
) -> Spec:
    """Zeros, with each row of `patches` added where its window lies, as `fold_patches`, with the sizes as tensors.

    `output_size` and `size` are integer vectors, a number for each axis. `patches` (batch, *windows, elements of a
    window). Returns (batch, *output_size, channels). Raises SpecError if the number of axes is unknown or does not fit,
    and ValueError, when it runs, if these are not the patches of such a tensor.
    """
    rank = length_of(size, "size")
    if length_of(output_size, "output_size") != rank:
        raise SpecError(f"output_size and size need one number for each axis; got {output_size} and {size}")
    batch = images(numeric(patches), "patches", rank).shape[0]
    return patches.with_shape((batch, *(None,) * (rank + 1)))


@fold_patches_to.kernel
def _(xp: Any, patches: Any, output_size: Any, size: Any, **how: Any) -> Any:
    found = {"output_size": tuple(output_size.tolist()), "size": tuple(size.tolist()), **how}
    fold_patches.infer(Spec.of(patches), **found)
    return fold_patches.compute(xp, patches, **found)


@fold_patches_to.vjp
def _(g: Any, y: Any, patches: Any, output_size: Any, size: Any, **how: Any) -> Any:
    return extract_patches_by(g, output_size, size, **how), None, None


@op(family="shape", internal=True)
def extract_patches_by(
    x: Spec,
    input_size: Spec,
    size: Spec,
    *,
    strides: Each = 1,
    dilation_rate: Each = 1,
    padding: AnyPadding = "valid",
) -> Spec:
    """Every window of `x` as a row, the gradient of `fold_patches_to`; `input_size` holds the sizes that `x` has."""
    rank = length_of(size, "size")
    batch = images(numeric(x), "x", rank).shape[0]
    return x.with_shape((batch, *(None,) * (rank + 1)))


@extract_patches_by.kernel
def _(xp: Any, x: Any, input_size: Any, size: Any, **how: Any) -> Any:
    return extract_patches.compute(xp, x, size=tuple(size.tolist()), **how)


@extract_patches_by.vjp
def _(g: Any, y: Any, x: Any, input_size: Any, size: Any, **how: Any) -> Any:
    return fold_patches_to(g, input_size, size, **how), None, None


_CASES: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((2, 4, 6, 3), (2, 3), {"strides": (2, 3)}),
    ((1, 6, 5, 1), (2, 2), {"strides": (2, 1), "dilation_rate": (1, 2), "padding": ((1, 0), (0, 1))}),
    ((2, 7, 2), (3,), {"padding": "same"}),
]


@fold_patches_to.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for shape, size, how in _CASES:
        rows = extract_patches(Spec(shape), size=size, **{"strides": 1, **how}).sizes
        yield (rng.normal(size=rows), np.array(shape[1:-1]), np.array(size)), how


@extract_patches_by.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    for shape, size, how in _CASES:
        yield (rng.normal(size=shape), np.array(shape[1:-1]), np.array(size)), how
