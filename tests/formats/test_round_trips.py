"""Into a file and back: every layer, loss and metric, and whole networks, with the numbers that they had before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

import flowloom as fl
from flowloom.formats import python
from flowloom.graph.kinds import all_kinds
from flowloom.op import REGISTRY, Op
from tests.formats.networks import NETWORKS
from tests.formats.onnx.readers import check_same
from tests.formats.onnx.test_save import graph_of
from tests.layers.cases import Case, outputs
from tests.layers.test_every_kind import CASES
from tests.ops.test_conformance import samples

Array = np.ndarray[Any, Any]
Trip: TypeAlias = Callable[[fl.Graph, Path], fl.Graph]

KINDS = [name for name in CASES if not name.startswith("random.")]
OPS = [op for op in REGISTRY.values() if op.family != "random"]
RTOL = {"float16": 2e-3, "float32": 1e-5, "float64": 1e-9}


def by_flow(graph: fl.Graph, folder: Path) -> fl.Graph:
    """Through .flow.json, which holds no weights."""
    graph.save(folder / "model.flow.json")
    return with_weights_of(graph, fl.load(folder / "model.flow.json"))


def by_python(graph: fl.Graph, folder: Path) -> fl.Graph:
    """Through Python source, which holds no weights."""
    return with_weights_of(graph, python.load(graph.to_python()))


def by_onnx(graph: fl.Graph, folder: Path) -> fl.Graph:
    """Through ONNX, which has the weights."""
    fl.formats.onnx.save(graph, folder / "model.onnx")
    return fl.formats.onnx.load(folder / "model.onnx")


def with_weights_of(graph: fl.Graph, again: fl.Graph) -> fl.Graph:
    """The graph that was loaded, each variable with the value of that of its name."""
    assert [v.name for v in again.variables] == [v.name for v in graph.variables]
    for v in graph.variables:
        again.variable(v.name).value = v.value
    return again


TRIPS: dict[str, Trip] = {"flow": by_flow, "python": by_python, "onnx": by_onnx}
every_trip = pytest.mark.parametrize("trip", TRIPS)


def check(graph: fl.Graph, feeds: dict[str, Array], trip: str, folder: Path) -> None:
    """Check that the graph and what comes back give the same numbers."""
    disturb(graph)
    again = TRIPS[trip](graph, folder)
    given = {t.name: feeds[t.name] for t in again.inputs}
    before, after = fl.compile(graph.outputs)(feeds), fl.compile(again.outputs)(given)

    assert [t.name for t in again.outputs] == [t.name for t in graph.outputs]
    for name, a, b in zip((t.name for t in graph.outputs), after, before, strict=True):
        check_same(a, b, RTOL.get(str(b.dtype), 0.0), name)


def disturb(graph: fl.Graph) -> None:
    """Move all variables away from where they begin; upwards, as there are variances among them."""
    rng = np.random.default_rng(23)
    for v in graph.variables:
        v.value = (v.value + rng.uniform(0.02, 0.2, v.value.shape)).astype(v.value.dtype)


def test_every_layer_loss_and_metric_is_among_them() -> None:
    declared = {k.name for k in all_kinds() if k.name.startswith(("layers.", "losses.", "metrics.", "recurrent."))}
    offered = {k.name for k in all_kinds() if k.family in ("layer", "loss", "metric")}

    assert declared <= set(KINDS)
    assert offered <= set(KINDS) | {op.name for op in OPS}


@pytest.mark.parametrize(
    ("kind", "case"), [pytest.param(k, c, id=f"{k}-{i}") for k in KINDS for i, c in enumerate(CASES[k])]
)
@every_trip
def test_a_layer_loss_or_metric(kind: str, case: Case, trip: str, tmp_path: Path) -> None:
    graph = case.build(kind)
    with graph:
        for i, y in enumerate(outputs(graph)):
            fl.output(y, f"result {i}")

    check(graph, case.feeds(), trip, tmp_path)


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
@pytest.mark.parametrize("trip", ["flow", "python"])
def test_an_op(op: Op, trip: str, tmp_path: Path) -> None:
    """The way of every op through ONNX and back is among the tests of saving."""
    for args, params in samples(op, "float32"):
        graph, feeds = graph_of(op, args, params, None)
        with np.errstate(all="ignore"):
            check(graph, feeds, trip, tmp_path)


@pytest.mark.parametrize("network", NETWORKS)
@every_trip
def test_a_whole_network(network: str, trip: str, tmp_path: Path) -> None:
    graph, feeds = NETWORKS[network]()

    check(graph, feeds, trip, tmp_path)


@pytest.mark.parametrize("network", NETWORKS)
def test_a_network_goes_on_learning_where_it_was_after_onnx(network: str, tmp_path: Path) -> None:
    """The gradients by all weights are those of before."""
    graph, feeds = NETWORKS[network]()
    disturb(graph)
    again = by_onnx(graph, tmp_path)

    before, after = (slopes(g, feeds) for g in (graph, again))
    assert set(after) == set(before)
    for name, slope in before.items():
        check_same(after[name].reshape(slope.shape), slope, 1e-4, name)


def slopes(graph: fl.Graph, feeds: dict[str, Array]) -> dict[str, Array]:
    """The gradient of a sum over all outputs by each weight, by name."""
    with graph:
        total = fl.sum(fl.stack([fl.sum(fl.tanh(0.1 * y)) for y in graph.outputs]))
        made = fl.gradients(total, graph.trainable_variables)
    found = fl.compile(made)({t.name: feeds[t.name] for t in graph.inputs})
    return {v.name: g for v, g in zip(graph.trainable_variables, found, strict=True)}
