"""Formulas as books have them are computed as they should be: right where the plain form overflows, and so their slope.

Known answers are SciPy's; slopes are differences of those, or their formulas.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special

from flowloom.backends.portable import evaluate
from flowloom.compiler.expr import Expr, placeholder
from flowloom.compiler.gradient import gradients
from flowloom.compiler.rewriting import rewrite
from flowloom.ops import (
    at_labels,
    exp,
    expand_dims,
    log,
    log1p,
    log_softmax,
    logsumexp,
    max,
    mean,
    multiply,
    reshape,
    sigmoid,
    slice,
    softmax,
    softplus,
    sparse_softmax_cross_entropy,
    squeeze,
    sum,
    take,
    take_along_axis,
    transpose,
    unflatten,
    where,
)
from flowloom.spec import Spec

Array = np.ndarray[Any, Any]

X = placeholder("x", Spec((4, 5), "float64"))
LABELS = placeholder("labels", Spec((4,), "int64"))
TARGET = placeholder("target", Spec((4, 5), "float64"))
# Rows that are tame, that overflow, that underflow, and that do both.
LOGITS = np.array(
    [
        [0.3, -1.2, 0.7, 2.0, -0.5],
        [800.0, 801.0, 799.5, 730.0, 790.0],
        [-900.0, -901.0, -899.0, -1000.0, -902.0],
        [1000.0, -1000.0, 0.0, 999.0, -5.0],
    ]
)
CHOSEN = np.array([3, 0, 2, 1])
SHARES = special.softmax(np.random.default_rng(0).normal(size=(4, 5)), axis=-1)
FEEDS = {X: LOGITS, LABELS: CHOSEN, TARGET: SHARES}
HOT = np.eye(5)[CHOSEN]


def stable(*outputs: Expr) -> list[Array]:
    """The values of outputs, rewritten."""
    made = rewrite(outputs).outputs
    assert [e.spec for e in made] == [e.spec for e in outputs]
    return evaluate(made, FEEDS)


def rules_of(*outputs: Expr) -> dict[str, int]:
    return rewrite(outputs).phases[0].rules


def user_softmax(x: Any) -> Any:
    e = exp(x)
    return e / sum(e, axis=-1, keepdims=True)


def user_sigmoid(x: Any) -> Any:
    return 1.0 / (1.0 + exp(-x))


FORMS: dict[str, tuple[Callable[[], Any], Callable[[], Any], str]] = {
    "log(sum(exp(x)))": (
        lambda: log(sum(exp(X), axis=-1)),
        lambda: special.logsumexp(LOGITS, axis=-1),
        "log_of_sum_of_exponentials",
    ),
    "log(sum(exp(x))) over several axes": (
        lambda: log(sum(exp(X), axis=(0, 1), keepdims=True)),
        lambda: special.logsumexp(LOGITS, axis=(0, 1), keepdims=True),
        "log_of_sum_of_exponentials",
    ),
    "m + log(sum(exp(x - m)))": (
        lambda: max(X, axis=-1) + log(sum(exp(X - max(X, axis=-1, keepdims=True)), axis=-1)),
        lambda: special.logsumexp(LOGITS, axis=-1),
        "shifted_logsumexp",
    ),
    "exp(x) / sum(exp(x))": (lambda: user_softmax(X), lambda: special.softmax(LOGITS, axis=-1), "exponential_over_sum"),
    "softmax(x - max(x))": (
        lambda: softmax(X - max(X, axis=-1, keepdims=True)),
        lambda: special.softmax(LOGITS, axis=-1),
        "softmax_of_shifted",
    ),
    "x - logsumexp(x)": (
        lambda: X - expand_dims(logsumexp(X, axis=-1), axis=-1),
        lambda: special.log_softmax(LOGITS, axis=-1),
        "less_its_logsumexp",
    ),
    "log(softmax(x))": (lambda: log(softmax(X)), lambda: special.log_softmax(LOGITS, axis=-1), "log_of_softmax"),
    "log of the user's softmax": (
        lambda: log(user_softmax(X)),
        lambda: special.log_softmax(LOGITS, axis=-1),
        "log_of_softmax",
    ),
    "log(softmax(x)) along another axis, seen otherwise": (
        lambda: log(reshape(transpose(softmax(X, axis=0)), shape=(-1,))),
        lambda: special.log_softmax(LOGITS, axis=0).T.reshape(-1),
        "log_of_softmax",
    ),
    "log of a slice of softmax(x)": (
        lambda: log(slice(softmax(X), start=(None, 1), stop=(None, 4))),
        lambda: special.log_softmax(LOGITS, axis=-1)[:, 1:4],
        "log_of_softmax",
    ),
    "log(softmax(x)) at labels": (
        lambda: log(at_labels(softmax(X), LABELS)),
        lambda: special.log_softmax(LOGITS, axis=-1)[np.arange(4), CHOSEN],
        "log_of_softmax",
    ),
    "log(sigmoid(x))": (lambda: log(sigmoid(X)), lambda: special.log_expit(LOGITS), "log_of_sigmoid"),
    "log(1 - sigmoid(x))": (lambda: log(1.0 - sigmoid(X)), lambda: special.log_expit(-LOGITS), "log_of_sigmoid"),
    "log of the user's sigmoid": (
        lambda: log(user_sigmoid(X)),
        lambda: special.log_expit(LOGITS),
        "one_over_one_plus_exponential",
    ),
    "log(1 + exp(x))": (lambda: log(1.0 + exp(X)), lambda: np.logaddexp(0, LOGITS), "log1p_of_exponential"),
    "log1p(exp(x))": (lambda: log1p(exp(X)), lambda: np.logaddexp(0, LOGITS), "log1p_of_exponential"),
    "log(exp(x))": (lambda: log(exp(X)), lambda: LOGITS, "log_of_exponential"),
    "the cross-entropy of a softmax": (
        lambda: -sum(TARGET * log(softmax(X)), axis=-1),
        lambda: -np.sum(SHARES * special.log_softmax(LOGITS, axis=-1), axis=-1),
        "log_of_softmax",
    ),
    "the cross-entropy of log_softmax": (
        lambda: sparse_softmax_cross_entropy(log(softmax(X)), LABELS),
        lambda: -special.log_softmax(LOGITS, axis=-1)[np.arange(4), CHOSEN],
        "cross_entropy_of_log_softmax",
    ),
    "the logistic loss of a sigmoid": (
        lambda: -(TARGET * log(sigmoid(X)) + (1.0 - TARGET) * log(1.0 - sigmoid(X))),
        lambda: -(SHARES * special.log_expit(LOGITS) + (1 - SHARES) * special.log_expit(-LOGITS)),
        "log_of_sigmoid",
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_form_that_overflows_gives_the_right_finite_answer(form: str) -> None:
    build, expected, name = FORMS[form]

    np.testing.assert_allclose(stable(build())[0], expected(), rtol=1e-12, atol=1e-300)
    assert name in rules_of(build())


@pytest.mark.parametrize("form", FORMS)
def test_its_gradient_is_finite_and_right_too(form: str) -> None:
    """The gradient is built of the plain form, before anything is rewritten."""
    build, expected, _ = FORMS[form]
    y = build()
    weights = np.random.default_rng(1).normal(size=y.shape)
    (slope,) = stable(*gradients(sum(multiply(y, weights)), [X]))

    def at(x: Array) -> float:
        global LOGITS
        kept, LOGITS = LOGITS, x
        try:
            return float(np.sum(expected() * weights))
        finally:
            LOGITS = kept

    step = 1e-5
    for index in np.ndindex(LOGITS.shape):
        up, down = LOGITS.copy(), LOGITS.copy()
        up[index] += step
        down[index] -= step
        assert slope[index] == pytest.approx((at(up) - at(down)) / (2 * step), rel=1e-4, abs=1e-5)


NEAR_ZERO = np.array([1e-18, -1e-17, 3e-12, 0.25])
SMALL = placeholder("small", Spec((4,), "float64"))


@pytest.mark.parametrize(
    ("build", "expected"), [(lambda: log(1.0 + SMALL), np.log1p), (lambda: exp(SMALL) - 1.0, np.expm1)]
)
def test_what_cancels_near_zero_keeps_its_digits(build: Any, expected: Any) -> None:
    made = evaluate(rewrite([build()]).outputs, {SMALL: NEAR_ZERO})[0]

    np.testing.assert_allclose(made, expected(NEAR_ZERO), rtol=1e-15)


def losses() -> dict[str, tuple[Any, Array]]:
    """The loss by the user's formula, and the slope that it must have: (softmax(x) - target) / rows and the like."""
    p, rows = softmax(X), np.arange(4)
    share = special.softmax(LOGITS, axis=-1)
    by_place = take_along_axis(p, expand_dims(LABELS, axis=-1))
    row = take(p, np.array([0, 3]), axis=0)
    some = np.zeros((4, 1))
    some[[0, 3]] = 0.5
    return {
        "categorical": (mean(-sum(TARGET * log(p), axis=-1)), (share - SHARES) / 4),
        "at labels": (-mean(log(at_labels(p, LABELS))), (share - HOT) / 4),
        "by place": (-mean(log(squeeze(by_place, axis=-1))), (share - HOT) / 4),
        "unflattened": (
            -mean(log(at_labels(reshape(unflatten(p, axis=0, shape=(2, 2)), shape=(4, 5)), LABELS))),
            (share - HOT) / 4,
        ),
        "of some rows": (-mean(sum(np.eye(5)[[3, 1]] * log(row), axis=-1)), some * (share - HOT)),
        "of the user's softmax": (-mean(log(at_labels(user_softmax(X), LABELS))), (share - HOT) / 4),
        "masked": (
            -sum(where(TARGET > 0.2, log(user_softmax(X)), 0.0)),
            np.sum(SHARES > 0.2, axis=-1, keepdims=True) * share - (SHARES > 0.2),
        ),
        "logistic": (
            mean(-(TARGET * log(sigmoid(X)) + (1.0 - TARGET) * log(1.0 - sigmoid(X)))),
            (special.expit(LOGITS) - SHARES) / 20,
        ),
        "logistic of the user's sigmoid": (
            mean(-(TARGET * log(user_sigmoid(X)) + (1.0 - TARGET) * log(1.0 - user_sigmoid(X)))),
            (special.expit(LOGITS) - SHARES) / 20,
        ),
        "softplus": (mean(log(1.0 + exp(X))), special.expit(LOGITS) / 20),
    } | {"rows": (mean(log(sum(exp(X), axis=-1))), share / 4 * (rows >= 0)[:, None])}


@pytest.mark.parametrize("name", losses())
def test_a_loss_that_people_write_learns_from_any_logits(name: str) -> None:
    loss, expected = losses()[name]
    value, slope = stable(loss, *gradients(loss, [X]))

    assert np.isfinite(value)
    np.testing.assert_allclose(slope, expected, rtol=1e-10, atol=1e-16)


def test_the_plain_forms_do_overflow() -> None:
    """What the tests above are worth: without rewriting, each of these losses or slopes has NaN or an infinity."""
    for name, (loss, _) in losses().items():
        value, slope = evaluate([loss, *gradients(loss, [X])], FEEDS)
        assert not (np.isfinite(value) and np.isfinite(slope).all()), name


def test_nan_stays_nan() -> None:
    x = np.where(np.eye(4, 5) > 0, np.nan, LOGITS)
    for build, _, _ in FORMS.values():
        made = evaluate(rewrite([build()]).outputs, FEEDS | {X: x})[0]
        assert np.isnan(made).any()


def test_a_softmax_that_is_shifted_by_more_than_one_number_stays() -> None:
    y = softmax(X - max(X, axis=0, keepdims=True))

    assert "softmax_of_shifted" not in rules_of(y)
    np.testing.assert_allclose(stable(y)[0], special.softmax(LOGITS - LOGITS.max(0), axis=-1), rtol=1e-12)


def test_a_logarithm_of_some_other_probability_stays() -> None:
    y = log(softmax(X) + 1e-7)

    assert rules_of(y) == {}
    assert rules_of(log(sum(exp(X), axis=-1) + 2.0)) == {}
    assert rules_of(softplus(X), log_softmax(X)) == {}
