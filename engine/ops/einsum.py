"""Einstein's summation: any product of tensors, written by naming their axes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from math import prod
from string import ascii_letters
from typing import Any

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.composing import in_dtype
from flowloom.ops.contraction import contract
from flowloom.ops.diagonals import diagonal
from flowloom.ops.reduction import sum_
from flowloom.ops.shape import squeeze, transpose
from flowloom.spec import Dim, SpecError, is_bool, merge, promote

_TYPICAL = 64  # what a size counts for that is only a name, when the order of products is chosen


@op(family="linalg", composite=True)
def einsum(*operands: Any, equation: str) -> Any:
    """Products of all `operands` by the letters of their axes, summed over every letter that the result does not have.

    "bij,bjk->bik" is a batch of matrix products, "ii->i" a diagonal, "ij->" a sum; "..." stands for any leading axes,
    which broadcast. Without "->" the result has the axes of "..." and then, in alphabetical order, every letter that
    stands once. Axes of one letter have one size, or 1. Returns the widest dtype. Several operands are multiplied pair
    by pair, those first that leave the least. Raises SpecError if the equation does not fit the operands, or for bool.
    """
    terms, result = parsed(equation, [x.ndim for x in operands])
    dtype = promote(*(x.dtype for x in operands))
    if is_bool(dtype):
        raise SpecError("all are bool; cast one to a number", dimension="dtype bool")
    sizes = _sizes(operands, terms)
    pairs = [_unbroadcast(*_once(x, term), sizes) for x, term in zip(operands, terms, strict=True)]
    pairs = [_alone_summed(pairs, i, result) for i in range(len(pairs))]
    while len(pairs) > 1:
        i, j = min(combinations(range(len(pairs)), 2), key=lambda ij: _cost(pairs, ij, sizes, result))
        term = _joined(pairs, (i, j), result)
        (b, right), (a, left) = pairs.pop(j), pairs.pop(i)
        pairs.append((contract(a, b, equation=f"{left},{right}->{term}"), term))
    ((made, term),) = pairs
    if term != result:
        made = transpose(made, axes=tuple(term.index(letter) for letter in result))
    return in_dtype(made, dtype)


def parsed(equation: str, ranks: Sequence[int]) -> tuple[list[str], str]:
    """A term of one letter for each axis of every operand, and that of the result. Raises SpecError."""
    text = equation.replace(" ", "")
    inputs, arrow, result = text.partition("->")
    terms = inputs.split(",")
    for term in (*terms, result):
        if not set(term.replace("...", "", 1)) <= set(ascii_letters):
            raise SpecError(f"a term is made of letters and one '...'; got {term!r}", dimension=term)
    if len(terms) != len(ranks):
        raise SpecError(
            f"the equation {equation!r} has {len(terms)} terms for {len(ranks)} tensors",
            dimension=f"{len(terms)} terms for {len(ranks)} tensors",
        )
    rest = [rank - len(term.replace("...", "")) for term, rank in zip(terms, ranks, strict=True)]
    for term, rank, more in zip(terms, ranks, rest, strict=True):
        if more < 0 or (more and "..." not in term):
            raise SpecError(
                f"the term {term!r} does not fit a tensor of {rank} dimensions", dimension=f"{term!r} for {rank} axes"
            )
    free = [letter for letter in _LETTERS if letter not in text][: max(rest)]
    dots = "".join(free)
    full = [t.replace("...", dots[len(dots) - more :]) for t, more in zip(terms, rest, strict=True)]
    return full, _result(result, arrow, dots, full)


_LETTERS = ascii_letters + "".join(map(chr, range(0x3B1, 0x3CA)))


def _result(result: str, arrow: str, dots: str, terms: list[str]) -> str:
    """The term of the result, its "..." replaced by `dots`. Raises SpecError."""
    letters = "".join(terms)
    if not arrow:
        return dots + "".join(sorted(i for i in set(letters) - set(dots) if letters.count(i) == 1))
    if dots and "..." not in result:
        raise SpecError("the result must have the '...' that the operands have", dimension="...")
    result = result.replace("...", dots)
    for i in result:
        if result.count(i) > 1 or i not in letters:
            what = "stands twice in" if result.count(i) > 1 else "of no operand stands in"
            raise SpecError(f"the letter {i!r} {what} the result {result!r}", dimension=i)
    return result


def _sizes(operands: Sequence[Any], terms: list[str]) -> dict[str, Dim]:
    """The size of each letter; one that is 1 in some operands has that of the others. Raises SpecError."""
    sizes: dict[str, Dim] = {}
    for x, term in zip(operands, terms, strict=True):
        for letter, d in zip(term, x.shape, strict=True):
            known = sizes.get(letter, 1)
            rule = f"the letter {letter!r} has sizes {known} and {d}"
            sizes[letter] = known if d == 1 else d if known == 1 else merge(known, d, rule)
    return sizes


def _once(x: Any, term: str) -> tuple[Any, str]:
    """`x` with each letter once: of a repeated one, the diagonal."""
    for letter in sorted(set(term)):
        while term.count(letter) > 1:
            i = term.index(letter)
            j = term.index(letter, i + 1)
            if _differ(x.shape[i], x.shape[j]):
                raise SpecError(
                    f"the letter {letter!r} has sizes {x.shape[i]} and {x.shape[j]} in one operand",
                    dimension=f"{x.shape[i]} != {x.shape[j]}",
                )
            x = diagonal(x, axis1=i, axis2=j)
            term = term[:i] + term[i + 1 : j] + term[j + 1 :] + letter
    return x, term


def _differ(a: Dim, b: Dim) -> bool:
    return a is not None and b is not None and a != b


def _unbroadcast(x: Any, term: str, sizes: dict[str, Dim]) -> tuple[Any, str]:
    """`x` without the axes of size 1 whose letter has another size elsewhere."""
    ones = tuple(i for i, letter in enumerate(term) if x.shape[i] == 1 and sizes[letter] != 1)
    return (squeeze(x, axis=ones) if ones else x), _without(term, ones)


def _alone_summed(pairs: list[tuple[Any, str]], place: int, result: str) -> tuple[Any, str]:
    """One of the `pairs`, summed over the letters that neither the result nor another operand has."""
    x, term = pairs[place]
    needed = result + "".join(other for i, (_, other) in enumerate(pairs) if i != place)
    alone = tuple(i for i, letter in enumerate(term) if letter not in needed)
    return (sum_(x, axis=alone) if alone else x), _without(term, alone)


def _without(term: str, places: tuple[int, ...]) -> str:
    return "".join(letter for i, letter in enumerate(term) if i not in places)


def _joined(pairs: list[tuple[Any, str]], chosen: tuple[int, int], result: str) -> str:
    """The term of the product of two of the `pairs`: the letters that the result or another operand still needs."""
    i, j = chosen
    needed = result + "".join(term for k, (_, term) in enumerate(pairs) if k not in chosen)
    if len(pairs) == 2:
        return result
    return "".join(letter for letter in dict.fromkeys(pairs[i][1] + pairs[j][1]) if letter in needed)


def _cost(pairs: list[tuple[Any, str]], chosen: tuple[int, int], sizes: dict[str, Dim], result: str) -> tuple[int, int]:
    """How many more elements the product of two operands has than they have themselves; and its multiplications."""

    def count(letters: Iterable[str]) -> int:
        return prod(d if isinstance(d, int) else _TYPICAL for d in map(sizes.__getitem__, letters))

    left, right = (pairs[i][1] for i in chosen)
    return count(_joined(pairs, chosen, result)) - count(left) - count(right), count({*left, *right})


@einsum.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    cases: list[tuple[str, list[tuple[int, ...]]]] = [
        ("ij,jk->ik", [(3, 4), (4, 2)]),
        ("ij,jk", [(3, 4), (4, 2)]),
        ("...ij,...jk->...ik", [(5, 3, 4), (4, 2)]),
        ("...i,...i", [(2, 1, 4), (3, 4)]),
        ("bqhd,bkhd->bhqk", [(2, 3, 2, 4), (2, 5, 2, 4)]),
        ("ij,jk,kl->il", [(3, 4), (4, 2), (2, 3)]),
        ("i,i,i->i", [(3,), (3,), (3,)]),
        ("ba,ca,da,a->", [(2, 3), (4, 3), (2, 3), (3,)]),
        ("ij->ji", [(3, 4)]),
        ("ij->", [(3, 4)]),
        ("ii->i", [(3, 3)]),
        ("ii", [(3, 3)]),
        ("iij,jkj->ki", [(3, 3, 2), (2, 4, 2)]),
        ("ij,kj->i", [(3, 4), (2, 4)]),
        ("ij,jk->ik", [(3, 1), (4, 2)]),
        ("i,j->ji", [(3,), (2,)]),
        (",ij->ij", [(), (3, 2)]),
        ("ij,jk->ik", [(0, 4), (4, 2)]),
    ]
    for equation, shapes in cases:
        yield tuple(rng.normal(size=shape) for shape in shapes), {"equation": equation}
    yield (rng.integers(0, 9, (3, 4), dtype=np.int32),), {"equation": "ij->i"}
    yield (rng.integers(0, 9, (3, 4)), rng.normal(size=(4, 2))), {"equation": "ij, jk -> ik"}
