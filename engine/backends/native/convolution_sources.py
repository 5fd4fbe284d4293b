"""The source of the kernels of convolution: the copy of an image, the order of the filters, and the loops over tiles.

`table` holds numbers that were worked out beforehand: where windows, their elements and the results lie.
"""

from __future__ import annotations

from collections.abc import Sequence

PADDING = """
def zero(target, count):
    # a multiple of {lanes}
    for i in range(0, count, {lanes}):
        view({vector}, target + i)[0] = {vector}({t}(0.0))


def bring(x, target, zd, zh, zw, od, oh, ow, ed, eh, ew, channels, xd, xh, xw, xc):
    # the image x, of sizes z, from element o on, into the middle of zeros of sizes e
    first = max(0, -ow)
    last = min(ew, zw - ow)
    for d in range(max(0, -od), min(ed, zd - od)):
        for h in range(max(0, -oh), min(eh, zh - oh)):
            source = x + ((d + od) * xd + (h + oh) * xh + (first + ow) * xw)
            row = target + ((d * eh + h) * ew + first) * channels
            if xc == 1 and xw == channels:
                if first < last:
                    copy(row, source, (last - first) * channels)
            else:
                for w in range(last - first):
                    for c in range(channels):
                        row[w * channels + c] = source[w * xw + c * xc]
"""

# A vector of filters for each place, one after the other, with zeros behind the last filter.
PACK_FILTERS = """
def pack(x, places, many, width, xc, xf, target):
    for k in range(many):
        source = x + places[k]
        some = target + k * {lanes}
        if xf == 1 and width == {lanes}:
            copy(some, source, {lanes})
        else:
            view({vector}, some)[0] = {vector}({t}(0.0))
            for f in range(width):
                some[f] = source[f * xf]
"""

# A vector of channels for each place and filter.
PACK_CHANNELS = """
def pack(x, places, many, width, xc, xf, target):
    for k in range(many):
        for f in range(width):
            source = x + (places[k] + f * xf)
            some = target + (k * width + f) * {lanes}
            for c in range({lanes}):
                some[c] = source[c * xc]
"""

# The table begins with six numbers for each phase: how many terms a sum has, how many windows there are, and where the
# tables of origins (of the terms, in the kernel), of offsets (of the terms, from a window's beginning), of places (of
# the windows) and of results lie. Then for each chunk: the phase, and its windows from the first to behind the last.
ENTRY = """
def kernel(x: [{t}], w: [{t}], y: [{t}], table: [i64], work: [{t}], {numbers}):
    padded = work + thread * words
    packed = padded + image_words
    low = groups * panels * thread // threads if by_filters != 0 else 0
    high = groups * panels * (thread + 1) // threads if by_filters != 0 else groups * panels
    begin = 0 if by_filters != 0 else batch * chunks * thread // threads
    end = batch * chunks if by_filters != 0 else batch * chunks * (thread + 1) // threads
    if copied != 0:
        zero(padded, image_words)
    target = packed
    for phase in range(phases):
        head = table + phase * 6
        for panel in range(low, high):
            first = panel % panels * {wide}
            source = w + (panel // panels * wg + first * wf)
            pack(source, table + head[2], head[0], min({wide}, filters - first), wc, wf, target)
            target = target + head[0] * {size}
    now = -1
    for item in range(begin, end):
        n = item // chunks
        image = x + (n * xn + od * xd + oh * xh + ow * xw)
        if copied != 0:
            if n != now:
                bring(x + n * xn, padded, zd, zh, zw, od, oh, ow, ed, eh, ew, total, xd, xh, xw, xc)
                now = n
            image = padded
        chunk = table + (phases * 6 + item % chunks * 3)
        factors = packed
        for phase in range(chunk[0]):
            factors = factors + table[phase * 6] * (high - low) * {size}
        head = table + chunk[0] * 6
        terms = head[0]
        last = head[1] - 1
        offsets = table + head[3]
        places = table + head[4]
        results = table + head[5]
        for panel in range(low, high):
            first = panel % panels * {wide}
            source = image + {under}
            target = y + (n * yn + panel // panels * filters + first)
            width = min({wide}, filters - first)
            for top in range(chunk[1], chunk[2], {rows}):
                multiply(source, places, results, top, last, offsets, terms, factors, target, width)
            factors = factors + terms * {size}
"""

# The table holds the places of all windows, where their gradients lie, the numbers 0, {lanes}, ... for a slab of
# windows, and the offsets of the terms from a window's beginning.
FILTER_ENTRY = """
def kernel(x: [{t}], g: [{t}], w: [{t}], table: [i64], work: [{t}], {numbers}):
    padded = work + thread * words
    slab = padded + image_words
    sums = slab + {slab} * {lanes}
    results = table + count
    steps = results + count
    offsets = steps + {slab}
    blocks = (terms + {rows} - 1) // {rows}
    low = groups * panels * blocks * thread // threads
    high = groups * panels * blocks * (thread + 1) // threads
    zero(sums, (high - low) * {rows} * {lanes})
    if copied != 0:
        zero(padded, image_words)
    for n in range(batch):
        image = x + (n * xn + od * xd + oh * xh + ow * xw)
        if copied != 0:
            bring(x + n * xn, padded, zd, zh, zw, od, oh, ow, ed, eh, ew, total, xd, xh, xw, xc)
            image = padded
        for begin in range(0, count, {slab}):
            many = min({slab}, count - begin)
            now = -1
            sum = sums
            for item in range(low, high):
                panel = item // blocks
                first = panel % panels * {lanes}
                column = g + (n * gn + (panel // panels * filters + first) * gc)
                rows = results + begin
                if gathered != 0:
                    if panel != now:
                        pack(column, rows, many, min({lanes}, filters - first), 0, gc, slab)
                        now = panel
                    column = slab
                    rows = steps
                source = image + {under}
                accumulate(source, offsets, item % blocks * {rows}, terms - 1, table + begin, column, rows, many, sum)
                sum = sum + {rows} * {lanes}
    for item in range(low, high):
        panel = item // blocks
        first = panel % panels * {lanes}
        top = item % blocks * {rows}
        for i in range(min({rows}, terms - top)):
            target = w + ((top + i) * groups * filters + panel // panels * filters + first)
            for f in range(min({lanes}, filters - first)):
                target[f] = sums[((item - low) * {rows} + i) * {lanes} + f]
"""

# With few filters the vectors are of channels, and a term is a vector of them.
CHANNEL_FILTER_ENTRY = """
def kernel(x: [{t}], g: [{t}], w: [{t}], table: [i64], work: [{t}], {numbers}):
    padded = work + thread * words
    sums = padded + image_words
    results = table + count
    offsets = results + count + {slab}
    low = groups * terms * thread // threads
    high = groups * terms * (thread + 1) // threads
    zero(sums, (high - low) * filters * {lanes})
    if copied != 0:
        zero(padded, image_words)
    for n in range(batch):
        image = x + (n * xn + od * xd + oh * xh + ow * xw)
        if copied != 0:
            bring(x + n * xn, padded, zd, zh, zw, od, oh, ow, ed, eh, ew, total, xd, xh, xw, xc)
            image = padded
        for begin in range(0, count, {slab}):
            many = min({slab}, count - begin)
            sum = sums
            for item in range(low, high):
                source = image + (item // terms * channels + offsets[item % terms])
                column = g + (n * gn + item // terms * filters * gc)
                accumulate(source, table + begin, column, results + begin, gc, many, sum)
                sum = sum + filters * {lanes}
    for item in range(low, high):
        target = w + (item % terms * {lanes} * groups * filters + item // terms * filters)
        for c in range({lanes}):
            for f in range(filters):
                target[c * groups * filters + f] = sums[((item - low) * filters + f) * {lanes} + c]
"""


def multiply(t: str, lanes: int, rows: int, *, channelwise: bool) -> str:
    """The template that computes a tile: `rows` windows by a vector of filters.

    Each filter sees all channels, or (`channelwise`) its own. Behind the last window it is taken again: the same number
    is written twice. Of a vector that goes beyond the last filter, only the first `width` numbers are written.
    """
    each, vector = range(rows), f"{t}x{lanes}"
    lines = [f"x{i} = x + places[min(first + {i}, last)]" for i in each]
    lines += [f"sum{i} = {vector}({t}(0.0))" for i in each]
    lines += ["for k in range(terms):", "    at = offsets[k]", f"    factor = view({vector}, weights)[k]"]
    for i in each:
        read = f"view({vector}, x{i} + at)[0]" if channelwise else f"{vector}(x{i}[at])"
        lines.append(f"    sum{i} = fma({read}, factor, sum{i})")
    lines += [f"if width == {lanes}:"]
    lines += [f"    view({vector}, y + results[min(first + {i}, last)])[0] = sum{i}" for i in each]
    lines += ["else:", f"    kept = stack({t}, {rows * lanes})"]
    lines += [f"    view({vector}, kept)[{i}] = sum{i}" for i in each]
    lines += [
        f"    for i in range(min({rows}, last - first + 1)):",
        "        target = y + results[first + i]",
        "        for f in range(width):",
        f"            target[f] = kept[i * {lanes} + f]",
    ]
    return _function("multiply(x, places, results, first, last, offsets, terms, weights, y, width)", lines)


def multiply_channels(t: str, lanes: int, rows: int, filters: int) -> str:
    """The template that computes `rows` windows by a few filters, each a sum of vectors of channels."""
    tile, vector = [(i, f) for i in range(rows) for f in range(filters)], f"{t}x{lanes}"
    lines = [f"x{i} = x + places[min(first + {i}, last)]" for i in range(rows)]
    lines += [f"sum{i}_{f} = {vector}({t}(0.0))" for i, f in tile]
    lines += ["for k in range(terms):", "    at = offsets[k]"]
    lines += [f"    factor{f} = view({vector}, weights)[k * {filters} + {f}]" for f in range(filters)]
    for i in range(rows):
        lines.append(f"    some = view({vector}, x{i} + at)[0]")
        lines += [f"    sum{i}_{f} = fma(some, factor{f}, sum{i}_{f})" for f in range(filters)]
    lines.append(f"kept = stack({t}, {len(tile) * lanes})")
    lines += [f"view({vector}, kept)[{i * filters + f}] = sum{i}_{f}" for i, f in tile]
    lines += [
        f"for i in range(min({rows}, last - first + 1)):",
        "    target = y + results[first + i]",
        f"    for f in range({filters}):",
        f"        target[f] = total(kept + (i * {filters} + f) * {lanes})",
    ]
    head = _function("total(x)", [f"return {_summed([f'x[{i}]' for i in range(lanes)])}"])
    return head + _function("multiply(x, places, results, first, last, offsets, terms, weights, y, width)", lines)


def _summed(terms: Sequence[str]) -> str:
    """A sum by halves."""
    if len(terms) == 1:
        return terms[0]
    half = len(terms) // 2
    return f"({_summed(terms[:half])} + {_summed(terms[half:])})"


def accumulate(t: str, lanes: int, rows: int, *, channelwise: bool) -> str:
    """The template that adds to a tile of the kernel's gradient: `rows` elements of a window by a vector of filters."""
    each, vector = range(rows), f"{t}x{lanes}"
    lines = [f"offset{i} = offsets[min(first + {i}, last)]" for i in each]
    lines += [f"sum{i} = view({vector}, sums)[{i}]" for i in each]
    lines += ["for p in range(many):", "    at = x + places[p]", f"    factor = view({vector}, g + results[p])[0]"]
    for i in each:
        read = f"view({vector}, at + offset{i})[0]" if channelwise else f"{vector}(at[offset{i}])"
        lines.append(f"    sum{i} = fma({read}, factor, sum{i})")
    lines += [f"view({vector}, sums)[{i}] = sum{i}" for i in each]
    return _function("accumulate(x, offsets, first, last, places, g, results, many, sums)", lines)


def accumulate_channels(t: str, lanes: int, filters: int) -> str:
    """The template that adds to the gradient of a few filters at a vector of channels."""
    each, vector = range(filters), f"{t}x{lanes}"
    lines = [f"sum{f} = view({vector}, sums)[{f}]" for f in each]
    lines += ["for p in range(many):", f"    some = view({vector}, x + places[p])[0]", "    at = g + results[p]"]
    lines += [f"    sum{f} = fma({vector}(at[{f} * gc]), some, sum{f})" for f in each]
    lines += [f"view({vector}, sums)[{f}] = sum{f}" for f in each]
    return _function("accumulate(x, places, g, results, gc, many, sums)", lines)


def _function(head: str, lines: Sequence[str]) -> str:
    return "\n".join([f"def {head}:", *(f"    {line}" for line in lines), ""])
