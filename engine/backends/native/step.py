"""A plan as a table of native instructions, with portable kernels where there is no native one."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from sys import getrefcount
from typing import Any

import numpy as np

from flowloom.backends.native import driver
from flowloom.backends.native.clock import seconds_per_cycle
from flowloom.backends.native.listing import make_listing
from flowloom.backends.native.machine import Machine, machine
from flowloom.backends.native.table import VERSIONS, Table, in_order
from flowloom.backends.portable import check_finite
from flowloom.compiler.expr import Expr
from flowloom.compiler.memory import empty, start_of
from flowloom.compiler.plan import Plan
from flowloom.spec import Spec

Array = np.ndarray[Any, Any]
LEAST_WORK = 3e5  # elementary operations: a step with fewer is done before another thread has woken


class NativeStep:
    """A plan ready to run. Calls are serialised, as they share the arena; results are arrays of their own.

    Outputs at the positions `finite` must be finite. With `beside`, another process compiles what is not in the cache.
    """

    backend = "native"

    def __init__(
        self,
        plan: Plan,
        finite: Iterable[int] = (),
        *,
        threads: int | None = None,
        on: Machine | None = None,
        beside: bool = False,
    ) -> None:
        self.plan = plan
        self.listing = make_listing(plan, frozenset(finite))
        calls = [i.call for i in self.listing.instructions if i.call is not None]
        work = sum(c.work for c in calls)
        self.threads = threads or (driver.most_threads() if work >= LEAST_WORK else 1)
        on = on or machine()
        if beside:
            on.prepare([*(c.source for c in calls), driver.LEAD, driver.HELP])
        addresses = {c.source: on.address(c.source) for c in calls}
        self._lock = threading.Lock()
        self._table = Table(self.listing, addresses, self.threads)
        self._buffers = [_Buffers(o) for o in self.listing.outputs]

    def __call__(self, inputs: Sequence[Array]) -> list[Array]:
        """Run on arrays for `plan.inputs`, in order and of their specs.

        Raises RefusedError, KernelError; NotFiniteError if one of the outputs that must be finite is not.
        """
        with self._lock:
            results = [b.free() for b in self._buffers]
            arrays = [*inputs, *results]
            self._table.bind(arrays)
            self._table.run(arrays)
        if self.listing.unwatched:
            check_finite(results, self.listing.unwatched)
        return results

    timed = __call__  # its clock never stops

    def spent(self) -> tuple[int, Array]:
        """How often it has run so far, and the seconds that each instruction of `listing` took in all, float64 (n,).

        What an instruction waits for the other threads counts for it.
        """
        cycle = seconds_per_cycle()
        with self._lock:
            return self._table.runs, self._table.seconds(cycle)

    @property
    def repeats(self) -> bool:
        """Whether `repeat` can be called: all instructions are native, and say of all that must be finite if it is."""
        return len(self._table.segments) == 1 and not self.listing.unwatched

    def repeat(
        self, count: int, inputs: Sequence[Array | list[Array]], carried: Mapping[int, int | None]
    ) -> tuple[int, list[Array]]:
        """Run up to `count` times in one call of the machine: to the first time at which a value is refused or not
        finite.

        `inputs` has for each of the plan's one array, a list of one for each time, or those as one array with an axis
        more. What `carried` names is an output and the input that it is at the next time (None: none). Gives how many
        times were good, and for each output (times, ...) the values of those, or, if it is carried, the last.
        """
        with self._lock:
            width, each_time = len(inputs), np.arange(count)
            starts = np.empty((VERSIONS, width + len(self._buffers)), np.int64)
            moving: dict[int, Any] = {}  # the addresses of what lies elsewhere each time
            given = [[in_order(a) for a in each] if isinstance(each, list) else in_order(each) for each in inputs]
            for k, (each, e) in enumerate(zip(given, self.plan.inputs, strict=True)):
                if isinstance(each, list):
                    moving[k] = [start_of(a) for a in each]
                elif each.ndim > e.spec.ndim:
                    moving[k] = start_of(each) + e.spec.nbytes * each_time
                else:
                    starts[:, k] = start_of(each)
            stacks: list[Any] = []
            for k, buffers in enumerate(self._buffers):
                if k in carried:
                    pair = [buffers.free()]
                    pair.append(buffers.free())
                    one, other = start_of(pair[0]), start_of(pair[1])
                    starts[:, width + k] = one, other, one
                    target = carried[k]
                    if target is not None:
                        starts[1, target], starts[2, target] = one, other
                    stacks.append(pair)
                else:
                    stack = empty((count, *buffers.spec.sizes), buffers.spec.dtype)
                    moving[width + k] = start_of(stack) + buffers.spec.nbytes * each_time
                    stacks.append(stack)
            done = self._table.repeat(starts, moving, count)
        results = []
        for k, stack in enumerate(stacks):
            if k not in carried:
                results.append(stack[:done])
            elif done:
                results.append(stack[(done - 1) % 2])
            else:
                target = carried[k]
                results.append(stack[0] if target is None else given[target])
        return done, results


class _Buffers:
    """Arrays for one output: those that nobody else holds any more are used again.

    A view of one has the same base as the array itself, so both must be free.
    """

    def __init__(self, output: Expr) -> None:
        self.spec: Spec = output.spec
        self._arrays: list[tuple[Array, Any]] = []

    def free(self) -> Array:
        """An array that may be written to."""
        for array, base in self._arrays:
            if getrefcount(array) == 3 and getrefcount(base) == 4:
                return array
        made = empty(self.spec.sizes, self.spec.dtype)
        if len(self._arrays) < 4:
            self._arrays.append((made, made.base))
        return made
