"""Losses: one number to make small. Each takes an optional `sample_weight`; the default is the mean over the batch."""

from flowloom.losses.classification import (
    binary_focal_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    hinge,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
    squared_hinge,
)
from flowloom.losses.embedding import triplet_margin
from flowloom.losses.regression import (
    cosine_similarity,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
)
from flowloom.params import no_such_name

__all__ = [
    "binary_focal_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "cosine_similarity",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "sigmoid_cross_entropy",
    "softmax_cross_entropy",
    "squared_hinge",
    "triplet_margin",
]

# By Keras' names, whose functions take the label first.
_KERAS = {
    "binary_crossentropy": "sigmoid_cross_entropy",
    "categorical_crossentropy": "softmax_cross_entropy",
    "mae": "mean_absolute_error",
    "mse": "mean_squared_error",
    "sparse_categorical_crossentropy": "softmax_cross_entropy",
}


def __getattr__(name: str) -> object:
    raise no_such_name("flowloom.losses", name, __all__, _KERAS)
