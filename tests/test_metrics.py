"""Metrics are the numbers that scikit-learn gives; over a dataset they are those of all its samples at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special
from sklearn import metrics

import flowloom as fl
from tests.test_losses import value

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(8)
LOGITS, LABELS = RNG.normal(size=(60, 5)).astype("float32"), RNG.integers(0, 5, 60)
CHOSEN = LOGITS.argmax(1)
SCORES, YES = RNG.normal(size=60), RNG.integers(0, 2, 60)
LIKELY = special.expit(SCORES)
WEIGHTS = RNG.uniform(0.2, 2.0, 60)
A, B = RNG.normal(size=(60, 2)), RNG.normal(size=(60, 2))
AVERAGES = ("macro", "micro", "weighted")


def area(curve: str, label: Array, probability: Array, weight: Array | None = None, count: int = 200) -> float:
    """The area as Keras finds it, written anew: a loop over thresholds, and a fine integral between two of them."""
    thresholds = np.array([-1e-7, *(np.arange(1, count - 1) / (count - 1)), 1 + 1e-7])
    weight = np.ones(len(label)) if weight is None else weight
    hits = np.array([weight[(probability > t) & (label == 1)].sum() for t in thresholds])
    alarms = np.array([weight[(probability > t) & (label == 0)].sum() for t in thresholds])
    if curve == "ROC":
        return float(np.trapezoid(hits[::-1] / hits[0], alarms[::-1] / alarms[0]))
    total = 0.0
    for i in range(count - 1):
        if hits[i] > hits[i + 1]:
            part = np.linspace(0, 1, 4001)[1:] - 1 / 8000
            tp = hits[i + 1] + part * (hits[i] - hits[i + 1])
            fp = alarms[i + 1] + part * (alarms[i] - alarms[i + 1])
            total += float((tp / (tp + fp)).mean() * (hits[i] - hits[i + 1]) / hits[0])
    return total


# name, inputs after which a weight may come, parameters, expected without and with weights
CASES: list[tuple[str, tuple[Array, ...], dict[str, Any], Callable[..., Any]]] = [
    ("accuracy", (LOGITS, LABELS), {}, lambda w: metrics.accuracy_score(LABELS, CHOSEN, sample_weight=w)),
    ("binary_accuracy", (SCORES, YES), {}, lambda w: metrics.accuracy_score(YES, SCORES > 0, sample_weight=w)),
    (
        "binary_accuracy",
        (LIKELY, YES),
        {"threshold": 0.7, "from_logits": False},
        lambda w: metrics.accuracy_score(YES, LIKELY > 0.7, sample_weight=w),
    ),
    (
        "binary_accuracy",
        (SCORES, YES),
        {"threshold": 0.7},
        lambda w: metrics.accuracy_score(YES, LIKELY > 0.7, sample_weight=w),
    ),
    *(
        (
            "top_k_accuracy",
            (LOGITS, LABELS),
            {"k": k},
            lambda w, k=k: metrics.top_k_accuracy_score(LABELS, LOGITS, k=k, sample_weight=w),
        )
        for k in (1, 2, 4)
    ),
    *(
        (
            name,
            (SCORES, YES),
            {"threshold": 0.6},
            lambda w, f=f: f(YES, LIKELY > 0.6, sample_weight=w),
        )
        for name, f in (
            ("precision", metrics.precision_score),
            ("recall", metrics.recall_score),
            ("f1_score", metrics.f1_score),
        )
    ),
    *(
        (
            name,
            (LOGITS, LABELS),
            {"average": average},
            lambda w, f=f, average=average: f(LABELS, CHOSEN, average=average, sample_weight=w),
        )
        for name, f in (
            ("precision", metrics.precision_score),
            ("recall", metrics.recall_score),
            ("f1_score", metrics.f1_score),
        )
        for average in AVERAGES
    ),
    (
        "f1_score",
        (LOGITS, LABELS),
        {"average": "none"},
        lambda w: metrics.f1_score(LABELS, CHOSEN, average=None, sample_weight=w),
    ),
    (
        "mean_iou",
        (LOGITS, LABELS),
        {},
        lambda w: metrics.jaccard_score(LABELS, CHOSEN, average="macro", sample_weight=w),
    ),
    (
        "confusion_matrix",
        (LOGITS, LABELS),
        {},
        lambda w: metrics.confusion_matrix(LABELS, CHOSEN, sample_weight=w),
    ),
    ("auc", (SCORES, YES), {}, lambda w: area("ROC", YES, LIKELY, w)),
    ("auc", (SCORES, YES), {"curve": "PR"}, lambda w: area("PR", YES, LIKELY, w)),
    (
        "auc",
        (LIKELY.round(1), YES),
        {"from_logits": False, "num_thresholds": 11},
        lambda w: area("ROC", YES, LIKELY.round(1), w, 11),
    ),
    ("mean", (A,), {}, lambda w: np.average(A.mean(1), weights=w)),
    ("mean_absolute_error", (A, B), {}, lambda w: metrics.mean_absolute_error(B, A, sample_weight=w)),
    ("mean_squared_error", (A, B), {}, lambda w: metrics.mean_squared_error(B, A, sample_weight=w)),
    (
        "root_mean_squared_error",
        (A[:, 0], B[:, 0]),
        {},
        lambda w: metrics.root_mean_squared_error(B[:, 0], A[:, 0], sample_weight=w),
    ),
    ("r2_score", (A[:, 0], B[:, 0]), {}, lambda w: metrics.r2_score(B[:, 0], A[:, 0], sample_weight=w)),
    ("r2_score", (A + B, B), {}, lambda w: metrics.r2_score(B, A + B, sample_weight=w)),
    (
        "r2_score",
        (A + B, B),
        {"class_aggregation": "variance_weighted_average"},
        lambda w: metrics.r2_score(B, A + B, sample_weight=w, multioutput="variance_weighted"),
    ),
    (
        "cosine_similarity",
        (A, B),
        {},
        lambda w: np.average(metrics.pairwise.cosine_similarity(A, B).diagonal(), weights=w),
    ),
    (
        "perplexity",
        (LOGITS, LABELS),
        {},
        lambda w: math.exp(metrics.log_loss(LABELS, special.softmax(LOGITS, axis=1), sample_weight=w)),
    ),
]
every_case = pytest.mark.parametrize(
    ("name", "arrays", "params", "expected"), CASES, ids=[f"{c[0]}-{i}" for i, c in enumerate(CASES)]
)
weighted = pytest.mark.parametrize("weight", [None, WEIGHTS], ids=["plain", "weighted"])
UNEVEN = (17, 1, 25, 16, 1)


def over_batches(metric: Any, arrays: tuple[Array, ...], params: dict[str, Any], sizes: tuple[int, ...]) -> Any:
    """The metric over a dataset that comes in batches of these sizes."""
    fed = {f"x{i}": a for i, a in enumerate(arrays)}
    with fl.Graph("metric"):
        inputs = [fl.input(name, shape=("batch", *a.shape[1:]), dtype=a.dtype) for name, a in fed.items()]
        made = metric(*inputs, **params)
    ends = np.cumsum(sizes)
    batches = [{k: a[end - size : end] for k, a in fed.items()} for end, size in zip(ends, sizes, strict=True)]
    return fl.training.evaluation.Evaluation({"metric": made})(batches)["metric"]


@every_case
@weighted
def test_a_metric_is_the_reference(
    name: str, arrays: tuple[Array, ...], params: dict[str, Any], expected: Callable[..., Any], weight: Array | None
) -> None:
    given = arrays if weight is None else (*arrays, weight)

    result = value(getattr(fl.metrics, name), *given, **params)

    np.testing.assert_allclose(result, expected(weight), rtol=2e-5)


@every_case
@weighted
@pytest.mark.parametrize("sizes", [UNEVEN, (60,), (1,) * 60], ids=["uneven", "whole", "single"])
def test_over_a_dataset_a_metric_is_that_of_all_samples_in_whatever_batches_they_come(
    name: str,
    arrays: tuple[Array, ...],
    params: dict[str, Any],
    expected: Callable[..., Any],
    weight: Array | None,
    sizes: tuple[int, ...],
) -> None:
    given = arrays if weight is None else (*arrays, weight)

    result = over_batches(getattr(fl.metrics, name), given, params, sizes)

    np.testing.assert_allclose(result, expected(weight), rtol=2e-5)


def test_every_metric_has_a_case() -> None:
    assert {name for name, *_ in CASES} == set(fl.metrics.__all__)


# ------------------------------------------------------------ beside the references


def test_areas_are_near_those_of_scikit_learn() -> None:
    """Which looks at every probability as a threshold, and does not interpolate precision."""
    roc, pr = (value(fl.metrics.auc, SCORES, YES, curve=c, num_thresholds=2000) for c in ("ROC", "PR"))

    assert roc == pytest.approx(metrics.roc_auc_score(YES, SCORES), abs=2e-3)
    assert pr == pytest.approx(metrics.average_precision_score(YES, SCORES), abs=0.02)


@pytest.mark.parametrize(("curve", "best", "none"), [("ROC", 1.0, 0.0), ("PR", 1.0, 0.0)])
def test_the_area_of_a_perfect_classifier_is_one_and_without_positives_zero(
    curve: str, best: float, none: float
) -> None:
    assert value(fl.metrics.auc, 9.0 * (2 * YES - 1), YES, curve=curve) == pytest.approx(best, abs=1e-6)
    assert value(fl.metrics.auc, SCORES, 0 * YES, curve=curve) == none


def test_accuracy_takes_small_label_types() -> None:
    assert value(fl.metrics.accuracy, np.float32([[0, 1], [1, 0]]), np.uint8([1, 1])) == 0.5


@pytest.mark.parametrize("shape", [(60,), (60, 1)])
@pytest.mark.parametrize("dtype", ["int64", "bool", "float32"])
def test_binary_accuracy_cuts_at_even_odds(shape: tuple[int, ...], dtype: str) -> None:
    expected = metrics.accuracy_score(YES, SCORES > 0)
    assert value(fl.metrics.binary_accuracy, SCORES.reshape(shape), YES.astype(dtype)) == pytest.approx(expected)


@pytest.mark.parametrize(("threshold", "expected"), [(0.0, 1.0), (1.0, 0.0)])
def test_the_ends_of_the_threshold_take_everything_and_nothing(threshold: float, expected: float) -> None:
    assert value(fl.metrics.recall, SCORES, YES, threshold=threshold) == expected


def test_mean_absolute_error_is_scikit_learns_to_the_last_digit() -> None:
    assert value(fl.metrics.mean_absolute_error, A, B) == pytest.approx(metrics.mean_absolute_error(B, A), rel=1e-12)


def test_several_classes_need_another_average_than_the_binary_one() -> None:
    with pytest.raises(fl.SpecError, match=r'one number a sample; got float32\[batch, 5\].* set average to "macro"'):
        value(fl.metrics.precision, LOGITS, LABELS)


@pytest.mark.parametrize("name", ["precision", "recall", "f1_score"])
def test_with_nothing_to_divide_by_the_score_is_zero(name: str) -> None:
    assert value(getattr(fl.metrics, name), -abs(SCORES), 0 * YES) == 0


def test_classes_that_do_not_occur_do_not_lower_a_macro_average() -> None:
    logits, label = np.float32([[3, 0, 0, 0], [0, 3, 0, 0], [3, 0, 0, 0]]), np.array([0, 1, 1])

    for name, f in (("precision", metrics.precision_score), ("f1_score", metrics.f1_score)):
        result = value(getattr(fl.metrics, name), logits, label, average="macro")
        assert result == pytest.approx(f(label, logits.argmax(1), average="macro"))


def test_a_picture_has_a_label_for_each_pixel() -> None:
    logits, label = RNG.normal(size=(2, 4, 5, 3)), RNG.integers(0, 3, (2, 4, 5))
    flat, chosen = label.ravel(), logits.argmax(-1).ravel()

    assert value(fl.metrics.mean_iou, logits, label) == pytest.approx(
        metrics.jaccard_score(flat, chosen, average="macro")
    )
    np.testing.assert_array_equal(
        value(fl.metrics.confusion_matrix, logits, label), metrics.confusion_matrix(flat, chosen)
    )


@pytest.mark.parametrize("name", ["confusion_matrix", "mean_iou", "perplexity", "top_k_accuracy"])
@pytest.mark.parametrize("label", [5, -1])
def test_a_label_out_of_range_is_named_with_its_node(name: str, label: int) -> None:
    labels = np.where(np.arange(60) == 7, label, LABELS)

    with pytest.raises(fl.RunError, match=rf"label {label} is outside 0\.\.4, at position \(7,\).*node '{name}'"):
        value(getattr(fl.metrics, name), LOGITS, labels)


def test_r2_of_numbers_far_from_zero_keeps_its_digits() -> None:
    years = 2000 + RNG.normal(size=60)
    guess = years + RNG.normal(scale=0.1, size=60)

    assert over_batches(fl.metrics.r2_score, (guess, years), {}, UNEVEN) == pytest.approx(
        metrics.r2_score(years, guess), rel=1e-8
    )


@pytest.mark.parametrize(("shape", "dtype"), [(("batch", 1), "int64"), (("batch",), "float32"), (("other",), "int64")])
def test_accuracy_refuses_labels_that_are_not_one_integer_a_row(shape: tuple[Any, ...], dtype: str) -> None:
    with fl.Graph("wrong"):
        logits, label = fl.input("logits", shape=("batch", 3)), fl.input("label", shape=shape, dtype=dtype)
        with pytest.raises(fl.SpecError, match="node 'accuracy'"):
            fl.metrics.accuracy(logits, label)
