"""Native kernels of running totals along one axis, seen as (before, along, after).

Along rows in memory a total waits for the one before it; so several rows run side by side, or several parts of one long
row, each of which begins with the sum of all before it. Along columns, blocks of them run down side by side. What goes
backwards goes forwards from the other end, with steps of the other sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from flowloom.backends.native.copying import seen
from flowloom.backends.native.indexing import flat, steps_of
from flowloom.backends.native.instructions import Argument, Call, Place, lowering, parameters
from flowloom.backends.native.templates import array_type, type_name
from flowloom.compiler.expr import Expr
from flowloom.spec import normalize_axis

BLOCK = 64  # columns
SIDE_BY_SIDE = 4  # rows, or parts of a row
LONG = 4096  # elements of one row that are worth reading twice
_STEPS = {
    "cumsum": "{t} + {x}",
    "cumprod": "{t} * {x}",
    "cummax": "max({t}, {x})",
    "cummin": "min({t}, {x})",
    "linear_recurrence": "{f} * {t} + {x}",
}


@lowering("cumsum", "cumprod", "cummax", "cummin", "linear_recurrence")
def _(e: Expr, operands: Sequence[Place], result: Place) -> list[Call] | None:
    given, name = parameters(e), e.op.name
    places = [*operands, result]
    if given["axis"] is None:
        axis, places = 0, [seen_as for x in places if (seen_as := flat(x)) is not None]
    else:
        axis = normalize_axis(given["axis"], len(result.shape))
    steps = [found for x in places if (found := steps_of(x, axis, axis + 1)) is not None]
    if len(steps) <= len(operands) or any(type_name(x.dtype) is None for x in places) or not result.size:
        return None
    y = places[-1]
    sizes = prod(y.shape[:axis]), y.shape[axis], prod(y.shape[axis + 1 :])
    exclusive, reverse = given.get("exclusive", False), given.get("reverse", False)
    names, args = list[str](), list[Argument]()
    for letter, place, (before, along, after) in zip(["f", "x", "y"][-len(places) :], places, steps, strict=True):
        behind = exclusive if letter == "x" else reverse and letter == "f"  # what a step takes in lies one place back
        first = (sizes[1] - 1 if reverse else 0) * along
        along = -along if reverse else along
        names += [f"{letter}: [{array_type(place.dtype)}]", *(f"{letter}{n}: i64" for n in "bsa")]
        args += [seen(place, place.shape, place.strides, first - along * behind), before, along, after]
    kind = str(type_name(y.dtype))
    start = f"{kind}({int(name == 'cumprod')})" if exclusive else None
    if sizes[2] > 1:
        lines = _columns(name, kind, start)
    elif name == "cumsum" and sizes[0] == 1 and sizes[1] >= LONG:
        lines = _long_row(kind, exclusive)
    else:
        lines = _rows(name, kind, start)
    text = [f"def {name}({', '.join(names)}, before: i64, along: i64, after: i64):", *lines, ""]
    return [Call("\n".join(text), (*args, *sizes), (e,), work=2 * y.size)]


def _step(name: str, kind: str, total: str, x: str, f: str = "") -> str:
    return f"{total} = {_STEPS[name].format(t=total, x=f'{kind}({x})', f=f)}"


def _rows(name: str, kind: str, start: str | None) -> list[str]:
    def side_by_side(count: int) -> list[str]:
        """The lines for `count` rows from `r` on."""
        every, first = range(count), list[str]()
        for i in every:
            first += [f"x{i} = x + (r + {i}) * xb", f"y{i} = y + (r + {i}) * yb"]
            first += [f"f{i} = f + (r + {i}) * fb"] if name == "linear_recurrence" else []
            first += [f"t{i} = {start or f'{kind}(x{i}[0])'}", f"y{i}[0] = t{i}"]
        loop = [_step(name, kind, f"t{i}", f"x{i}[k * xs]", f"f{i}[k * fs]") for i in every]
        loop += [f"y{i}[k * ys] = t{i}" for i in every]
        return [*first, "for k in range(1, along):", *(f"    {line}" for line in loop)]

    return [
        "    r = before * thread // threads",
        "    end = before * (thread + 1) // threads",
        f"    while r + {SIDE_BY_SIDE} <= end:",
        *(f"        {line}" for line in side_by_side(SIDE_BY_SIDE)),
        f"        r = r + {SIDE_BY_SIDE}",
        "    while r < end:",
        *(f"        {line}" for line in side_by_side(1)),
        "        r = r + 1",
    ]


def _long_row(kind: str, exclusive: bool) -> list[str]:
    """One row in parts, of which each thread has some: what is in front of them is added up first."""
    every = range(SIDE_BY_SIDE)
    first = int(exclusive)  # with which step something is taken in; x[k] is what step k takes in
    return [
        f"    parts = threads * {SIDE_BY_SIDE}",
        *(f"    b{i} = along * (thread * {SIDE_BY_SIDE} + {i}) // parts" for i in (*every, SIDE_BY_SIDE)),
        f"    t0 = {kind}(0)",
        f"    for k in range({first}, b0):",
        f"        t0 += {kind}(x[k * xs])",
        *(
            line
            for i in every[1:]
            for line in (
                f"    s = {kind}(0)",
                f"    for k in range(max(b{i - 1}, {first}), b{i}):",
                f"        s += {kind}(x[k * xs])",
                f"    t{i} = t{i - 1} + s",
            )
        ),
        "    length = along // parts",
        *(f"    c{i} = b{i}" for i in every),
        *(["    if b0 == 0:", "        y[0] = t0", "        c0 = 1"] if exclusive else []),
        "    for k in range(length - 1):",
        *(f"        t{i} = t{i} + {kind}(x[(c{i} + k) * xs])" for i in every),
        *(f"        y[(c{i} + k) * ys] = t{i}" for i in every),
        *(
            line
            for i in every
            for line in (
                f"    for k in range(c{i} + length - 1, b{i + 1}):",
                f"        t{i} = t{i} + {kind}(x[k * xs])",
                f"        y[k * ys] = t{i}",
            )
        ),
    ]


def _columns(name: str, kind: str, start: str | None) -> list[str]:
    return [
        f"    t = stack({kind}, {BLOCK})",
        f"    blocks = (after + {BLOCK - 1}) // {BLOCK}",
        "    for r in range(before * blocks * thread // threads, before * blocks * (thread + 1) // threads):",
        "        o = r // blocks",
        f"        a = (r - o * blocks) * {BLOCK}",
        f"        width = min({BLOCK}, after - a)",
        "        for c in range(width):",
        f"            t[c] = {start or f'{kind}(x[o * xb + (a + c) * xa])'}",
        "            y[o * yb + a + c] = t[c]",
        "        for k in range(1, along):",
        "            xk = x + (o * xb + a * xa + k * xs)",
        "            yk = y + (o * yb + a + k * ys)",
        *(["            fk = f + (o * fb + a * fa + k * fs)"] if name == "linear_recurrence" else []),
        "            for c in range(width):",
        f"                {_step(name, kind, 't[c]', 'xk[c * xa]', 'fk[c * fa]')}",
        "                yk[c] = t[c]",
    ]
