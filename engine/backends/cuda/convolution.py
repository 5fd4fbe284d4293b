"""Convolution and its two gradients by cuDNN, through its front end where that is installed; else CuPy's.

cuDNN has names for axes in the order (batch, channels, *sizes) and takes them from memory by strides. Images lie in
memory as it likes them best, with channels last; filters are copied into (filters, *window, channels) first, or back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from flowloom.backends.cuda.device import Device, fall_back, has_package
from flowloom.backends.cuda.loops import copied
from flowloom.backends.native.instructions import Call, Lowering, Place, parameters
from flowloom.backends.native.layout import own_place
from flowloom.compiler.expr import Expr, placeholder
from flowloom.ops.windows import Windows
from flowloom.spec import Spec

ALIGNMENT = 16  # bytes: what cuDNN takes for granted of an address


def _lower(e: Expr, operands: Sequence[Place], result: Place) -> list[Call] | None:
    """The calls of cuDNN; None if it does not take such operands, or is not there."""
    places = [*operands, result]
    if not has_package("cudnn") or len(operands) != 2 or any(p.dtype != np.float32 for p in places):
        return None
    if any(0 in p.shape or not p.is_dense for p in places):
        return None
    which = {"conv": 1, "conv_backprop_input": 1, "conv_backprop_filter": 2}[e.op.name]  # the filters among `places`
    filters = places[which]
    *window, channels, count = filters.shape
    how = parameters(e)
    images = result if e.op.name == "conv_backprop_input" else operands[0]
    windows = Windows.of(len(window), tuple(window), how["strides"], how["padding"], how["dilation_rate"])
    margins = windows.margins(images.shape[1:-1])
    if min(min(m) for m in margins) < 0:
        return None
    shape = (count, *window, channels)
    turned = own_place(placeholder(f"filters of {id(e)}", Spec(shape, filters.dtype)))
    front = replace(filters, shape=shape, strides=(filters.strides[-1], *filters.strides[:-2], filters.strides[-2]))
    places[which] = turned
    library = partial(Convolution, e, windows, margins)
    work = 2.0 * np.prod(filters.shape) * np.prod((operands[1] if which == 2 else places[0]).shape[:-1])
    call = Call(f"{e.op.name} by cuDNN", tuple(places), (places[2].base,), work=work, library=library)
    return [call, copied(turned, front)] if which == 2 else [copied(front, turned), call]


LOWERINGS: dict[str, Lowering] = dict.fromkeys(("conv", "conv_backprop_input", "conv_backprop_filter"), _lower)


class Convolution:
    """A convolution or one of its gradients: of dense arrays with channels last, two operands and the result.

    What cuDNN has no plan for is left to CuPy, which a warning tells.
    """

    def __init__(self, e: Expr, windows: Windows, margins: Sequence[tuple[int, int]], on: Device, *arrays: Any) -> None:
        self.e, self._windows, self._margins = e, windows, margins
        try:
            self._call, self.capturable = self._planned(on, arrays), True
        except MemoryError:
            raise
        except Exception as error:  # a library that is not whole, or too old, or has no plan for this
            self._call, self.capturable = partial(self._own, on.xp, *arrays), False
            fall_back(f"{e.op.name} by cuDNN", "CuPy", error)

    def __call__(self) -> None:
        """Compute."""
        self._call()

    def _own(self, xp: Any, a: Any, b: Any, result: Any) -> None:
        """The op's own kernel, which has the axes of filters in another order."""
        assert self.e.op.run is not None
        params = parameters(self.e)
        if self.e.op.name == "conv_backprop_filter":
            result[...] = xp.moveaxis(self.e.op.run(xp, a, b, **params), -1, 0)
        else:
            result[...] = self.e.op.run(xp, a, xp.moveaxis(b, 0, -1), **params)

    def _planned(self, on: Device, arrays: Sequence[Any]) -> Callable[[], None]:
        """The call on these arrays. Raises an error of cuDNN's if there is no plan."""
        import cudnn

        if any(x.data.ptr % ALIGNMENT for x in arrays):
            raise ValueError(f"cuDNN takes addresses that are multiples of {ALIGNMENT}")
        handle = on.kept("cudnn", cudnn.create_handle)
        cudnn.set_stream(handle=handle, stream=on.stream.ptr)
        kind = cudnn.data_type.FLOAT
        graph = cudnn.pygraph(io_data_type=kind, intermediate_data_type=kind, compute_data_type=kind, handle=handle)
        geometry = [_axes(x.shape) for x in arrays]
        a, b = (
            graph.tensor(name=n, dim=d, stride=s, data_type=kind) for n, (d, s) in zip("ab", geometry, strict=False)
        )
        how = {
            "pre_padding": [before for before, _ in self._margins],
            "post_padding": [after for _, after in self._margins],
            "stride": list(self._windows.strides),
            "dilation": list(self._windows.dilation),
        }
        if self.e.op.name == "conv":
            y = graph.conv_fprop(image=a, weight=b, **how)
        elif self.e.op.name == "conv_backprop_input":
            y = graph.conv_dgrad(loss=a, filter=b, **how)
        else:
            y = graph.conv_wgrad(image=a, loss=b, **how)
        dim, stride = geometry[2]
        y.set_output(True).set_data_type(kind).set_dim(dim).set_stride(stride)
        graph.validate()
        graph.build_operation_graph()
        graph.create_execution_plans([cudnn.heur_mode.A, cudnn.heur_mode.FALLBACK])
        # Products of float32 stay products of float32: TF32 has 10 bits of a mantissa. And sums have one order.
        note = cudnn.numerical_note
        graph.deselect_numeric_notes([note.DOWN_CONVERT_INPUTS, note.TENSOR_CORE, note.NONDETERMINISTIC])
        graph.check_support()
        graph.build_plans()
        workspace = on.workspace(graph.get_workspace_size())
        given = {t: x.data.ptr for t, x in zip((a, b, y), arrays, strict=True)}
        return lambda: graph.execute(given, workspace.ptr, handle=handle)


def _axes(shape: Sequence[int]) -> tuple[list[int], list[int]]:
    """Sizes and strides, in cuDNN's order of axes, of an array that lies with what are channels to cuDNN last."""
    first, *sizes, channels = shape
    strides = [channels]
    for n in reversed(sizes):
        strides.insert(0, strides[0] * n)
    return [first, channels, *sizes], [strides[0], 1, *strides[1:]]
