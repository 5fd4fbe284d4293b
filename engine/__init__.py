"""flowloom: weave a model, watch it learn, take it apart, ship it.

    import flowloom as fl

    g = fl.Graph("line")
    with g:
        x = fl.input("x", shape=("batch", 1))
        y = fl.input("y", shape=("batch", 1))
        loss = fl.losses.mean_squared_error(fl.layers.dense(x, units=1), y)
"""

from flowloom import data as data
from flowloom import formats as formats
from flowloom import layers as layers
from flowloom import losses as losses
from flowloom import metrics as metrics
from flowloom import ops as ops
from flowloom import optimizers as optimizers
from flowloom.build import constant as constant
from flowloom.build import gradients as gradients
from flowloom.build import input as input
from flowloom.build import variable as variable
from flowloom.feeds import FeedError as FeedError
from flowloom.formats.flow import FlowFileError as FlowFileError
from flowloom.formats.flow import load as load
from flowloom.graph import Graph as Graph
from flowloom.graph import PatchError as PatchError
from flowloom.graph import Problem as Problem
from flowloom.graph import Tensor as Tensor
from flowloom.graph import Variable as Variable
from flowloom.op import op as op
from flowloom.ops import *
from flowloom.program import Program as Program
from flowloom.program import RunError as RunError
from flowloom.program import compile as compile
from flowloom.spec import Spec as Spec
from flowloom.spec import SpecError as SpecError
from flowloom.training import Run as Run
from flowloom.training import Trainer as Trainer
from flowloom.training import TrainingError as TrainingError


def __getattr__(name: str) -> object:
    """What costs time to import comes only when it is asked for: the widgets (Jupyter), and the version."""
    if name in ("widgets", "kernel_ext"):
        from importlib import import_module

        return import_module(f"flowloom.{name}")
    if name == "__version__":
        from importlib.metadata import version

        return version("flowloom")
    raise AttributeError(f"flowloom has no {name!r}")
