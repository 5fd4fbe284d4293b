"""Trainer: what to make small, how, and what to watch; it starts runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flowloom.backends.choice import Backend, check_backend
from flowloom.data import DataError, Dataset
from flowloom.feeds import bind
from flowloom.graph.document import Fix
from flowloom.graph.graph import Graph
from flowloom.graph.tensor import Tensor
from flowloom.graph.variables import Variable
from flowloom.optimizers import Optimizer, adam
from flowloom.params import unknown_name
from flowloom.spec import Spec, is_float
from flowloom.training.evaluation import Evaluation
from flowloom.training.measures import Batch
from flowloom.training.proposal import proposed_loss
from flowloom.training.run import Run, run_of
from flowloom.training.snapshot import snapshot
from flowloom.training.step import TrainStep

if TYPE_CHECKING:
    from flowloom.profiler import Profile


class TrainingError(ValueError):
    """A training that cannot start: no loss, nothing to learn, or data that the graph's inputs do not match.

    `node` is the id of the node that stands in the way, where one does; `fixes` are ways to mend it, as far as known.
    """

    def __init__(self, message: str, node: str | None = None, fixes: Sequence[Fix] = ()) -> None:
        super().__init__(message)
        self.node, self.fixes = node, list(fixes)


class Trainer:
    """Makes `loss` small by changing the trainable variables it depends on, or only those of `variables`.

    `loss` is a float scalar of a graph, `metrics` are scalars of the same graph by the names they are reported under.
    Raises TrainingError if `loss` is no such scalar or one of the `variables` cannot be trained, SpecError if the graph
    does not typecheck, ValueError for a backend that is not there.
    """

    def __init__(
        self,
        loss: Tensor,
        optimizer: Optimizer | None = None,
        metrics: Mapping[str, Tensor] | None = None,
        *,
        variables: Sequence[Variable | Tensor] | None = None,
        backend: Backend = "auto",
    ) -> None:
        check_backend(backend)
        self.backend: Backend = backend
        self.loss, self.metrics = loss, _by_name({} if metrics is None else metrics)
        self.optimizer = adam() if optimizer is None else optimizer
        if not isinstance(self.optimizer, Optimizer):
            raise TrainingError(f"the optimizer must be one of fl.optimizers, such as adam(1e-3); got {optimizer!r}")
        self._check_watched()
        self._only = None if variables is None else frozenset(_key(v, self.graph) for v in variables)
        self._by_hand: tuple[int, TrainStep] | None = None  # what `train_on_batch` takes, and for which structure

    @property
    def graph(self) -> Graph:
        """The graph that the loss is in."""
        return self.loss.graph

    def start(self, data: Dataset, *, validation: Dataset | None = None, epochs: int = 1, paused: bool = False) -> Run:
        """Train in the background on `data` (in batches), `epochs` times over; `paused` waits for the first command.

        Inputs are fed the features of their names. After each epoch the loss and metrics are measured on `validation`.
        The graph's variables are the starting point, and take what is learned step by step. The run trains the graph
        as it is now: edits from here on are for the next run.

        Raises TrainingError, DataError or FeedError, naming the input or feature, if the data do not fit or there is
        nothing to learn, SpecError if the graph does not typecheck, and RuntimeError while another run trains it.
        """
        return self._prepared(data, validation, epochs, paused).begin()

    def fit(self, data: Dataset, *, validation: Dataset | None = None, epochs: int = 1, progress: bool = True) -> Run:
        """Train as `start` does, but wait for the end, with a progress bar. Interrupting it stops the run."""
        from flowloom.training.progress import follow

        run = self._prepared(data, validation, epochs, paused=False)
        try:
            return follow(run.begin(), shown=progress)
        finally:
            run.stop()
            run.join()

    def train_on_batch(self, batch: Mapping[str, Any]) -> dict[str, float]:
        """Take one step on a dict of arrays by input name; gives the loss and the metrics on it, by name.

        For a training loop of one's own. What the optimizer remembers stays with the trainer from call to call, so
        trainers of two losses can take turns on one graph. Features that no input reads are left alone.

        Raises FeedError or RunError, with all variables as they were, as a step of a run does; TrainingError if there
        is nothing to learn, RuntimeError while a run trains the graph.
        """
        if run_of(self.graph) is not None:
            raise RuntimeError(f"a run trains graph {self.graph.name!r}; wait for it, or stop it first")
        if self._by_hand is None or self._by_hand[0] != self.graph.structure:
            self._check_watched()
            step = TrainStep(snapshot(self.graph, self._watched), self.optimizer, self._only, self.backend)
            if self._by_hand is not None:
                step.follow(self._by_hand[1])
            self._check_learns([step.prepare(batch)])
            self._by_hand = self.graph.structure, step
        return self._by_hand[1](batch)

    def profile(self, batch: Mapping[str, Any], steps: int = 20) -> Profile:
        """What each instruction of a training step on `batch` costs: the step run so many times, and learning nothing.

        The backend is the one that a run comes to. Raises FeedError or RunError as a step does, TrainingError if there
        is nothing to learn, ValueError for a number of steps below 1.
        """
        self._check_watched()
        step = TrainStep(snapshot(self.graph, self._watched), self.optimizer, self._only, self.backend)
        self._check_learns([step.prepare(batch)])
        return step.profile(batch, steps)

    def evaluate(self, data: Dataset) -> dict[str, float]:
        """The loss and the metrics over `data` (in batches), by name, with the graph as it is when it does not learn.

        Raises what `start` raises for data that do not fit, and SpecError if the graph does not typecheck.
        """
        self._check_watched()
        evaluation = Evaluation(snapshot(self.graph, self._watched), trained=True, backend=self.backend)
        for batch in _checked("data", data, evaluation.inputs):
            bind(evaluation.inputs, batch)
        return evaluation(data.batches())

    def _prepared(self, data: Dataset, validation: Dataset | None, epochs: int, paused: bool) -> Run:
        """The run that `start` begins; raises what it raises."""
        if not isinstance(epochs, int) or isinstance(epochs, bool) or epochs < 1:
            raise TrainingError(f"epochs must be a whole number of at least 1; got {epochs!r}")
        self._check_watched()
        watched = snapshot(self.graph, self._watched)
        step = TrainStep(watched, self.optimizer, self._only, self.backend)
        self._check_learns([step.prepare(batch) for batch in _checked("data", data, step.inputs)])
        if validation is not None:
            for batch in _checked("validation", validation, step.inputs):
                bind(step.inputs, batch)
        return Run(
            self.graph,
            step,
            Evaluation(watched, trained=True, backend=self.backend),
            data,
            validation,
            epochs,
            paused=paused,
        )

    def _check_learns(self, learns: list[bool]) -> None:
        if not all(learns):
            which = "any trainable variable" if self._only is None else "one of the variables that it is to change"
            raise TrainingError(f"nothing to learn: {self.loss.name!r} does not depend on {which}")

    @property
    def _watched(self) -> dict[str, Tensor]:
        return {"loss": self.loss, **self.metrics}

    def _check_watched(self) -> None:
        """Raise unless all that is watched are float scalars of one graph that typechecks, under names of their own."""
        for name in self.metrics:
            if name == "loss" or name.startswith("val_"):
                raise TrainingError(f"a metric cannot be called {name!r}: the run reports the loss, or validation, so")
        for name, tensor in self._watched.items():
            if not isinstance(tensor, Tensor):
                raise TrainingError(f"{name} must be a tensor of a graph; got {type(tensor).__name__}")
            if tensor.graph is not self.graph:
                raise TrainingError(f"{name} belongs to another graph than the loss")
            if tensor.id not in self.graph.nodes:
                raise TrainingError(f"{name} is not in graph {self.graph.name!r} any more")
            if tensor.spec.shape != () or not is_float(tensor.spec.dtype):
                raise TrainingError(f"{name} must be a float scalar; {tensor.name!r} is {tensor.spec}. Take its mean")


def find_trainer(graph: Graph, optimizer: Optimizer | None = None) -> Trainer:
    """The trainer that a graph speaks for itself: its one loss node, and the metric nodes that are scalars, by name.

    Raises TrainingError if there is no loss, or more than one, or if the graph does not typecheck up to it.
    """
    losses = _tensors(graph, "losses.")
    if not losses:
        advice = "add one from the palette's group Losses and wire it to the output"
        raise TrainingError(f"the graph has no loss; {advice}", fixes=proposed_loss(graph))
    if len(losses) > 1:
        names = ", ".join(repr(t.name) for t in losses)
        raise TrainingError(
            f"the graph has {len(losses)} losses ({names}); remove all but one, or give one to fl.Trainer"
        )
    if blocker := graph.blocker(losses[0].id):
        raise TrainingError(graph.why_unknown(losses[0].id), blocker.node)
    metrics = {t.name: t for t in _tensors(graph, "metrics.") if _is_scalar(graph.spec(t))}
    return Trainer(losses[0], optimizer, metrics)


def _is_scalar(spec: Spec | None) -> bool:
    return spec is not None and spec.shape == () and is_float(spec.dtype)


def _tensors(graph: Graph, namespace: str) -> list[Tensor]:
    return [Tensor(graph, id, "y") for id, node in list(graph.nodes.items()) if node.kind.startswith(namespace)]


def _key(variable: Variable | Tensor, graph: Graph) -> str:
    """The key of a variable to train, which may be given as its tensor. Raises TrainingError if there is none."""
    key = variable.info.key if isinstance(variable, Variable) else f"{getattr(variable, 'id', None)}/value"
    found = next((v for v in graph.variables if v.info.key == key and variable.graph is graph), None)
    if found is None or not found.trainable:
        raise TrainingError(f"variables are trainable variables of graph {graph.name!r}; got {variable!r}")
    return key


def _by_name(metrics: Mapping[str, Tensor]) -> dict[str, Tensor]:
    if not isinstance(metrics, Mapping):
        raise TrainingError('metrics are tensors by the name they are reported under, such as {"accuracy": accuracy}')
    return dict(metrics)


def _checked(what: str, dataset: Dataset, inputs: Mapping[str, Spec]) -> list[Batch]:
    """What `inputs` are fed of the first and the last batch, which may be shorter.

    Raises TrainingError unless `dataset` is in batches and has every input as a feature, DataError if one of those is
    not finite somewhere.
    """
    if not isinstance(dataset, Dataset):
        raise TrainingError(f"{what} must be a Dataset; fl.data.from_arrays(image=X, label=y).batch(64) makes one")
    if dataset.batch_size is None:
        raise TrainingError(f"{what} is not in batches; call .batch(64) on it")
    for name in inputs:
        if name not in dataset.features:
            raise TrainingError(unknown_name(name, list(dataset.features), f"{what} has no feature for the input"))
    if not inputs:
        return [{}]
    fed = Dataset({name: dataset.source[name] for name in inputs}, dataset.steps)
    try:
        fed.check(finite=True)
    except DataError as error:
        raise DataError(f"{what}: {error}") from None
    return [next(fed.batches(start=place)) for place in sorted({0, fed.batch_count - 1})]
