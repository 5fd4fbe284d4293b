"""Counts of n-grams: short runs of words in a text, as a vector that a model can learn from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
from msgspec import Meta

from flowloom.op import Sample, op
from flowloom.params import Whole
from flowloom.spec import Spec, SpecError, is_integer

Word: TypeAlias = int | str
Gram: TypeAlias = Annotated[tuple[Word, ...], Meta(min_length=1)]


@op(family="data", differentiable=False, internal=True)
def count_ngrams(
    x: Spec,
    *,
    ngrams: Annotated[tuple[Gram, ...], Meta(min_length=1)],
    columns: tuple[Whole, ...],
    weights: tuple[float, ...] = (),
    mode: Literal["tf", "idf", "tfidf"] = "tf",
    max_skip_count: Whole = 0,
    size: Whole | None = None,
) -> Spec:
    """How often each of the `ngrams` is in each row of `x` (integers or strings), at its place in `columns`: float32.

    There are `size` columns; None: as many as are needed. The words of an n-gram may have up to `max_skip_count` others
    between them, as many each time. "tfidf" multiplies the counts by `weights`; "idf" gives the weights of what is
    there. ONNX's TfIdfVectorizer.

    Raises SpecError unless there are as many columns (and weights) as n-grams, and `x` is a vector or matrix of words.
    """
    if x.ndim not in (1, 2) or not (is_integer(x.dtype) or x.dtype == object):
        raise SpecError(f"a vector or matrix of integers or strings is needed; got {x}")
    if len(columns) != len(ngrams) or (weights and len(weights) != len(ngrams)):
        raise SpecError(
            f"{len(ngrams)} n-grams need as many columns, and weights; got {len(columns)} and {len(weights)}"
        )
    return Spec((*x.shape[:-1], _width(columns, size)), "float32")


def _width(columns: tuple[int, ...], size: int | None) -> int:
    needed = max(columns) + 1
    if size is not None and size < needed:
        raise SpecError(f"there are columns up to {needed - 1}; size={size} is too small", dimension=f"size {size}")
    return size or needed


@count_ngrams.kernel
def _(
    xp: Any,
    x: Any,
    *,
    ngrams: Any,
    columns: Any,
    weights: Any,
    mode: str,
    max_skip_count: int,
    size: int | None,
    out: Any = None,
) -> Any:
    place = {gram: i for i, gram in enumerate(ngrams)}
    rows = x.reshape(-1, x.shape[-1])
    counts = np.zeros((len(rows), len(ngrams)), np.float32)
    for row, count in zip(rows.tolist(), counts, strict=True):
        for gram in _grams(row, {len(g) for g in ngrams}, max_skip_count):
            if gram in place:
                count[place[gram]] += 1
    if mode == "idf":
        counts = np.minimum(counts, 1)
    if mode != "tf":
        counts = counts * np.asarray(weights or [1.0] * len(ngrams), np.float32)
    if out is None:
        out = np.empty((*x.shape[:-1], _width(columns, size)), np.float32)
    out[...] = 0
    for column, count in zip(columns, counts.T, strict=True):
        out[..., column] += count.reshape(x.shape[:-1])
    return out


def _grams(row: list[Any], lengths: set[int], max_skip_count: int) -> Iterator[tuple[Any, ...]]:
    for n in lengths:
        for step in range(1, (max_skip_count if n > 1 else 0) + 2):
            for start in range(len(row) - (n - 1) * step):
                yield tuple(row[start : start + (n - 1) * step + 1 : step])


@count_ngrams.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    grams: dict[str, Any] = {"ngrams": ((1,), (1, 2), (2, 1)), "columns": (0, 2, 1)}
    yield (np.array([1, 2, 1, 1, 2]),), grams
    yield (
        (np.array([[1, 1, 2], [2, 3, 1]]),),
        {**grams, "max_skip_count": 1, "weights": (1.0, 2.0, 0.5), "mode": "tfidf"},
    )
    yield (np.array(["a", "b", "a"], object),), {"ngrams": (("a",),), "columns": (0,), "mode": "idf", "size": 3}
