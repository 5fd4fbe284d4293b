"""Choice: which backend runs a plan. "auto" is portable for now; `NativeWhenReady` can take over from it later on."""

from __future__ import annotations

import importlib.util
import queue
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np

from flowloom.backends.portable import KernelError, PortableStep
from flowloom.compiler.expr import Expr
from flowloom.compiler.plan import Plan

Backend: TypeAlias = Literal["auto", "portable", "native", "cuda"]
Array = np.ndarray[Any, Any]
BEGINS = 2  # the call after which the native step is prepared, in another thread
TAKES_OVER = 8  # the call after which it runs; a fixed one, so that a run gives the same numbers every time


class Step(Protocol):
    """A plan ready to run."""

    @property
    def plan(self) -> Plan:
        """What it runs."""

    def __call__(self, inputs: Sequence[Array]) -> list[Array]:
        """Run on arrays for `plan.inputs`, in order and of their specs. Raises KernelError, NotFiniteError."""

    def trace(self, inputs: Sequence[Array], look: Callable[[Expr, Any], bool]) -> Expr | None:
        """Run step by step and show each result to `look`; the step at which it says True, or None."""

    def repeat(
        self, count: int, inputs: Sequence[Array | list[Array]], carried: Mapping[int, int | None]
    ) -> tuple[int, list[Array]]:
        """Run up to `count` times at once, feeding outputs back; see `NativeStep.repeat`. 0 times where it cannot."""


def check_backend(backend: str) -> None:
    """Raise ValueError unless the backend is one that runs here, saying what it needs."""
    if backend == "native" and not has_native():
        raise ValueError("backend 'native' needs llvmlite and SciPy: pip install 'flowloom[native]'")
    if backend not in ("auto", "portable", "native"):
        raise ValueError(f"backend {backend!r} is not available here; there is: auto, portable, native")


@cache
def has_native() -> bool:
    """Whether what the native backend is made with is installed."""
    return all(importlib.util.find_spec(name) is not None for name in ("llvmlite", "scipy", "threadpoolctl"))


def make_step(plan: Plan, backend: Backend = "auto", finite: Sequence[int] = ()) -> Step:
    """The plan on that backend; what the native one cannot run, because its sizes are not known, runs portable.

    A step raises NotFiniteError if one of the outputs at the positions `finite` is not.
    """
    if backend == "native":
        return NativeWhenReady(plan, finite, waits=True)
    return PortableStep(plan, finite)


class NativeWhenReady:
    """Runs a plan portable until the native step has been prepared; with `waits`, native from the first call on."""

    def __init__(self, plan: Plan, finite: Sequence[int] = (), *, waits: bool) -> None:
        self.plan = plan
        self._finite = tuple(finite)
        self._portable: PortableStep | None = None
        self._native: Any = None
        self._error: Exception | None = None
        self._calls = 0
        self._waits = waits
        self._ready = threading.Event()
        if waits:
            self._prepare()

    def __call__(self, inputs: Sequence[Array]) -> list[Array]:
        """Run on arrays for `plan.inputs`, in order and of their specs. Raises KernelError, NotFiniteError."""
        step = self._chosen()
        if step is None:
            return self.portable(inputs)
        from flowloom.backends.native.step import RefusedError

        try:
            results: list[Array] = step(inputs)
        except (RefusedError, KernelError):
            return self.portable(inputs)  # which says what was refused
        return results

    def repeat(
        self, count: int, inputs: Sequence[Array | list[Array]], carried: Mapping[int, int | None]
    ) -> tuple[int, list[Array]]:
        """Run up to `count` times at once, feeding outputs back; see `NativeStep.repeat`. 0 times where it cannot."""
        if not self._waits and self._calls < TAKES_OVER:
            return 0, []
        step = self._chosen()
        if step is None or not step.repeats:
            return 0, []
        done: tuple[int, list[Array]] = step.repeat(count, inputs, carried)
        return done

    @property
    def portable(self) -> PortableStep:
        """The plan on the portable backend."""
        if self._portable is None:
            self._portable = PortableStep(self.plan, self._finite)
        return self._portable

    @property
    def native(self) -> Any:
        """The plan on the native backend; None while it is not prepared, or if it cannot run there."""
        return self._native

    def prepared(self) -> Any:
        """The plan on the native backend, prepared now if it is not yet; None if it cannot run there."""
        if not self._ready.is_set():
            self._prepare()
        return self._native

    def trace(self, inputs: Sequence[Array], look: Callable[[Expr, Any], bool]) -> Expr | None:
        """Run step by step on the portable backend, and show each result to `look` until it says True."""
        return self.portable.trace(inputs, look)

    def _chosen(self) -> Any:
        """The native step, if this call is to be run by it."""
        if not self._waits and self._calls <= TAKES_OVER:
            self._calls += 1
            if self._calls == BEGINS and not self._ready.is_set():
                _compiler().put(self._prepare)
            if self._calls > TAKES_OVER:
                self._ready.wait()
        if self._error is not None:
            error, self._error = self._error, None
            if self._waits:
                raise error
            warnings.warn(f"the native backend could not run this; it stays portable: {error!r}", stacklevel=4)
        return self._native if self._waits or self._calls > TAKES_OVER else None

    def _prepare(self) -> None:
        from flowloom.backends.native.listing import can_run
        from flowloom.backends.native.step import NativeStep

        try:
            self._native = NativeStep(self.plan, self._finite) if can_run(self.plan) else None
        except Exception as error:
            self._error = error
        finally:
            self._ready.set()


@cache
def _compiler() -> queue.SimpleQueue[Callable[[], None]]:
    """Where the thread that compiles takes its work from."""
    jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

    def work() -> None:
        while True:
            jobs.get()()

    threading.Thread(target=work, name="flowloom compiler", daemon=True).start()
    return jobs
