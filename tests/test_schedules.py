"""Learning-rate schedules give what their formulas say, at the first step, at the last, and in between."""

from __future__ import annotations

from math import cos, pi
from typing import Any

import pytest

from flowloom.optimizers import schedules as s
from flowloom.optimizers.schedules import Schedule


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (s.constant(0.3), {0: 0.3, 1000: 0.3}),
        (s.exponential_decay(0.4, 10, 0.5), {0: 0.4, 5: 0.4 * 0.5**0.5, 10: 0.2, 30: 0.05}),
        (s.exponential_decay(0.4, 10, 0.5, staircase=True), {0: 0.4, 9: 0.4, 10: 0.2, 39: 0.05}),
        (s.inverse_time_decay(0.4, 10, 0.5), {0: 0.4, 5: 0.32, 20: 0.2}),
        (s.inverse_time_decay(0.4, 10, 0.5, staircase=True), {0: 0.4, 9: 0.4, 20: 0.2, 29: 0.2}),
        (s.piecewise_constant_decay([10, 20], [0.3, 0.2, 0.1]), {0: 0.3, 10: 0.3, 11: 0.2, 20: 0.2, 21: 0.1, 999: 0.1}),
        (s.polynomial_decay(0.5, 10, 0.1), {0: 0.5, 5: 0.3, 10: 0.1, 99: 0.1}),
        (s.polynomial_decay(0.5, 10, 0.1, power=2.0), {0: 0.5, 5: 0.2, 10: 0.1}),
        (s.polynomial_decay(0.5, 10, 0.1, cycle=True), {0: 0.5, 10: 0.1, 11: 0.1 + 0.4 * 9 / 20, 20: 0.1}),
        (s.cosine_decay(0.4, 10), {0: 0.4, 5: 0.2, 10: 0.0, 50: 0.0}),
        (s.cosine_decay(0.4, 10, 0.25), {0: 0.4, 5: 0.25, 10: 0.1, 50: 0.1}),
        (s.cosine_decay(0.1, 10, warmup_target=0.5, warmup_steps=4), {0: 0.1, 2: 0.3, 4: 0.5, 9: 0.25, 14: 0.0}),
        (s.cosine_decay_restarts(0.4, 10), {0: 0.4, 5: 0.2, 10: 0.4, 20: 0.2, 30: 0.4, 50: 0.2, 70: 0.4}),
        (s.cosine_decay_restarts(0.4, 10, t_mul=1.0, m_mul=0.5), {0: 0.4, 10: 0.2, 15: 0.1, 20: 0.1}),
        (s.cosine_decay_restarts(0.4, 10, alpha=0.5), {5: 0.3, 9: 0.4 * (0.5 * 0.5 * (1 + cos(0.9 * pi)) + 0.5)}),
        (s.linear_warmup(0.4, 8), {0: 0.0, 2: 0.1, 8: 0.4, 100: 0.4}),
        (s.linear_warmup(s.cosine_decay(0.4, 10), 8, initial_learning_rate=0.2), {0: 0.2, 4: 0.3, 8: 0.4, 13: 0.2}),
    ],
    ids=str,
)
def test_the_learning_rate_is_the_formula(schedule: Schedule, expected: dict[int, float]) -> None:
    assert {step: schedule(step) for step in expected} == pytest.approx(expected, abs=1e-12)


def test_a_schedule_says_what_it_is() -> None:
    assert repr(s.exponential_decay(0.1, 5, 0.9)) == (
        "Schedule(name='exponential_decay', parameters={'initial_learning_rate': 0.1, 'decay_steps': 5, "
        "'decay_rate': 0.9, 'staircase': False})"
    )


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: s.exponential_decay(0.1, 0, 0.9), "decay_steps must be a number above 0; got 0"),
        (lambda: s.exponential_decay(float("nan"), 5, 0.9), "initial_learning_rate must be a number above 0; got nan"),
        (lambda: s.piecewise_constant_decay([5], [0.1]), "values must be one more than boundaries; got 1 values and 1"),
        (lambda: s.piecewise_constant_decay([5, 5], [3, 2, 1]), r"boundaries must increase; got \[5, 5\]"),
        (lambda: s.cosine_decay_restarts(0.1, 5, t_mul=0.5), "t_mul must be a number of at least 1; got 0.5"),
        (lambda: s.linear_warmup("fast", 5), "learning_rate must be a number above 0; got 'fast'"),  # type: ignore[arg-type]
        (lambda: s.polynomial_decay(0.1, 5, -1.0)(5), "polynomial_decay gives the learning rate -1 at step 5"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(make: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        make()
