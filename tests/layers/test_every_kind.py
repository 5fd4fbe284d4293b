"""Every layer, loss and metric keeps the promises of its declaration; one without a case here fails."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flowloom as fl
from flowloom.graph.kinds import KINDS
from flowloom.spec import is_float
from tests.layers.cases import SIZE, Case, outputs
from tests.layers.layer_cases import CASES as LAYERS
from tests.layers.layer_cases import FUNCTIONAL
from tests.layers.loss_cases import LOSSES, METRICS, RANDOM, STEPWISE

Array = np.ndarray[Any, Any]

CASES: dict[str, list[Case]] = {
    **LAYERS,
    **FUNCTIONAL,
    **LOSSES,
    **METRICS,
    **RANDOM,
}
NAMESPACES = ("layers.", "losses.", "metrics.", "random.", "recurrent.")
DECLARED = sorted(name for name in KINDS if name.startswith(NAMESPACES))

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
@both_modes
def test_the_results_have_the_inferred_specs_for_every_batch_size(kind: str, case: Case, training: bool) -> None:
    graph = case.build(kind)
    made = outputs(graph)
    program = fl.compile(made, training=training)

    for size in (1, SIZE):
        for result, tensor in zip(program(case.feeds(size)), made, strict=True):
            assert result.shape == tuple(size if d == "batch" else d for d in tensor.shape)
            assert result.dtype == tensor.dtype
            assert np.isfinite(result).all()


@precise_case
@both_modes
def test_its_gradients_are_those_of_finite_differences(kind: str, case: Case, training: bool) -> None:
    graph = case.build(kind)
    with graph:
        waves = [fl.sum(fl.sin(fl.cast(y, dtype="float64"))) for y in outputs(graph) if is_float(y.dtype)]
        scalar = reduce(fl.add, waves)
    inputs = [t for t in graph.inputs if t.dtype == "float64"]
    by = [*inputs, *graph.trainable_variables]
    feeds = case.feeds()
    gradients = fl.compile(fl.gradients(scalar, by), training=training)(feeds)
    rng = np.random.default_rng(5)

    program = fl.compile(scalar, training=training)
    is_random = program(feeds) != program(feeds)

    def value() -> float:
        # where numbers are drawn, a new program each time: its first call always has the same random key
        return float((fl.compile(scalar, training=training) if is_random else program)(feeds))

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

    first, again = (fl.compile(outputs(g), training=training)(case.feeds()) for g in (graph, loaded))
    for before, after in zip(first, again, strict=True):
        np.testing.assert_array_equal(after, before)


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


@pytest.mark.parametrize(
    ("kind", "param"),
    [
        pytest.param(kind, param, id=f"{kind}-{param}")
        for kind in LAYERS
        for param in KINDS[kind].params
        if param.endswith(("_initializer", "_regularizer", "_constraint"))
    ],
)
def test_what_it_is_told_about_a_variable_reaches_one(kind: str, param: str) -> None:
    what = param.rpartition("_")[2]
    told = {"initializer": fl.initializers.constant(0.25), "regularizer": "l1", "constraint": "non_neg"}[what]
    case = CASES[kind][0]

    graph = Case(case.inputs, {**case.params, param: told}).build(kind)

    if what == "initializer":
        assert any((v.value == 0.25).any() for v in graph.variables)
    else:
        assert any(getattr(v.info, what) == told for v in graph.variables)
