"""Measuring: profiles of a step that is run for it, or of the runs that it has counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from flowloom.backends.choice import Step
from flowloom.backends.portable import KernelError, PortableStep, RefusedError
from flowloom.compiler.expr import Expr
from flowloom.compiler.gradient import Origins
from flowloom.compiler.plan import is_view
from flowloom.graph.graph import Graph
from flowloom.profiler.naming import Naming
from flowloom.profiler.profile import Profile
from flowloom.profiler.rows import native_rows, portable_rows
from flowloom.spec import Spec

if TYPE_CHECKING:
    from flowloom.backends.cuda.step import CudaStep
    from flowloom.backends.native.step import NativeStep

Array = np.ndarray[Any, Any]
Counting: TypeAlias = "NativeStep | CudaStep"


def measured(step: Step, inputs: Sequence[Array], graph: Graph, origins: Origins, steps: int) -> Profile:
    """Run a step so many times on `inputs`, on the backend that it comes to, and once before; nothing else changes.

    Times are medians. Raises ValueError unless `steps` is at least 1, and what the step raises: KernelError,
    NotFiniteError.
    """
    if not isinstance(steps, int) or isinstance(steps, bool) or steps < 1:
        raise ValueError(f"steps must be a whole number of at least 1; got {steps!r}")
    native = step.settled.compiled
    if native is not None and _runs(native, inputs):
        return _native(native, inputs, graph, origins, steps)
    return _portable(step, inputs, graph, origins, steps)


def counted(step: Step, graph: Graph, origins: Origins) -> Profile | None:
    """What a step has counted since it was made, native or on a GPU, in the mean; None if it has not run there."""
    native = step.compiled
    if native is None:
        return None
    runs, seconds = native.spent()
    return _profile(native, seconds / runs, graph, origins, runs) if runs else None


def _runs(native: Counting, inputs: Sequence[Array]) -> bool:
    """Run once; whether no value was refused, which the portable backend says more of."""
    try:
        native(inputs)
    except (RefusedError, KernelError):
        return False
    return True


def _native(native: Counting, inputs: Sequence[Array], graph: Graph, origins: Origins, steps: int) -> Profile:
    times = []
    before, start = native.spent()
    for _ in range(steps):
        native.timed(inputs)
        after, end = native.spent()
        times.append((end - start) / (after - before))
        before, start = after, end
    return _profile(native, np.median(times, axis=0), graph, origins, steps)


def _profile(native: Counting, seconds: Array, graph: Graph, origins: Origins, steps: int) -> Profile:
    naming = Naming(graph, origins, native.listing.sources)
    rows, timeline = native_rows(native.listing, naming, seconds.tolist())
    return Profile(rows, timeline, native.backend, native.threads, steps)


def _portable(step: Step, inputs: Sequence[Array], graph: Graph, origins: Origins, steps: int) -> Profile:
    step.portable(inputs)  # which raises what is wrong
    own = PortableStep(step.plan)  # no other thread waits for it
    values: dict[Expr, tuple[Array, ...]] = {e: (a,) for e, a in zip(step.plan.inputs, inputs, strict=True)}
    values |= {c: (c.value,) for c in step.plan.constants if c.value is not None}

    def keep(e: Expr, value: Any) -> bool:
        values[e] = tuple(map(np.asarray, value if isinstance(value, tuple | list) else (value,)))
        return False

    own.trace(inputs, keep)
    specs = {e: tuple(map(Spec.of, arrays)) for e, arrays in values.items()}
    views = {
        e
        for e in step.plan.steps
        if is_view(e) and any(np.may_share_memory(values[e][0], a) for a in values[e.args[0]])
    }
    seconds = np.median([own.timed(inputs) for _ in range(steps)], axis=0)
    rows, timeline = portable_rows(step.plan, Naming(graph, origins), specs, views, seconds.tolist())
    return Profile(rows, timeline, "portable", 1, steps)
