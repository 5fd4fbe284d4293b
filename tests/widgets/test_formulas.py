"""Formulas: what a kind computes in one line, as its declaration has it."""

from __future__ import annotations

import pytest

from flowloom.graph.kinds import find_kind
from flowloom.widgets.formulas import formula


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("sigmoid", "y = 1 / (1 + exp(-x))"),
        ("relu", "y = 0 where x < 0, else x"),
        ("clip", "y = low where x < low, else high where x > high, else x"),
        ("rsqrt", "y = 1 / √(x)"),
        ("power", "y = a^b"),
        ("layers.dense", "y = activation(x @ kernel + bias)"),
        ("layers.conv2d", "y = activation(conv(x, kernel) + bias)"),
        ("celu", ""),  # its help has only a part of it as code
        ("softplus", ""),  # its kernel's way is not how people write it
        ("arcsin", ""),
        ("isnan", ""),
    ],
)
def test_a_formula_is_that_of_the_op_or_of_the_first_line_of_its_help(kind: str, expected: str) -> None:
    found = find_kind(kind)
    assert found is not None

    assert formula(found) == expected
