"""Philox4x64-10: random words that are a pure function of a key and a counter.

Source: Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", 2011. The key has two 64-bit words, the counter
four, least significant first; each counter gives four words.

Counters in use: word n of the draws under a key is word n % 4 of counter 1 + n // 4 (what NumPy's generator gives when
it starts at 0); attempt a, from 1 on, at element i is counter i + a * 2**64; a derived key is the first two words of a
counter with the top bit set. No two of these meet.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_MASK = 0xFFFFFFFF
_MULTIPLIERS = (0xD2E7470EE14C6C93, 0xCA5A826395121157)
_WEYL = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)
_DERIVED = 1 << 255
_WORD = 1 << 64


def words(xp: Any, key: Any, count: int) -> Any:
    """The first `count` words of the draws under `key`: uint64."""
    if xp is np:
        return np.random.Philox(key=key, counter=0).random_raw(count)
    low = xp.arange(1, 1 + -(-count // 4), dtype=xp.uint64)
    return xp.stack(block(xp, key, (low, *(xp.zeros_like(low),) * 3)), axis=-1).reshape(-1)[:count]


def attempts(xp: Any, key: Any, elements: Any, attempt: int) -> Any:
    """The four words that each of `elements` (numbers, or how many from 0 on) has for its `attempt`: uint64 (n, 4)."""
    if xp is np and isinstance(elements, int):
        return np.random.Philox(key=key, counter=(attempt << 64) - 1).random_raw(4 * elements).reshape(-1, 4)
    low = (xp.arange(elements) if isinstance(elements, int) else elements).astype(xp.uint64)
    nothing = xp.zeros_like(low)
    return xp.stack(block(xp, key, (low, nothing + xp.uint64(attempt), nothing, nothing)), axis=-1)


def derived_key(key: Any, data: int) -> Any:
    """The key that `key` has for the number `data`, 0..2**64 - 1; unrelated to those for other numbers."""
    return np.random.Philox(key=key, counter=_DERIVED + data - 1).random_raw(2)  # NumPy counts up before it draws


def block(xp: Any, key: Any, counter: tuple[Any, ...]) -> tuple[Any, Any, Any, Any]:
    """The four words of each counter: ten rounds of the published function, on arrays of uint64."""
    c0, c1, c2, c3 = counter
    k0, k1 = int(key[0]), int(key[1])
    for _ in range(10):
        high0, low0 = _product(xp, _MULTIPLIERS[0], c0)
        high1, low1 = _product(xp, _MULTIPLIERS[1], c2)
        c0, c1, c2, c3 = high1 ^ c1 ^ xp.uint64(k0), low1, high0 ^ c3 ^ xp.uint64(k1), low0
        k0, k1 = (k0 + _WEYL[0]) % _WORD, (k1 + _WEYL[1]) % _WORD
    return c0, c1, c2, c3


def upper_product(xp: Any, factor: int, x: Any) -> Any:
    """The upper 64 bits of `factor * x`, for a factor below 2**64."""
    return _product(xp, factor, x)[0]


def _product(xp: Any, factor: int, x: Any) -> tuple[Any, Any]:
    """The upper and lower 64 bits of `factor * x`, from products of 32-bit halves."""
    half, mask = xp.uint64(32), xp.uint64(_MASK)
    f0, f1 = xp.uint64(factor & _MASK), xp.uint64(factor >> 32)
    x0, x1 = x & mask, x >> half
    cross = x1 * f0 + ((x0 * f0) >> half)
    other = x0 * f1 + (cross & mask)
    return x1 * f1 + (cross >> half) + (other >> half), x * xp.uint64(factor)
