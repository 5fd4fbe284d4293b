"""Expr: what machines run. Interned, immutable, typed expressions; equal expressions are one object.

Interning makes common subexpressions one node from the start, equality an identity check, and a plan's cache key cheap.
"""

from __future__ import annotations

import hashlib
import struct
import threading
import weakref
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import numpy as np

from flowloom.op import Op, Port
from flowloom.ops.operators import with_operators
from flowloom.spec import Spec, as_array


def _leaf(name: str) -> Op:
    return Op(name, "data", lambda: Spec(()), "", (), {})


INPUT = _leaf("input")
CONSTANT = _leaf("constant")
ITEM = _leaf("item")  # one output of an op that has several


@with_operators
class Expr:
    """An op applied to expressions. `params` are (name, value) pairs; `value` is the array of a constant.

    `spec` is the result's, or a tuple of specs where the op has several outputs: `item(e, i)` takes one of them.
    """

    __slots__ = ("__weakref__", "args", "op", "params", "spec", "value")
    op: Op
    args: tuple[Expr, ...]
    params: tuple[tuple[str, Any], ...]
    spec: Any
    value: np.ndarray[Any, Any] | None

    @staticmethod
    def __apply_op__(op: Op, args: tuple[Any, ...], params: dict[str, Any], name: str | None) -> Any:
        dtypes = [a.spec.dtype for a in args if isinstance(a, Expr)]
        exprs = tuple(a if a is None or isinstance(a, Expr) else constant(a, beside=dtypes) for a in args)
        return build(op, exprs, params)

    @property
    def shape(self) -> tuple[Any, ...]:
        """The dimensions of its one output."""
        return self.spec.shape  # type: ignore[no-any-return]

    @property
    def ndim(self) -> int:
        """How many dimensions its one output has."""
        return len(self.spec.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of its one output."""
        return self.spec.dtype  # type: ignore[no-any-return]

    @property
    def specs(self) -> tuple[Spec, ...]:
        """The spec of the result, or those of all where the op has several outputs."""
        return self.spec if isinstance(self.spec, tuple) else (self.spec,)

    def __repr__(self) -> str:
        return f"<{self.op.name}: {self.spec}>"


def build(op: Op, args: tuple[Expr | None, ...], params: dict[str, Any]) -> Any:
    """The expression `op(*args)`; a tuple of expressions where the op has several outputs. Raises SpecError.

    Only a composite takes None, for a port that stays open. An op without operands is computed at once: a constant.
    """
    if not args:
        made = op.compute(np, **params)
        return tuple(map(constant, made)) if isinstance(made, tuple) else constant(made)
    if op.composite:
        made = op.expand(*args, **params)
        if op.pull is None:
            return made
        given = tuple(a is not None for a in args)
        return _build_primitive(_with_gradient(op, given), (made, *(a for a in args if a is not None)), params)
    return _build_primitive(op, args, params)


def _build_primitive(op: Op, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
    whole = build_whole(op, args, params)
    return whole if isinstance(whole.spec, Spec) else items(whole)


def build_whole(op: Op, args: tuple[Expr, ...], params: dict[str, Any]) -> Expr:
    """The expression of a primitive op on `args`, with all its outputs in one. Raises SpecError."""
    return _intern(op, args, tuple(params.items()), op.infer(*(a.spec for a in args), **params))


def rebuild(e: Expr, args: Sequence[Expr], params: dict[str, Any] | None = None) -> Expr:
    """`e` on other arguments, or with other parameters, its spec inferred anew. Raises SpecError."""
    own = dict(e.params)
    if (params is None or params == own) and all(a is b for a, b in zip(args, e.args, strict=True)):
        return e
    if e.op is ITEM:
        return item(args[0], own["index"])
    return build_whole(e.op, tuple(args), own if params is None else params)


def with_args(e: Expr, args: Sequence[Expr], params: tuple[tuple[str, Any], ...] | None = None) -> Expr:
    """`e` on other arguments of the same specs, or with other parameters, that leave its own spec as it is."""
    return _intern(e.op, tuple(args), e.params if params is None else params, e.spec)


def items(whole: Expr) -> tuple[Expr, ...]:
    """The outputs of an expression with several."""
    return tuple(item(whole, i) for i in range(len(whole.spec)))


_HANDED_ON = (Port("value"), Port("operands", variadic=True))


def hands_on(op: Op) -> bool:
    """Whether `op` gives its first operand, and is there only for the gradient rule of a composite."""
    return op.ports is _HANDED_ON


@cache
def _with_gradient(op: Op, given: tuple[bool, ...]) -> Op:
    """An op that gives its first operand, the result of a composite, and has the gradient rule of that composite.

    `given` says which ports of the composite have an operand; only those follow.
    """

    def pull(g: Any, y: Any, value: Any, *xs: Any, **params: Any) -> tuple[Any, ...]:
        rest = iter(xs)
        assert op.pull is not None
        made = op.pull(g, y, *(next(rest) if there else None for there in given), **params)
        return (None, *(m for m, there in zip(made, given, strict=True) if there))

    return Op(
        name=op.name,
        family=op.family,
        rule=lambda value, *xs, **params: value,
        doc=op.doc,
        ports=_HANDED_ON,
        params=op.params,
        view=True,
        narrow=True,
        run=lambda xp, value, *xs, **params: value,
        pull=pull,
    )


def item(whole: Expr, index: int) -> Expr:
    """Output `index` of an expression with several."""
    return _intern(ITEM, (whole,), (("index", index),), whole.spec[index])


def placeholder(name: str, spec: Spec) -> Expr:
    """A leaf whose value is fed at run time, known by its name and spec."""
    return _intern(INPUT, (), (("name", name),), spec)


def constant(value: Any, dtype: Any = None, *, beside: Iterable[np.dtype[Any]] = ()) -> Expr:
    """A leaf with a fixed value, a copy of `value` as `as_array` makes it. Raises SpecError if it is no such thing."""
    array = np.array(as_array(value, dtype, beside=beside), order="C")
    array.flags.writeable = False
    return _intern(CONSTANT, (), (), Spec.of(array), array)


def toposort(roots: Iterable[Expr], stop: Iterable[Expr] = ()) -> list[Expr]:
    """Every expression that `roots` need, arguments first; without recursion. `stop` ends the walk and is left out."""
    done: dict[Expr, None] = dict.fromkeys(stop)
    skipped = len(done)
    stack = [(r, False) for r in reversed(list(roots))]
    while stack:
        e, ready = stack.pop()
        if e in done:
            continue
        if ready:
            done[e] = None
        else:
            stack.append((e, True))
            stack.extend((a, False) for a in reversed(e.args) if a not in done)
    return list(done)[skipped:]


# ---------------------------------------------------------------- interning

_table: weakref.WeakValueDictionary[tuple[Any, ...], Expr] = weakref.WeakValueDictionary()
_lock = threading.Lock()


def _intern(op: Op, args: tuple[Expr, ...], params: tuple[tuple[str, Any], ...], spec: Any, value: Any = None) -> Expr:
    bits = None if value is None else value.tobytes() if value.nbytes <= 64 else _digest(value)
    key = (op, args, tuple((k, _bits(v)) for k, v in params), spec, bits)
    with _lock:
        found = _table.get(key)
        if found is None:
            found = Expr()
            found.op, found.args, found.params, found.spec, found.value = op, args, params, spec, value
            _table[key] = found
    return found


def _digest(value: np.ndarray[Any, Any]) -> bytes:
    """A hash of the elements, which lie in C order; of any dtype: bfloat16 has no buffer of its own."""
    return hashlib.sha256(value.reshape(-1).view(np.uint8).data).digest()


def _bits(value: Any) -> Any:
    """A key that tells apart what `==` does not: 0, False and -0.0 are three values."""
    if isinstance(value, float):
        return (float, struct.pack("d", value))
    if isinstance(value, tuple):
        return tuple(_bits(v) for v in value)
    return (type(value), value)
