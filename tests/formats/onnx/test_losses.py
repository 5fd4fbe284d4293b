"""A model that ends in a loss: it is trained as it is."""

from __future__ import annotations

import numpy as np

import flowloom as fl
from tests.formats.onnx.networks import check, floats, kinds, network

SEGMENTATION = """g (float[n, 3, 6, 6] image, int64[n, 6, 6] label) => (float loss, float[n, 4, 6, 6] scores) {
    h = Conv <pads=[1, 1, 1, 1]> (image, w1)
    r = Relu (h)
    scores = Conv (r, w2)
    loss = SoftmaxCrossEntropyLoss <ignore_index=-1> (scores, label, weights)
}"""


def test_training_lowers_it_and_class_weights_stay() -> None:
    weights = {"w1": floats(8, 3, 3, 3), "w2": floats(4, 8, 1, 1), "weights": np.array([1, 2, 0.5, 1], np.float32)}
    images, labels = floats(32, 3, 6, 6), np.random.default_rng(0).integers(-1, 4, (32, 6, 6))
    graph = check(network(SEGMENTATION, weights), {"image": images, "label": labels})

    assert kinds(graph).count("negative_log_likelihood") == 1
    assert {v.name for v in graph.trainable_variables} == {"w1", "w2"}
    data = fl.data.Dataset.from_arrays({"image": images, "label": labels})
    trainer = fl.Trainer(loss=graph.outputs[0], optimizer=fl.optimizers.adam(1e-2))
    history = trainer.fit(data.batch(8), epochs=4, progress=False).history
    assert history["loss"][-1] < history["loss"][0]
