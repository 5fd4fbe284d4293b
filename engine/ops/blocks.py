"""Blocks of an image against its channels, made of reshapes and a transposition."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.shape import flatten, transpose, unflatten
from flowloom.ops.windows import images
from flowloom.params import Count
from flowloom.spec import SpecError

BlockMode: TypeAlias = Literal["DCR", "CRD"]


@op(family="shape", composite=True)
def depth_to_space(x: Any, *, block_size: Count, mode: BlockMode = "DCR") -> Any:
    """Images `x` (batch, height, width, channels) with channels laid out as blocks: larger images with fewer channels.

    The result is (batch, height * b, width * b, channels / b^2) for a block size of b. In mode "DCR" (as TensorFlow's)
    the place in the block is the outer part of the channel number, in "CRD" (as PyTorch's pixel shuffle) the inner.
    Raises SpecError unless `x` has four dimensions, or if the channels do not divide.
    """
    if isinstance(images(x, "x", 2).shape[3], int) and x.shape[3] % block_size**2:
        raise SpecError(
            f"the {x.shape[3]} channels do not divide into blocks of {block_size} x {block_size}",
            dimension=f"{x.shape[3]} / {block_size**2}",
        )
    inside = (block_size, block_size)
    split = unflatten(x, axis=3, shape=(*inside, -1) if mode == "DCR" else (-1, *inside))
    by_row = transpose(split, axes=(0, 1, 3, 2, 4, 5) if mode == "DCR" else (0, 1, 4, 2, 5, 3))
    return flatten(flatten(by_row, first=3, last=4), first=1, last=2)


@depth_to_space.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 2, 3, 8)),), {"block_size": 2}
    yield (rng.normal(size=(3, 2, 1, 8)),), {"block_size": 2, "mode": "CRD"}
    yield (rng.integers(0, 9, (0, 2, 2, 9)),), {"block_size": 3}


@op(family="shape", composite=True)
def space_to_depth(x: Any, *, block_size: Count, mode: BlockMode = "DCR") -> Any:
    """Images `x` (batch, height, width, channels) with blocks laid out as channels: the reverse of `depth_to_space`.

    The result is (batch, height / b, width / b, channels * b^2) for a block size of b. Raises SpecError unless `x` has
    four dimensions, or if height and width do not divide.
    """
    for axis in (1, 2):
        if isinstance(images(x, "x", 2).shape[axis], int) and x.shape[axis] % block_size:
            raise SpecError(
                f"axis {axis} of size {x.shape[axis]} does not divide into blocks of {block_size}",
                dimension=f"axis {axis}: {x.shape[axis]} / {block_size}",
            )
    rows = unflatten(x, axis=1, shape=(-1, block_size))
    split = unflatten(rows, axis=3, shape=(-1, block_size))
    return flatten(transpose(split, axes=(0, 1, 3, 2, 4, 5) if mode == "DCR" else (0, 1, 3, 5, 2, 4)), first=3)


@space_to_depth.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.normal(size=(3, 4, 6, 2)),), {"block_size": 2}
    yield (rng.normal(size=(3, 4, 2, 2)),), {"block_size": 2, "mode": "CRD"}
    yield (rng.integers(0, 9, (0, 3, 3, 1)),), {"block_size": 3}
