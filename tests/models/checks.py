"""What the models share: they learn a little, their gradients are slopes, and a file or source brings them back.

Each module builds one classical network as a person would who reads the notebooks, on data of its own making.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import flowloom as fl
from flowloom.formats.python import load

Array = np.ndarray[Any, Any]


def losses(graph: fl.Graph, data: fl.data.Dataset, optimizer: fl.optimizers.Optimizer, epochs: int) -> list[float]:
    """The node "loss" over all of `data`, before and after so many epochs of training on it."""
    trainer = fl.Trainer(graph["loss"], optimizer)
    before = trainer.evaluate(data)
    trainer.start(data, epochs=epochs).wait()
    return [before["loss"], trainer.evaluate(data)["loss"]]


def samples(data: fl.data.Dataset, count: int) -> dict[str, Array]:
    """The first samples."""
    return {name: array[:count] for name, array in data.arrays.items()}


def check_slopes(graph: fl.Graph, feeds: dict[str, Array]) -> None:
    """The gradients of the node "loss" are its slopes, as it learns and as it does not."""
    for training in (False, True):
        checked = fl.check_gradients(graph["loss"], feeds, training=training, directions=1)
        assert set(checked) >= {v.name for v in graph.trainable_variables}


def check_survival(graph: fl.Graph, feeds: dict[str, Array], folder: Path) -> None:
    """A file and Python source bring back the graph: with the same weights it gives the same numbers."""
    graph.save(folder / "model.flow.json")
    expected = fl.compile(graph.outputs)(feeds)
    for again in (fl.load(folder / "model.flow.json"), load(graph.to_python())):
        for variable in graph.variables:
            again.variable(variable.name).value = variable.value
        for ours, theirs in zip(fl.compile(again.outputs)(feeds), expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-6)
