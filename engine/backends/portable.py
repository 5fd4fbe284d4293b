"""The portable backend: a plan as a straight line of NumPy calls that write into one arena. Always there.

The line is generated source (names only; every value is bound by reference), about twice as fast as a loop over steps.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from flowloom.compiler.expr import ITEM, Expr
from flowloom.compiler.function import Function
from flowloom.compiler.memory import empty
from flowloom.compiler.plan import Plan, is_view, make_plan
from flowloom.spec import is_float

Array = np.ndarray[Any, Any]
_FILE = "<flowloom step>"


class KernelError(RuntimeError):
    """A kernel refused its values (an index out of range, say).

    `expr` is the step it happened in; inside the body of a loop or branch, the expression that step was made from.
    """

    def __init__(self, expr: Expr, reason: str) -> None:
        super().__init__(f"{expr.op.name}: {reason}")
        self.expr, self.reason = expr, reason


class RefusedError(RuntimeError):
    """A kernel met a value that it refuses. The portable backend, run on the same inputs, says which and why."""


class NotFiniteError(RuntimeError):
    """One of the outputs of a step that must be finite is not."""


class PortableStep:
    """A plan ready to run. Calls are serialised, as they share the arena; results are fresh arrays.

    Outputs at the positions `finite` must be finite.
    """

    def __init__(self, plan: Plan, finite: Sequence[int] = ()) -> None:
        self.plan = plan
        self._finite = tuple(finite)
        self._lock = threading.Lock()
        self._arena = empty((plan.arena_bytes,), np.uint8)
        self._read = _items_read(plan)
        self._calls = [self._bind(e) for e in plan.steps]
        self._names = {e: f"v{i}" for i, e in enumerate((*plan.inputs, *plan.constants, *plan.steps))}
        self._shared = _looks_elsewhere(plan.outputs)
        self._run = self._generate()

    def __call__(self, inputs: Sequence[Array]) -> list[Array]:
        """Run on arrays for `plan.inputs`, in order and of their specs. Raises KernelError, NotFiniteError."""
        with self._lock, np.errstate(all="ignore"):
            try:
                results = self._run(*inputs)
            except Exception as error:
                if isinstance(error, KernelError) or (step := self._failed(error)) is None:
                    raise
                raise KernelError(step, str(error)) from error
        check_finite(results, self._finite)
        return [np.array(r) if shared else np.asarray(r) for r, shared in zip(results, self._shared, strict=True)]

    compiled = None  # what it is not
    repeats = False  # several steps at once are for the native backend

    @property
    def portable(self) -> PortableStep:
        """Itself."""
        return self

    @property
    def settled(self) -> PortableStep:
        """Itself."""
        return self

    def repeat(
        self, count: int, inputs: Sequence[Array | list[Array]], carried: Mapping[int, int | None]
    ) -> tuple[int, list[Array]]:
        """Several steps at once, which only the native backend can do: none."""
        return 0, []

    def trace(self, inputs: Sequence[Array], look: Callable[[Expr, Any], bool]) -> Expr | None:
        """Run step by step and show each result to `look`; the step at which it says True, or None."""
        values = self._leaves(inputs)
        with self._lock, np.errstate(all="ignore"):
            for e, call in zip(self.plan.steps, self._calls, strict=True):
                values[e] = call(*(values[a] for a in e.args))
                if look(e, values[e]):
                    return e
        return None

    def timed(self, inputs: Sequence[Array]) -> list[float]:
        """Run step by step; the seconds that each step of the plan took."""
        values = self._leaves(inputs)
        spent = []
        with self._lock, np.errstate(all="ignore"):
            for e, call in zip(self.plan.steps, self._calls, strict=True):
                args = [values[a] for a in e.args]
                began = time.perf_counter()
                values[e] = call(*args)
                spent.append(time.perf_counter() - began)
        return spent

    def _leaves(self, inputs: Sequence[Array]) -> dict[Expr, Any]:
        """The values of inputs and constants."""
        return dict(zip(self.plan.inputs, inputs, strict=True)) | {c: c.value for c in self.plan.constants}

    def _bind(self, e: Expr) -> Callable[..., Any]:
        """The call that computes `e` from its arguments' values."""
        if e.op is ITEM:
            index = e.params[0][1]
            return lambda whole: whole[index]
        params = {k: _Body(v) if isinstance(v, Function) else v for k, v in e.params}
        if e.op.selective:
            params["wanted"] = self._read[e]
        if e in self.plan.offsets:
            start = self.plan.offsets[e]
            flat = self._arena[start : start + e.spec.nbytes]
            params["out"] = flat.view(e.spec.dtype).reshape(e.spec.sizes)
        return partial(e.op.kernel_for(a.spec for a in e.args), np, **params)

    def _generate(self) -> Callable[..., tuple[Any, ...]]:
        name = self._names
        env: dict[str, Any] = {name[c]: c.value for c in self.plan.constants}
        lines = [f"def step({', '.join(name[e] for e in self.plan.inputs)}):"]
        for i, (e, call) in enumerate(zip(self.plan.steps, self._calls, strict=True)):
            env[f"k{i}"] = call
            lines.append(f"    {name[e]} = k{i}({', '.join(name[a] for a in e.args)})")
        lines.append(f"    return ({''.join(name[o] + ', ' for o in self.plan.outputs)})")
        exec(compile("\n".join(lines), _FILE, "exec"), env)
        return env["step"]  # type: ignore[no-any-return]

    def _failed(self, error: Exception) -> Expr | None:
        """The step that raised the error: line n of the generated source is step n - 2."""
        for frame, line in traceback.walk_tb(error.__traceback__):
            if frame.f_code.co_filename == _FILE and line > 1:
                return self.plan.steps[line - 2]
        return None


class _Body:
    """A Function ready to run: called on arrays for its inputs, it gives its outputs."""

    def __init__(self, function: Function) -> None:
        self.outputs = function.outputs
        self._sources = function.sources
        self._step = PortableStep(make_plan(function.outputs))
        place = {e: i for i, e in enumerate(function.inputs)}
        self._order = [place[e] for e in self._step.plan.inputs]

    def __call__(self, *arrays: Any) -> list[Array]:
        try:
            return self._step([arrays[i] for i in self._order])
        except KernelError as error:
            if error.expr in self._sources:
                raise KernelError(self._sources[error.expr], error.reason) from error
            raise


def is_finite(value: Any) -> bool:
    """Whether all numbers in an array are finite; what is no float is."""
    array = np.asarray(value)
    return not is_float(array.dtype) or bool(np.isfinite(array).all())


def check_finite(results: Sequence[Any], positions: Sequence[int]) -> None:
    """Raise NotFiniteError unless the results at these positions are finite."""
    if not all(is_finite(results[i]) for i in positions):
        raise NotFiniteError


def portable_call(e: Expr, parts: Sequence[Expr]) -> Callable[[Sequence[Array], Sequence[Array]], None]:
    """The kernel of `e` as `(operands, results)`: it writes into results, one for each of `parts`, outputs of `e`."""
    params = {k: _Body(v) if isinstance(v, Function) else v for k, v in e.params}
    which = [p.params[0][1] for p in parts if p.op is ITEM]
    if e.op.selective:
        params["wanted"] = frozenset(which)
    kernel = partial(e.op.kernel_for(a.spec for a in e.args), np, **params)

    def call(operands: Sequence[Array], results: Sequence[Array]) -> None:
        try:
            made = kernel(*operands)
        except KernelError:
            raise
        except Exception as error:
            raise KernelError(e, str(error)) from error
        for result, index in zip(results, which or [None], strict=True):
            result[...] = made if index is None else made[index]

    return call


def _items_read(plan: Plan) -> dict[Expr, frozenset[int]]:
    """Which of its outputs are read, for each expression with several."""
    read: dict[Expr, set[int]] = {}
    for e in plan.steps:
        if e.op is ITEM:
            read.setdefault(e.args[0], set()).add(e.params[0][1])
    return {e: frozenset(indices) for e, indices in read.items()}


def _looks_elsewhere(outputs: Sequence[Expr]) -> list[bool]:
    """Which outputs must be copied, for their memory is also an input's, a constant's or another output's."""
    first = {e: i for i, e in reversed(list(enumerate(outputs)))}
    return [not e.args or is_view(e) or first[e] != i for i, e in enumerate(outputs)]


def evaluate(outputs: Sequence[Expr], feeds: Mapping[Expr, Any]) -> list[Array]:
    """The values of `outputs`, with `feeds` for their inputs. For one-off computations: it plans anew each time."""
    plan = make_plan(outputs)
    return PortableStep(plan)([np.asarray(feeds[e], dtype=e.spec.dtype) for e in plan.inputs])
