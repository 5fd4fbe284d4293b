"""Cases of every loss, metric and source of random numbers."""

from __future__ import annotations

from typing import Any

from tests.layers.cases import Case, many, pair, rows

WEIGHT: dict[str, Any] = {"sample_weight": ((), "float64")}
NUMBERS = pair((3,), (), "int64")
YES_OR_NO = pair((), (), "int64")
VECTORS = pair((2,), (2,), "float64")

LOSSES: dict[str, list[Case]] = {
    "losses.softmax_cross_entropy": [
        Case(NUMBERS),
        Case(pair((3,), (), "uint8")),
        Case(pair((3,), (3,), "float64") | WEIGHT, {"label_smoothing": 0.1}),
        Case(NUMBERS, {"ignore_index": 1, "label_smoothing": 0.1}),
        Case(pair((2, 3), (2,), "int64"), {"reduction": "none"}),
    ],
    "losses.sigmoid_cross_entropy": [
        Case(YES_OR_NO, labels=2),
        Case(pair((1,), (), "bool"), labels=2),
        Case(pair((), (1,), "float32")),
        Case(YES_OR_NO | WEIGHT, {"pos_weight": 2.0, "label_smoothing": 0.1}, labels=2),
    ],
    "losses.binary_focal_crossentropy": [
        Case(YES_OR_NO, labels=2),
        Case(YES_OR_NO | WEIGHT, {"gamma": 0.5, "apply_class_balancing": True}, labels=2),
        Case(pair((1,), (), "bool"), {"gamma": 0.0}, labels=2),
    ],
    "losses.categorical_focal_crossentropy": [
        Case(NUMBERS),
        Case(pair((3,), (3,), "float64") | WEIGHT, {"gamma": 0.5, "label_smoothing": 0.1}),
    ],
    "losses.hinge": [Case(YES_OR_NO, labels=2), Case(VECTORS | WEIGHT)],
    "losses.squared_hinge": [Case(YES_OR_NO, labels=2), Case(VECTORS | WEIGHT)],
    "losses.categorical_hinge": [Case(NUMBERS), Case(NUMBERS | WEIGHT)],
    "losses.triplet_margin": [Case(many((2,), (2,), (2,))), Case(many((2,), (2,), (2,)) | WEIGHT, {"margin": 0.5})],
    "losses.huber": [Case(VECTORS), Case(VECTORS | WEIGHT, {"delta": 0.4})],
    "losses.cosine_similarity": [Case(VECTORS), Case(VECTORS | WEIGHT), Case(VECTORS, {"axis": 0})],
    "losses.kl_divergence": [Case(VECTORS), Case(VECTORS | WEIGHT)],
    **{
        f"losses.{name}": [
            Case(VECTORS),
            Case(pair((1,), (), "float32")),
            Case(pair((2,), (2,), "int64") | WEIGHT, {"reduction": "mean_with_sample_weight"}),
        ]
        for name in (
            "log_cosh",
            "mean_absolute_error",
            "mean_absolute_percentage_error",
            "mean_squared_error",
            "mean_squared_logarithmic_error",
            "poisson",
        )
    },
}
METRICS: dict[str, list[Case]] = {
    "metrics.accuracy": [Case(NUMBERS), Case(NUMBERS | WEIGHT)],
    "metrics.top_k_accuracy": [Case(NUMBERS), Case(pair((2, 3), (2,), "int64") | WEIGHT, {"k": 1})],
    "metrics.binary_accuracy": [Case(pair((1,), (), "int64"), labels=2), Case(YES_OR_NO, {"threshold": 0.3}, labels=2)],
    **{
        f"metrics.{name}": [Case(YES_OR_NO, labels=2), Case(NUMBERS, {"average": "none"}), *averaged]
        for name, averaged in (
            ("precision", [Case(NUMBERS, {"average": "macro"})]),
            ("recall", [Case(NUMBERS, {"average": "micro"})]),
            ("f1_score", [Case(NUMBERS | WEIGHT, {"average": "weighted"})]),
        )
    },
    "metrics.mean_iou": [Case(NUMBERS), Case(pair((2, 2, 3), (2, 2), "uint8"))],
    "metrics.confusion_matrix": [Case(NUMBERS), Case(NUMBERS | WEIGHT)],
    "metrics.auc": [Case(YES_OR_NO, labels=2), Case(YES_OR_NO | WEIGHT, {"curve": "PR"}, labels=2)],
    "metrics.perplexity": [Case(NUMBERS), Case(NUMBERS | WEIGHT)],
    "metrics.mean": [Case(rows(2)), Case(rows() | WEIGHT)],
    "metrics.r2_score": [Case(VECTORS), Case(YES_OR_NO, {"class_aggregation": "variance_weighted_average"})],
    "metrics.cosine_similarity": [Case(VECTORS), Case(VECTORS | WEIGHT)],
    **{
        f"metrics.{name}": [Case(VECTORS), Case(VECTORS | WEIGHT)]
        for name in ("mean_absolute_error", "mean_squared_error", "root_mean_squared_error")
    },
}
LIKE: dict[str, Any] = {"like": ((2,), "float64")}
RANDOM: dict[str, list[Case]] = {
    **{
        f"random.{name}": [Case(LIKE), Case({}, {"shape": (2, 3)})]
        for name in ("bernoulli", "exponential", "gumbel", "integers", "laplace", "normal", "truncated_normal")
    },
    "random.gamma": [Case(LIKE, {"alpha": 2.5}), Case({}, {"shape": (2, 3), "alpha": 0.5, "dtype": "float64"})],
    "random.uniform": [Case(LIKE), Case({}, {"shape": (2, 3), "low": -1.0, "dtype": "float64"})],
    "random.poisson": [Case({"lam": ((2,), "int64")}, labels=30)],
    "random.categorical": [
        Case({"logits": ((3,), "float64")}),
        Case({"logits": ((3,), "float64")}, {"num_samples": 4}),
    ],
    "random.permutation": [Case({}, {"size": 5})],
    "random.shuffle": [Case(rows(2)), Case(rows(3), {"axis": 1})],
}
# Their gradient is zero almost everywhere, or they give whole numbers, or (percentages) far too large ones.
STEPWISE = {
    "losses.mean_absolute_percentage_error",
    *(f"metrics.{name}" for name in ("accuracy", "auc", "binary_accuracy", "confusion_matrix", "f1_score", "mean_iou")),
    *(f"metrics.{name}" for name in ("precision", "recall", "top_k_accuracy")),
    *(f"random.{name}" for name in ("categorical", "integers")),
}
