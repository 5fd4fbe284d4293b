"""The source of the kernels of convolution by short transforms.

A polynomial of degree 5 is known by its values at 0, a, -a, b and -b and by its first coefficient. So along one axis,
six elements of a tensor and a window of `r` give the 7 - r results between them by six products instead of r (7 - r):
results = A' ((G window) * (B' elements)), where A and G take powers of the points and B' undoes them. Each is applied
along both axes of an image. See S. Winograd, Arithmetic complexity of computations, 1980; A. Lavin and S. Gray, Fast
algorithms for convolutional neural networks, 2016.

The usual points, 1 and 2, lose three bits. With a b = 1 no entry of a matrix is far from 1: with a = sqrt(1/2) and
b = sqrt(2) the error is about twice that of the plain sum.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt
from typing import TypeAlias

POINTS = 6  # numbers along one axis of a transformed tile
PLANES = POINTS * POINTS
NEAR, FAR = sqrt(1 / 2), sqrt(2)  # a and b; their squares, 1/2 and 2, are exact
SCALES = (1.0, -2 / 3, -2 / 3, 1 / 6, 1 / 6, 1.0)  # 1 / product of (p - q) over the other points q

_Step: TypeAlias = Callable[[Sequence[str], str], list[str]]  # lines that make numbers of that name from others


def _times(value: str, factor: float, plus: str = "") -> str:
    if factor == 1:
        return f"{value} + {plus}" if plus else value
    return f"fma({value}, {factor!r}, {plus})" if plus else f"{value} * {factor!r}"


def _terms(values: Sequence[str], first: int, square: float) -> str:
    """Every second of `values` from `first` on, times the powers of `square`."""
    text = ""
    for k, value in reversed(list(enumerate(values[first::2]))):
        text = _times(value, square**k, text)
    return text


def _evaluated(y: Sequence[str], name: str) -> list[str]:
    """Lines that give `name`0 to `name`5: the polynomial with coefficients `y` at the points (A)."""
    lines = [f"{name}0 = {y[0]}", f"{name}5 = {y[-1]}"]
    for k, point in ((1, NEAR), (3, FAR)):
        square = round(point**2, 9)
        lines += [f"even = {_terms(y, 0, square)}", f"odd = {_terms(y, 1, square)}"]
        lines += [f"{name}{k} = fma(odd, {point!r}, even)", f"{name}{k + 1} = fma(odd, {-point!r}, even)"]
    return lines


def _collected(v: Sequence[str], name: str, count: int) -> list[str]:
    """Lines that give `name`0 on: sums of six values, times powers of their points (A', the reverse of A)."""
    lines = [f"even = {v[1]} + {v[2]}", f"odd = {v[1]} - {v[2]}", f"evens = {v[3]} + {v[4]}", f"odds = {v[3]} - {v[4]}"]
    for k in range(count):
        near, far = (round(p ** (k - k % 2), 9) * (p if k % 2 else 1.0) for p in (NEAR, FAR))
        a, b = ("odd", "odds") if k % 2 else ("even", "evens")
        text = v[0] if k == 0 else v[5] if k == count - 1 else ""
        lines.append(f"{name}{k} = {_times(b, far, _times(a, near, text))}")
    return lines


def _turned(w: Sequence[str], name: str) -> list[str]:
    """Lines that give `name`0 to `name`5: the polynomial with coefficients `w` at the points, scaled (G)."""
    scaled = [f"{name}{k} = {_times(f'{name}{k}', scale)}" for k, scale in enumerate(SCALES) if scale != 1]
    return [*_evaluated(w, name), *scaled]


def _restored(v: Sequence[str], name: str, count: int) -> list[str]:
    """Lines that give `name`0 on: the reverse of G."""
    scaled = [f"s{k} = {_times(x, scale)}" for k, (x, scale) in enumerate(zip(v, SCALES, strict=True))]
    return [*scaled, *_collected(_names("s"), name, count)]


def _undone(d: Sequence[str], name: str) -> list[str]:
    """Lines that give `name`0 to `name`5: what the sums of products are undone by (B')."""
    return [
        f"{name}0 = fma({d[2]}, -2.5, {d[0]} + {d[4]})",
        f"even = fma({d[2]}, -2.0, {d[4]})",
        f"odd = fma({d[1]}, -2.0, {d[3]})",
        f"{name}1 = fma(odd, {NEAR!r}, even)",
        f"{name}2 = fma(odd, {-NEAR!r}, even)",
        f"even = fma({d[2]}, -0.5, {d[4]})",
        f"odd = fma({d[1]}, -0.5, {d[3]})",
        f"{name}3 = fma(odd, {FAR!r}, even)",
        f"{name}4 = fma(odd, {-FAR!r}, even)",
        f"{name}5 = fma({d[3]}, -2.5, {d[1]} + {d[5]})",
    ]


def _scattered(q: Sequence[str], name: str) -> list[str]:
    """Lines that give `name`0 to `name`5: what each of six elements had a part in (B, the reverse of B')."""
    return [
        f"even = {q[1]} + {q[2]}",
        f"odd = ({q[1]} - {q[2]}) * {NEAR!r}",
        f"evens = {q[3]} + {q[4]}",
        f"odds = ({q[3]} - {q[4]}) * {FAR!r}",
        f"{name}0 = {q[0]}",
        f"{name}1 = fma(odd, -2.0, fma(odds, -0.5, {q[5]}))",
        f"{name}2 = fma({q[0]}, -2.5, fma(even, -2.0, evens * -0.5))",
        f"{name}3 = fma({q[5]}, -2.5, odd + odds)",
        f"{name}4 = {q[0]} + (even + evens)",
        f"{name}5 = {q[5]}",
    ]


def _function(head: str, lines: Sequence[str]) -> str:
    return "\n".join([f"def {head}:", *(f"    {line}" for line in lines), ""])


def _names(name: str, count: int = POINTS) -> list[str]:
    return [f"{name}{i}" for i in range(count)]


READ_TENSOR = "view({vector}, x + ({i} * sh + j * sw))[0]"
READ_PLANES = "view({vector}, m + ({i} * 6 + j) * plane)[0]"
WRITE_PLANES = ["view({vector}, target + (i * 6 + {k}) * plane)[0] = v{k}"]


def _both(
    t: str,
    lanes: int,
    step: _Step,
    counts: tuple[int, int],
    read: str,
    write: Sequence[str],
    before: Sequence[str] = (),
) -> list[str]:
    """Lines that do `step` along both axes of a tile: it makes `counts[1]` of `counts[0]` numbers.

    `read` is what reads number {i} of column j, `write` the lines that write v{k}, number {k} of row i.
    """
    few, many = counts
    vector = f"{t}x{lanes}"
    lines = [*before, f"kept = stack({t}, {few * many * lanes})", f"for j in range({few}):"]
    lines += [f"    d{i} = " + read.format(vector=vector, i=i) for i in range(few)]
    lines += [f"    {line}" for line in step(_names("d", few), "v")]
    lines += [f"    view({vector}, kept)[{i * few} + j] = v{i}" for i in range(many)]
    lines += [f"for i in range({many}):", f"    row = kept + i * {few * lanes}"]
    lines += [f"    d{k} = view({vector}, row)[{k}]" for k in range(few)]
    lines += [f"    {line}" for line in step(_names("d", few), "v")]
    lines += [f"    {line.format(vector=vector, k=k)}" for k in range(many) for line in write]
    return lines


def spread(t: str, lanes: int) -> str:
    """The template that transforms a tile of a tensor: B' d B."""
    lines = _both(t, lanes, _undone, (POINTS, POINTS), READ_TENSOR, WRITE_PLANES)
    return _function("spread(x, sh, sw, target, plane)", lines)


def evaluate(t: str, lanes: int, count: int) -> str:
    """The template that transforms a tile of the gradient: A g A'."""
    lines = _both(t, lanes, _evaluated, (count, POINTS), READ_TENSOR, WRITE_PLANES)
    return _function("evaluate(x, sh, sw, target, plane)", lines)


def turn(t: str, lanes: int, count: int) -> str:
    """The template that transforms a vector of filters for one channel: G w G'."""
    before = [
        f"given = stack({t}, {count * count * lanes})",
        f"for h in range({count}):",
        f"    for k in range({count}):",
        "        source = w + (h * wh + k * ww)",
        f"        for f in range({lanes}):",
        f"            given[(h * {count} + k) * {lanes} + f] = source[f * wf]",
    ]
    read = f"view({{vector}}, given)[{{i}} * {count} + j]"
    lines = _both(t, lanes, _turned, (count, POINTS), read, WRITE_PLANES, before)
    return _function("turn(w, wh, ww, wf, target, plane)", lines)


def collect(t: str, lanes: int, count: int) -> str:
    """The template that gives a tile of results: A' m A. Those beyond `nh` rows and `nw` columns are not written."""
    write = ["if i < nh and {k} < nw:", "    view({vector}, y + (i * yh + {k} * yw))[0] = v{k}"]
    lines = _both(t, lanes, lambda v, name: _collected(v, name, count), (POINTS, count), READ_PLANES, write)
    return _function("collect(m, plane, y, yh, yw, nh, nw)", lines)


def scatter(t: str, lanes: int) -> str:
    """The template that adds a tile of the gradient to a tensor: B m B'."""
    write = ["at = view({vector}, x + (i * sh + {k} * sw))", "at[0] = at[0] + v{k}"]
    lines = _both(t, lanes, _scattered, (POINTS, POINTS), READ_PLANES, write)
    return _function("scatter(m, plane, x, sh, sw)", lines)


def restore(t: str, lanes: int, count: int) -> str:
    """The template that gives the gradient of a vector of filters for one channel: G' m G."""
    write = ["view({vector}, w + (i * wh + {k} * ww))[0] = v{k}"]
    lines = _both(t, lanes, lambda v, name: _restored(v, name, count), (POINTS, count), READ_PLANES, write)
    return _function("restore(m, plane, w, wh, ww)", lines)


def multiply(t: str, lanes: int, rows: int) -> str:
    """The template that multiplies: `rows` tiles, rows of `count` numbers, by a vector for each number."""
    each, vector = range(rows), f"{t}x{lanes}"
    lines = [f"x{i} = x + {i} * count" for i in each]
    lines += [f"sum{i} = {vector}({t}(0.0))" for i in each]
    lines += ["for c in range(count):", f"    factor = view({vector}, w)[c]"]
    lines += [f"    sum{i} = fma({vector}(x{i}[c]), factor, sum{i})" for i in each]
    lines += [f"view({vector}, target + {i} * width)[0] = sum{i}" for i in each]
    return _function("multiply(x, count, w, target, width)", lines)


def accumulate(t: str, lanes: int, rows: int) -> str:
    """The template that adds to sums: `rows` numbers of each of `many` tiles by a vector of each of as many."""
    each, vector = range(rows), f"{t}x{lanes}"
    lines = [f"sum{i} = view({vector}, target + {i} * width)[0]" for i in each]
    lines += [
        "for tile in range(many):",
        "    at = x + tile * depth",
        f"    factor = view({vector}, g + tile * width)[0]",
    ]
    lines += [f"    sum{i} = fma({vector}(at[{i}]), factor, sum{i})" for i in each]
    lines += [f"view({vector}, target + {i} * width)[0] = sum{i}" for i in each]
    return _function("accumulate(x, depth, g, many, target, width)", lines)


# The table has four numbers for each tile: where its elements lie, where its results lie, and how many rows and columns
# of results there are from there on. Planes of memory are a vector more than full apart, so that they do not all fall
# on the same lines of a cache.
ENTRY = """
def kernel(x: [{t}], w: [{t}], y: [{t}], table: [i64], work: [{t}], {numbers}):
    low = filters // {lanes} * thread // threads if by_filters != 0 else 0
    high = filters // {lanes} * (thread + 1) // threads if by_filters != 0 else filters // {lanes}
    begin = 0 if by_filters != 0 else batch * chunks * thread // threads
    end = batch * chunks if by_filters != 0 else batch * chunks * (thread + 1) // threads
    width = (high - low) * {lanes}
    padded = work + thread * words
    turned = padded + image_words
    turned_plane = width * channels + {lanes}
    tiles = turned + {planes} * (filters * channels + {lanes})
    tiles_plane = chunk * channels + {lanes}
    products = tiles + {planes} * tiles_plane
    products_plane = chunk * width + {lanes}
    if copied != 0:
        zero(padded, image_words)
    if begin < end:
        for panel in range(high - low):
            for c in range(channels):
                source = w + (c * wc + (low + panel) * {lanes} * wf)
                turn(source, wh, ww, wf, turned + (panel * channels + c) * {lanes}, turned_plane)
    now = -1
    for item in range(begin, end):
        n = item // chunks
        image = x + (n * xn + oh * xh + ow * xw)
        if copied != 0:
            if n != now:
                bring(x + n * xn, padded, 1, zh, zw, 0, oh, ow, 1, eh, ew, channels, 0, xh, xw, xc)
                now = n
            image = padded
        first = item % chunks * chunk
        many = min(chunk, count - first)
        for tile in range(many):
            source = image + table[(first + tile) * 4]
            for c in range(0, channels, {lanes}):
                spread(source + c, sh, sw, tiles + (tile * channels + c), tiles_plane)
        for plane in range({planes}):
            for panel in range(high - low):
                factors = turned + (plane * turned_plane + panel * channels * {lanes})
                target = products + (plane * products_plane + panel * {lanes})
                for tile in range(0, many, {rows}):
                    source = tiles + (plane * tiles_plane + tile * channels)
                    multiply(source, channels, factors, target + tile * width, width)
        for tile in range(many):
            entry = table + (first + tile) * 4
            target = y + (n * yn + entry[1] + low * {lanes})
            for f in range(0, width, {lanes}):
                source = products + (tile * width + f)
                collect(source, products_plane, target + f, yh, filters, entry[2], entry[3])
"""

INPUT_ENTRY = """
def kernel(g: [{t}], w: [{t}], x: [{t}], table: [i64], work: [{t}], {numbers}):
    low = channels // {lanes} * thread // threads if by_channels != 0 else 0
    high = channels // {lanes} * (thread + 1) // threads if by_channels != 0 else channels // {lanes}
    begin = 0 if by_channels != 0 else batch * thread // threads
    end = batch if by_channels != 0 else batch * (thread + 1) // threads
    width = (high - low) * {lanes}
    padded = work + thread * words
    canvas = padded + g_words
    turned = canvas + eh * ew * channels
    turned_plane = width * filters + {lanes}
    tiles = turned + {planes} * (filters * channels + {lanes})
    tiles_plane = chunk * filters + {lanes}
    products = tiles + {planes} * tiles_plane
    products_plane = chunk * width + {lanes}
    if g_copied != 0:
        zero(padded, g_words)
    if begin < end:
        for panel in range(high - low):
            for f in range(filters):
                source = w + (f * wf + (low + panel) * {lanes} * wc)
                turn(source, wh, ww, wc, turned + (panel * filters + f) * {lanes}, turned_plane)
    for n in range(begin, end):
        results = g + n * gn
        if g_copied != 0:
            bring(results, padded, 1, nh, nw, 0, 0, 0, 1, fh, fw, filters, 0, gh, gw, gc)
            results = padded
        zero(canvas, eh * ew * width)
        for first in range(0, count, chunk):
            many = min(chunk, count - first)
            for tile in range(many):
                source = results + table[(first + tile) * 4 + 1]
                for f in range(0, filters, {lanes}):
                    evaluate(source + f, rh, rw, tiles + (tile * filters + f), tiles_plane)
            for plane in range({planes}):
                for panel in range(high - low):
                    factors = turned + (plane * turned_plane + panel * filters * {lanes})
                    target = products + (plane * products_plane + panel * {lanes})
                    for tile in range(0, many, {rows}):
                        source = tiles + (plane * tiles_plane + tile * filters)
                        multiply(source, filters, factors, target + tile * width, width)
            for tile in range(many):
                target = canvas + table[(first + tile) * 4] * width
                for c in range(0, width, {lanes}):
                    scatter(products + (tile * width + c), products_plane, target + c, ew * width, width)
        crop(canvas, eh, ew, oh, ow, x + (n * zh * zw * channels + low * {lanes}), zh, zw, width, channels)
"""

CROP = """
def crop(canvas, eh, ew, oh, ow, x, zh, zw, width, channels):
    # the part of the canvas that is not padding; zeros where no window was
    for h in range(zh):
        for v in range(zw):
            target = x + (h * zw + v) * channels
            source = canvas + ((h - oh) * ew + (v - ow)) * width
            if h >= oh and h < oh + eh and v >= ow and v < ow + ew:
                copy(target, source, width)
            else:
                zero(target, width)
"""

FILTER_ENTRY = """
def kernel(x: [{t}], g: [{t}], w: [{t}], table: [i64], work: [{t}], {numbers}):
    low = filters // {lanes} * thread // threads if by_filters != 0 else 0
    high = filters // {lanes} * (thread + 1) // threads if by_filters != 0 else filters // {lanes}
    begin = 0 if by_filters != 0 else channels // {lanes} * thread // threads
    end = channels // {lanes} if by_filters != 0 else channels // {lanes} * (thread + 1) // threads
    width = (high - low) * {lanes}
    depth = (end - begin) * {lanes}
    padded = work + thread * words
    padded_g = padded + image_words
    tiles = padded_g + g_words
    tiles_plane = chunk * depth + {lanes}
    given = tiles + {planes} * tiles_plane
    given_plane = chunk * width + {lanes}
    sums = given + {planes} * given_plane
    sums_plane = depth * width + {lanes}
    if copied != 0:
        zero(padded, image_words)
    if g_copied != 0:
        zero(padded_g, g_words)
    zero(sums, {planes} * sums_plane)
    for n in range(batch if depth * width > 0 else 0):
        image = x + (n * xn + oh * xh + ow * xw)
        if copied != 0:
            bring(x + n * xn, padded, 1, zh, zw, 0, oh, ow, 1, eh, ew, channels, 0, xh, xw, xc)
            image = padded
        results = g + n * gn
        if g_copied != 0:
            bring(results, padded_g, 1, nh, nw, 0, 0, 0, 1, fh, fw, filters, 0, gh, gw, gc)
            results = padded_g
        for first in range(0, count, chunk):
            many = min(chunk, count - first)
            for tile in range(many):
                entry = table + (first + tile) * 4
                source = image + (entry[0] + begin * {lanes})
                for c in range(0, depth, {lanes}):
                    spread(source + c, sh, sw, tiles + (tile * depth + c), tiles_plane)
                source = results + (entry[1] + low * {lanes})
                for f in range(0, width, {lanes}):
                    evaluate(source + f, rh, rw, given + (tile * width + f), given_plane)
            for plane in range({planes}):
                for c in range(0, depth, {rows}):
                    source = tiles + (plane * tiles_plane + c)
                    target = sums + (plane * sums_plane + c * width)
                    for f in range(0, width, {lanes}):
                        accumulate(source, depth, given + (plane * given_plane + f), many, target + f, width)
    for c in range(depth):
        target = w + ((begin * {lanes} + c) * filters + low * {lanes})
        for f in range(0, width, {lanes}):
            restore(sums + (c * width + f), sums_plane, target + f, {window} * channels * filters, channels * filters)
"""
