"""A series keeps every point, and can be read while it grows."""

from __future__ import annotations

import threading

import numpy as np

from flowloom.training import Series


def test_every_point_is_kept() -> None:
    series = Series()
    assert series.last is None
    assert [a.tolist() for a in series.since()] == [[], []]

    for step in range(1000):
        series.append(step, step / 7)

    steps, values = series.since()
    np.testing.assert_array_equal(steps, range(1000))
    np.testing.assert_array_equal(values, np.arange(1000) / 7)
    assert (len(series), series.last) == (1000, 999 / 7)


def test_the_points_since_a_place_are_copies() -> None:
    series = Series()
    for step in range(5):
        series.append(step, step)

    steps, values = series.since(3)
    values[:] = 0

    assert steps.tolist() == [3, 4]
    assert series.since(3)[1].tolist() == [3, 4]
    assert series.since(5)[0].tolist() == []


def test_a_reader_sees_whole_points_while_it_grows() -> None:
    """Room doubles at 64, 128, ... points; no reader may catch it half way."""
    for _ in range(50):
        series, done = Series(), threading.Event()

        def write(series: Series = series, done: threading.Event = done) -> None:
            for step in range(1, 600):
                series.append(step, -step)
            done.set()

        thread = threading.Thread(target=write)
        thread.start()
        while not done.is_set():
            last = series.last
            steps, values = series.since()
            assert last is None or last <= -1
            np.testing.assert_array_equal(steps, np.arange(1, len(steps) + 1))
            np.testing.assert_array_equal(values, -steps)
        thread.join()


def test_many_values_at_once_are_those_steps() -> None:
    series, one_by_one = Series(), Series()
    series.append(1, np.arange(50.0))
    series.append(51, np.arange(100.0))
    for step, value in enumerate([*np.arange(50.0), *np.arange(100.0)], 1):
        one_by_one.append(step, value)
    for a, b in zip(series.since(), one_by_one.since(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert len(series) == 150
