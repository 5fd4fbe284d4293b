"""check: whether the backends of this machine agree, and which op does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import flowloom as fl
from flowloom.comparison import BackendError

pytest.importorskip("llvmlite")


@pytest.fixture
def graph() -> fl.Graph:
    with fl.Graph("small") as g:
        image = fl.input("image", shape=("batch", 8, 8, 1))
        label = fl.input("label", shape=("batch",), dtype="int64")
        h = fl.layers.conv2d(image, filters=4, kernel_size=3, activation="relu", name="stem")
        h = fl.layers.flatten(fl.layers.max_pooling2d(h))
        logits = fl.layers.dense(h, units=3, name="head")
        fl.losses.softmax_cross_entropy(logits, label, name="loss")
    return g


def test_the_backends_agree_on_a_model_and_its_gradients(graph: fl.Graph) -> None:
    found = fl.check(graph)

    assert found["native"] < 1e-5
    assert found["portable"] == 0


def test_what_is_fed_is_used(graph: fl.Graph) -> None:
    images = np.zeros((2, 8, 8, 1), np.float32)
    assert fl.check(graph["loss"], {"image": images, "label": np.array([2, 1])})["native"] < 1e-5
    with pytest.raises(fl.FeedError, match="image"):
        fl.check(graph["loss"], {"image": images[..., 0], "label": np.array([2, 1])})


def test_a_broken_kernel_is_found_and_named(graph: fl.Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    from flowloom.backends.native import instructions

    right = instructions.LOWERINGS["matmul"]

    def wrong(e: Any, operands: Any, result: Any) -> Any:
        call = right(e, operands, result)
        source = call.source.replace("f32(0.0)", "f32(0.001)")  # where its sums begin
        assert source != call.source
        return instructions.Call(source, call.args, call.writes, call.parallel, call.work)

    monkeypatch.setitem(instructions.LOWERINGS, "matmul", wrong)

    with pytest.raises(BackendError, match=r"native matmul differs from portable by .*node 'head'") as caught:
        fl.check(graph)
    assert (caught.value.op, caught.value.node) == ("matmul", graph["head"].id)


def test_a_broken_template_is_found_and_named(graph: fl.Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    from flowloom.op import REGISTRY

    monkeypatch.setattr(REGISTRY["relu"], "template", "where({x} < 0.01, 0.0, {x})")

    with pytest.raises(BackendError, match=r"native relu differs .*node 'stem'"):
        fl.check(graph)
