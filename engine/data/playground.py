"""The four classification sets of the TensorFlow Playground: points in the plane in two classes, generated.

Geometry, sizes and the meaning of noise are the Playground's; its labels -1 and 1 are 0 and 1 here. The same seed
gives the same points before noise, whatever the noise, so that turning it up moves the picture instead of replacing it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from numbers import Real

import numpy as np
from numpy.typing import NDArray

from .dataset import Dataset
from .declaration import DatasetInfo, Declaration, LoadedData
from .draws import Draws
from .errors import DataError, whole_number
from .features import Feature

_RADIUS = 5.0
_PADDING = 0.3  # the gap that xor leaves on either side of both axes
_TURNS = 1.75  # of each spiral arm

Floats = NDArray[np.float64]
Labels = NDArray[np.bool_]
Shape = Callable[[int, float, Draws], tuple[Floats, Floats, Labels]]


def circle(samples: int, noise: float, draws: Draws) -> tuple[Floats, Floats, Labels]:
    """A disc of radius 2.5 (class 1) in a ring from 3.5 to 5 (class 0). Noise moves a point before it is labelled."""
    inside = _first_half(samples)
    radius = np.where(inside, draws.uniform(0.0, 0.5, samples), draws.uniform(0.7, 1.0, samples)) * _RADIUS
    angle = draws.uniform(0.0, 2.0 * np.pi, samples)
    x, y = radius * np.sin(angle), radius * np.cos(angle)
    moved_x, moved_y = _moved(x, y, _RADIUS * noise, draws)
    return x, y, np.hypot(moved_x, moved_y) < 0.5 * _RADIUS


def xor(samples: int, noise: float, draws: Draws) -> tuple[Floats, Floats, Labels]:
    """A square of half-width 5.3 without a cross of half-width 0.3; class 1 where both coordinates have one sign.
    Noise moves a point before it is labelled."""
    x, y = (_pushed_off_axis(draws.uniform(-_RADIUS, _RADIUS, samples)) for _ in "xy")
    moved_x, moved_y = _moved(x, y, _RADIUS * noise, draws)
    return x, y, moved_x * moved_y >= 0


def gaussians(samples: int, noise: float, draws: Draws) -> tuple[Floats, Floats, Labels]:
    """Normal clouds around (2, 2) (class 1) and (-2, -2) (class 0), of variance 0.5 + 7 `noise` along each axis."""
    first = _first_half(samples)
    center = np.where(first, 2.0, -2.0)
    x, y = (center + draws.normal(0.0, 0.5 + 7.0 * noise, samples) for _ in "xy")
    return x, y, first


def spiral(samples: int, noise: float, draws: Draws) -> tuple[Floats, Floats, Labels]:
    """Two arms of 1.75 turns from the centre out to radius 5, half a turn apart, each of one class. `noise` is the most
    that a point moves along each axis."""
    first = _first_half(samples)
    along = np.concatenate([np.arange(count) / count for count in (first.sum(), (~first).sum())])
    angle = 2.0 * np.pi * _TURNS * along + np.where(first, 0.0, np.pi)
    x, y = _moved(_RADIUS * along * np.sin(angle), _RADIUS * along * np.cos(angle), noise, draws)
    return x, y, first


def _first_half(samples: int) -> Labels:
    return np.arange(samples) < (samples + 1) // 2


def _pushed_off_axis(coordinate: Floats) -> Floats:
    return coordinate + np.where(coordinate > 0, _PADDING, -_PADDING)


def _moved(x: Floats, y: Floats, distance: float, draws: Draws) -> tuple[Floats, Floats]:
    return x + draws.uniform(-1.0, 1.0, len(x)) * distance, y + draws.uniform(-1.0, 1.0, len(y)) * distance


def _load(info: DatasetInfo, shape: Shape, *, samples: int = 500, noise: float = 0.0, seed: int = 0) -> LoadedData:
    """Generate `samples` points, half of them to train on and half to test with, in random order."""
    call = f"load({info.name!r})"
    samples = whole_number(call, "samples", samples, at_least=2)
    noise = _noise(call, noise)
    draws = Draws(whole_number(call, "seed", seed, at_least=0))
    x, y, in_class_1 = shape(samples, noise, draws)
    order = draws.permutation(samples)
    point = np.stack([x, y], axis=1).astype(np.float32)[order]
    label = in_class_1.astype(np.int64)[order]
    half = samples // 2
    train = Dataset({"point": point[:half], "label": label[:half]})
    test = Dataset({"point": point[half:], "label": label[half:]})
    sizes = {"train": train.sample_count, "test": test.sample_count}
    return LoadedData(train, test, replace(info, sizes=sizes))


def _noise(call: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) <= 1:
        raise DataError(f"{call}: noise must be a number from 0 to 1; got {value!r}")
    return float(value)


def _declared(shape: Shape, name: str, description: str, classes: tuple[str, str]) -> Declaration:
    info = DatasetInfo(
        name=name,
        description=f"{description} Options: samples (500), noise (0; the Playground goes to 0.5), seed (0).",
        features={"point": Feature((2,), "float32"), "label": Feature((), "int64", classes)},
        sizes={"train": 250, "test": 250},
        licence="BSD-3-Clause, as flowloom itself, which generates it",
        citation=(
            "Smilkov, D., Carter, S., Sculley, D., Viégas, F. B. and Wattenberg, M. (2017). "
            "Direct-Manipulation Visualization of Deep Networks. arXiv:1708.03788"
        ),
        source="generated, with the geometry of the TensorFlow Playground",
    )
    return Declaration(info, partial(_load, info, shape))


PLAYGROUND = (
    _declared(circle, "circle", "A disc inside a ring.", ("outside", "inside")),
    _declared(xor, "xor", "Four squares; opposite ones belong together.", ("signs differ", "signs agree")),
    _declared(gaussians, "gaussians", "Two round clouds.", ("lower left", "upper right")),
    _declared(spiral, "spiral", "Two arms wound around each other.", ("second arm", "first arm")),
)
