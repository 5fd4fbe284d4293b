"""Native kernels of random numbers: the words of Philox4x64-10, as `ops/philox.py` counts them, made into numbers.

Words are drawn in tiles, which stay in the nearest cache, and then become numbers in a loop of its own, which LLVM
vectorises. Bits are exactly those of the portable kernels; what is computed from them in floats is equal to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

from flowloom.backends.native.copying import bits, word
from flowloom.backends.native.indexing import steps_of
from flowloom.backends.native.instructions import Argument, Call, Flag, Lowering, Place, lowering, parameters
from flowloom.backends.native.templates import type_name
from flowloom.compiler.expr import Expr
from flowloom.ops import distributions

TILE = 256  # words, a multiple of 4
COST = 12  # of one number, in elementary operations

# From halves of 32 bits: vectors have no product of 64 bits whose upper part they keep.
_PRODUCT = """
def upper_product(a, b):
    low = u64(0xFFFFFFFF)
    cross = (b >> u64(32)) * (a & low) + (((b & low) * (a & low)) >> u64(32))
    other = (b & low) * (a >> u64(32)) + (cross & low)
    return (b >> u64(32)) * (a >> u64(32)) + (cross >> u64(32)) + (other >> u64(32))


"""

# One of the ten rounds on the counter (a, b, c, d) with the key (k, l). Source: as in ops/philox.py. They are written
# out: a loop over them stays inside of the one over counters, which then is not vectorised and takes 4 times as long.
_ROUND = """
above = upper_product(u64(0xCA5A826395121157), c)
aside = upper_product(u64(0xD2E7470EE14C6C93), a)
e = above ^ b ^ k
f = aside ^ d ^ l
b = u64(0xCA5A826395121157) * c
d = u64(0xD2E7470EE14C6C93) * a
a = e
c = f
k = k + u64(0x9E3779B97F4A7C15)
l = l + u64(0xBB67AE8584CAA73B)
"""
_ROUNDS = 10 * _ROUND.strip().splitlines()

Drawing: TypeAlias = "Callable[[Expr, Sequence[Place], Place, int], list[Call] | None]"  # a lowering; words in a tile
DRAWINGS: dict[str, Drawing] = {}  # by the name of the op; their numbers do not depend on the tile


def in_tiles(drawing: Drawing, tile: int) -> Lowering:
    """The lowering with that many words in a tile."""
    return lambda e, operands, result: drawing(e, operands, result, tile)


def _drawing(name: str) -> Callable[[Drawing], Drawing]:
    def register(drawing: Drawing) -> Drawing:
        DRAWINGS[name] = drawing
        lowering(name)(in_tiles(drawing, TILE))
        return drawing

    return register


def _indented(depth: int, lines: Sequence[str]) -> list[str]:
    return ["    " * depth + line for line in lines]


def _drawn(
    e: Expr,
    key: Place,
    result: Place,
    tile: int,
    body: Sequence[str],
    given: Sequence[tuple[str, Argument]],
    kind: str | None = None,
    before: str = "",
) -> list[Call] | None:
    """The call in which each tile of `n` words `w` becomes the elements of `y` from `at` on by the lines of `body`.

    `tile` is the largest `n`, `given` are further parameters with their arguments, `kind` what `y` is written as if not
    as what it is; `before` is source in front: templates.
    """
    kind = kind or type_name(result.dtype)
    if kind is None or not result.size:
        return None
    names = ", ".join(text for text, _ in given)
    text = [
        f"{_PRODUCT}{before}def {e.op.name}(y: [{kind}], key: [u64], key_step: i64, count: i64, {names}):",
        f"    w = stack(u64, {tile})",
        f"    tiles = (count + {tile - 1}) // {tile}",
        "    for tile in range(tiles * thread // threads, tiles * (thread + 1) // threads):",
        f"        at = tile * {tile}",
        f"        n = min({tile}, count - at)",
        "        for block in range((n + 3) // 4):",
        *_indented(3, _block(f"tile * {tile // 4} + block")),
        *_indented(2, body),
        "",
    ]
    args = (result, key, key.strides[0], result.size, *(value for _, value in given))
    return [Call("\n".join(text), args, (e,), work=COST * result.size)]


def _block(number: str) -> list[str]:
    """Lines that put the four words of a block, by its number, into `w` at 4 * `block`."""
    return [
        f"a = u64({number} + 1)",
        *("b = u64(0)", "c = u64(0)", "d = u64(0)", "k = key[0]", "l = key[key_step]"),
        *_ROUNDS,
        *("w[4 * block] = a", "w[4 * block + 1] = b", "w[4 * block + 2] = c", "w[4 * block + 3] = d"),
    ]


def _fraction(kind: str, drawn: str = "w[i]") -> str:
    """A word as a fraction in [0, 1), with as many of its upper bits as the type holds."""
    held = 24 if kind == "f32" else 53
    return f"{kind}(i64({drawn} >> u64({64 - held}))) * {kind}({2.0**-held!r})"


def _each(line: str) -> list[str]:
    return ["for i in range(n):", f"    y[at + i] = {line}"]


# ---------------------------------------------------------------- keys


@lowering("fold_in", "fold_in_index")
def _(e: Expr, operands: Sequence[Place], result: Place) -> list[Call] | None:
    key, *index = operands
    given: Argument = index[0] if index else _signed(parameters(e)["data"])
    data = "[i64]" if index else "i64"
    text = [
        f"{_PRODUCT}def fold_in(y: [u64], key: [u64], key_step: i64, data: {data}, flag: [i64]):",
        f"    number = {'data[0]' if index else 'data'}",
        *(["    if number < 0:", "        flag[0] = 1"] if index else []),
        *_indented(1, ["a = u64(number)", "b = u64(0)", "c = u64(0)", "d = u64(1) << u64(63)"]),
        *_indented(1, ["k = key[0]", "l = key[key_step]", *_ROUNDS, "y[0] = a", "y[1] = b", ""]),
    ]
    return [Call("\n".join(text), (result, key, key.strides[0], given, Flag()), (e,), parallel=False, work=COST)]


def _signed(number: int) -> int:
    """A number of 64 bits without a sign as the one with a sign that has the same bits."""
    return number - (1 << 64) if number >> 63 else number


# ---------------------------------------------------------------- numbers, each of one word


@_drawing("random_uniform")
def _(e: Expr, operands: Sequence[Place], result: Place, tile: int) -> list[Call] | None:
    given, kind = parameters(e), str(type_name(result.dtype))
    line = f"{_fraction(kind)} * {kind}(width) + {kind}(low)"
    bounds = [("width: f64", given["high"] - given["low"]), ("low: f64", given["low"])]
    return _drawn(e, operands[0], result, tile, _each(line), _floats(bounds))


@_drawing("random_bernoulli")
def _(e: Expr, operands: Sequence[Place], result: Place, tile: int) -> list[Call] | None:
    kind = word(result.dtype)
    if kind is None:
        return None
    line = f"{kind}(one) if (w[i] >> u64(11)) < u64(limit) else {kind}(0)"
    given = [("limit: i64", math.ceil(parameters(e)["p"] * 2**53)), ("one: i64", bits(1, result.dtype))]
    return _drawn(e, operands[0], result, tile, _each(line), given, kind)


@_drawing("random_integers")
def _(e: Expr, operands: Sequence[Place], result: Place, tile: int) -> list[Call] | None:
    given = parameters(e)
    line = f"{type_name(result.dtype)}(upper_product(u64(width), w[i]) + u64(low))"
    bounds = [("width: i64", _signed(given["high"] - given["low"])), ("low: i64", _signed(given["low"] % (1 << 64)))]
    return _drawn(e, operands[0], result, tile, _each(line), bounds)


@_drawing("random_exponential")
def _(e: Expr, operands: Sequence[Place], result: Place, tile: int) -> list[Call] | None:
    kind = str(type_name(result.dtype))
    line = f"-log1p(-({_fraction(kind)})) * {kind}(scale)"
    return _drawn(e, operands[0], result, tile, _each(line), _floats([("scale: f64", parameters(e)["scale"])]))


@_drawing("random_laplace")
def _(e: Expr, operands: Sequence[Place], result: Place, tile: int) -> list[Call] | None:
    kind = str(type_name(result.dtype))
    body = [
        "for i in range(n):",
        f"    distance = -log1p(-({_fraction(kind)}))",
        "    signed = distance if (w[i] & u64(1)) != u64(0) else -distance",
        f"    y[at + i] = signed * {kind}(scale) + {kind}(loc)",
    ]
    return _drawn(e, operands[0], result, tile, body, _loc_and_scale(e))


@_drawing("random_gumbel")
def _(e: Expr, operands: Sequence[Place], result: Place, tile: int) -> list[Call] | None:
    kind = str(type_name(result.dtype))
    line = f"{_gumbel(kind, 'w[i]')} * {kind}(scale) + {kind}(loc)"
    return _drawn(e, operands[0], result, tile, _each(line), _loc_and_scale(e))


def _gumbel(kind: str, drawn: str) -> str:
    """A word as a number of the standard Gumbel distribution."""
    held = 23 if kind == "f32" else 52
    return f"-log(-log(({kind}(i64({drawn} >> u64({64 - held}))) + {kind}(0.5)) * {kind}({2.0**-held!r})))"


def _loc_and_scale(e: Expr) -> list[tuple[str, Argument]]:
    given = parameters(e)
    return _floats([("loc: f64", given["loc"]), ("scale: f64", given["scale"])])


def _floats(given: Sequence[tuple[str, float]]) -> list[tuple[str, Argument]]:
    return [(name, float(value)) for name, value in given]


# ---------------------------------------------------------------- normal numbers

# cosine and sine of an angle from 0 to 2 pi, by Cephes' polynomials on an eighth of the circle (Moshier 1989).
_CIRCLE = """
def eighth(x):
    quarter = rint(x * f32(0.636619772))
    return fma(quarter, f32(4.37113900018624283e-8), fma(quarter, f32(-1.57079637050628662), x))


def near_sine(r):
    s = r * r
    p = fma(fma(f32(-1.9515295891e-4), s, f32(8.3321608736e-3)), s, f32(-1.6666654611e-1))
    return fma(p * s, r, r)


def near_cosine(r):
    s = r * r
    p = fma(fma(f32(2.443315711809948e-5), s, f32(-1.388731625493765e-3)), s, f32(4.166664568298827e-2))
    return fma(p * s, s, fma(s, f32(-0.5), f32(1.0)))


def cosine(x):
    r = eighth(x)
    q = whole(rint(x * f32(0.636619772)))
    made = near_sine(r) if (q & i32(1)) != i32(0) else near_cosine(r)
    return -made if ((q + i32(1)) & i32(2)) != i32(0) else made


def sine(x):
    r = eighth(x)
    q = whole(rint(x * f32(0.636619772)))
    made = near_cosine(r) if (q & i32(1)) != i32(0) else near_sine(r)
    return -made if (q & i32(2)) != i32(0) else made


"""


@_drawing("random_normal")
def _(e: Expr, operands: Sequence[Place], result: Place, tile: int) -> list[Call] | None:
    given, kind = parameters(e), str(type_name(result.dtype))
    cosine, sine = ("cosine", "sine") if kind == "f32" else ("cos", "sin")
    body = [
        f"z = stack({kind}, {tile})",
        "for i in range((n + 1) // 2):",
        f"    radius = sqrt(log({kind}(1) - {_fraction(kind, 'w[2 * i]')}) * {kind}(-2))",
        f"    angle = {_fraction(kind, 'w[2 * i + 1]')} * {kind}({2 * math.pi!r})",
        f"    z[2 * i] = radius * {cosine}(angle)",
        f"    z[2 * i + 1] = radius * {sine}(angle)",
        *_each(f"z[i] * {kind}(stddev) + {kind}(mean)"),
    ]
    numbers = [("mean: f64", given["mean"]), ("stddev: f64", given["stddev"])]
    return _drawn(e, operands[0], result, tile, body, _floats(numbers), before=_CIRCLE if kind == "f32" else "")


@_drawing("random_truncated_normal")
def _(e: Expr, operands: Sequence[Place], result: Place, tile: int) -> list[Call] | None:
    given, kind = parameters(e), str(type_name(result.dtype))
    body = [
        "for i in range(n):",
        f"    centred = ({_fraction('f64')} - 0.5) * {1 - 2 * distributions.TAIL!r}",
        "    near = max(0.180625 - centred * centred, 0.0)",
        f"    middle = centred * ({_horner('near', distributions.A)}) / ({_horner('near', distributions.B)})",
        "    r = sqrt(-log(0.5 - fabs(centred))) - 1.6",
        f"    tail = copysign({_horner('r', distributions.C)}, centred) / ({_horner('r', distributions.D)})",
        "    found = middle if fabs(centred) <= 0.425 else tail",
        f"    y[at + i] = {kind}(max(min(found, 2.0), -2.0) * stddev + mean)",
    ]
    numbers = [("mean: f64", given["mean"]), ("stddev: f64", given["stddev"])]
    return _drawn(e, operands[0], result, tile, body, _floats(numbers))


def _horner(x: str, coefficients: Sequence[float]) -> str:
    """The polynomial with these coefficients, highest power first, at `x`."""
    made = repr(coefficients[0])
    for c in coefficients[1:]:
        made = f"({made}) * {x} + {c!r}"
    return made


# ---------------------------------------------------------------- classes


@_drawing("random_categorical")
def _(e: Expr, operands: Sequence[Place], result: Place, tile: int) -> list[Call] | None:
    key, logits = operands
    steps, kind = steps_of(logits, len(logits.shape) - 1), type_name(logits.dtype)
    if steps is None or kind is None or not result.size:
        return None
    names = "draws: i64, samples: i64, classes: i64, row_step: i64, step: i64"
    text = [
        f"{_PRODUCT}def random_categorical(y: [i64], key: [u64], key_step: i64, logits: [{kind}], {names}):",
        f"    w = stack(u64, {tile})",
        f"    score = stack(f64, {tile})",
        "    for r in range(draws * thread // threads, draws * (thread + 1) // threads):",
        "        row = logits + r // samples * row_step",
        "        first = r * classes // 4",
        "        skip = r * classes - 4 * first",
        "        best = -f64(inf)",
        "        at = 0",
        "        done = 0",
        "        while done < classes:",
        f"            blocks = min({tile // 4}, (skip + classes - done + 3) // 4)",
        "            for block in range(blocks):",
        *_indented(4, _block("first + block")),
        "            n = min(4 * blocks - skip, classes - done)",
        "            for i in range(n):",
        f"                score[i] = f64(row[(done + i) * step]) + ({_gumbel('f64', 'w[skip + i]')})",
        "            for i in range(n):",
        "                if score[i] > best or (score[i] != score[i] and best == best):",
        "                    best = score[i]",
        "                    at = done + i",
        "            done = done + n",
        "            first = first + blocks",
        "            skip = 0",
        "        y[r] = at",
        "",
    ]
    sizes = result.size, parameters(e)["num_samples"] or 1, logits.shape[-1]
    args = (result, key, key.strides[0], logits, *sizes, *steps)
    return [Call("\n".join(text), args, (e,), work=4 * COST * result.size * sizes[2])]
