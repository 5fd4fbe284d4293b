"""Choice: which backend runs a plan. "auto" is portable for now."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import numpy as np

from flowloom.backends.portable import KernelError, PortableStep
from flowloom.compiler.expr import Expr
from flowloom.compiler.plan import Plan

if TYPE_CHECKING:
    from flowloom.backends.cuda.step import CudaStep
    from flowloom.backends.native.step import NativeStep

Backend: TypeAlias = Literal["auto", "portable", "native", "cuda"]
Array = np.ndarray[Any, Any]


class Step(Protocol):
    """A plan ready to run."""

    @property
    def plan(self) -> Plan:
        """What it runs."""

    def __call__(self, inputs: Sequence[Array]) -> list[Array]:
        """Run on arrays for `plan.inputs`, in order and of their specs. Raises KernelError, NotFiniteError."""

    def trace(self, inputs: Sequence[Array], look: Callable[[Expr, Any], bool]) -> Expr | None:
        """Run step by step and show each result to `look`; the step at which it says True, or None."""

    @property
    def repeats(self) -> bool:
        """Whether `repeat` runs several steps at once."""

    def repeat(
        self, count: int, inputs: Sequence[Array | list[Array]], carried: Mapping[int, int | None]
    ) -> tuple[int, list[Array]]:
        """Run up to `count` times at once, feeding outputs back; see `NativeStep.repeat`. Only where `repeats`."""


def check_backend(backend: str) -> None:
    """Raise ValueError unless the backend is one that runs here, saying what it needs."""
    if backend == "native" and not has_native():
        raise ValueError("backend 'native' needs llvmlite and SciPy: pip install 'flowloom[native]'")
    if backend == "cuda" and not has_cuda():
        raise ValueError("backend 'cuda' needs CuPy and an NVIDIA GPU: pip install 'flowloom[cuda]'")
    if backend not in ("auto", "portable", "native", "cuda"):
        raise ValueError(f"backend {backend!r} is not available here; there is: auto, portable, native, cuda")


@cache
def has_native() -> bool:
    """Whether what the native backend is made with is installed."""
    return all(importlib.util.find_spec(name) is not None for name in ("llvmlite", "scipy", "threadpoolctl"))


@cache
def has_cuda() -> bool:
    """Whether CuPy is installed and finds an NVIDIA GPU."""
    if importlib.util.find_spec("cupy") is None:
        return False
    try:
        import cupy

        return bool(cupy.cuda.runtime.getDeviceCount() > 0)
    except Exception:  # no driver, or one that does not fit: CuPy has an error of its own for each
        return False


def make_step(plan: Plan, backend: Backend = "auto", finite: Sequence[int] = ()) -> Step:
    """The plan on that backend; what only the portable one can run, because its sizes are not known, runs there.

    A step raises NotFiniteError if one of the outputs at the positions `finite` is not.
    """
    if backend in ("native", "cuda"):
        from flowloom.backends.native.listing import can_run

        if can_run(plan):
            return NativeOrPortable(plan, finite, cuda=backend == "cuda")
    return PortableStep(plan, finite)


class NativeOrPortable:
    """Runs a plan native, or on a GPU; portable once more where a kernel refuses a value, for it says which."""

    def __init__(self, plan: Plan, finite: Sequence[int] = (), *, cuda: bool = False) -> None:
        from flowloom.backends.cuda.step import CudaStep
        from flowloom.backends.native.step import NativeStep

        self.plan = plan
        self.native: NativeStep | CudaStep = CudaStep(plan, finite) if cuda else NativeStep(plan, finite)
        self._finite = tuple(finite)

    def __call__(self, inputs: Sequence[Array]) -> list[Array]:
        """Run on arrays for `plan.inputs`, in order and of their specs. Raises KernelError, NotFiniteError."""
        from flowloom.backends.native.step import RefusedError

        try:
            return self.native(inputs)
        except (RefusedError, KernelError):
            return self.portable(inputs)

    @cached_property
    def portable(self) -> PortableStep:
        """The plan on the portable backend."""
        return PortableStep(self.plan, self._finite)

    @property
    def repeats(self) -> bool:
        """Whether `repeat` runs several steps at once."""
        return self.native.repeats

    def repeat(
        self, count: int, inputs: Sequence[Array | list[Array]], carried: Mapping[int, int | None]
    ) -> tuple[int, list[Array]]:
        """Run up to `count` times at once, feeding outputs back; see `NativeStep.repeat`."""
        return self.native.repeat(count, inputs, carried)

    def trace(self, inputs: Sequence[Array], look: Callable[[Expr, Any], bool]) -> Expr | None:
        """Run step by step on the portable backend, and show each result to `look` until it says True."""
        return self.portable.trace(inputs, look)
