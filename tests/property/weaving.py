"""Weaving: a random graph, op by op, with the values that flow in it.

Every tensor is accompanied by its values, computed by calling the same ops on arrays: at the feeds, and a little
beside them. An op is taken only where it is fit for finite differences: finite, not too steep, without a kink or a jump
nearby, so that what the properties find is no noise. What does not fit is left out before it is in the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

import flowloom as fl
from flowloom.compiler.expr import CONSTANT, INPUT, ITEM, Expr, toposort
from flowloom.compiler.function import BEGIN, Function
from flowloom.op import Op
from flowloom.spec import Spec, broadcast
from tests.property.choices import Choices

Array = np.ndarray[Any, Any]
Allowed: TypeAlias = Callable[[set[str], set[str]], bool]

# No other size is as large by itself, so that what fits by chance does not seem to fit by name.
SIZES = {"batch": 5, "steps": 7}
LARGEST = 400  # elements of a tensor
HIGHEST = 60.0  # magnitude of a float
STEEPEST = 60.0  # change of a float for a change of the feeds
WHOLE = 2000  # magnitude of an integer
NEAR = 1e-4  # how far beside the feeds the other values are; finite differences go a fifth of it
JITTER = 1e-7
DIRECTIONS = 2
# Names that source must not stumble over.
ODD = ["lambda", "two words ", "größe", 'a "b" ', "1st", "sum", "fl", "x.y", "a\\b"]


class Rejected(Exception):
    """A move that does not fit: there is nothing to make it on, or its values are not fit."""


@dataclass(eq=False, slots=True)
class Strand:
    """A tensor and its values: at the feeds, then on either side of them in each direction."""

    tensor: fl.Tensor
    values: list[Array]

    @property
    def array(self) -> Array:
        """The value at the feeds."""
        return self.values[0]

    @property
    def shape(self) -> tuple[Any, ...]:
        """The dimensions, by name."""
        return self.tensor.shape

    @property
    def sizes(self) -> tuple[int, ...]:
        """The dimensions, as numbers."""
        return self.array.shape

    @property
    def ndim(self) -> int:
        """How many dimensions."""
        return self.array.ndim

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype."""
        return self.array.dtype

    @property
    def known(self) -> bool:
        """Whether no dimension is unknown."""
        return None not in self.shape


@dataclass(eq=False)
class Weaver:
    """A graph in the making. `allowed` says, of a node's kind and the primitive ops it is made of, if they may be."""

    choose: Choices
    allowed: Allowed | None = None
    graph: fl.Graph = field(default_factory=lambda: fl.Graph("woven"))
    feeds: dict[str, Array] = field(default_factory=dict)
    strands: list[Strand] = field(default_factory=list)
    rng: np.random.Generator = field(init=False)
    loose: bool = field(init=False)  # whether ops are tried on tensors of unknown sizes, too

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.choose.number(0, 999))
        self.loose = self.choose.rarely()

    # ------------------------------------------------------------ sources

    def source(self, *shape: int | str, kind: str | None = None, hidden: int | None = None) -> Strand:
        """A new float64 tensor of this shape: an input, a variable or a constant.

        The graph is not told the size of the `hidden` axis.
        """
        kind = kind or self.choose.of(["input", "variable", "constant"])
        _check_sizes(shape)
        if any(isinstance(d, str) for d in shape):
            kind = "input"
        sizes = numbers(shape)
        base = np.asarray(self.rng.normal(size=sizes))
        if kind == "constant":
            return self._add(fl.constant(base, "float64"), [base] * (1 + 2 * DIRECTIONS))
        beside = [s * NEAR * d for d in self.rng.normal(size=(DIRECTIONS, *sizes)) for s in (1, -1)]
        values = [base, *(np.asarray(base + b) for b in beside)]
        if kind == "variable":
            tensor = fl.variable(f"w{len(self.strands)}", shape=shape, dtype="float64", initializer="random_normal")  # type: ignore[arg-type]
            self.graph.variable(tensor.name).value = base
            return self._add(tensor, values)
        declared = [None if i == hidden else d for i, d in enumerate(shape)]
        return self._add(self._fed(base, declared), values)

    def whole(self, high: int, *shape: int | str, kind: str | None = None) -> Strand:
        """A new int64 tensor of numbers in 0..high - 1: an input or a constant."""
        _check_sizes(shape)
        base = np.asarray(self.rng.integers(0, high, numbers(shape)))
        fed = any(isinstance(d, str) for d in shape) or (kind or self.choose.of(["input", "constant"])) == "input"
        return self._add(self._fed(base, shape) if fed else fl.constant(base), [base] * (1 + 2 * DIRECTIONS))

    def truth(self, *shape: int | str) -> Strand:
        """A new bool tensor: an input."""
        _check_sizes(shape)
        base = np.asarray(self.rng.integers(0, 2, numbers(shape)) > 0)
        return self._add(self._fed(base, shape), [base] * (1 + 2 * DIRECTIONS))

    def constant(self, value: Any, dtype: Any = None) -> Strand:
        """A constant."""
        array = np.asarray(value, dtype)
        return Strand(fl.constant(array), [array] * (1 + 2 * DIRECTIONS))

    def _fed(self, base: Array, shape: Sequence[Any]) -> fl.Tensor:
        name = f"x{len(self.strands)}"
        tensor = fl.input(name, shape=shape, dtype=base.dtype.name)
        self.feeds[tensor.name] = base
        return tensor

    def _add(self, tensor: fl.Tensor, values: list[Array]) -> Strand:
        self.strands.append(Strand(tensor, values))
        return self.strands[-1]

    # ------------------------------------------------------------ picking

    def pick(self, fits: Callable[[Strand], bool]) -> Strand:
        """A tensor that fits, more often than not one of the newest. Raises Rejected where there is none."""
        fitting = [s for s in reversed(self.strands) if fits(s)]
        if not fitting:
            raise Rejected
        if len(fitting) > 4 and self.choose.flag():
            return fitting[self.choose.number(4, len(fitting) - 1)]
        return fitting[self.choose.number(0, min(3, len(fitting) - 1))]

    def floats(self, least: int = 0, most: int = 4, *, known: bool = True) -> Strand:
        """A float tensor of so many dimensions; of known ones, unless those need not be."""
        return self.pick(lambda s: is_float(s) and least <= s.ndim <= most and (s.known or self.loose or not known))

    def integers(self, least: int = 0, most: int = 4) -> Strand:
        """An integer tensor."""
        return self.pick(lambda s: s.dtype.kind in "iu" and least <= s.ndim <= most and (s.known or self.loose))

    def bools(self) -> Strand:
        """A bool tensor."""
        return self.pick(lambda s: s.dtype.kind == "b" and (s.known or self.loose))

    def beside(self, *others: Strand, kinds: str = "f") -> Strand:
        """A tensor of these kinds of dtype that broadcasts with the others."""
        return self.pick(lambda s: s.dtype.kind in kinds and (s.known or self.loose) and _broadcast(s, *others))

    def ranked(self, ndim: int, *, last: int | None = None) -> Strand:
        """A float tensor of so many dimensions, the last of that size if one is given; made where there is none."""

        def fits(s: Strand) -> bool:
            return is_float(s) and s.ndim == ndim and s.known and (last is None or s.shape[-1] == last)

        if self.choose.number(0, 2) and any(fits(s) for s in self.strands):
            return self.pick(fits)
        first: int | str = self.choose.of(["batch", 2, 1, "steps"]) if ndim > 1 else self.choose.number(1, 4)
        sizes = [self.choose.number(2, 4) for _ in range(ndim - 1)]
        shape = [first, *sizes] if ndim else []
        return self.source(*shape[: ndim - (last is not None)], *([last] if last is not None else []))

    def within(self, x: Strand, low: float, high: float) -> Strand:
        """`x`, or a tensor made of it, with all elements in low..high."""
        if all(np.all((v >= low) & (v <= high)) for v in x.values):
            return x
        return self.apply(lambda a: fl.sigmoid(a) * (high - low) + low, x)

    def indices(self, size: int, *shape: int | str) -> Strand:
        """Integers below `size`: a new tensor of that shape, or, without one, also one that is there, cut down."""
        if not shape and self.choose.flag():
            found = [s for s in self.strands if s.dtype == np.int64 and s.known and 1 <= s.ndim <= 2]
            if found:
                return self.apply(fl.remainder, self.choose.of(found), size)
        return self.whole(size, *(shape or (self.choose.number(1, 4),)))

    # ------------------------------------------------------------ adding

    def apply(
        self, op: Callable[..., Any], *operands: Any, when: Callable[..., bool] | None = None, **params: Any
    ) -> Any:
        """Add `op` on these tensors (or numbers, or None) to the graph. Returns its output, a tuple if there are more.

        `op` is any function that takes tensors and arrays alike. The spec that the graph infers must be that of the
        arrays. Raises Rejected where the values are not fit, or not as `when` wants them.
        """
        sized = {k: numbers(v) for k, v in params.items()}
        with np.errstate(all="ignore"), self._refused(operands):
            first = op(*_at(operands, 0), **sized)
            made = [_listed(first), *(_listed(op(*_at(operands, i), **sized)) for i in range(1, 1 + 2 * DIRECTIONS))]
            jittered = _listed(op(*(self._jitter(o) for o in operands), **sized))
        several = isinstance(first, tuple | list)
        for values, moved in zip(zip(*made, strict=True), jittered, strict=True):
            _check_fit(values, moved)
        if when is not None and not when(*made[0]):
            raise Rejected
        given = [o.tensor if isinstance(o, Strand) else o for o in operands]
        named = {}
        if isinstance(op, Op) and self.choose.rarely():
            named["name"] = f"{self.choose.of(ODD)}{len(self.strands)}"
        with self._refused(operands):
            tensors = self._guarded(lambda: op(*given, **params, **named))
        return self._strands(tensors, made, several)

    @contextmanager
    def _refused(self, operands: Sequence[Any]) -> Iterator[None]:
        """What is refused is no failure where sizes are unknown: they may not fit, or have to be known."""
        try:
            yield
        except ValueError as error:
            if any(isinstance(o, Strand) and not o.known for o in operands):
                raise Rejected from error
            raise

    def layer(self, kind: Callable[..., Any], *operands: Any, **params: Any) -> Any:
        """Add a layer, or what else adds nodes to a graph; the values come from a graph of its own.

        Variables get random values.
        """
        before = {v.info.key for v in self.graph.variables}
        with self._refused(operands):
            given = [o.tensor if isinstance(o, Strand) else o for o in operands]
            tensors = self._guarded(lambda: kind(*given, **params))
        own = [v for v in self.graph.variables if v.info.key not in before]
        for v in own:
            v.value = v.value + (0.0 if v.info.role == "moving_variance" else 0.3) * self.rng.normal(size=v.shape)
        with self._refused(operands), fl.Graph() as alone:
            numbered = enumerate(operands)
            inputs = [fl.input(f"i{n}", o.sizes, o.dtype) if isinstance(o, Strand) else o for n, o in numbered]
            copies = _listed(kind(*inputs, **params))
        for v, w in zip(own, alone.variables, strict=True):
            w.value = v.value
        program = fl.compile(copies)

        def run(values: Sequence[Any]) -> list[Array]:
            given = {f"i{n}": v for n, (v, o) in enumerate(zip(values, operands, strict=True)) if isinstance(o, Strand)}
            return list(program(given))

        made = [run(_at(operands, i)) for i in range(1 + 2 * DIRECTIONS)]
        jittered = run([self._jitter(o) for o in operands])
        for values, moved in zip(zip(*made, strict=True), jittered, strict=True):
            _check_fit(values, moved)
        return self._strands(tensors, made, isinstance(tensors, tuple | list))

    def _strands(self, tensors: Any, made: list[list[Array]], several: bool) -> Any:
        found = []
        for tensor, values in zip(_listed(tensors), zip(*made, strict=True), strict=True):
            check_spec(tensor.spec, Spec.of(values[0]))
            if tensor.dtype == np.float32:  # a layer on integers: from here on it is computed in float64, as all else
                tensor = fl.cast(tensor, dtype="float64")
            found.append(self._add(tensor, [np.asarray(v, tensor.dtype) for v in values]))
        return tuple(found) if several else found[0]

    def _guarded(self, build: Callable[[], Any]) -> Any:
        """What `build` adds to the graph, taken back if there is an op in it that is not allowed."""
        depth, before = self.graph.undo_depth, set(self.graph.nodes)
        tensors = build()
        kinds = {node.kind for id, node in self.graph.nodes.items() if id not in before}
        if self.allowed is None or self.allowed(kinds, primitives([t.expr for t in _listed(tensors)])):
            return tensors
        while self.graph.undo_depth > depth:
            self.graph.undo()
        raise Rejected

    def _jitter(self, operand: Any) -> Any:
        if isinstance(operand, Strand) and is_float(operand):
            return operand.array + JITTER * self.rng.normal(size=operand.sizes)
        return operand.array if isinstance(operand, Strand) else operand

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Now and then what is added lies in a scope."""
        if self.choose.rarely():
            with self.graph.scope(self.choose.of(["block", "encoder/block"])):
                yield
        else:
            yield


# ---------------------------------------------------------------- what is fit


def _check_fit(values: Sequence[Any], jittered: Any) -> None:
    """Raise Rejected for values that are too large, or that are not smooth where they should be."""
    base, *beside = (np.asarray(v) for v in values)
    if base.size > LARGEST or base.ndim > 5 or any(b.shape != base.shape for b in (*beside, np.asarray(jittered))):
        raise Rejected
    if base.dtype.kind != "f":
        if any(not np.array_equal(base, b) for b in (*beside, jittered)):
            raise Rejected
        if base.dtype.kind in "iu" and base.size and np.abs(base.astype(float)).max() > WHOLE:
            raise Rejected
        return
    if not base.size:
        return
    if any(not np.isfinite(v).all() for v in (base, *beside)) or np.abs(base).max() > HIGHEST:
        raise Rejected
    if not np.abs(jittered - base).max() <= 100 * JITTER * STEEPEST:
        raise Rejected
    for up, down in zip(beside[::2], beside[1::2], strict=True):
        slope, bend = np.abs(up - down).max() / (2 * NEAR), np.abs(up - 2 * base + down).max()
        if slope > STEEPEST or bend > 100 * NEAR**2:
            raise Rejected


def _check_sizes(shape: Sequence[Any]) -> None:
    """Raise Rejected unless an input may have that shape."""
    if not all(plain(d) for d in shape):
        raise Rejected


def check_spec(inferred: Spec, found: Spec, sizes: dict[str, int] | None = None) -> None:
    """Hold an inferred spec to that of the result."""
    assert inferred.dtype == found.dtype, (str(inferred), str(found))
    assert inferred.ndim == found.ndim, (str(inferred), str(found))
    for dim, size in zip(inferred.shape, found.shape, strict=True):
        assert dim is None or number(dim, sizes) == size, (str(inferred), str(found))


# ---------------------------------------------------------------- small things


def number(dim: Any, sizes: dict[str, int] | None = None) -> Any:
    """A dimension as a number: "2*batch" is 10."""
    known = SIZES if sizes is None else sizes
    parts = dim.split("*") if isinstance(dim, str) else []
    if not parts or not all(p in known or p.isdecimal() for p in parts) or all(p.isdecimal() for p in parts):
        return dim
    return int(np.prod([known[p] if p in known else int(p) for p in parts]))


def numbers(value: Any, sizes: dict[str, int] | None = None) -> Any:
    """A parameter with numbers for the dimensions in it."""
    if isinstance(value, tuple | list):
        return type(value)(numbers(v, sizes) for v in value)
    return number(value, sizes)


def plain(dim: Any) -> bool:
    """Whether an input may have the dimension: a number or one name, no product."""
    return isinstance(dim, int) or dim in SIZES


def is_float(s: Strand) -> bool:
    """Whether it is of floats."""
    return s.dtype.kind == "f"


def primitives(exprs: Sequence[Expr]) -> set[str]:
    """The names of the primitive ops that these are made of, also in the bodies of loops and branches."""
    found: set[str] = set()
    for e in toposort(exprs):
        if e.op in (CONSTANT, INPUT, ITEM, BEGIN):
            continue
        found.add(e.op.name)
        for _, value in e.params:
            if isinstance(value, Function):
                found |= primitives(value.outputs)
    return found


def _broadcast(*strands: Strand) -> bool:
    try:
        broadcast(*(s.tensor.spec for s in strands))
    except fl.SpecError:
        return False
    return True


def _at(operands: Sequence[Any], index: int) -> list[Any]:
    return [o.values[index] if isinstance(o, Strand) else o for o in operands]


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, tuple | list) else [value]
