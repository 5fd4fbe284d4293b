"""What the CUDA backend computes each item of a plan with."""

from __future__ import annotations

from collections.abc import Sequence

from flowloom.backends.cuda import convolution, products
from flowloom.backends.cuda.epilogues import written
from flowloom.backends.cuda.libraries import other
from flowloom.backends.cuda.loops import copied, fused
from flowloom.backends.native.fusion import Fusion, Group
from flowloom.backends.native.instructions import LOWERINGS, Call, Instruction, Place, calling
from flowloom.backends.native.listing import Kernels
from flowloom.backends.native.loops import Reuse
from flowloom.backends.native.randomness import DRAWINGS, in_tiles
from flowloom.compiler.expr import Expr

# Random numbers: the native kernels, so the bits are those of the portable ones. CuPy's own would need ten rounds of
# arrays of 64 bits. A thread makes one block of four at a time: it has few registers, and there are many threads.
_DRAWN = {name: LOWERINGS[name] for name in ("fold_in", "fold_in_index")}
_DRAWN |= {name: in_tiles(drawing, 4) for name, drawing in DRAWINGS.items()}


def _copied(source: Place, target: Place, computes: Sequence[Expr]) -> Instruction:
    return calling(copied(source, target, computes), computes)


def _fused(
    group: Group, fusion: Fusion, wanted: set[Expr], watched: set[Expr], _: Reuse
) -> list[tuple[Call, Sequence[Expr]]]:
    return fused(group, fusion, wanted, watched)  # each result in a place of its own


KERNELS = Kernels(written, _fused, _DRAWN | products.LOWERINGS | convolution.LOWERINGS, _copied, other)
