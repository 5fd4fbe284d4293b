"""Values: what a value of an ONNX model is while the model is read.

An entry of the tables calls ops on Values as if they were tensors. What is known is computed at once, and the rest
becomes nodes of the graph, as late as possible: a weight that nobody reads makes no variable, and a transposition that
meets its inverse makes no node.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from flowloom.graph.tensor import Tensor
from flowloom.op import Op, get_op
from flowloom.ops.operators import with_operators
from flowloom.spec import Array, Shape, Spec

if TYPE_CHECKING:
    from flowloom.formats.onnx.builder import Builder


@with_operators
class Value:
    """A value of the model: its `spec`, and a way to `make` the tensor of the graph.

    `array`: what it is, where that is known. `weight`: whether that is learned, so kept as a variable and not computed
    with; `shared` ones are read by several nodes. `sizes`: whole numbers known in part, as Python objects (int, str for
    a named dimension, None). `base`, `order`: it is `transpose(base, order)`. `name`: what to call its node.
    """

    __slots__ = (
        "array",
        "base",
        "builder",
        "laid",
        "make",
        "name",
        "order",
        "shared",
        "sizes",
        "spec",
        "tensors",
        "trainable",
        "weight",
    )

    def __init__(
        self,
        builder: Builder,
        spec: Spec,
        make: Callable[[Value], Tensor],
        *,
        array: Array | None = None,
        weight: bool = False,
        shared: bool = False,
        sizes: Array | None = None,
        base: Value | None = None,
        order: tuple[int, ...] = (),
        name: str | None = None,
    ) -> None:
        self.builder, self.spec, self.make = builder, spec, make
        self.array, self.weight, self.shared, self.sizes = array, weight, shared, sizes
        self.base, self.order, self.name = base, order, name
        self.trainable = weight
        self.laid: dict[tuple[int, ...], Value] = {}  # its transpositions
        self.tensors: dict[int, Tensor] = {}  # by the zone that it was made in: a branch must not lend out its own

    @property
    def shape(self) -> Shape:
        """The dimensions, in the order of the model."""
        return self.spec.shape

    @property
    def ndim(self) -> int:
        """How many dimensions."""
        return self.spec.ndim

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of an element."""
        return self.spec.dtype

    @property
    def tensor(self) -> Tensor:
        """The tensor of the graph; its node is added on first use."""
        for zone in self.builder.zones:
            if zone in self.tensors:
                return self.tensors[zone]
        made = self.make(self)
        zone = 0 if self.array is not None else self.builder.zones[-1]
        self.tensors[zone] = made
        self.builder.made.append((self, zone))
        return made

    @property
    def known(self) -> bool:
        """Whether ops on it compute: it is known, and not learned."""
        return self.array is not None and not self.weight

    def frozen(self) -> Value:
        """This value, as something that training leaves alone: running statistics, say."""
        if self.weight and self.array is not None:
            self.trainable = False
        return self

    def settled(self) -> Value:
        """This value, where it is known as a constant: what ops compute with, and training does not see."""
        return self if not self.weight or self.array is None else self.builder.known(self.array, self.name)

    @staticmethod
    def __apply_op__(op: Op, args: tuple[Any, ...], params: dict[str, Any], name: str | None) -> Any:
        builder = next(a.builder for a in args if isinstance(a, Value))
        return builder.apply(op, args, params)

    def __bool__(self) -> bool:
        raise TypeError("a value of a model has no truth value; ask for what is known with array() or ints()")

    def __repr__(self) -> str:
        return f"<value {self.name}: {self.spec}>"


class Empty:
    """An optional of ONNX that holds nothing."""


EMPTY = Empty()


def array_of(value: Any) -> Array | None:
    """What `value` is, if that is known when the model is read (a weight is, too); None if not, or left out."""
    return value.array if isinstance(value, Value) else None


def ints_of(value: Any) -> tuple[int, ...] | None:
    """The whole numbers in `value`, if they are known when the model is read; None if not, or left out."""
    array = array_of(value)
    return None if array is None else tuple(int(i) for i in array.reshape(-1))


def sizes_of(value: Value) -> tuple[int | str | None, ...] | None:
    """The sizes in `value`, as far as they are known: numbers, names, or None; None if nothing is."""
    known = value.sizes if value.sizes is not None else value.array
    return None if known is None else tuple(d if d is None or isinstance(d, str) else int(d) for d in known.reshape(-1))


def scalar_of(value: Any) -> Any:
    """The one number in `value`, as Python has it, if it is known when the model is read; None if not, or left out."""
    array = array_of(value)
    return None if array is None or array.size != 1 else array.reshape(()).item()


def in_dtype(x: Value, dtype: np.dtype[Any]) -> Value:
    """`x` in that dtype: ONNX keeps the dtype of an operand where NumPy takes a wider one."""
    y: Value = x if x.dtype == dtype else get_op("cast")(x, dtype=dtype.name)
    return y


def compose(order: Sequence[int], axes: Sequence[int]) -> tuple[int, ...]:
    """The order of `transpose(transpose(x, order), axes)`."""
    return tuple(order[a] for a in axes)


def inverse(order: Sequence[int]) -> tuple[int, ...]:
    """The order that undoes `order`."""
    return tuple(sorted(range(len(order)), key=order.__getitem__))
