"""What flowloom notes in a model that ONNX has no field for: which initializers are not learned."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import ModelProto

KEY = "flowloom.not_trainable"


def note_not_trainable(model: ModelProto, names: Iterable[str]) -> None:
    """Note that these initializers are not learned: running statistics, say."""
    if listed := list(names):
        model.metadata_props.add(key=KEY, value=json.dumps(listed))


def not_trainable(model: ModelProto) -> frozenset[str]:
    """The initializers that a model says are not learned; none if it says nothing, or what cannot be read."""
    text = next((p.value for p in model.metadata_props if p.key == KEY), "[]")
    try:
        names = json.loads(text)
    except (ValueError, RecursionError):
        return frozenset()
    return frozenset(n for n in names if isinstance(n, str)) if isinstance(names, list) else frozenset()
