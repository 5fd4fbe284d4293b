"""Libraries: what is not a kernel of ours. An op's own kernel run by CuPy, or by NumPy where CuPy cannot."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from flowloom.backends.cuda.device import Device, fall_back
from flowloom.backends.native.instructions import Call, Instruction, Place, calling
from flowloom.backends.native.layout import own_place
from flowloom.backends.portable import portable_call
from flowloom.compiler.expr import CONSTANT, ITEM, Expr, toposort
from flowloom.compiler.function import Function
from flowloom.spec import is_narrow


def other(e: Expr, operands: Sequence[Place], writes: Sequence[Expr]) -> Instruction:
    """The instruction of an op that has no kernel for GPUs: its own kernel, on CuPy's arrays."""
    args = (*operands, *(own_place(x) for x in writes))
    return calling(Call(f"{e.op.name} by CuPy", args, tuple(writes), library=partial(OwnKernel, e, writes)), (e,))


class OwnKernel:
    """The kernel of `e` on arrays of the device, its operands and then results.

    What CuPy cannot do is done by NumPy on copies in the host's memory: dtypes that it does not know, and, from the
    first time on that CuPy failed, functions that it does not have; then a warning tells. A value that is refused fails
    there once more, and raises KernelError.
    """

    capturable = False  # it may allocate, and wait for values

    def __init__(self, e: Expr, parts: Sequence[Expr], on: Device, *arrays: Any) -> None:
        self.e, self._parts, self._device = e, parts, on
        self._operands, self._results = arrays[: len(e.args)], arrays[len(e.args) :]
        self._which = [dict(p.params)["index"] for p in parts] if isinstance(e.spec, tuple) else None
        self._portable = portable_call(e, parts)
        self.on_host = any(is_narrow(s.dtype) for x in _with_bodies(e) for s in x.specs) or any(
            is_narrow(a.dtype) for a in e.args
        )

    def __call__(self) -> None:
        """Compute. Raises KernelError for values that the kernel refuses."""
        if not self.on_host:
            try:
                self._on_device()
                return
            except MemoryError:
                raise
            except Exception as error:  # whatever it is: NumPy gives the result, or says what is wrong with the values
                self._on_host()
                self.on_host = True
                fall_back(self.e.op.name, "NumPy on the host", error)
                return
        self._on_host()

    def _on_device(self) -> None:
        out = {"out": self._results[0]} if self.e.op.takes_out and self._which is None else {}
        with self._device.errors(linalg="raise"):  # else a matrix that is refused gives anything
            made = _run(self._device.xp, self.e, self._operands, self._which or (), **out)
        for result, index in zip(self._results, self._which or [None], strict=True):
            found = made if index is None else made[index]
            if found is not result:
                result[...] = found

    def _on_host(self) -> None:
        given = [a.get().view(x.dtype) for a, x in zip(self._operands, self.e.args, strict=True)]
        made = [np.empty(x.spec.sizes, x.dtype) for x in self._parts]
        self._portable(given, made)
        for result, found in zip(self._results, made, strict=True):
            result.set(found.view(result.dtype))


class _Body:
    """A Function on CuPy's arrays, op by op: called on arrays for its inputs, it gives its outputs."""

    def __init__(self, xp: Any, function: Function) -> None:
        self.outputs = function.outputs
        self._xp, self._inputs, self._order = xp, function.inputs, toposort(function.outputs)
        self._constants = {e: xp.asarray(e.value) for e in self._order if e.op is CONSTANT}

    def __call__(self, *arrays: Any) -> list[Any]:
        values: dict[Expr, Any] = self._constants | dict(zip(self._inputs, arrays, strict=True))
        for e in self._order:
            if e.op is ITEM:
                values[e] = values[e.args[0]][dict(e.params)["index"]]
            elif e not in values:
                read = [dict(x.params)["index"] for x in self._order if x.op is ITEM and x.args[0] is e]
                values[e] = _run(self._xp, e, [values[a] for a in e.args], read)
        return [values[o] for o in self.outputs]


def _run(xp: Any, e: Expr, operands: Sequence[Any], read: Sequence[int], **out: Any) -> Any:
    """What the kernel of `e` gives on these arrays; `read` are those of its outputs that are needed."""
    params = {k: _Body(xp, v) if isinstance(v, Function) else v for k, v in e.params}
    if e.op.selective:
        params["wanted"] = frozenset(read)
    assert e.op.run is not None
    return e.op.run(xp, *operands, **params, **out)


def _with_bodies(e: Expr) -> list[Expr]:
    """The expression, and all in the bodies of its branches or loops."""
    bodies = [v for _, v in e.params if isinstance(v, Function)]
    return [e, *(x for body in bodies for inner in toposort(body.outputs) for x in _with_bodies(inner))]
