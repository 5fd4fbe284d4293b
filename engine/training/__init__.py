"""Training: runs in the background that obey while they go on."""

from flowloom.training.evaluation import evaluate as evaluate
from flowloom.training.run import Event as Event
from flowloom.training.run import Run as Run
from flowloom.training.run import run_of as run_of
from flowloom.training.run import stop_all as stop_all
from flowloom.training.series import Series as Series
from flowloom.training.trainer import Trainer as Trainer
from flowloom.training.trainer import TrainingError as TrainingError
from flowloom.training.trainer import find_trainer as find_trainer
