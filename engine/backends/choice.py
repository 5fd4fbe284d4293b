"""Choice: which backend runs a plan."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import numpy as np

from flowloom.backends.handover import CompiledOrPortable, NativeLater
from flowloom.backends.portable import PortableStep
from flowloom.compiler.plan import Plan

if TYPE_CHECKING:
    from flowloom.backends.cuda.step import CudaStep
    from flowloom.backends.native.step import NativeStep

Backend: TypeAlias = Literal["auto", "portable", "native", "cuda"]
Array = np.ndarray[Any, Any]
DEFAULT = "FLOWLOOM_BACKEND"  # names what "auto" is


class Step(Protocol):
    """A plan ready to run."""

    @property
    def plan(self) -> Plan:
        """What it runs."""

    def __call__(self, inputs: Sequence[Array]) -> list[Array]:
        """Run on arrays for `plan.inputs`, in order and of their specs. Raises KernelError, NotFiniteError."""

    @property
    def compiled(self) -> NativeStep | CudaStep | None:
        """The plan on the native backend or a GPU, if it runs there."""

    @property
    def portable(self) -> PortableStep:
        """The plan on the portable backend."""

    @property
    def settled(self) -> Step:
        """The step that this one comes to after some calls."""

    @property
    def repeats(self) -> bool:
        """Whether `repeat` runs several steps at once."""

    def repeat(
        self, count: int, inputs: Sequence[Array | list[Array]], carried: Mapping[int, int | None]
    ) -> tuple[int, list[Array]]:
        """Run up to `count` times at once, feeding outputs back; see `NativeStep.repeat`. Only where `repeats`."""


def check_backend(backend: str) -> None:
    """Raise ValueError unless the backend is one that runs here, saying what it needs."""
    named = _meant(backend)
    if named == "native" and not has_native():
        raise ValueError("backend 'native' needs llvmlite: pip install llvmlite")
    if named == "cuda" and not has_cuda():
        if _found_cuda_in():
            raise ValueError("backend 'cuda' is lost in a process that was forked: start processes by 'spawn'")
        raise ValueError("backend 'cuda' needs CuPy and an NVIDIA GPU: pip install 'flowloom[cuda]'")
    if named not in ("auto", "portable", "native", "cuda"):
        where = f"{DEFAULT}: " if named != backend else ""
        raise ValueError(f"{where}backend {named!r} is not available here; there is: auto, portable, native, cuda")


@cache
def has_native() -> bool:
    """Whether llvmlite is installed, which compiles the kernels of the native backend."""
    return importlib.util.find_spec("llvmlite") is not None


def has_cuda() -> bool:
    """Whether CuPy is installed and finds an NVIDIA GPU; not in a process forked from one in which it did."""
    return _found_cuda_in() == os.getpid()


@cache
def _found_cuda_in() -> int | None:
    """The process in which CuPy found a GPU: CUDA does not survive a fork."""
    if importlib.util.find_spec("cupy") is None:
        return None
    try:
        import cupy

        return os.getpid() if cupy.cuda.runtime.getDeviceCount() > 0 else None
    except Exception:  # no driver, or one that does not fit: CuPy has an error of its own for each
        return None


def make_step(plan: Plan, backend: Backend = "auto", finite: Sequence[int] = ()) -> Step:
    """The plan on that backend; what only the portable one can run, because its sizes are not known, runs there.

    "auto" is the backend in FLOWLOOM_BACKEND; without that, portable until the native one is ready. A step raises
    NotFiniteError if one of the outputs at the positions `finite` is not.
    """
    named = _meant(backend)
    if not plan.is_fixed or named == "portable" or (named == "auto" and not has_native()):
        return PortableStep(plan, finite)
    if named == "auto":
        return NativeLater(plan, finite)
    if named == "cuda":
        from flowloom.backends.cuda.step import CudaStep

        return CompiledOrPortable(CudaStep(plan, finite), finite)
    from flowloom.backends.native.step import NativeStep

    return CompiledOrPortable(NativeStep(plan, finite), finite)


def _meant(backend: str) -> str:
    return os.environ.get(DEFAULT) or backend if backend == "auto" else backend
