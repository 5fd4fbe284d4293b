"""Python's operators, given to every symbolic class from one table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from flowloom.op import REGISTRY, Eager, get_op
from flowloom.spec import Spec, SpecError, is_bool

T = TypeVar("T", bound=type)

BINARY = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "divide",
    "floordiv": "floor_divide",
    "mod": "remainder",
    "pow": "power",
    "matmul": "matmul",
    "lshift": "left_shift",
    "rshift": "right_shift",
}
LOGIC = {"and": "and", "or": "or", "xor": "xor"}  # logical on bools, bitwise on integers
COMPARE = {"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal"}
UNARY = {"neg": "negative", "abs": "abs"}
# NumPy's functions that ops have another name for.
UFUNCS = {
    "absolute": "abs",
    "bitwise_and": "and",
    "bitwise_or": "or",
    "bitwise_xor": "xor",
    "invert": "not",
    "rint": "round",
}


def with_operators(cls: T) -> T:
    """Give `cls` the operators of a tensor. `==` stays identity, so that symbols can be keys: write `equal(a, b)`."""
    for dunder, name in BINARY.items():
        setattr(cls, f"__{dunder}__", _operator(name))
        setattr(cls, f"__r{dunder}__", _operator(name, swapped=True))
    for dunder, name in LOGIC.items():
        setattr(cls, f"__{dunder}__", _logic(name))
        setattr(cls, f"__r{dunder}__", _logic(name))
    for dunder, name in (COMPARE | UNARY).items():
        setattr(cls, f"__{dunder}__", _operator(name))
    setattr(cls, "__invert__", _inverted)  # noqa: B010  (a class that mypy knows nothing of)
    setattr(cls, "__getitem__", indexed)  # noqa: B010
    if "__iter__" not in vars(cls):
        cls.__iter__ = _not_iterable  # type: ignore[attr-defined]  # or Python would count up indices for ever
    cls.__array_ufunc__ = _ufunc  # type: ignore[attr-defined]  # also for NumPy arrays on the left
    return cls


def _ufunc(self: Any, ufunc: Any, method: str, *operands: Any, **keywords: Any) -> Any:
    """NumPy's functions on a symbol are the ops of the same name: `np.sin(x)` is `sin(x)`."""
    name = UFUNCS.get(ufunc.__name__, ufunc.__name__)
    if name in ("and", "or", "xor"):
        return _logic(name)(*(operands if hasattr(operands[0], "dtype") else operands[::-1]))
    if name == "not":
        return _inverted(*operands)
    if method != "__call__" or keywords or name not in REGISTRY:
        raise TypeError(
            f"numpy.{ufunc.__name__} does not work on a {type(self).__name__}; use flowloom's own functions"
        )
    return get_op(name)(*operands)


def _inverted(x: Any) -> Any:
    return get_op("logical_not" if is_bool(x.dtype) else "bitwise_not")(x)


def indexed(x: Any, index: Any) -> Any:
    """`x[index]` as in NumPy, for integers, slices, None and "..."; or one tensor or list of places on the first axis.

    Raises SpecError for more indices than dimensions, and for anything else.
    """
    if not isinstance(index, tuple):
        if index is not None and index is not Ellipsis and not isinstance(index, int | slice | str):
            return get_op("take")(x, index, axis=0)
        index = (index,)
    try:
        spread = _spread(index, x.shape)
    except SpecError as error:
        locate = getattr(type(x), "__locate_error__", None)
        raise locate(x, error, "slice", None, (x,)) if locate else error from None
    bounds = [i for i in spread if i is not None]
    y = x if all(i == slice(None) for i in bounds) else get_op("slice")(x, **_bounds(bounds))
    gone = tuple(axis for axis, i in enumerate(bounds) if isinstance(i, int))
    y = get_op("squeeze")(y, axis=gone) if gone else y
    kept = [i for i in spread if not isinstance(i, int)]
    new = tuple(axis for axis, i in enumerate(kept) if i is None)
    return get_op("expand_dims")(y, axis=new) if new else y


def _spread(index: tuple[Any, ...], shape: Sequence[Any]) -> list[Any]:
    """One integer or slice for each dimension, None for each new one. Raises SpecError."""
    places = [i for i in index if i is not None and i is not Ellipsis]
    dots = sum(i is Ellipsis for i in index)
    if dots > 1 or len(places) > len(shape):
        raise SpecError(f"a tensor of {len(shape)} dimensions takes as many indices; got [{_shown(index)}]")
    if not all((isinstance(i, slice) and _is_plain(i)) or type(i) is int for i in places):
        raise SpecError(f"an index is an integer, a slice, None or ...; got [{_shown(index)}]")
    full = [slice(None)] * (len(shape) - len(places) if dots else 0)
    at = next((n for n, i in enumerate(index) if i is Ellipsis), len(index))
    spread = [*index[:at], *full, *index[at + 1 :]]
    for axis, (i, d) in enumerate(zip([i for i in spread if i is not None], shape, strict=False)):
        if isinstance(i, int) and isinstance(d, int) and not -d <= i < d:
            raise SpecError(f"index {i} is outside axis {axis}, which has size {d}", dimension=f"axis {axis}: {i}")
    return spread


def _is_plain(part: slice) -> bool:
    return all(v is None or type(v) is int for v in (part.start, part.stop, part.step))


def _bounds(index: list[Any]) -> dict[str, Any]:
    """The parameters of `slice`: an integer is a slice of one."""
    slices = [slice(i, i + 1 or None) if isinstance(i, int) else i for i in index]
    return {
        "start": tuple(s.start for s in slices),
        "stop": tuple(s.stop for s in slices),
        "step": tuple(s.step for s in slices),
    }


def _shown(index: tuple[Any, ...]) -> str:
    text = ", ".join("..." if i is Ellipsis else _slice_text(i) if isinstance(i, slice) else repr(i) for i in index)
    return text if len(text) <= 60 else text[:57] + "..."


def _slice_text(part: slice) -> str:
    ends = ["" if v is None else repr(v) for v in (part.start, part.stop)]
    return ":".join(ends if part.step is None else [*ends, repr(part.step)])


def _operator(name: str, *, swapped: bool = False) -> Callable[..., Any]:
    def method(*operands: Any) -> Any:
        op = get_op(name)
        return op(*reversed(operands)) if swapped else op(*operands)

    return method


def _logic(name: str) -> Callable[[Any, Any], Any]:
    def method(a: Any, b: Any) -> Any:
        return get_op(f"logical_{name}" if is_bool(a.dtype) else f"bitwise_{name}")(a, b)

    return method


def _not_iterable(x: Any) -> Any:
    raise TypeError("a tensor cannot be iterated over while the graph is built; use unstack, or scan")


with_operators(Spec)
with_operators(Eager)
