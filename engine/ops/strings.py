"""Text in tensors of dtype object, and labels that become numbers.

An element of such a tensor is a Python string. These ops run once per element, on the CPU.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

import numpy as np

from flowloom.op import Sample, op
from flowloom.ops.kernels import put
from flowloom.params import DType, Whole
from flowloom.spec import Spec, SpecError, broadcast, is_float

Label: TypeAlias = int | float | str
STRING = np.dtype(object)


def _text(x: Spec) -> Spec:
    """`x`. Raises SpecError unless it is of strings."""
    if x.dtype != STRING:
        raise SpecError(f"strings are needed, in a tensor of dtype object; got {x}")
    return x


def _words(*texts: str) -> Any:
    return np.array(texts, object)


@op(family="data", differentiable=False, internal=True)
def string_normalizer(
    x: Spec,
    *,
    case: Literal["none", "lower", "upper"] = "none",
    stopwords: tuple[str, ...] = (),
    case_sensitive: bool = False,
) -> Spec:
    """The words in `x`, a vector or a single row, without `stopwords`, in lower or upper case, and without accents.

    One empty string is left where all are removed. ONNX's StringNormalizer; case is changed as Unicode has it, not as
    a locale. Raises SpecError for another shape, or what is no text.
    """
    if _text(x).ndim not in (1, 2) or (x.ndim == 2 and x.shape[0] not in (1, None)):
        raise SpecError(f"a vector or one row of strings is needed; got {x}", dimension=f"{x.ndim} dimensions")
    return x.with_shape((None,) if x.ndim == 1 else (1, None))


@string_normalizer.kernel
def _(xp: Any, x: Any, *, case: str, stopwords: tuple[str, ...], case_sensitive: bool) -> Any:
    gone = set(stopwords if case_sensitive else (w.casefold() for w in stopwords))
    words = [w for w in x.reshape(-1).tolist() if (w if case_sensitive else w.casefold()) not in gone]
    plain = [w if w.isascii() else _without_accents(w) for w in words]
    changed = [w.lower() if case == "lower" else w.upper() if case == "upper" else w for w in plain]
    return _words(*(changed or [""])).reshape((-1,) if x.ndim == 1 else (1, -1))


def _without_accents(word: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))


@string_normalizer.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (_words("Monday", "the", "Été"),), {"case": "lower", "stopwords": ("The",)}
    yield (_words("a", "A")[None],), {"stopwords": ("a",), "case_sensitive": True, "case": "upper"}
    yield (_words("a", "a"),), {"stopwords": ("a",)}


@op(family="data", differentiable=False, internal=True)
def string_concat(a: Spec, b: Spec) -> Spec:
    """The strings in `a`, each with that in `b` after it; shapes broadcast. Raises SpecError for what is no text."""
    return broadcast(_text(a), _text(b), dtype=STRING)


@string_concat.kernel
def _(xp: Any, a: Any, b: Any, *, out: Any = None) -> Any:
    return np.add(a, b, out=out) if out is not None else np.asarray(np.add(a, b), object)


@string_concat.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (_words("a", "b"), _words("c", "")), {}
    yield (_words("a", "b"), np.array("c", object)), {}
    yield (np.empty((0, 2), object), _words("a", "b")), {}


@op(family="data", differentiable=False, internal=True, outputs=("parts", "counts"))
def string_split(x: Spec, *, delimiter: str = "", maxsplit: Whole | None = None) -> tuple[Spec, Spec]:
    """The strings in `x` cut at each `delimiter` ("": white space) along a new last axis, and how many parts each has.

    At most `maxsplit` cuts; shorter rows are filled up with empty strings. Raises SpecError for what is no text.
    """
    return _text(x).with_shape((*x.shape, None)), x.with_dtype("int64")


@string_split.kernel
def _(xp: Any, x: Any, *, delimiter: str, maxsplit: int | None) -> Any:
    rows = [w.split(delimiter or None, -1 if maxsplit is None else maxsplit) for w in x.reshape(-1).tolist()]
    counts = np.array([len(r) for r in rows], np.int64)
    parts = np.full((len(rows), int(counts.max(initial=0))), "", object)
    for row, found in zip(parts, rows, strict=True):
        row[: len(found)] = found
    return parts.reshape((*x.shape, parts.shape[1])), counts.reshape(x.shape)


@string_split.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (_words("a b  c", " d "),), {}
    yield (_words("a,b,c", "d")[None],), {"delimiter": ",", "maxsplit": 1}
    yield (np.empty((2, 0), object),), {}


@op(family="data", differentiable=False, internal=True)
def label_encode(
    x: Spec,
    *,
    keys: tuple[Label, ...],
    values: tuple[Label, ...],
    default: Label = -1,
    dtype: DType | Literal["object"] = "int64",
) -> Spec:
    """The value of each element of `x`: that at its place among `keys`, or `default`; NaN is a key like others.

    Raises SpecError unless there are as many values as keys.
    """
    if len(keys) != len(values):
        raise SpecError(f"there are {len(keys)} keys and {len(values)} values", dimension=f"{len(keys)} keys")
    return x.with_dtype(dtype)


@label_encode.kernel
def _(xp: Any, x: Any, *, keys: Any, values: Any, default: Any, dtype: str, out: Any = None) -> Any:
    exact = np.dtype("float32") if x.dtype.itemsize <= 4 and is_float(x.dtype) else None  # 0.1 is not float32's 0.1
    known = keys if exact is None else [float(exact.type(k)) for k in keys]
    table = {_key(k): v for k, v in zip(known, values, strict=True)}
    found = [table.get(_key(e), default) for e in x.reshape(-1).tolist()]
    made = np.array(found, dtype).reshape(x.shape)
    return put(made, out)


def _key(value: Any) -> Any:
    """A key for a table, in which NaN is equal to itself."""
    return value if value == value else None


@label_encode.samples
def _(rng: np.random.Generator) -> Iterator[Sample]:
    yield (rng.integers(0, 4, (3, 2)),), {"keys": (0, 1, 2), "values": (5, 6, 7)}
    yield (_words("a", "c"),), {"keys": ("a", "b"), "values": (0.5, 1.5), "default": 0.0, "dtype": "float32"}
    yield (np.array([0.5, np.nan]),), {"keys": (0.5,), "values": (2,), "default": 0}
