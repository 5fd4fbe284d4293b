"""Every layer, loss and metric keeps the promises of its declaration; one without a case here fails."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

import flowloom as fl
from flowloom.graph.kinds import KINDS
from flowloom.layers.activations import Activation

Array = np.ndarray[Any, Any]
SIZE = 5  # of the batch that is fed


@dataclass(frozen=True)
class Case:
    """One use of a kind: its inputs (shape after the batch, dtype), its parameters, and how many integers there are."""

    inputs: dict[str, tuple[tuple[int, ...], str]]
    params: dict[str, Any] = field(default_factory=dict)
    labels: int = 3

    def feeds(self, size: int = SIZE) -> dict[str, Array]:
        rng = np.random.default_rng(11)
        return {
            name: rng.normal(size=(size, *shape)).astype(dtype)
            if np.dtype(dtype).kind == "f"
            else rng.integers(0, self.labels, (size, *shape)).astype(dtype)
            for name, (shape, dtype) in self.inputs.items()
        }

    def build(self, kind: str) -> fl.Graph:
        """A graph in which the kind's output is named "y"."""
        graph = fl.Graph(kind, seed=3)
        with graph:
            tensors = [fl.input(n, shape=("batch", *s), dtype=d) for n, (s, d) in self.inputs.items()]
            graph.add(kind, tensors, self.params, name="y")
        return graph


def rows(*shape: int, dtype: str = "float64") -> dict[str, tuple[tuple[int, ...], str]]:
    return {"x": (shape, dtype)}


def pair(first: tuple[int, ...], second: tuple[int, ...], dtype: str) -> dict[str, tuple[tuple[int, ...], str]]:
    return {"a": (first, "float64"), "b": (second, dtype)}


DRAWN = {"kernel_initializer": "he_normal", "bias_initializer": "random_normal"}
CASES: dict[str, list[Case]] = {
    "layers.activation": [Case(rows(4), {"activation": name}) for name in get_args(Activation)],
    "layers.conv2d": [
        Case(rows(5, 6, 2), {"filters": 3, **DRAWN}),
        Case(rows(6, 5, 2), {"filters": 2, "kernel_size": (2, 3), "strides": (2, 1), "padding": "same"}),
        Case(rows(4, 4, 1), {"filters": 2, "kernel_size": 1, "use_bias": False, "activation": "tanh"}),
    ],
    "layers.dense": [
        Case(rows(4), {"units": 3, **DRAWN}),
        Case(rows(2, 4), {"units": 3, "activation": "softmax"}),
        Case(rows(4), {"units": 1, "use_bias": False}),
    ],
    "layers.embedding": [Case(rows(dtype="int64"), {"input_dim": 3, "output_dim": 4}), Case(rows(2, dtype="uint8"))],
    "layers.flatten": [Case(rows(2, 3, 1)), Case(rows())],
    "layers.batch_normalization": [
        Case(rows(3)),
        Case(rows(2, 2, 3), {"scale": False}),
        Case(rows(3), {"center": False}),
    ],
    "layers.layer_normalization": [Case(rows(4)), Case(rows(2, 4), {"scale": False}), Case(rows(4), {"center": False})],
    "layers.dropout": [Case(rows(30)), Case(rows(2, 3), {"rate": 0.0}), Case(rows(8, dtype="float32"), {"rate": 0.2})],
    "layers.gaussian_noise": [Case(rows(3)), Case(rows(3, dtype="float32")), Case(rows(3, dtype="float16"))],
    "losses.softmax_cross_entropy": [Case(pair((3,), (), "int64")), Case(pair((3,), (), "uint8"))],
    "losses.sigmoid_cross_entropy": [
        Case(pair((), (), "int64"), labels=2),
        Case(pair((1,), (), "bool"), labels=2),
        Case(pair((), (1,), "float32")),
    ],
    "losses.mean_squared_error": [Case(pair((2,), (2,), "float64")), Case(pair((1,), (), "float32"))],
    "losses.mean_absolute_error": [Case(pair((2,), (2,), "float64")), Case(pair((1,), (), "int64"))],
    "metrics.accuracy": [Case(pair((3,), (), "int64"))],
    "metrics.binary_accuracy": [Case(pair((1,), (), "int64"), labels=2)],
    "metrics.mean_absolute_error": [Case(pair((2,), (2,), "float64"))],
}
NAMESPACES = ("layers.", "losses.", "metrics.")
DECLARED = sorted(name for name in KINDS if name.startswith(NAMESPACES))
STEPWISE = {"metrics.accuracy", "metrics.binary_accuracy"}  # their gradient is zero almost everywhere

every_kind = pytest.mark.parametrize("kind", DECLARED)
EVERY_CASE = [pytest.param(kind, case, id=f"{kind}-{i}") for kind in CASES for i, case in enumerate(CASES[kind])]
every_case = pytest.mark.parametrize(("kind", "case"), EVERY_CASE)
# Differences of float32 results are too coarse; a float32 variable beside a float64 input is not.
precise_case = pytest.mark.parametrize(
    ("kind", "case"),
    [
        case
        for case in EVERY_CASE
        if case.values[0] not in STEPWISE
        and ("trainable" in KINDS[case.values[0]].params or "float64" in str(case.values[1].inputs))
    ],
)
both_modes = pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])


def test_every_declared_kind_has_a_case() -> None:
    assert set(DECLARED) == set(CASES)


@every_kind
def test_its_help_says_what_it_does_and_with_which_shapes(kind: str) -> None:
    doc = KINDS[kind].doc

    assert doc.splitlines()[0].endswith(".")
    assert "Returns" in doc or "returns" in doc or "becomes" in doc, "what comes out"
    assert any(word in doc for word in ("shape", "scalar", "(batch", "(...")), "in which shape"


@every_kind
def test_it_is_a_function_of_the_public_face_with_its_own_signature(kind: str) -> None:
    namespace, name = kind.split(".")
    function = getattr(getattr(fl, namespace), name)
    parameters = inspect.signature(function).parameters

    assert function.__doc__ == KINDS[kind].doc
    assert [p.name for p in parameters.values() if p.kind is not p.KEYWORD_ONLY] == [p.name for p in KINDS[kind].ports]
    assert {p.name for p in parameters.values() if p.kind is p.KEYWORD_ONLY} == {*KINDS[kind].params, "name"}


@every_case
def test_the_result_has_the_inferred_shape_for_every_batch_size(kind: str, case: Case) -> None:
    graph = case.build(kind)
    program = fl.compile(graph["y"])

    for size in (1, SIZE):
        result = program(case.feeds(size))
        assert result.shape == tuple(size if d == "batch" else d for d in graph["y"].shape)
        assert result.dtype == graph["y"].dtype
        assert np.isfinite(result).all()


@precise_case
@both_modes
def test_its_gradients_are_those_of_finite_differences(kind: str, case: Case, training: bool) -> None:
    graph = case.build(kind)
    with graph:
        scalar = fl.sum(fl.sin(fl.cast(graph["y"], dtype="float64")))
    inputs = [t for t in graph.inputs if t.dtype == "float64"]
    by = [*inputs, *graph.trainable_variables]
    feeds = case.feeds()
    gradients = fl.compile(fl.gradients(scalar, by), training=training)(feeds)
    rng = np.random.default_rng(5)

    def value() -> float:
        # a new program each time: its first call always has the same random key
        return float(fl.compile(scalar, training=training)(feeds))

    for what, gradient in zip(by, gradients, strict=True):
        read, write = accessors(what, feeds)
        here = read()
        step = 1e-4 * rng.normal(size=here.shape)
        write(here + step)
        up, f_up = read().astype("float64"), value()
        write(here - step)
        down, f_down = read().astype("float64"), value()
        write(here)

        assert gradient.shape == here.shape
        assert np.sum(gradient * (up - down)) == pytest.approx(f_up - f_down, rel=2e-4, abs=1e-9)


def accessors(what: Any, feeds: dict[str, Array]) -> tuple[Callable[[], Array], Callable[[Array], None]]:
    """How to read and write an input or a variable."""
    if isinstance(what, fl.Variable):
        return lambda: what.value, lambda array: setattr(what, "value", array)
    return lambda: feeds[what.name], lambda array: feeds.update({what.name: array})


@every_case
@both_modes
def test_it_survives_a_file_with_the_same_numbers(kind: str, case: Case, training: bool, tmp_path: Path) -> None:
    graph = case.build(kind)
    graph.save(tmp_path / "model.flow.json")
    loaded = fl.load(tmp_path / "model.flow.json")

    np.testing.assert_array_equal(
        fl.compile(loaded["y"], training=training)(case.feeds()),
        fl.compile(graph["y"], training=training)(case.feeds()),
    )


@every_kind
def test_an_unknown_parameter_is_refused_by_name_and_the_graph_stays_as_it_was(kind: str) -> None:
    graph = CASES[kind][0].build(kind)
    before = list(graph.nodes)

    with pytest.raises(TypeError, match="has no parameter 'colour'"), graph:
        graph.add(kind, graph.inputs, {"colour": 1})

    assert list(graph.nodes) == before


@pytest.mark.parametrize("kind", [k for k in DECLARED if "trainable" in KINDS[k].params])
def test_a_frozen_layer_has_variables_but_none_to_train(kind: str) -> None:
    case = CASES[kind][0]
    graph = Case(case.inputs, {**case.params, "trainable": False}).build(kind)

    assert graph.variables
    assert graph.trainable_variables == []
