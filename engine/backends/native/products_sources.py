"""The source of the kernel of matrix products: c = a b, in blocks of a few rows whose sums stay in registers.

A block adds up, for some rows of a and one vector of columns or a pair of them, one term after the other: a number of a
times vectors of b. So b is read along its rows. A panel of it that does not lie so, or whose rows are so far apart that
they fall on the same places of a cache, is packed: first copied row beside row. So are numbers of a.
"""

from __future__ import annotations

from functools import cache
from textwrap import indent

DEPTH = 512  # terms of a panel that is packed
HEIGHT = 256  # rows of a for which it is

# How a panel of b is brought together: the first two copy vectors, of columns or of terms that lie side by side.
_PACKING = {
    "rows": """
def pack(b, bp, bj, k, width, target):
    for p in range(k):
        for q in range(0, {wide}, {lanes}):
            view({vector}, target + (p * {wide} + q))[0] = load_part({vector}, b + (p * bp + q), width - q)
""",
    "columns": """
def pack(b, bp, bj, k, width, target):
    whole = k // {lanes} * {lanes}
    for q in range(0, {wide}, {lanes}):
        for p in range(0, whole, {lanes}):
            source = b + p
            square = target + (p * {wide} + q)
{transposed}
    for p in range(whole, k):
        for q in range({wide}):
            target[p * {wide} + q] = b[p + min(q, width - 1) * bj]
""",
    "numbers": """
def pack(b, bp, bj, k, width, target):
    for p in range(k):
        for q in range({wide}):
            target[p * {wide} + q] = b[p * bp + min(q, width - 1) * bj]
""",
}
_PANEL = """\
pack(b + (first * bp + j * bj), bp, bj, terms, width, work)
panel = work
step = {wide}
"""

_SCATTERED = """
def gather(a, ai, ap, m, k, target):
    for i in range(0, m, {rows}):
        some = target + i * k
        for p in range(k):
            for r in range({rows}):
                some[p * {rows} + r] = a[min(i + r, m - 1) * ai + p * ap]
"""
_FACTORS = """\
gather(at, ai, ap, tall, terms, work + {panel})
at = work + {panel}
beside = 1
below = {rows}
next = terms * {rows}
"""

_ENTRY = """
def multiply(a, b, c, work, m, left, right, n, k, ai, ap, bp, bj):
    for first in range(0, k, {depth}):
        terms = min({depth}, k - first)
        for top in range(0, m, {height}):
            tall = min({height}, m - top)
            at = a + (top * ai + first * ap)
            beside = ai
            below = ap
            next = ai * {rows}
{factors}
            for j in range(left, right, {wide}):
                width = min({wide}, right - j)
                panel = b + (first * bp + j * bj)
                step = bp
{packed}
                for i in range(0, tall, {rows}):
                    factors = at + i // {rows} * next
                    rows = min({rows}, tall - i)
                    target = c + ((top + i) * n + j)
{blocks}


def kernel(a: [{t}], b: [{t}], c: [{t}], work: [{t}], {numbers}):
    low = count * thread // threads if by == 0 else 0
    high = count * (thread + 1) // threads if by == 0 else count
    top = m * thread // threads // {rows} * {rows} if by == 1 else 0
    bottom = m * (thread + 1) // threads // {rows} * {rows} if by == 1 and thread + 1 < threads else m
    left = n * thread // threads // {wide} * {wide} if by == 2 else 0
    right = n * (thread + 1) // threads // {wide} * {wide} if by == 2 and thread + 1 < threads else n
    for which in range(low, high):
{indices}
        x = a + (top * ai + {at_a})
        y = b + {at_b}
        z = c + (top * n + {at_c})
        multiply(x, y, z, work + thread * words, bottom - top, left, right, n, k, ai, ap, bp, bj)
"""
_NUMBERS = ("m", "n", "k", "ai", "ap", "bp", "bj", "by", "words", "count")


@cache
def source(t: str, lanes: int, rows: int, *, pairs: bool, rest: bool, packing: str, scattered: bool, axes: int) -> str:
    """The kernel for numbers of type `t` in vectors of so many, blocks of so many rows, and so many axes of a batch.

    `pairs`: some columns fill a pair of vectors; `rest`: some do not. `packing` says how panels of b are packed, if not
    "", and `scattered` that numbers of a are.
    """
    vector = f"{t}x{lanes}"
    numbers = [*_NUMBERS, *(f"{x}{i}" for i in range(axes) for x in ("n", "a", "b", "c"))]
    form: dict[str, object] = {
        "t": t,
        "vector": vector,
        "lanes": lanes,
        "wide": 2 * lanes,
        "rows": rows,
        "depth": DEPTH,
        "height": HEIGHT,
        "panel": 2 * lanes * DEPTH,
        "transposed": indent(_transposed(vector, lanes), 12 * " "),
        "blocks": indent(_blocks(lanes, pairs=pairs, rest=rest), 20 * " "),
        "numbers": ", ".join(f"{name}: i64" for name in numbers),
        "indices": indent(_indices(axes), 8 * " "),
        **{f"at_{x}": " + ".join(["0", *(f"i{i} * {x}{i}" for i in range(axes))]) for x in "abc"},
    }
    form["packed"] = indent(_PANEL.format(**form), 16 * " ") if packing else ""
    form["factors"] = indent(_FACTORS.format(**form), 12 * " ") if scattered else ""
    parts = [_block("pair", t, vector, rows, 2)] if pairs else []
    if rest:
        parts += [_block("single", t, vector, rows, 1), _block("part", t, vector, rows, 1, part=True)]
    parts += [_PACKING[packing].format(**form)] if packing else []
    parts += [_SCATTERED.format(**form)] if scattered else []
    return "".join((*parts, _ENTRY.format(**form)))


def words(lanes: int, rows: int, *, packing: str, scattered: bool) -> int:
    """How many numbers of working memory each thread needs."""
    tall = -(-HEIGHT // rows) * rows
    return (2 * lanes * DEPTH if packing or scattered else 0) + (tall * DEPTH if scattered else 0)


def _block(name: str, t: str, vector: str, rows: int, columns: int, *, part: bool = False) -> str:
    """A template that computes so many rows and vectors of columns; of a `part`, the first `width` columns.

    Where there are fewer rows, the last is computed again for each that is not there. `more` adds to c.
    """
    sums = [(r, v) for r in range(rows) for v in range(columns)]
    read = f"load_part({vector}, FROM, width)" if part else f"view({vector}, FROM)[V]"
    lines = [f"def {name}(a, ai, ap, rows, b, bp, k, c, n, width, more):"]
    for r in range(rows):
        lines += [f"    a{r} = a + min({r}, rows - 1) * ai", f"    c{r} = c + min({r}, rows - 1) * n"]
    lines += [f"    s{r}_{v} = {vector}({t}(0.0))" for r, v in sums]
    lines += ["    for p in range(k):", "        row = b + p * bp"]
    lines += [f"        b{v} = {read.replace('FROM', 'row').replace('V', str(v))}" for v in range(columns)]
    for r in range(rows):
        lines.append(f"        x = {vector}(a{r}[p * ap])")
        lines += [f"        s{r}_{v} = fma(x, b{v}, s{r}_{v})" for v in range(columns)]
    lines.append("    if more != 0:")
    lines += [f"        s{r}_{v} += {read.replace('FROM', f'c{r}').replace('V', str(v))}" for r, v in sums]
    for r, v in sums:
        whole = f"view({vector}, c{r})[{v}] = s{r}_{v}"
        lines.append(f"    {f'store_part(c{r}, s{r}_{v}, width)' if part else whole}")
    return "\n".join([*lines, "", "", ""])


def _blocks(lanes: int, *, pairs: bool, rest: bool) -> str:
    """The blocks of a panel of `width` columns, for some rows."""
    pair = "pair(factors, beside, below, rows, panel, step, terms, target, n, width, first)"
    one = "NAME(factors, beside, below, rows, panel + q, step, terms, target + q, n, width - q, first)"
    singles = [
        f"for q in range(0, width, {lanes}):",
        f"    if width - q >= {lanes}:",
        f"        {one.replace('NAME', 'single')}",
        "    else:",
        f"        {one.replace('NAME', 'part')}",
    ]
    if not rest:
        return pair
    if pairs:
        singles = [f"if width == {2 * lanes}:", f"    {pair}", "else:", *(f"    {line}" for line in singles)]
    return "\n".join(singles)


def _transposed(vector: str, lanes: int) -> str:
    """A square of numbers whose rows lie `bj` apart, from column q on, transposed: zipped as often as it has halves."""
    lines = [f"r0_{i} = view({vector}, source + min(q + {i}, width - 1) * bj)[0]" for i in range(lanes)]
    turns = lanes.bit_length() - 1
    for turn in range(turns):
        for i in range(lanes // 2):
            two = f"(r{turn}_{i}, r{turn}_{i + lanes // 2})"
            lines += [f"r{turn + 1}_{2 * i} = zip_low{two}", f"r{turn + 1}_{2 * i + 1} = zip_high{two}"]
    lines += [f"view({vector}, square)[{2 * i}] = r{turns}_{i}" for i in range(lanes)]
    return "\n".join(lines)


def _indices(axes: int) -> str:
    """Which matrix of a batch it is along each axis."""
    lines, rest = [], "which"
    for i in reversed(range(axes)):
        lines += [f"i{i} = {rest} % n{i}", f"rest{i} = {rest} // n{i}"]
        rest = f"rest{i}"
    return "\n".join(lines)
