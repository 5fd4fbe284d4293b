"""The widgets: the graph editor, the training board, and the studio that has both."""

from __future__ import annotations

from typing import Any

from flowloom.data import Dataset, LoadedData
from flowloom.graph import Graph
from flowloom.optimizers import Optimizer
from flowloom.training import Run
from flowloom.widgets.base import LoomWidget
from flowloom.widgets.graph_part import GraphPart
from flowloom.widgets.run_part import RunPart


class GraphEditor(LoomWidget):
    """A canvas on which `graph` is wired by hand: palette, typed ports, inspector, problems with fixes, undo.

    The graph is the same object: what is changed here is there in Python, and the other way round.
    """

    layout_name = "editor"

    def __init__(self, graph: Graph, **kwargs: Any) -> None:
        self.graph = _checked_graph(graph)
        super().__init__(GraphPart(graph, self._tell_graph), **kwargs)


class TrainingBoard(LoomWidget):
    """Controls and live curves for training a graph.

    `TrainingBoard(graph, data)` starts runs of its own, on `data` as `Studio` takes them; `TrainingBoard(run)` watches
    and steers a run that was started from Python.
    """

    layout_name = "board"

    def __init__(
        self,
        graph: Graph | Run,
        data: LoadedData | Dataset | None = None,
        *,
        optimizer: Optimizer | None = None,
        epochs: int = 20,
        batch_size: int = 64,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        watched = graph if isinstance(graph, Run) else None
        self.graph = watched.graph if watched else _checked_graph(graph)
        options: dict[str, Any] = {"optimizer": optimizer, "epochs": epochs, "batch_size": batch_size, "seed": seed}
        part = RunPart(self.graph, self._tell_run, *_split(data), run=watched, **options)
        super().__init__(None, part, **kwargs)

    @property
    def run(self) -> Run | None:
        """The newest run, or None before the first."""
        return self.run_part.run if self.run_part else None


class Studio(LoomWidget):
    """The editor and the board in one view: wire a graph, train it on `data`, look on.

    `data` is what `fl.data.load` gives (train and test), or a Dataset to train on. Batches of `batch_size` are shuffled
    from `seed`, unless the dataset comes in batches. `optimizer` is Adam unless given.
    """

    layout_name = "studio"

    def __init__(
        self,
        graph: Graph,
        data: LoadedData | Dataset | None = None,
        *,
        optimizer: Optimizer | None = None,
        epochs: int = 20,
        batch_size: int = 64,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        self.graph = _checked_graph(graph)
        options: dict[str, Any] = {"optimizer": optimizer, "epochs": epochs, "batch_size": batch_size, "seed": seed}
        run_part = RunPart(graph, self._tell_run, *_split(data), **options)
        super().__init__(GraphPart(graph, self._tell_graph), run_part, **kwargs)

    @property
    def run(self) -> Run | None:
        """The newest run, or None before the first."""
        return self.run_part.run if self.run_part else None


def _checked_graph(graph: object) -> Graph:
    if not isinstance(graph, Graph):
        raise TypeError(f"a flowloom Graph is needed; got {type(graph).__name__}")
    return graph


def _split(data: LoadedData | Dataset | None) -> tuple[Dataset | None, Dataset | None]:
    """The datasets to train and to validate on."""
    if data is None or isinstance(data, Dataset):
        return data, None
    if isinstance(data, LoadedData):
        return data.train, data.test
    raise TypeError(f"data is what fl.data.load gives, or a Dataset; got {type(data).__name__}")
