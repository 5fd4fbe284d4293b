"""Steps that run a plan on two backends: compiled with portable to fall back on, and portable until native is ready."""

from __future__ import annotations

import os
import queue
import threading
import time
import warnings
import weakref
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from flowloom.backends.portable import KernelError, PortableStep, RefusedError
from flowloom.compiler.plan import Plan

if TYPE_CHECKING:
    from flowloom.backends.cuda.step import CudaStep
    from flowloom.backends.native.step import NativeStep

Array = np.ndarray[Any, Any]
WORTHWHILE = 0.02  # seconds that a plan must have run for; what is called only once or twice is never compiled


class CompiledOrPortable:
    """Runs a plan native or on a GPU; portable once more where a kernel refuses a value, for it says which."""

    def __init__(self, compiled: NativeStep | CudaStep, finite: Sequence[int] = ()) -> None:
        self.plan = compiled.plan
        self.compiled = compiled
        self._finite = tuple(finite)

    def __call__(self, inputs: Sequence[Array]) -> list[Array]:
        """Run on arrays for `plan.inputs`, in order and of their specs. Raises KernelError, NotFiniteError."""
        try:
            return self.compiled(inputs)
        except (RefusedError, KernelError):
            return self.portable(inputs)

    @cached_property
    def portable(self) -> PortableStep:
        """The plan on the portable backend."""
        return PortableStep(self.plan, self._finite)

    @property
    def settled(self) -> CompiledOrPortable:
        """Itself."""
        return self

    @property
    def repeats(self) -> bool:
        """Whether `repeat` runs several steps at once."""
        return self.compiled.repeats

    def repeat(
        self, count: int, inputs: Sequence[Array | list[Array]], carried: Mapping[int, int | None]
    ) -> tuple[int, list[Array]]:
        """Run up to `count` times at once, feeding outputs back; see `NativeStep.repeat`."""
        return self.compiled.repeat(count, inputs, carried)


class NativeLater:
    """Runs a plan portable, and native from the call on before which its kernels have been made ready beside it.

    That begins when the calls have taken WORTHWHILE seconds. If it fails, a warning says why, and all stays portable.
    """

    def __init__(self, plan: Plan, finite: Sequence[int] = ()) -> None:
        self.plan = plan
        self._finite = tuple(finite)
        self._step: PortableStep | CompiledOrPortable = PortableStep(plan, finite)
        self._error: Exception | None = None
        self._asked = False
        self._spent = 0.0
        self._making = threading.Lock()

    def __call__(self, inputs: Sequence[Array]) -> list[Array]:
        """Run on arrays for `plan.inputs`, in order and of their specs. Raises KernelError, NotFiniteError."""
        if self._asked:
            if self._error is not None:
                error, self._error = self._error, None
                warnings.warn(f"this stays on the portable backend; the native one failed: {error!r}", stacklevel=3)
            return self._step(inputs)
        began = time.perf_counter()
        results = self._step(inputs)
        self._spent += time.perf_counter() - began
        if self._spent >= WORTHWHILE:
            self._asked = True
            _waiting().put(weakref.ref(self))
        return results

    def prepare(self, *, beside: bool = True) -> None:
        """Go over to the native step, compiled `beside` in another process or here. The next call says if it failed."""
        from flowloom.backends.native.step import NativeStep

        self._asked = True
        with self._making:
            if self._step.compiled is None:
                try:
                    self._step = CompiledOrPortable(NativeStep(self.plan, self._finite, beside=beside), self._finite)
                except Exception as error:
                    self._error = error

    @property
    def settled(self) -> PortableStep | CompiledOrPortable:
        """The step that this one comes to, compiled at once; portable if that fails."""
        self.prepare(beside=False)
        return self._step

    @property
    def compiled(self) -> NativeStep | CudaStep | None:
        """The plan on the native backend, once it runs there."""
        return self._step.compiled

    @property
    def portable(self) -> PortableStep:
        """The plan on the portable backend."""
        return self._step.portable

    @property
    def repeats(self) -> bool:
        """Whether `repeat` runs several steps at once."""
        return self._step.repeats

    def repeat(
        self, count: int, inputs: Sequence[Array | list[Array]], carried: Mapping[int, int | None]
    ) -> tuple[int, list[Array]]:
        """Run up to `count` times at once, feeding outputs back; see `NativeStep.repeat`."""
        return self._step.repeat(count, inputs, carried)


@cache
def _waiting() -> queue.SimpleQueue[weakref.ref[NativeLater]]:
    """The steps that a thread makes ready, one after the other. One that nobody holds any more is passed over."""
    waiting: queue.SimpleQueue[weakref.ref[NativeLater]] = queue.SimpleQueue()

    def work() -> None:
        while True:
            step = waiting.get()()
            if step is not None:
                step.prepare()
            del step

    threading.Thread(target=work, name="flowloom compiler", daemon=True).start()
    return waiting


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_waiting.cache_clear)  # a child has not the thread that waits at the queue
