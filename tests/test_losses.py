"""Losses are the numbers that scikit-learn, SciPy and PyTorch give, also where a naive formula would overflow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import special
from sklearn import metrics

import flowloom as fl
from flowloom.spec import shape_text

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(6)


def value(loss: Any, *arrays: Any, **params: Any) -> Array:
    """The loss (or metric) of arrays, fed with a batch dimension."""
    fed = {f"x{i}": np.asarray(a) for i, a in enumerate(arrays)}
    with fl.Graph("loss"):
        inputs = [fl.input(name, shape=("batch", *a.shape[1:]), dtype=a.dtype) for name, a in fed.items()]
        result: Array = fl.compile(loss(*inputs, **params))(fed)
        return result


def test_softmax_cross_entropy_is_the_log_loss_of_the_softmax() -> None:
    logits, label = RNG.normal(scale=3, size=(50, 6)), RNG.integers(0, 6, 50)

    expected = metrics.log_loss(label, special.softmax(logits, axis=1), labels=range(6))
    assert value(fl.losses.softmax_cross_entropy, logits, label) == pytest.approx(expected, rel=1e-12)


def test_sigmoid_cross_entropy_is_the_log_loss_of_the_sigmoid() -> None:
    logits, label = RNG.normal(scale=3, size=50), RNG.integers(0, 2, 50)

    expected = metrics.log_loss(label, special.expit(logits))
    assert value(fl.losses.sigmoid_cross_entropy, logits, label) == pytest.approx(expected, rel=1e-12)


def test_logits_far_from_zero_neither_overflow_nor_lose_the_loss() -> None:
    """By hand: -log sigmoid(-1000) = 1000 and -log softmax([1000, 0])[1] = 1000."""
    assert value(fl.losses.sigmoid_cross_entropy, np.float32([-1000, 1000]), [1, 1]) == 500
    assert value(fl.losses.softmax_cross_entropy, np.float32([[1000, 0], [1000, 0]]), [1, 0]) == 500


def test_the_gradient_at_zero_logits_is_half_way() -> None:
    """The derivative of -log sigmoid(x) is sigmoid(x) - 1."""
    with fl.Graph("start"):
        x, y = fl.input("x"), fl.input("y")
        gradients = fl.gradients(fl.losses.sigmoid_cross_entropy(x, y), [x])

    np.testing.assert_allclose(fl.compile(gradients)({"x": [0, 0], "y": [1, 0]})[0], [-0.25, 0.25])


def test_the_gradient_of_a_percentage_is_larger_for_a_smaller_target() -> None:
    """By hand: 100 sign(p - t) / |t|, over two samples."""
    with fl.Graph("percent"):
        p, t = fl.input("p"), fl.input("t")
        gradients = fl.gradients(fl.losses.mean_absolute_percentage_error(p, t), [p])

    np.testing.assert_allclose(fl.compile(gradients)({"p": [3, 3], "t": [2, -4]})[0], [25, 12.5])


@pytest.mark.parametrize(
    ("loss", "reference"),
    [
        (fl.losses.mean_squared_error, metrics.mean_squared_error),
        (fl.losses.mean_absolute_error, metrics.mean_absolute_error),
    ],
)
@pytest.mark.parametrize("shape", [(20,), (20, 3)])
def test_regression_losses_are_scikit_learns(loss: Any, reference: Any, shape: tuple[int, ...]) -> None:
    a, b = RNG.normal(size=shape), RNG.normal(size=shape)

    assert value(loss, a, b) == pytest.approx(reference(b, a), rel=1e-12)


@pytest.mark.parametrize("first", [(7,), (7, 1)])
@pytest.mark.parametrize("second", [(7,), (7, 1)])
def test_a_last_dimension_of_one_does_not_broadcast(first: tuple[int, ...], second: tuple[int, ...]) -> None:
    a, b = RNG.normal(size=7), RNG.normal(size=7)

    result = value(fl.losses.mean_squared_error, a.reshape(first), b.reshape(second))
    assert result == pytest.approx(metrics.mean_squared_error(b, a), rel=1e-12)


@pytest.mark.parametrize("target", [("batch", 2), ("batch", 3, 2), (4, 3), ("other", 3)])
def test_shapes_that_differ_are_refused_with_both_of_them(target: tuple[Any, ...]) -> None:
    with fl.Graph("wrong"):
        a, b = fl.input("a", shape=("batch", 3)), fl.input("b", shape=target)
        with pytest.raises(fl.SpecError, match=r"must have the same shape; got float32\[batch, 3\] and ") as caught:
            fl.losses.mean_squared_error(a, b)

    assert caught.value.dimension == f"{shape_text(a.shape)} != {shape_text(b.shape)}"


def test_a_dimension_of_any_size_fits_a_named_one() -> None:
    with fl.Graph("any"):
        loss = fl.losses.mean_squared_error(fl.input("a", shape=("batch", 1)), fl.input("b", shape=(None,)))

    assert fl.compile(loss)({"a": [[1], [2]], "b": [0, 0]}) == 2.5
    with pytest.raises(fl.SpecError, match="same shape"):
        fl.compile(loss)({"a": [[1], [2]], "b": [0, 0, 0]})


def test_integer_predictions_are_refused() -> None:
    with fl.Graph("wrong"), pytest.raises(fl.SpecError, match=r"must be floats; got int64\[batch\]"):
        fl.losses.mean_squared_error(fl.input("a", dtype="int64"), fl.input("b"))


@pytest.mark.parametrize("label", [3, -1])
@pytest.mark.parametrize("kind", ["softmax_cross_entropy", "categorical_focal_crossentropy", "categorical_hinge"])
def test_a_label_out_of_range_is_named_with_its_node(label: int, kind: str) -> None:
    with fl.Graph("digits"):
        logits, labels = fl.input("logits", shape=("batch", 3)), fl.input("label", dtype="int64")
        loss = getattr(fl.losses, kind)(logits, labels, name="loss")

    with pytest.raises(fl.RunError, match=rf"label {label} is outside 0\.\.2.*node 'loss'") as caught:
        fl.compile(loss)({"logits": np.zeros((2, 3)), "label": [0, label]})

    assert caught.value.node == loss.id


# ------------------------------------------------------------ further losses, against scikit-learn, SciPy and formulas

A, B = RNG.normal(size=(12, 3)), RNG.normal(size=(12, 3))
SIGNS = np.where(RNG.random((12, 3)) < 0.5, -1.0, 1.0)
LIKELY, TRUE = special.softmax(A, axis=1), special.softmax(B, axis=1)
LABELS = RNG.integers(0, 3, 12)
WEIGHTS = RNG.uniform(0.2, 2.0, 12)


def cosines(a: Array, b: Array) -> Array:
    return np.asarray((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1))


EXPECTED: dict[str, tuple[tuple[Any, ...], Any]] = {
    "mean_absolute_percentage_error": ((A, B), 100 * metrics.mean_absolute_percentage_error(B, A)),
    "mean_squared_logarithmic_error": ((abs(A), abs(B)), metrics.mean_squared_log_error(abs(B), abs(A))),
    "huber": ((A, B), special.huber(1.0, A - B).mean()),
    "log_cosh": ((A, B), np.log(np.cosh(A - B)).mean()),
    "poisson": ((abs(A), abs(B)), (abs(A) - special.xlogy(abs(B), abs(A))).mean()),
    "kl_divergence": ((LIKELY, TRUE), special.rel_entr(TRUE, LIKELY).sum(1).mean()),
    "cosine_similarity": ((A, B), -cosines(A, B).mean()),
    "hinge": ((A[:, 0], SIGNS[:, 0]), metrics.hinge_loss(SIGNS[:, 0], A[:, 0])),
    "squared_hinge": ((A, SIGNS), (np.maximum(1 - A * SIGNS, 0) ** 2).mean()),
    "categorical_hinge": ((A + 9, LABELS), metrics.hinge_loss(LABELS, A + 9)),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_further_losses_are_the_reference(name: str) -> None:
    arrays, expected = EXPECTED[name]

    assert value(getattr(fl.losses, name), *arrays) == pytest.approx(expected, rel=1e-5)


def test_a_wrong_score_below_zero_counts_as_zero_in_the_categorical_hinge() -> None:
    """By hand, with Keras' formula: max(0 - 0.4 + 1, 0)."""
    assert value(fl.losses.categorical_hinge, [[0.4, -3.0]], [0]) == pytest.approx(0.6)


def test_huber_takes_where_the_line_begins() -> None:
    assert value(fl.losses.huber, A, B, delta=0.3) == pytest.approx(special.huber(0.3, A - B).mean(), rel=1e-12)


def test_log_cosh_of_a_large_error_is_its_size() -> None:
    assert value(fl.losses.log_cosh, [[1e4], [-1e4]], [[0.0], [0.0]]) == pytest.approx(1e4 - np.log(2))


@pytest.mark.parametrize("name", ["hinge", "squared_hinge"])
def test_labels_of_a_hinge_may_be_zero_and_one(name: str) -> None:
    loss = getattr(fl.losses, name)

    assert value(loss, A, (SIGNS > 0).astype("int64")) == value(loss, A, SIGNS)


@pytest.mark.parametrize("name", ["categorical_hinge", "categorical_focal_crossentropy", "softmax_cross_entropy"])
def test_labels_may_be_numbers_or_one_hot(name: str) -> None:
    loss = getattr(fl.losses, name)

    assert value(loss, A, np.eye(3)[LABELS]) == pytest.approx(value(loss, A, LABELS), rel=1e-12)


def test_cross_entropy_takes_probabilities_as_labels() -> None:
    expected = -(TRUE * special.log_softmax(A, axis=1)).sum(1).mean()

    assert value(fl.losses.softmax_cross_entropy, A, TRUE) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("label", [LABELS, np.eye(3)[LABELS]], ids=["numbers", "one-hot"])
def test_smoothed_labels_are_shared_among_all_classes(label: Array) -> None:
    smoothed = 0.8 * np.eye(3)[LABELS] + 0.2 / 3
    expected = -(smoothed * special.log_softmax(A, axis=1)).sum(1).mean()

    result = value(fl.losses.softmax_cross_entropy, A, label, label_smoothing=0.2)
    assert result == pytest.approx(expected, rel=1e-12)


def test_labels_that_are_ignored_do_not_count_at_all() -> None:
    ignored = np.where(np.arange(12) % 3 == 1, -100, LABELS)
    kept = ignored >= 0

    for params in ({}, {"label_smoothing": 0.2}):
        result = value(fl.losses.softmax_cross_entropy, A, ignored, ignore_index=-100, **params)
        assert result == pytest.approx(value(fl.losses.softmax_cross_entropy, A[kept], LABELS[kept], **params))
    nothing = value(fl.losses.softmax_cross_entropy, A, np.full(12, -100), ignore_index=-100)
    assert nothing == 0


def test_a_positive_weight_counts_the_positives_more() -> None:
    x, y = A[:, 0], (SIGNS[:, 0] > 0).astype("int64")
    expected = -(3 * y * special.log_expit(x) + (1 - y) * special.log_expit(-x)).mean()

    assert value(fl.losses.sigmoid_cross_entropy, x, y, pos_weight=3.0) == pytest.approx(expected, rel=1e-12)
    far = value(fl.losses.sigmoid_cross_entropy, np.float32([-1000, 1000]), [1, 0], pos_weight=3.0)
    assert far == 2000


def test_smoothed_yes_and_no_move_towards_the_middle() -> None:
    x, y = A[:, 0], (SIGNS[:, 0] > 0).astype("int64")
    smoothed = 0.8 * y + 0.1
    expected = -(smoothed * special.log_expit(x) + (1 - smoothed) * special.log_expit(-x)).mean()

    result = value(fl.losses.sigmoid_cross_entropy, x, y, label_smoothing=0.2)
    assert result == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("balanced", [False, True])
def test_the_binary_focal_loss_is_the_papers(balanced: bool) -> None:
    """Lin et al. (2017), eq. 4 and 5: -alpha_t (1 - p_t)^gamma log(p_t)."""
    x, y = A[:, 0], (SIGNS[:, 0] > 0).astype("int64")
    p = np.where(y == 1, special.expit(x), special.expit(-x))
    alpha = np.where(y == 1, 0.3, 0.7) if balanced else 1.0
    expected = (-alpha * (1 - p) ** 1.5 * np.log(p)).mean()

    result = value(fl.losses.binary_focal_crossentropy, x, y, gamma=1.5, alpha=0.3, apply_class_balancing=balanced)
    assert result == pytest.approx(expected, rel=1e-9)


def test_the_categorical_focal_loss_is_the_papers() -> None:
    p = LIKELY[np.arange(12), LABELS]

    result = value(fl.losses.categorical_focal_crossentropy, A, LABELS, gamma=1.5, alpha=0.3)
    assert result == pytest.approx((-0.3 * (1 - p) ** 1.5 * np.log(p)).mean(), rel=1e-9)


def test_without_focus_the_focal_losses_are_cross_entropies() -> None:
    x, y = A[:, 0], (SIGNS[:, 0] > 0).astype("int64")

    focal = value(fl.losses.binary_focal_crossentropy, x, y, gamma=0.0)
    assert focal == pytest.approx(value(fl.losses.sigmoid_cross_entropy, x, y), rel=1e-12)
    focal = value(fl.losses.categorical_focal_crossentropy, A, LABELS, gamma=0.0, alpha=1.0)
    assert focal == pytest.approx(value(fl.losses.softmax_cross_entropy, A, LABELS), rel=1e-12)


def test_the_triplet_loss_wants_the_positive_nearer_by_a_margin() -> None:
    c = RNG.normal(size=(12, 3))
    expected = np.maximum(np.linalg.norm(A - B, axis=1) - np.linalg.norm(A - c, axis=1) + 0.5, 0).mean()

    assert value(fl.losses.triplet_margin, A, B, c, margin=0.5) == pytest.approx(expected, rel=1e-12)


# ------------------------------------------------------------ PyTorch

NUMBERED = np.where(np.arange(12) % 4 == 1, -100, LABELS)
YES = (SIGNS > 0).astype("float64")
TORCH: dict[str, tuple[str, tuple[Any, ...], dict[str, Any], tuple[Any, ...], dict[str, Any]]] = {
    "smooth cross-entropy that ignores": (
        "softmax_cross_entropy",
        (A, NUMBERED),
        {"ignore_index": -100, "label_smoothing": 0.1},
        (A, NUMBERED),
        {"function": "cross_entropy", "label_smoothing": 0.1},
    ),
    "cross-entropy with probabilities": (
        "softmax_cross_entropy",
        (A, TRUE),
        {},
        (A, TRUE),
        {"function": "cross_entropy"},
    ),
    "cross-entropy summed": (
        "softmax_cross_entropy",
        (A, LABELS),
        {"reduction": "sum"},
        (A, LABELS),
        {"function": "cross_entropy", "reduction": "sum"},
    ),
    "binary cross-entropy with weights": (
        "sigmoid_cross_entropy",
        (A[:, 0], YES[:, 0], WEIGHTS),
        {},
        (A[:, 0], YES[:, 0], WEIGHTS),
        {"function": "binary_cross_entropy_with_logits"},
    ),
    "huber": ("huber", (A, B), {"delta": 0.7}, (A, B), {"function": "huber_loss", "delta": 0.7}),
    "poisson": (
        "poisson",
        (abs(A), abs(B)),
        {},
        (abs(A), abs(B)),
        {"function": "poisson_nll_loss", "log_input": False, "eps": 1e-7},
    ),
    "divergence": (
        "kl_divergence",
        (LIKELY, TRUE),
        {},
        (np.log(LIKELY), TRUE),
        {"function": "kl_div", "reduction": "batchmean"},
    ),
    "triplets": (
        "triplet_margin",
        (A, B, SIGNS),
        {"margin": 0.8},
        (A, B, SIGNS),
        {"function": "triplet_margin_loss", "margin": 0.8, "eps": 0.0},
    ),
}


@pytest.mark.parametrize("case", TORCH)
def test_losses_are_pytorchs(case: str) -> None:
    torch = pytest.importorskip("torch")
    name, ours, params, theirs, settings = TORCH[case]
    function = getattr(torch.nn.functional, settings["function"])
    expected = function(*map(torch.tensor, theirs), **{k: v for k, v in settings.items() if k != "function"})

    assert value(getattr(fl.losses, name), *ours, **params) == pytest.approx(expected.item(), rel=1e-6)


# ------------------------------------------------------------ weights and reductions

EVERY = sorted(set(fl.losses.__all__) - {"triplet_margin"})


def arguments(name: str) -> tuple[Array, Array]:
    """A prediction and a target that the loss takes, 12 rows each."""
    if name in ("softmax_cross_entropy", "categorical_focal_crossentropy", "categorical_hinge"):
        return A, LABELS
    if name in ("sigmoid_cross_entropy", "binary_focal_crossentropy"):
        return A, YES
    return (abs(A) + 0.1, abs(B) + 0.1) if name != "kl_divergence" else (LIKELY, TRUE)


@pytest.mark.parametrize("name", EVERY)
def test_every_loss_takes_weights_and_reductions(name: str) -> None:
    loss, (a, b) = getattr(fl.losses, name), arguments(name)
    each = np.array([value(loss, a[i : i + 1], b[i : i + 1]) for i in range(12)])

    assert value(loss, a, b, reduction="none") == pytest.approx(each, rel=1e-9)
    assert value(loss, a, b) == pytest.approx(each.mean(), rel=1e-9)
    assert value(loss, a, b, reduction="sum") == pytest.approx(each.sum(), rel=1e-9)
    weighted = (each * WEIGHTS).sum()
    for weight in (WEIGHTS, WEIGHTS[:, None], WEIGHTS.astype("float32")):
        assert value(loss, a, b, weight) == pytest.approx(weighted / 12, rel=1e-6)
        result = value(loss, a, b, weight, reduction="mean_with_sample_weight")
        assert result == pytest.approx(weighted / WEIGHTS.sum(), rel=1e-6)
    assert value(loss, a, b, np.zeros(12), reduction="mean_with_sample_weight") == 0


def test_a_weight_for_each_pixel_has_the_first_dimensions_of_the_losses() -> None:
    logits, label = RNG.normal(size=(2, 4, 5, 3)), RNG.integers(0, 3, (2, 4, 5))
    weight = RNG.uniform(size=(2, 4, 5))
    each = value(fl.losses.softmax_cross_entropy, logits, label, reduction="none")

    assert each.shape == (2, 4, 5)
    for w, spread in ((weight, weight), (weight[:, 0, 0], weight[:, :1, :1]), (weight[:, :, 0], weight[:, :, :1])):
        assert value(fl.losses.softmax_cross_entropy, logits, label, w) == pytest.approx((each * spread).mean())


def test_the_weight_may_be_given_by_name_and_left_out() -> None:
    with fl.Graph("weights"):
        a, b, w = (fl.input(name) for name in "abw")
        with_weight = fl.losses.mean_squared_error(a, b, sample_weight=w)
        without = fl.losses.mean_squared_error(a, b)

    fed = {"a": [1, 2], "b": [0, 0], "w": [1, 3]}
    assert fl.compile([with_weight, without])(fed) == [6.5, 2.5]


@pytest.mark.parametrize("shape", [("other",), ("batch", 3), (5,)])
def test_weights_that_do_not_fit_are_refused_with_both_specs(shape: tuple[Any, ...]) -> None:
    with fl.Graph("wrong"):
        a, b = fl.input("a", shape=(4,)), fl.input("b", shape=(4,))
        with pytest.raises(fl.SpecError, match=r"sample_weight must have the first dimensions.*float32\[4\]; it is"):
            fl.losses.mean_squared_error(a, b, fl.input("w", shape=shape))


def test_ignoring_needs_labels_that_are_numbers() -> None:
    with fl.Graph("wrong"):
        logits, label = (fl.input(name, shape=("batch", 3)) for name in ("logits", "label"))
        with pytest.raises(fl.SpecError, match="ignore_index needs integer labels"):
            fl.losses.softmax_cross_entropy(logits, label, ignore_index=0)
