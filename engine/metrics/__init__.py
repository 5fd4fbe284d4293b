"""Metrics: numbers to watch. Over a dataset or an epoch, each is that of all samples, however they come in batches."""

from flowloom.metrics.classification import (
    accuracy,
    binary_accuracy,
    confusion_matrix,
    f1_score,
    mean_iou,
    perplexity,
    precision,
    recall,
    top_k_accuracy,
)
from flowloom.metrics.curves import auc
from flowloom.metrics.regression import (
    cosine_similarity,
    mean,
    mean_absolute_error,
    mean_squared_error,
    r2_score,
    root_mean_squared_error,
)
from flowloom.params import no_such_name

__all__ = [
    "accuracy",
    "auc",
    "binary_accuracy",
    "confusion_matrix",
    "cosine_similarity",
    "f1_score",
    "mean",
    "mean_absolute_error",
    "mean_iou",
    "mean_squared_error",
    "perplexity",
    "precision",
    "r2_score",
    "recall",
    "root_mean_squared_error",
    "top_k_accuracy",
]


def __getattr__(name: str) -> object:
    raise no_such_name("flowloom.metrics", name, __all__)
