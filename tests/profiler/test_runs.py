"""The profile of a run is that of its steps so far, and does not touch them."""

from __future__ import annotations

import pytest

from flowloom.backends.choice import Backend, has_native
from tests.profiler.models import classifier, points, trainer, values
from tests.profiler.test_profile import BACKENDS, native_only
from tests.waiting import eventually


@native_only
def test_a_native_run_has_counted_its_steps() -> None:
    run = trainer(classifier(), "native").fit(points(), epochs=5, progress=False)

    profile = run.profile()
    assert (profile.backend, profile.steps) == ("native", run.step_count)
    assert profile.total > 0
    assert profile.total * profile.steps < run.seconds


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_run_that_is_looked_into_learns_the_same(backend: Backend) -> None:
    alone, watched = classifier(), classifier()
    trainer(alone, backend).fit(points(), epochs=30, progress=False)

    run = trainer(watched, backend).start(points(), epochs=30)
    profiles = [run.profile()]
    while run.is_alive:
        profiles.append(run.profile())
    run.wait()

    assert values(watched) == values(alone)
    assert all(p.total > 0 for p in profiles)
    assert {path for r in run.profile().rows for path in r.paths} >= {"hidden", "head/logits", "loss"}


@pytest.mark.skipif(not has_native(), reason="needs llvmlite")
def test_counters_of_a_run_only_grow() -> None:
    run = trainer(classifier(), "native").start(points(), epochs=200)
    eventually(lambda: run.step_count)

    found = []
    while run.is_alive:
        profile = run.profile()
        found.append((profile.steps, profile.total * profile.steps))
    run.wait()

    assert found == sorted(found)
    assert run.profile().steps == run.step_count


def test_a_run_that_has_not_begun_replays_its_first_batch() -> None:
    graph = classifier()
    before = values(graph)
    run = trainer(graph).start(points(), paused=True)

    profile = run.profile()
    run.stop()
    run.join()

    assert (profile.backend, profile.steps) == ("portable", 5)
    assert values(graph) == before
    assert run.step_count == 0


def test_a_portable_run_replays_a_batch() -> None:
    run = trainer(classifier(), "portable").fit(points(), progress=False)
    after = values(run.graph)

    assert run.profile().backend == "portable"
    assert values(run.graph) == after
