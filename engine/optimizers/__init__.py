"""Optimizers: how a gradient changes a variable, as expressions. Keras' names and defaults."""

from flowloom.optimizers import schedules
from flowloom.optimizers.adaptive import adadelta, adagrad, ftrl, rmsprop
from flowloom.optimizers.gradient_descent import lion, sgd
from flowloom.optimizers.moments import adam, adamax, adamw, lamb, nadam
from flowloom.optimizers.optimizer import Common as Common
from flowloom.optimizers.optimizer import Hyperparameter, Optimizer, Slot
from flowloom.params import no_such_name

__all__ = [
    "Hyperparameter",
    "Optimizer",
    "Slot",
    "adadelta",
    "adagrad",
    "adam",
    "adamax",
    "adamw",
    "ftrl",
    "lamb",
    "lion",
    "nadam",
    "rmsprop",
    "schedules",
    "sgd",
]


def __getattr__(name: str) -> object:
    raise no_such_name("flowloom.optimizers", name, __all__)
