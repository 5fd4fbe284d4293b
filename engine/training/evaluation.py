"""Evaluation: tensors of a graph over a whole dataset, as the graph is when it does not learn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from flowloom.backends.choice import Backend, Step, make_step
from flowloom.backends.portable import KernelError
from flowloom.compiler.expr import Expr
from flowloom.compiler.plan import make_plan
from flowloom.compiler.rewriting import rewrite
from flowloom.data import Dataset
from flowloom.feeds import bind
from flowloom.graph.graph import Graph
from flowloom.graph.lower import Lowered, inputs_before, lower
from flowloom.graph.tensor import Tensor
from flowloom.initializers import key_of
from flowloom.program import leaf_values, located
from flowloom.spec import Spec, SpecError
from flowloom.training.measures import Array, Batch, Means, Totals, size_of, streamed
from flowloom.training.objective import objective
from flowloom.training.snapshot import snapshot


@dataclass(frozen=True, slots=True)
class _Planned:
    """An evaluation planned for one batch shape. Its outputs: the values, then the new totals."""

    lowered: Lowered
    step: Step
    streams: list[bool]


class Evaluation:
    """What tensors of one graph are over a dataset: metrics over all samples, other scalars by their mean.

    With `trained` the first of them is a loss, to which the regularizers add, as they do in training.
    """

    def __init__(self, watched: Mapping[str, Tensor], *, trained: bool = False, backend: Backend = "auto") -> None:
        self.graph: Graph = next(iter(watched.values())).graph
        self.inputs = inputs_before(self.graph, list(watched.values()))
        self._watched, self._trained, self._backend = dict(watched), trained, backend
        self._calls = count()
        self._plans: dict[tuple[tuple[str, Spec], ...], _Planned] = {}

    def __call__(self, batches: Iterable[Batch], variables: Mapping[str, Array] | None = None) -> dict[str, Any]:
        """A float for each scalar, by name, an array for other metrics. `variables` replaces some, by key.

        Raises FeedError or RunError, SpecError for a tensor that is neither a scalar nor made of metrics.
        """
        means, totals, latest = Means(), Totals(), dict[str, Any]()
        for batch in batches:
            feeds = bind(self.inputs, {name: batch[name] for name in self.inputs})
            planned = self._planned({name: Spec.of(a) for name, a in feeds.items()})
            fed = self._leaves(planned, feeds, variables or {}) | totals.leaves(planned.lowered.totals)
            try:
                results = planned.step([fed[e] for e in planned.step.plan.inputs])
            except KernelError as error:
                raise located(self.graph, planned.lowered, error) from None
            totals.take(planned.lowered.totals, results[len(self._watched) :])
            values = list(zip(self._watched, results, planned.streams, strict=False))
            latest |= {name: _plain(value) for name, value, streams in values if streams}
            means.add({name: float(value) for name, value, streams in values if not streams}, size_of(batch))
        found = latest | means.values
        return {name: found[name] for name in self._watched if name in found}

    def _planned(self, specs: dict[str, Spec]) -> _Planned:
        key = tuple(specs.items())
        if key not in self._plans:
            self._plans[key] = self._plan(specs)
        return self._plans[key]

    def _plan(self, specs: Mapping[str, Spec]) -> _Planned:
        lowered = lower(self.graph, list(self._watched.values()), specs, streaming=True)
        outputs: list[Expr] = list(lowered.outputs)
        streams = streamed(outputs, lowered.totals)
        for name, output, streams_on in zip(self._watched, outputs, streams, strict=True):
            if not streams_on and output.shape != ():
                raise SpecError(f"{name} has a value for each batch ({output.spec}); only scalars and metrics have one")
        if self._trained:
            outputs[0] = objective(lowered)
        fetched = [*outputs, *(t.after for t in lowered.totals.values())]
        step = make_step(make_plan(rewrite(fetched, origins=lowered.origins).outputs), self._backend)
        return _Planned(lowered, step, streams)

    def _leaves(self, planned: _Planned, feeds: dict[str, Array], variables: Mapping[str, Array]) -> dict[Expr, Array]:
        key = key_of(self.graph.seed, f"call {next(self._calls)}")
        leaves = leaf_values(self.graph, planned.lowered, feeds, key)
        for name, array in variables.items():
            if variable := planned.lowered.variables.get(name):
                leaves[variable.expr] = array.astype(variable.spec.dtype, copy=False)
        return leaves


def evaluate(tensors: Tensor | Mapping[str, Tensor], data: Dataset) -> Any:
    """What tensors of a graph are over `data` (in batches): a metric's value over all samples, a scalar's mean.

    A float, or an array for a metric that is no scalar (`confusion_matrix`, say); a dict of them by name for a dict of
    tensors. The inputs are fed the features of their names; the graph is as it is when it does not learn.

    Raises ValueError if `data` is not in batches or lacks a feature, FeedError if one does not fit, SpecError for a
    tensor that is neither a scalar nor made of metrics, or if the graph does not typecheck.
    """
    watched = {"": tensors} if isinstance(tensors, Tensor) else dict(tensors)
    if not watched:
        return {}
    evaluation = Evaluation(snapshot(next(iter(watched.values())).graph, watched))
    if not isinstance(data, Dataset):
        raise ValueError(f"the data must be a Dataset; got {type(data).__name__}. See fl.data.from_arrays")
    if data.batch_size is None:
        raise ValueError("the data are not in batches; call .batch(256) on them")
    for name in evaluation.inputs:
        if name not in data.features:
            raise ValueError(f"the data have no feature for the input {name!r}")
    found = evaluation(data.batches())
    return found[""] if isinstance(tensors, Tensor) else found


def _plain(value: Array) -> Any:
    return float(value) if np.ndim(value) == 0 else np.array(value)
