"""The source of the kernels of pooling: what is done under one window, and the loops over windows.

A window takes an array that goes with the windows or with the tensor (`g`), the tensor (`x`), what is written (`y`),
its first taps and those behind its last (d0 to d1, h0 to h1, w0 to w1), how far apart taps lie in the one array (`gd`,
...) and in the other (`sd`, ...), and what a sum is divided by. There are up to four templates of it: for a vector of
channels and for one channel, for windows that have all their taps, written out one by one, and for others, with loops.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product


@dataclass(frozen=True, slots=True)
class Body:
    """What is done under a window: lines before, for each tap, and after that."""

    before: Sequence[str]
    tap: Sequence[str]
    after: Sequence[str] = ()


LARGEST = [
    Body(
        ["made = {kind}({t}({lowest}))"],
        ["made = max(made, view({kind}, x + (d * sd + h * sh + w * sw))[0])"],
        ["view({kind}, y)[0] = made"],
    )
]

MEAN = [
    Body(
        ["made = {kind}({t}(0.0))"],
        ["made = made + view({kind}, x + (d * sd + h * sh + w * sw))[0]"],
        ["view({kind}, y)[0] = made / {kind}({t}(share))"],
    )
]

# Which tap has the maximum: of equals the first, of a window with a NaN none.
_WHICH = Body(
    [
        "which = {kind}({t}((d0 * {high} + h0) * {wide} + w0))",
        "most = {kind}({t}(-inf))",
        "nothing = most != most",
    ],
    [
        "value = view({kind}, x + (d * sd + h * sh + w * sw))[0]",
        "more = value > most",
        "which = where(more, {kind}({t}((d * {high} + h) * {wide} + w)), which)",
        "most = where(more, value, most)",
        "nothing = nothing | (value != value)",
    ],
    ["which = where(nothing, {kind}({t}(-1.0)), which)"],
)

SELECT = [
    _WHICH,
    Body(
        ["made = {kind}({t}(0.0))"],
        [
            "value = view({kind}, g + (d * gd + h * gh + w * gw))[0]",
            "made = where(which == {kind}({t}((d * {high} + h) * {wide} + w)), value, made)",
        ],
        ["view({kind}, y)[0] = made"],
    ),
]

LARGEST_BACK = [
    _WHICH,
    Body(
        ["given = view({kind}, g)[0]"],
        [
            "target = view({kind}, y + (d * gd + h * gh + w * gw))",
            "part = where(which == {kind}({t}((d * {high} + h) * {wide} + w)), given, {kind}({t}(0.0)))",
            "target[0] = {sum}part",
        ],
    ),
]

MEAN_BACK = [
    Body(
        ["part = view({kind}, g)[0] / {kind}({t}(share))"],
        ["target = view({kind}, y + (d * gd + h * gh + w * gw))", "target[0] = {sum}part"],
    )
]


def window(name: str, bodies: Sequence[Body], sizes: tuple[int, int, int] | None) -> str:
    """The template of a window; with `sizes`, of one that has all its taps."""
    lines = [f"def {name}(g, x, y, d0, d1, h0, h1, w0, w1, gd, gh, gw, sd, sh, sw, share):"]
    for body in bodies:
        lines += [f"    {line}" for line in body.before]
        if sizes is None:
            lines += [
                "    for d in range(d0, d1):",
                "        for h in range(h0, h1):",
                "            for w in range(w0, w1):",
            ]
            lines += [f"                {line}" for line in body.tap]
        else:
            for d, h, w in product(*map(range, sizes)):
                lines += [f"    d = {d}", f"    h = {h}", f"    w = {w}", *(f"    {line}" for line in body.tap)]
        lines += [f"    {line}" for line in body.after]
    return "\n".join([*lines, "", ""])


def channels(name: str, wide: str | None, one: str | None, lanes: int) -> str:
    """The template for all channels of a window: vectors of them with template `wide`, what is left with `one`."""
    args = "d0, d1, h0, h1, w0, w1, gd, gh, gw, sd, sh, sw, share"
    lines = [f"def {name}(g, x, y, channels, {args}):"]
    if wide:
        lines.append(f"    for c in range(0, channels // {lanes} * {lanes}, {lanes}):")
        lines.append(f"        {wide}(g + c, x + c, y + c, {args})")
    if one:
        lines.append(f"    for c in range({f'channels // {lanes} * {lanes}' if wide else 0}, channels):")
        lines.append(f"        {one}(g + c, x + c, y + c, {args})")
    return "\n".join([*lines, "", ""])


RANGES = """
def first_tap(start, dilation, window, low):
    ahead = low - start
    return min(window, (ahead + dilation - 1) // dilation) if ahead > 0 else 0


def end_tap(start, dilation, window, high):
    left = high - start
    return min(window, (left + dilation - 1) // dilation) if left > 0 else 0
"""

# Row by row of windows. `p` and `q` are where `g` and `y` lie: under the window, or (of as many as windows) with it.
ROWS = """
def kernel(g: [{t}], x: [{t}], y: [{t}], {numbers}):
    first = batch * nd * nh * thread // threads
    last = batch * nd * nh * (thread + 1) // threads
    for row in range(first, last):
        n = row // (nd * nh)
        deep = row // nh % nd
        high = row % nh
        d = deep * td - bd
        h = high * th - bh
        source = x + (n * xn + d * xd + h * xh)
        over = g + {over}
        target = y + {target}
        {bounds}
        for step in range(nw):
            w = step * tw - bw
            p = over + {p}
            at = source + w * xw
            q = target + {q}
            {window}
"""

# Image by image, and of few images block by block of channels: for windows that add to the same elements.
IMAGES = """
def kernel(g: [{t}], x: [{t}], y: [{t}], {numbers}):
    blocks = (channels + block - 1) // block
    for item in range(batch * blocks * thread // threads, batch * blocks * (thread + 1) // threads):
        n = item // blocks
        c = item % blocks * block
        many = min(block, channels - c)
        image = y + (n * zd * zh * zw * channels + c)
        for i in range(zd * zh * zw):
            for k in range(0, many // {lanes} * {lanes}, {lanes}):
                view({vector}, image + (i * channels + k))[0] = {vector}({t}(0.0))
            for k in range(many // {lanes} * {lanes}, many):
                image[i * channels + k] = 0.0
        for row in range(nd * nh):
            deep = row // nh
            high = row % nh
            d = deep * td - bd
            h = high * th - bh
            source = x + (n * xn + d * xd + h * xh + c)
            over = g + (n * an + deep * ad + high * ah + c)
            target = image + (d * zh + h) * zw * channels
            {bounds}
            for step in range(nw):
                w = step * tw - bw
                p = over + step * aw
                at = source + w * xw
                q = target + w * channels
                {window}
"""

# The windows from `id` to `jd`, `ih` to `jh`, `iw` to `jw` have all their taps.
BOUNDS = """
whole = deep >= id and deep < jd and high >= ih and high < jh
d0 = first_tap(d, ld, kd, 0)
d1 = end_tap(d, ld, kd, zd)
h0 = first_tap(h, lh, kh, 0)
h1 = end_tap(h, lh, kh, zh)
shares = end_tap(d, ld, kd, vd) - first_tap(d, ld, kd, ud)
shares = shares * (end_tap(h, lh, kh, vh) - first_tap(h, lh, kh, uh))
"""

WHOLE = "all_taps(p, at, q, {count}, 0, kd, 0, kh, 0, kw, gd, gh, gw, sd, sh, sw, {full})"

PART = """
if whole and step >= iw and step < jw:
    {whole}
else:
    w0 = first_tap(w, lw, kw, 0)
    w1 = end_tap(w, lw, kw, zw)
    share = {t}(max(1, shares * (end_tap(w, lw, kw, vw) - first_tap(w, lw, kw, uw))))
    some_taps(p, at, q, {count}, d0, d1, h0, h1, w0, w1, gd, gh, gw, sd, sh, sw, {share})
"""

# Where `g` and `y` lie: the result with the windows; or the gradient with them, and the result under them.
FORWARD = {
    "over": "(n * an + d * ad + h * ah)",
    "p": "w * aw",
    "target": "row * nw * channels",
    "q": "step * channels",
}
BACKWARD = {
    "over": "(n * an + deep * ad + high * ah)",
    "p": "step * aw",
    "target": "((n * zd + d) * zh + h) * zw * channels",
    "q": "w * channels",
}
