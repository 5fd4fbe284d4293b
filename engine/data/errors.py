"""What is wrong with data, said in one line that names the place."""

from __future__ import annotations

import difflib
import operator
from collections.abc import Iterable


class DataError(ValueError):
    """Data, or a request for data, that cannot be used. The message names the feature and row, or the call."""


def did_you_mean(name: object, names: Iterable[str]) -> str:
    """The end of a message about an unknown name: the closest known name, or all of them."""
    known = list(names)
    close = difflib.get_close_matches(str(name), known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are: {', '.join(known)}"


def whole_number(call: str, name: str, value: object, *, at_least: int) -> int:
    """`value` as an int no smaller than `at_least`. Raises DataError naming the call and the argument."""
    try:
        number = operator.index(value)  # type: ignore[arg-type]  # this call is the check
    except TypeError:
        raise DataError(f"{call}: {name} must be a whole number; got {value!r}") from None
    if isinstance(value, bool) or number < at_least:
        raise DataError(f"{call}: {name} must be a whole number of at least {at_least}; got {value!r}")
    return number
