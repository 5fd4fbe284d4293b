"""Native kernels of reading at indices; and how kernels find what indices mean.

All are one form: a result of (before, count, after) elements, of which each row of `after` is read at one index, or at
several, one for each of some axes. An index that is refused sets the flag and is taken as 0: nothing outside of an
array is touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod

from flowloom.backends.native.copying import SHORT, merged, seen, word
from flowloom.backends.native.instructions import Call, Flag, Place, lowering, parameters
from flowloom.backends.native.layout import broadcast
from flowloom.backends.native.templates import array_type, type_name
from flowloom.compiler.expr import Expr
from flowloom.spec import normalize_axis


def columns_of(after: int) -> str:
    """How many columns there are, as a kernel says it."""
    return str(after) if after <= SHORT else "after"


def step_of(place: Place, first: int, last: int) -> int | None:
    """The one step in which the elements of axes `first` to `last` - 1 follow each other; None if there is none."""
    sizes, strides = merged(place.shape[first:last], place.strides[first:last])
    return strides[0] if len(sizes) == 1 else None


def steps_of(place: Place, *cuts: int) -> tuple[int, ...] | None:
    """`step_of` the axes up to each of the `cuts`, and of those from the last one on; None if one has none."""
    ends = (0, *cuts, len(place.shape))
    found = [step_of(place, a, b) for a, b in pairwise(ends)]
    return None if None in found else tuple(s for s in found if s is not None)


def flat(place: Place) -> Place | None:
    """A place as a vector; None if its elements do not follow each other in one step."""
    step = step_of(place, 0, len(place.shape))
    return None if step is None else seen(place, (place.size,), (step,))


@dataclass(frozen=True, slots=True)
class Where:
    """Indices (before, count, after), or one for all columns where the step over them is 0.

    There is one for each of `sizes`, `apart` elements from the next; those below `lowest` * size are refused. Where
    they are `clipped`, none is: what lies outside is the first or the last.
    """

    place: Place
    steps: tuple[int, int, int]
    sizes: tuple[int, ...]
    apart: int = 0
    lowest: int = -1
    clipped: bool = False

    @property
    def for_rows(self) -> bool:
        """Whether an index is that of a whole row."""
        return self.steps[2] == 0

    @property
    def is_known(self) -> bool:
        """Whether kernels have a type for the indices, and there is something that they can mean."""
        return type_name(self.place.dtype) is not None and 0 not in self.sizes

    @property
    def names(self) -> list[str]:
        """The parameters of a kernel that reads indices."""
        sizes = [f"size{k}: i64" for k in range(len(self.sizes))]
        return [
            f"p: [{array_type(self.place.dtype)}]",
            "flag: [i64]",
            "pb: i64",
            "pj: i64",
            "pa: i64",
            "pk: i64",
            *sizes,
        ]

    @property
    def args(self) -> list[Place | Flag | int]:
        """The arguments for `names`."""
        return [self.place, Flag(), *self.steps, self.apart, *self.sizes]

    def read(self) -> list[str]:
        """Lines that give `i0`, `i1`, ..., counted from the front, and say whether they are `inside`."""
        over = position(("b", "pb", self.steps[0]), ("j", "pj", self.steps[1]), ("a", "pa", self.steps[2]))
        lines = [f"at = {over}", "inside = True"]
        if self.clipped:
            return [*lines, "i0 = max(min(i64(p[at]), size0 - 1), 0)"]
        for k in range(len(self.sizes)):
            least = f"-size{k}" if self.lowest < 0 else "0"
            lines += [
                f"i{k} = i64(p[at{f' + {k} * pk' if k else ''}])",
                f"inside = inside and i{k} >= {least} and i{k} < size{k}",
                *([f"i{k} = where(i{k} < 0, i{k} + size{k}, i{k})"] if self.lowest < 0 else []),
            ]
        return lines


def position(*steps: tuple[str, str, int]) -> str:
    """A position: the sum of counters times steps, each step by name and number. Steps of 0 and 1 are written out."""
    terms = [counter if step == 1 else f"{counter} * {name}" for counter, name, step in steps if step != 0]
    return " + ".join(terms) or "0"


def indented(depth: int, lines: Sequence[str]) -> list[str]:
    """The lines that many levels further in."""
    return ["    " * depth + line for line in lines]


END = ("    if bad != 0:", "        flag[0] = 1")
MISSED = "bad = where(inside, bad, 1)"


# ---------------------------------------------------------------- reading


def _gather(
    result: Place, x: Place, where: Where, before: int, count: int, after: int, steps: Sequence[int]
) -> list[Call] | None:
    """y[b, j, a] = x[b, index, a]; `steps` are those of `x` over b, a, and the axes that are indexed."""
    kind = word(result.dtype)
    if kind is None or not where.is_known or not result.size:
        return None
    xs = [f"xs{k}" for k in range(len(where.sizes))]
    from_ = position(("b", "xb", steps[0]), *((f"i{k}", xs[k], steps[2 + k]) for k in range(len(xs))))
    found = [*where.read(), MISSED, f"from_ = where(inside, {from_}, 0)"]
    columns = f"for a in range({columns_of(after)}):"
    move = f"z[j * {columns_of(after)} + a] = x[from_ + {position(('a', 'xa', steps[1]))}]"
    body = [*found, columns, f"    {move}"] if where.for_rows else [columns, *indented(1, [*found, move])]
    extent = "before" if before > SHORT else "count"
    integers = ["before", "count", "after", "xb", "xa", *xs]
    text = [
        f"def gather(y: [{kind}], x: [{kind}], {', '.join([*where.names, *(f'{n}: i64' for n in integers)])}):",
        "    bad = 0",
        f"    lo = {extent} * thread // threads",
        f"    hi = {extent} * (thread + 1) // threads",
        f"    for b in range({'lo, hi' if extent == 'before' else 'before'}):",
        f"        z = y + b * count * {columns_of(after)}",
        f"        for j in range({'lo, hi' if extent == 'count' else 'count'}):",
        *indented(3, body),
        *END,
    ]
    args = (result, x, *where.args, before, count, after, *steps)
    return [Call("\n".join(text), args, (result.base,), work=result.size)]


@lowering("take")
def _(e: Expr, operands: Sequence[Place], result: Place) -> list[Call] | None:
    (x, indices), given = operands, parameters(e)
    axis = normalize_axis(given["axis"], len(x.shape))
    steps, apart = steps_of(x, axis, axis + 1), step_of(indices, 0, len(indices.shape))
    if steps is None or apart is None:
        return None
    where = Where(indices, (0, apart, 0), (x.shape[axis],), lowest=-1 if given["from_end"] else 0)
    sizes = prod(x.shape[:axis]), indices.size, prod(x.shape[axis + 1 :])
    return _gather(result, x, where, *sizes, (steps[0], steps[2], steps[1]))


@lowering("take_along_axis")
def _(e: Expr, operands: Sequence[Place], result: Place) -> list[Call] | None:
    x, indices = operands
    axis = normalize_axis(parameters(e)["axis"], len(x.shape))
    size, shape = x.shape[axis], result.shape
    steps = steps_of(broadcast(x, (*shape[:axis], size, *shape[axis + 1 :])), axis, axis + 1)
    apart = steps_of(broadcast(indices, shape), axis, axis + 1)
    if steps is None or apart is None:
        return None
    where = Where(indices, (apart[0], apart[1], apart[2]), (size,))
    sizes = prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :])
    return _gather(result, x, where, *sizes, (steps[0], steps[2], steps[1]))


@lowering("at_labels")
def _(e: Expr, operands: Sequence[Place], result: Place) -> list[Call] | None:
    scores, labels = operands
    steps, apart = steps_of(scores, len(scores.shape) - 1), step_of(labels, 0, len(labels.shape))
    if steps is None or apart is None:
        return None
    where = Where(labels, (apart, 0, 0), scores.shape[-1:], lowest=0)
    return _gather(result, scores, where, labels.size, 1, 1, (steps[0], 1, steps[1]))


@lowering("gather_nd")
def _(e: Expr, operands: Sequence[Place], result: Place) -> list[Call] | None:
    x, indices = operands
    common, coordinates = parameters(e)["batch_dims"], indices.shape[-1]
    rest = common + coordinates
    batch, columns = step_of(x, 0, common), step_of(x, rest, len(x.shape))
    apart = apart_of(indices, common)
    if batch is None or columns is None or apart is None or not coordinates:
        return None
    where = Where(indices, apart, x.shape[common:rest], indices.strides[-1])
    sizes = prod(x.shape[:common]), prod(indices.shape[common:-1]), prod(x.shape[rest:])
    return _gather(result, x, where, *sizes, (batch, columns, *x.strides[common:rest]))


@lowering("take_points")
def _(e: Expr, operands: Sequence[Place], result: Place) -> list[Call] | None:
    x, places = operands
    steps, apart = steps_of(x, 1, len(x.shape) - 1), steps_of(places, 1)
    if steps is None or apart is None:
        return None
    where = Where(places, (apart[0], apart[1], 0), (prod(x.shape[1:-1]),), clipped=True)
    sizes = x.shape[0], prod(places.shape[1:]), x.shape[-1]
    return _gather(result, x, where, *sizes, (steps[0], steps[2], steps[1]))


def apart_of(indices: Place, common: int) -> tuple[int, int, int] | None:
    """The steps of coordinates over `common` axes and over those behind, but for the last one."""
    batch, each = step_of(indices, 0, common), step_of(indices, common, len(indices.shape) - 1)
    return None if batch is None or each is None else (batch, each, 0)
