"""Random graphs: their values, specs, gradients and files, against oracles that are not ours."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings

pytest.importorskip("onnx")

from tests.property import properties
from tests.property.choices import Seeded
from tests.property.reference import comparable
from tests.property.weave import Woven, graphs, weave
from tests.property.weaving import Allowed

MANY = int(os.environ.get("FLOWLOOM_GRAPHS", "1000"))  # graphs for each property, in the long run
FIRST = int(os.environ.get("FLOWLOOM_SEED", "0")) or random.SystemRandom().randrange(10**9)


@dataclass(frozen=True)
class Check:
    """A property: of how many graphs it is looked at in every run, and of which ones."""

    holds: Callable[[Woven], None]
    count: int
    most: int = 40
    allowed: Allowed | None = None
    floats: bool = False


CHECKS = {
    "values": Check(properties.values_are_those_of_the_reference, 120, allowed=comparable),
    "calls": Check(properties.values_are_those_of_the_calls, 100),
    "dtypes": Check(properties.narrower_floats_have_the_inferred_specs, 30),
    "names": Check(properties.names_are_numbers, 60),
    "a batch of one": Check(properties.a_batch_of_one_has_the_inferred_shape, 60),
    "files": Check(properties.files_give_the_graph_back, 60),
    "edits": Check(properties.edits_are_inferred_as_from_scratch, 60),
    "models": Check(properties.models_give_the_values_back, 60, allowed=comparable),
    "slopes": Check(properties.gradients_are_slopes, 100, floats=True),
    "slopes while learning": Check(properties.gradients_are_slopes_while_learning, 40, floats=True),
    "slopes by the reference": Check(
        properties.gradients_are_those_of_the_reference, 60, allowed=comparable, floats=True
    ),
    "slopes written out": Check(properties.a_backward_pass_that_is_written_out_is_the_same, 25, most=20, floats=True),
    "slopes of slopes": Check(properties.gradients_of_gradients_are_slopes, 60, most=12, floats=True),
}


@pytest.mark.parametrize("name", CHECKS)
def test_some_graphs(name: str) -> None:
    """The same graphs in every run; a failure is shrunk."""
    check = CHECKS[name]

    @settings(max_examples=check.count, suppress_health_check=list(HealthCheck))
    @given(graphs(check.most, allowed=check.allowed, floats=check.floats))
    def run(w: Woven) -> None:
        check.holds(w)

    run()


# ---------------------------------------------------------------- thousands, when asked for


@pytest.mark.long
@pytest.mark.parametrize("name", CHECKS)
def test_thousands_of_graphs(name: str) -> None:
    """Other graphs in every run, unless FLOWLOOM_SEED is set: a failure gives it and the first tensor that fails.

    What is found becomes a test in `test_found.py`.
    """
    check = CHECKS[name]
    for seed in range(FIRST, FIRST + MANY):
        try:
            check.holds(woven(check, seed))
        except Exception as error:
            raise AssertionError(f"FLOWLOOM_SEED={seed}\n{first_to_fail(check, seed)}") from error


def woven(check: Check, seed: int) -> Woven:
    return weave(Seeded(seed), check.most, check.allowed, check.floats)


def first_to_fail(check: Check, seed: int) -> Woven:
    """The graph, of which only the first tensor is asked for that fails alone, if there is one."""
    for at, strand in enumerate(woven(check, seed).strands):
        w = woven(check, seed)
        if check.floats and strand.dtype.kind != "f":
            continue
        w.outputs = [w.strands[at]]
        try:
            check.holds(w)
        except Exception:
            again = woven(check, seed)
            again.outputs = [again.strands[at]]
            return again
    return woven(check, seed)
