"""Native kernels of sequences side by side in one tensor: each is read, written or turned at a place of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flowloom.backends.native.copying import nested, word
from flowloom.backends.native.instructions import Argument, Call, Flag, Place, lowering, parameters
from flowloom.backends.native.templates import array_type, type_name
from flowloom.compiler.expr import Expr
from flowloom.spec import normalize_axis


@lowering("reverse_sequence")
def _(e: Expr, operands: Sequence[Place], result: Place) -> Call | None:
    (x, lengths), given = operands, parameters(e)
    time, batch = (normalize_axis(given[name], len(x.shape)) for name in ("time_axis", "batch_axis"))
    return _call(
        result,
        {"x": x},
        lengths,
        time,
        batch,
        [
            "bad = bad | i64(own < 0 or own > x_size)",
            "from_ = where({t} < own, own - 1 - {t}, {t})",
            "from_ = where(from_ >= 0 and from_ < x_size, from_, 0)",
            "y[{y}] = x[{x} + from_ * x_step]",
        ],
    )


@lowering("read_slice")
def _(e: Expr, operands: Sequence[Place], result: Place) -> Call | None:
    (x, _, starts), given = operands, parameters(e)
    place = "turned(own + {t}, x_size)" if given["wrap"] else "own + {t}"
    return _call(
        result,
        {"x": x},
        starts,
        normalize_axis(given["axis"], len(x.shape)),
        0,
        [
            f"from_ = {place}",
            "bad = bad | i64(from_ < 0 or from_ >= x_size)",
            "from_ = where(from_ >= 0 and from_ < x_size, from_, 0)",
            "y[{y}] = x[{x} + from_ * x_step]",
        ],
    )


@lowering("update_slice")
def _(e: Expr, operands: Sequence[Place], result: Place) -> Call | None:
    (x, updates, starts), given = operands, parameters(e)
    if any(place.dtype != result.dtype for place in (x, updates)):
        return None
    axis = normalize_axis(given["axis"], len(x.shape))
    if given["wrap"]:
        lines = ["from_ = turned({t} - own, x_size)"]
    else:
        lines = ["from_ = {t} - own", "bad = bad | i64(u_size > 0 and (own < 0 or own > x_size - u_size))"]
    lines += [
        "if from_ >= 0 and from_ < u_size:",
        "    y[{y}] = u[{u} + from_ * u_step]",
        "else:",
        "    y[{y}] = x[{x} + {t} * x_step]",
    ]
    return _call(result, {"x": x, "u": updates}, starts, axis, 0, lines)


# `own` modulo a size, not negative.
_TURNED = """
def turned(n, size):
    rest = n % size
    return where(rest < 0, rest + size, rest)


"""


def _call(
    result: Place, arrays: Mapping[str, Place], each: Place, time: int, batch: int, body: Sequence[str]
) -> Call | None:
    """Loops over all elements of the result, of which `body` makes one.

    In its lines `own` is what `each` has for the sequence, `{t}` the place along the time axis, `{x}` the position in
    an array but for that axis, over which `x_size` elements lie `x_step` apart.
    """
    kind = word(result.dtype)
    if kind is None or type_name(each.dtype) is None or not result.size:
        return None
    still = {name: [0 if a == time else s for a, s in enumerate(place.strides)] for name, place in arrays.items()}
    nest = nested(result.shape, {"y": result.strides, **still})
    names = ["y", *arrays]
    texts = [*(f"{n}: [{kind}]" for n in names), f"each: [{array_type(each.dtype)}]", "flag: [i64]"]
    texts += ["each_step: i64", *(f"{n}_{of}: i64" for n in arrays for of in ("size", "step")), *nest.names]
    args: list[Argument] = [result, *arrays.values(), each, Flag(), each.strides[0]]
    args += [n for place in arrays.values() for n in (place.shape[time], place.strides[time])] + nest.args
    where = {**nest.at, "t": nest.index[time]}
    text = [
        f"{_TURNED}def sequences({', '.join(texts)}):",
        "    bad = 0",
        *nest.lines,
        f"{nest.indent}own = i64(each[{nest.index[batch]} * each_step])",
        *(nest.indent + line.format(**where) for line in body),
        "    if bad != 0:",
        "        flag[0] = 1",
        "",
    ]
    return Call("\n".join(text), tuple(args), (result.base,), work=result.size)
