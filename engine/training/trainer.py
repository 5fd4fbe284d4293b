"""Trainer: what to make small, how, and what to watch; it starts runs."""

from __future__ import annotations

from collections.abc import Mapping

from flowloom.data import Dataset
from flowloom.feeds import bind
from flowloom.graph.graph import Graph
from flowloom.graph.tensor import Tensor
from flowloom.optimizers import Optimizer, adam
from flowloom.params import unknown_name
from flowloom.program import Backend, Program, check_backend
from flowloom.training.run import Run, run_of
from flowloom.training.step import Evaluation, TrainStep


class TrainingError(ValueError):
    """A training that cannot start: no loss, nothing to learn, or data that the graph's inputs do not match."""


class Trainer:
    """Makes `loss` small by changing the trainable variables it depends on.

    `loss` is a float scalar of a graph, `metrics` are scalars of the same graph by the names they are reported under.
    Raises TrainingError if `loss` is no such scalar or depends on no trainable variable, SpecError if the graph does
    not typecheck, ValueError for a backend that is not there.
    """

    def __init__(
        self,
        loss: Tensor,
        optimizer: Optimizer | None = None,
        metrics: Mapping[str, Tensor] | None = None,
        *,
        backend: Backend = "auto",
    ) -> None:
        check_backend(backend)
        self.loss, self.metrics = loss, dict(metrics or {})
        self.optimizer = adam() if optimizer is None else optimizer
        if not isinstance(loss, Tensor):
            raise TrainingError(f"the loss must be a tensor of a graph; got {type(loss).__name__}")
        if "loss" in self.metrics:
            raise TrainingError("a metric cannot be called 'loss'")
        for name, tensor in self._watched.items():
            if tensor.graph is not self.graph:
                raise TrainingError(f"{name} belongs to another graph than the loss")
            if tensor.spec.shape != () or tensor.spec.dtype.kind != "f":
                raise TrainingError(f"{name} must be a float scalar; {tensor.name!r} is {tensor.spec}. Take its mean")
        self._inputs = Program(list(self._watched.values())).inputs

    @property
    def graph(self) -> Graph:
        return self.loss.graph

    @property
    def _watched(self) -> dict[str, Tensor]:
        return {"loss": self.loss, **self.metrics}

    def start(
        self, data: Dataset, *, validation: Dataset | None = None, epochs: int = 1, paused: bool = False
    ) -> Run:
        """Train in the background on `data` (in batches), `epochs` times over; `paused` waits for the first command.

        Inputs are fed the features of their names. After each epoch the loss and metrics are measured on `validation`.
        The graph's variables are the starting point, and take what is learned step by step.

        Raises TrainingError, DataError or FeedError, naming the input or feature, if the data do not fit, and
        RuntimeError while another run trains this graph.
        """
        if not isinstance(epochs, int) or isinstance(epochs, bool) or epochs < 1:
            raise TrainingError(f"epochs must be a whole number of at least 1; got {epochs!r}")
        if (other := run_of(self.graph)) is not None:
            raise RuntimeError(f"run {other.number} trains graph {self.graph.name!r} already; stop it first")
        step = TrainStep(self.graph, self._watched, self.optimizer, self._inputs)
        if not step.learns:
            raise TrainingError(f"nothing to learn: {self.loss.name!r} depends on no trainable variable")
        for name, dataset in {"data": data, "validation": validation}.items():
            if dataset is not None:
                self._check_data(name, dataset)
        return Run(step, Evaluation(self._watched), data, validation, epochs, paused=paused).begin()

    def fit(self, data: Dataset, *, validation: Dataset | None = None, epochs: int = 1, progress: bool = True) -> Run:
        """Train as `start` does, but wait for the end, with a progress bar. Interrupting it stops the run."""
        from flowloom.training.progress import follow

        run = self.start(data, validation=validation, epochs=epochs)
        try:
            return follow(run) if progress else run.wait()
        finally:
            run.stop()

    def _check_data(self, what: str, dataset: Dataset) -> None:
        """Raise, in one line, unless the dataset can feed the graph from its first batch to its last."""
        if not isinstance(dataset, Dataset):
            raise TrainingError(f"{what} must be a Dataset; fl.data.from_arrays(image=X, label=y).batch(64) makes one")
        if dataset.batch_size is None:
            raise TrainingError(f"{what} is not in batches; call .batch(64) on it")
        for name in self._inputs:
            if name not in dataset.features:
                raise TrainingError(unknown_name(name, list(dataset.features), f"{what} has no feature for the input"))
        first = next(dataset.batches())
        bind(self._inputs, {name: first[name] for name in self._inputs})
        dataset.check(finite=True)


def find_trainer(graph: Graph, optimizer: Optimizer | None = None) -> Trainer:
    """The trainer that a graph speaks for itself: its one loss node, and the metric nodes that typecheck, by name.

    Raises TrainingError if there is no loss, or more than one; SpecError if the graph does not typecheck up to it.
    """
    losses = _tensors(graph, "losses.")
    if not losses:
        raise TrainingError("the graph has no loss; add one from the palette's group 'loss' and wire it to the output")
    if len(losses) > 1:
        names = ", ".join(repr(t.name) for t in losses)
        raise TrainingError(f"the graph has {len(losses)} losses ({names}); remove all but one, or add them up")
    metrics = {t.name: t for t in _tensors(graph, "metrics.") if graph.spec(t) is not None}
    return Trainer(losses[0], optimizer, metrics)


def _tensors(graph: Graph, namespace: str) -> list[Tensor]:
    return [Tensor(graph, id, "y") for id, node in graph.nodes.items() if node.kind.startswith(namespace)]
