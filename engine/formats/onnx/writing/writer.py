"""Writer: collects the nodes and constants of an ONNX graph while expressions are written into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import GraphProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from flowloom.compiler.expr import INPUT, ITEM, Expr, toposort
from flowloom.compiler.function import Function
from flowloom.formats.onnx.errors import OnnxError
from flowloom.formats.onnx.writing.dtypes import computed_in, onnx_dtype
from flowloom.formats.onnx.writing.known import value_of, widened
from flowloom.formats.onnx.writing.table import entry_of
from flowloom.spec import Dim, Spec, SpecError

ML = "ai.onnx.ml"
Name = str
Names = str | tuple[str, ...]
Order = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Size:
    """A size that is known when the model runs: the name of an int64 vector that holds it."""

    name: Name


Extent = int | Size
KEEP = None  # in a shape to reshape to: the size that this axis has
REST = -1  # in a shape to reshape to: what the others leave


@dataclass(frozen=True, slots=True)
class Failure:
    """An expression that ONNX cannot say, within those it is written for; and why, where there is more to say."""

    within: tuple[Expr, ...]
    why: str


class Writer:
    """An ONNX graph in the making. A body (of a loop, a branch) is a Writer inside of another, whose names it sees.

    `label` tells what to call the nodes of an expression. `failures` is what could not be written, in all of the model.
    """

    def __init__(self, outer: Writer | None = None, label: Callable[[Expr], str] | None = None) -> None:
        self.nodes: list[NodeProto] = []
        self.outer = outer
        self._root: Writer = outer._root if outer else self
        self._names: dict[Expr, Names] = {}
        self._sizes: dict[str, tuple[Name, int]] = {}  # where the size of a named dimension is found
        self._turned: dict[Name, tuple[Name, Order]] = {}  # what is a transposition, of what
        self._read: dict[Expr, set[int]] = {}  # which of several outputs are read
        self._makers: dict[Name, NodeProto] = {}
        if outer is None:
            self.initializers: list[TensorProto] = []
            self.constants: list[NodeProto] = []
            self.failures: list[Failure] = []
            self.sources: dict[Expr, Expr] = {}  # from an expression of a body to the one it was made from
            self.label = label or (lambda e: "")
            self.domains: set[str] = set()  # beside ONNX's own
            self._known: dict[Any, Name] = {}
            self._taken: dict[str, int] = {}  # names, and how far those with a number behind have come
            self._within: list[Expr] = []

    # ------------------------------------------------------------ values

    def bind(self, e: Expr, name: Name) -> None:
        """Let the value of a leaf be called so; the names of its dimensions can be looked up in it."""
        self._names[e] = name
        for axis, d in enumerate(e.shape):
            if isinstance(d, str) and self._holder(d) is None:
                self._sizes[d] = (name, axis)

    def name_of(self, e: Expr) -> Names:
        """What the value of an expression that was written is called."""
        found = self._names.get(e)
        if found is None and self.outer is not None:
            return self.outer.name_of(e)
        if found is None:
            raise KeyError(e)
        return found

    def write(self, outputs: Sequence[Expr]) -> list[Name]:
        """Write all that `outputs` need. Returns their names. What ONNX cannot say is among the `failures`."""
        order = toposort(outputs, stop=self._names)
        for e in order:
            if e.op is ITEM:
                self._read.setdefault(e.args[0], set()).add(e.params[0][1])
        for e in order:
            if e.op is not INPUT:
                with self._writing(e):
                    self._names[e] = self._made(e)
        return [name for o in outputs if isinstance(name := self.name_of(o), str)]

    def written(self, made: Any) -> Any:
        """What expressions made of the present one's operands are called, once they are written."""
        return tuple(self.write(made)) if isinstance(made, tuple) else self.write([made])[0]

    @contextmanager
    def _writing(self, e: Expr) -> Iterator[None]:
        """Name what is written after `e`; if it cannot be, note why, and go on as if."""
        root = self._root
        root._within.append(e)
        try:
            yield
        except (OnnxError, SpecError) as error:
            root.failures.append(Failure(tuple(root._within), str(error)))
            self._names[e] = "" if isinstance(e.spec, Spec) else ("",) * len(e.spec)
        finally:
            root._within.pop()

    def _made(self, e: Expr) -> Names:
        known = value_of(e)
        if known is not None:
            return tuple(map(self.constant, known)) if isinstance(known, tuple) else self.constant(known)
        names: Any = [self.name_of(a) for a in e.args]
        if e.op is ITEM:
            return names[0][e.params[0][1]]  # type: ignore[no-any-return]
        if isinstance(e.spec, Spec) and 0 in e.shape and None not in e.shape and e.dtype != object:
            return self.node("Expand", self.constant(0, e.dtype), self.shape(e.shape))  # type: ignore[no-any-return]
        wide = widened(e)
        if wide is not None:
            return self.written(wide)  # type: ignore[no-any-return]
        entry = entry_of(e.op.name)
        if entry is None:
            raise OnnxError("")
        return entry(self, e, *names)  # type: ignore[no-any-return]

    # ------------------------------------------------------------ nodes

    def node(self, op_type: str, *inputs: Name, count: int = 1, **attributes: Any) -> Any:
        """Add a node; "" is an input left out. Returns the name of its output, a tuple of `count` if there are more."""
        outputs = [self.fresh(self._stem(op_type.lower())) for _ in range(count)]
        kept = {k: v for k, v in attributes.items() if v is not None}
        made = helper.make_node(op_type, list(inputs), outputs, name=outputs[0], **kept)
        self.nodes.append(made)
        self._root.domains.update([made.domain] if made.domain else [])
        self._makers[outputs[0]] = made
        return outputs[0] if count == 1 else tuple(outputs)

    def maker(self, x: Name) -> NodeProto | None:
        """The node that makes a value, if it was added here."""
        return self._makers.get(x)

    def reads(self, e: Expr, index: int) -> bool:
        """Whether that output of an expression with several is read."""
        return index in self._read.get(e, ())

    def typed(self, op_type: str, dtype: np.dtype[Any], *inputs: Name, **attributes: Any) -> Name:
        """Add a node that takes and gives `dtype`, in a wider one where ONNX's op does not take it."""
        wide = computed_in(op_type, dtype)
        y = self.node(op_type, *(self.cast(x, dtype, wide) for x in inputs), **attributes)
        return self.cast(y, wide, dtype)

    def fresh(self, stem: str) -> Name:
        """A name that nothing in the model has."""
        taken = self._root._taken
        name, n = stem, taken.get(stem, 0)
        while name in taken:
            n += 1
            name = f"{stem}_{n}"
        taken[stem] = n
        taken.setdefault(name, 0)
        return name

    def _stem(self, name: str) -> str:
        """A name behind that of the node in the user's graph."""
        label = self.label_of(self._root._within)
        return f"{label}/{name}" if label else name

    def label_of(self, within: Sequence[Expr]) -> str:
        """What to call what is written for the last of these expressions, each made for the one before it."""
        root = self._root
        for e in reversed(within):
            while e in root.sources:
                e = root.sources[e]
            if label := root.label(e):
                return label
        return ""

    def constant(self, value: Any, dtype: Any = None) -> Name:
        """The name of a fixed array; equal ones are kept once. Weights are initializers, what is fixed is a node."""
        array = np.asarray(value, dtype, order="C")
        root = self._root
        bits = repr(array.tolist()) if array.dtype == object else array.tobytes()
        key = (array.dtype.name, array.shape, bits)
        if key not in root._known:
            onnx_dtype(array.dtype)
            root._known[key] = name = root.fresh("constant")
            root.constants.append(helper.make_node("Constant", [], [name], name, value=numpy_helper.from_array(array)))
        return root._known[key]

    def ints(self, *values: int) -> Name:
        """The name of a fixed int64 vector."""
        return self.constant(np.asarray(values, np.int64))

    def cast(self, x: Name, given: np.dtype[Any], wanted: np.dtype[Any]) -> Name:
        """The value in another dtype, where it is not of that one already."""
        if given == wanted:
            return x
        base, order = self.turned(x)
        y: Name = self.node("Cast", base, to=onnx_dtype(wanted))
        return self.transpose(y, order) if order else y

    # ------------------------------------------------------------ order of axes

    def transpose(self, x: Name, order: Sequence[int]) -> Name:
        """The value with its axes in that order. One transposition after another is one, or none."""
        base, order = self.turned(x, order)
        if order == tuple(range(len(order))):
            return base
        y: Name = self.node("Transpose", base, perm=order)
        self._turned[y] = (base, order)
        return y

    def turned(self, x: Name, order: Sequence[int] | None = None) -> tuple[Name, Order]:
        """The value that `x`, with its axes in that order, is a transposition of; and by which order of axes."""
        base, before = self._base(x)
        if order is None:
            return base, before
        return base, tuple(before[a] for a in order) if before else tuple(order)

    def _base(self, x: Name) -> tuple[Name, Order]:
        if x in self._turned:
            return self._turned[x]
        return self.outer._base(x) if self.outer is not None else (x, ())

    # ------------------------------------------------------------ shapes

    def extents(self, e: Expr, x: Name) -> list[Extent]:
        """The sizes of the value of `e`, which is called `x`."""
        return [self.extent(e, x, axis) for axis in range(e.ndim)]

    def extent(self, e: Expr, x: Name, axis: int) -> Extent:
        """One size of the value of `e`, which is called `x`."""
        axis %= e.ndim
        d = e.shape[axis]
        return Size(self.node("Shape", x, start=axis, end=axis + 1)) if d is None else self.size(d)

    def size(self, d: Dim) -> Extent:
        """The size that a dimension stands for. Raises OnnxError for one that nothing tells."""
        if isinstance(d, int):
            return d
        if d is None:
            raise OnnxError("a size is not known")
        total: Name | None = None
        for part in d.split("*"):
            one = self.ints(int(part)) if part.isdecimal() else self._named_size(part)
            total = one if total is None else self.node("Mul", total, one)
        assert total is not None
        return Size(total)

    def _named_size(self, dim: str) -> Name:
        root = self._root
        if ("size", dim) not in root._known:
            holder = self._holder(dim)
            if holder is None:
                raise OnnxError(f"no input has the dimension {dim!r}")
            source, axis = holder._sizes[dim]
            size = holder.node("Shape", source, start=axis, end=axis + 1)
            if holder is not root:
                return size  # type: ignore[no-any-return]
            root._known["size", dim] = size
        return root._known["size", dim]

    def _holder(self, dim: str) -> Writer | None:
        """The writer that knows where the size of a named dimension is found."""
        if dim in self._sizes:
            return self
        return self.outer._holder(dim) if self.outer is not None else None

    def vector(self, extents: Sequence[Extent]) -> Name:
        """The name of an int64 vector of these sizes."""
        parts: list[Name] = []
        fixed: list[int] = []
        for extent in extents:
            if isinstance(extent, int):
                fixed.append(extent)
                continue
            parts += [self.ints(*fixed)] if fixed else []
            fixed = []
            parts.append(extent.name)
        parts += [self.ints(*fixed)] if fixed or not parts else []
        whole: Name = parts[0] if len(parts) == 1 else self.node("Concat", *parts, axis=0)
        return whole

    def shape(self, dims: Sequence[Dim]) -> Name:
        """The name of an int64 vector of these dimensions. Raises OnnxError for one that nothing tells."""
        return self.vector([self.size(d) for d in dims])

    def scalar(self, extent: Extent) -> Name:
        """A size as an int64 scalar."""
        if isinstance(extent, int):
            return self.constant(np.int64(extent))
        y: Name = self.node("Squeeze", extent.name, self.ints(0))
        return y

    def reshape(self, x: Name, shape: Sequence[Extent | None]) -> Name:
        """The value in another shape, in which an axis may KEEP its size, and one have the REST."""
        empty = 0 in shape  # ONNX takes a 0 for "keep" unless it is told, and then there is no way to say "keep"
        if empty and (KEEP in shape or REST in shape):
            raise OnnxError("a shape with a size of 0 must be known")
        target = self.vector([0 if n is KEEP else n for n in shape])
        y: Name = self.node("Reshape", x, target, allowzero=1 if empty else None)
        return y

    # ------------------------------------------------------------ bodies

    def begin(self, function: Function) -> Writer:
        """A Writer of a body that gives what `function` does."""
        self._root.sources.update(function.sources)
        return Writer(self)

    def body(self, name: str, inputs: Sequence[ValueInfoProto], outputs: Sequence[ValueInfoProto]) -> GraphProto:
        """What was written here as the graph of a body."""
        return helper.make_graph(self.nodes, name, list(inputs), list(outputs))


def value_info(name: Name, spec: Spec) -> ValueInfoProto:
    """A value's name, dtype and shape; dimensions by name where they have one."""
    return helper.make_tensor_value_info(name, onnx_dtype(spec.dtype), list(spec.shape))
