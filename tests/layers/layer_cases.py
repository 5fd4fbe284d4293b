"""Cases of every layer."""

from __future__ import annotations

from typing import Any, get_args

from flowloom.layers.activations import Activation
from tests.layers.cases import Case, many, pair, rows

DRAWN = {"kernel_initializer": "he_normal", "bias_initializer": "random_normal"}
IMAGES = rows(6, 5, 2)
KEPT = {"kernel_regularizer": "l2", "bias_constraint": "max_norm"}
SEQUENCE = rows(4, 3)
TOKENS: dict[str, Any] = {"query": ((4, 4), "float64")}
MASKED = SEQUENCE | {"mask": ((4,), "bool")}
COUNTED = SEQUENCE | {"mask": ((), "int64")}


def state(name: str, *shape: int) -> dict[str, Any]:
    return {name: (shape, "float64")}


CASES: dict[str, list[Case]] = {
    "layers.activation": [Case(rows(4), {"activation": name}) for name in get_args(Activation)],
    "layers.relu": [
        Case(rows(6)),
        Case(rows(6), {"max_value": 1.0, "negative_slope": 0.1, "threshold": 0.3}),
        Case(rows(6), {"negative_slope": 0.3}),
    ],
    "layers.leaky_relu": [Case(rows(6))],
    "layers.prelu": [
        Case(rows(6), {"alpha_initializer": "random_normal"}),
        Case(rows(3, 2, 4), {"shared_axes": (1, 2)}),
    ],
    "layers.softmax": [Case(rows(4)), Case(rows(2, 4) | {"mask": ((2, 4), "bool")}, {"axis": 1})],
    "layers.conv1d": [
        Case(rows(6, 2), {"filters": 3, **DRAWN}),
        Case(rows(6, 4), {"filters": 2, "kernel_size": 2, "padding": "causal", "dilation_rate": 2, "groups": 2}),
    ],
    "layers.conv2d": [
        Case(IMAGES, {"filters": 3, **DRAWN}),
        Case(IMAGES, {"filters": 2, "kernel_size": (2, 3), "strides": (2, 1), "padding": "same"}),
        Case(rows(4, 4, 1), {"filters": 2, "kernel_size": 1, "use_bias": False, "activation": "tanh"}),
        Case(IMAGES, {"filters": 4, "groups": 2, "padding": ((1, 0), (0, 2)), **KEPT}),
    ],
    "layers.conv3d": [
        Case(rows(3, 4, 3, 1), {"filters": 2, "kernel_size": 2}),
        Case(rows(3, 3, 4, 2), {"filters": 2, "kernel_size": (1, 2, 3), "strides": (1, 2, 1), "padding": "same"}),
    ],
    "layers.conv1d_transpose": [Case(rows(3, 2), {"filters": 3, "strides": 2, **DRAWN})],
    "layers.conv2d_transpose": [
        Case(rows(3, 2, 2), {"filters": 2, "strides": 2, "padding": "same"}),
        Case(rows(3, 2, 2), {"filters": 1, "strides": (2, 3), "output_padding": 1, "use_bias": False}),
    ],
    "layers.conv3d_transpose": [Case(rows(2, 2, 1, 2), {"filters": 1, "kernel_size": 2, "strides": 2})],
    "layers.depthwise_conv1d": [Case(rows(5, 2), {"depth_multiplier": 2, "bias_initializer": "ones"})],
    "layers.depthwise_conv2d": [Case(IMAGES, {"kernel_size": (2, 3), "strides": 2, "padding": "same"})],
    "layers.separable_conv1d": [Case(rows(5, 2), {"filters": 3, "activation": "tanh"})],
    "layers.separable_conv2d": [
        Case(IMAGES, {"filters": 2, "kernel_size": 2}),
        Case(IMAGES, {"filters": 3, "depth_multiplier": 2, "use_bias": False}),
    ],
    "layers.residual_block": [
        Case(rows(4, 3, 2), {"filters": 2, "activation": "tanh"}),
        Case(rows(5, 4, 1), {"filters": 2, "strides": 2, "activation": "silu"}),
    ],
    "layers.bottleneck_block": [
        Case(rows(4, 3, 2), {"filters": 1, "expansion": 3, "strides": 2, "activation": "tanh"})
    ],
    "layers.squeeze_excite": [Case(rows(3, 2, 4), {"ratio": 2, "activation": "tanh"})],
    "layers.global_average_pooling1d": [
        Case(rows(4, 3)),
        Case(rows(4, 3) | {"mask": ((4,), "bool")}, {"keepdims": True}),
    ],
    "layers.dense": [
        Case(rows(4), {"units": 3, **DRAWN}),
        Case(rows(2, 4), {"units": 3, "activation": "softmax"}),
        Case(rows(4), {"units": 1, "use_bias": False}),
        Case(rows(4), {"units": 2, **KEPT}),
    ],
    "layers.embedding": [
        Case(rows(dtype="int64"), {"input_dim": 3, "output_dim": 4}),
        Case(rows(2, dtype="uint8")),
        Case(rows(2, dtype="int32"), {"output_dim": 2, "mask_zero": True}),
    ],
    "layers.masking": [Case(rows(3, 2)), Case(rows(3, 2, dtype="int64"), {"mask_value": 2.0})],
    "layers.position_embedding": [Case(rows(4, 3), {"sequence_length": 6})],
    "layers.sine_position_encoding": [Case(rows(4, 5))],
    "layers.flatten": [Case(rows(2, 3, 1)), Case(rows())],
    "layers.reshape": [Case(rows(2, 3), {"target_shape": (3, 2)}), Case(rows(2, 3, 2), {"target_shape": (-1, 4)})],
    "layers.permute": [Case(rows(2, 3)), Case(rows(2, 3, 1), {"dims": (3, 1, 2)})],
    "layers.repeat_vector": [Case(rows(3), {"n": 4})],
    "layers.zero_padding1d": [Case(rows(3, 2)), Case(rows(3, 2), {"padding": (0, 2)})],
    "layers.zero_padding2d": [
        Case(rows(3, 2, 2)),
        Case(rows(3, 2, 2), {"padding": (1, 2)}),
        Case(rows(3, 2, 2), {"padding": ((1, 0), (2, 3))}),
    ],
    "layers.zero_padding3d": [Case(rows(2, 1, 2, 2)), Case(rows(2, 1, 2, 2), {"padding": ((1, 0), 2, (0, 0))})],
    "layers.cropping1d": [Case(rows(4, 2)), Case(rows(4, 2), {"cropping": (0, 2)})],
    "layers.cropping2d": [
        Case(rows(4, 5, 2)),
        Case(rows(4, 5, 2), {"cropping": (1, 2)}),
        Case(rows(4, 5, 2), {"cropping": ((1, 0), (0, 3))}),
    ],
    "layers.cropping3d": [Case(rows(3, 4, 5, 1)), Case(rows(3, 4, 5, 1), {"cropping": (0, (1, 0), 2)})],
    "layers.up_sampling1d": [Case(rows(3, 2), {"size": 3})],
    "layers.up_sampling2d": [
        Case(rows(2, 3, 2)),
        Case(rows(2, 3, 1), {"size": (3, 2), "interpolation": "bilinear"}),
        Case(rows(3, 3, 1), {"interpolation": "bicubic"}),
    ],
    "layers.up_sampling3d": [Case(rows(2, 1, 2, 1)), Case(rows(2, 1, 2, 1), {"size": (1, 2, 3)})],
    "layers.add": [Case(many((2, 3), (2, 3))), Case(many((2, 3), (3,), (1,)))],
    "layers.multiply": [Case(many((2, 3), (2, 3), (2, 3)))],
    "layers.average": [Case(many((3,), (3,), (3,)))],
    "layers.maximum": [Case(many((3,), (3,), (3,)))],
    "layers.minimum": [Case(many((3,), (3,)))],
    "layers.concatenate": [Case(many((2, 3), (2, 1))), Case(many((2, 3), (1, 3)), {"axis": 1})],
    "layers.dot": [
        Case(pair((4,), (4,), "float64")),
        Case(pair((3, 4), (2, 4), "float64"), {"axes": (2, 2), "normalize": True}),
        Case(pair((3, 4), (3, 2), "float64"), {"axes": 1}),
        Case(pair((3, 4, 2), (3,), "float64"), {"axes": (1, -1)}),
    ],
    "layers.batch_normalization": [
        Case(rows(3)),
        Case(rows(2, 2, 3), {"scale": False}),
        Case(rows(3), {"center": False}),
        Case(rows(3, 2), {"axis": 1, "gamma_initializer": "random_normal"}),
    ],
    "layers.layer_normalization": [
        Case(rows(4)),
        Case(rows(2, 4), {"scale": False}),
        Case(rows(4), {"center": False}),
        Case(rows(3, 2, 2), {"axis": (1, 3), "gamma_initializer": "random_normal"}),
    ],
    "layers.group_normalization": [
        Case(rows(3, 4), {"groups": 2}),
        Case(rows(3, 2, 2), {"groups": -1}),
        Case(rows(4, 3), {"groups": 2, "axis": 1, "gamma_initializer": "random_normal"}),
    ],
    "layers.rms_normalization": [Case(rows(4)), Case(rows(3, 2), {"axis": 1, "scale_initializer": "random_normal"})],
    "layers.unit_normalization": [Case(rows(4)), Case(rows(2, 3), {"axis": (1, 2)})],
    "layers.dropout": [
        Case(rows(30)),
        Case(rows(2, 3), {"rate": 0.0}),
        Case(rows(8, dtype="float32"), {"rate": 0.2}),
        Case(rows(4, 8), {"noise_shape": (None, 1, 8)}),
    ],
    "layers.spatial_dropout1d": [Case(rows(3, 8))],
    "layers.spatial_dropout2d": [Case(rows(2, 2, 8))],
    "layers.spatial_dropout3d": [Case(rows(2, 1, 2, 8), {"rate": 0.3})],
    "layers.alpha_dropout": [Case(rows(8)), Case(rows(4, 2), {"rate": 0.2, "noise_shape": (None, 4, 1)})],
    "layers.gaussian_dropout": [Case(rows(8)), Case(rows(3, dtype="float16"), {"rate": 0.2})],
    "layers.gaussian_noise": [Case(rows(3)), Case(rows(3, dtype="float32")), Case(rows(3, dtype="float16"))],
    "layers.rescaling": [Case(rows(2, 3), {"scale": 0.5, "offset": (1.0, 2.0, 3.0)}), Case(rows(3, dtype="uint8"))],
    "layers.normalization": [
        Case(rows(2, 3), {"mean": (1.0, 2.0, 3.0), "variance": (4.0, 1.0, 2.0)}),
        Case(rows(2, 3), {"axis": 1, "mean": (1.0, 2.0), "invert": True}),
        Case(rows(3, dtype="int64"), {"axis": None, "mean": 1.0, "variance": 4.0}),
    ],
    "layers.resizing": [
        Case(IMAGES, {"height": 4, "width": 7}),
        Case(IMAGES, {"height": 3, "width": 3, "crop_to_aspect_ratio": True, "antialias": True}),
        Case(rows(2, 2, 1, dtype="uint8"), {"height": 3, "width": 4, "interpolation": "nearest"}),
    ],
    "layers.center_crop": [Case(IMAGES, {"height": 3, "width": 3}), Case(IMAGES, {"height": 8, "width": 4})],
    "layers.random_flip": [Case(IMAGES), Case(IMAGES, {"mode": "horizontal"}), Case(IMAGES, {"mode": "vertical"})],
    "layers.random_rotation": [
        Case(IMAGES, {"factor": 0.3}),
        Case(IMAGES, {"factor": (-0.1, 0.5), "fill_mode": "constant", "fill_value": 2.0}),
        Case(rows(4, 4, 1, dtype="float32"), {"interpolation": "nearest", "fill_mode": "nearest"}),
    ],
    "layers.random_translation": [
        Case(IMAGES),
        Case(IMAGES, {"height_factor": (0.2, 0.4), "width_factor": 0.0, "fill_mode": "constant"}),
    ],
    "layers.random_zoom": [Case(IMAGES), Case(IMAGES, {"height_factor": (0.2, 0.4), "width_factor": 0.3})],
    "layers.random_crop": [Case(IMAGES, {"height": 3, "width": 4})],
    "layers.random_brightness": [Case(IMAGES, {"value_range": (-9.0, 9.0)}), Case(rows(2, 2, 1, dtype="uint8"))],
    "layers.random_contrast": [Case(IMAGES, {"value_range": (-9.0, 9.0)}), Case(IMAGES, {"factor": (0.5, 0.1)})],
    "layers.multi_head_attention": [
        Case(TOKENS, {"num_heads": 2, "key_dim": 3}),
        Case(
            TOKENS | {"value": ((3, 2), "float64"), "mask": ((4, 3), "bool")},
            {"num_heads": 2, "key_dim": 2, "value_dim": 3, "output_dim": 3, "return_attention_scores": True},
        ),
        Case(
            TOKENS | {"mask": ((4,), "bool")},
            {"num_heads": 4, "num_key_value_heads": 2, "key_dim": 2, "dropout": 0.3, "use_causal_mask": True},
        ),
        Case(TOKENS, {"num_heads": 1, "key_dim": 2, "use_bias": False, "kernel_regularizer": "l2"}),
    ],
    "layers.attention": [
        Case(TOKENS | {"value": ((3, 4), "float64")}, {"use_scale": True}),
        Case(
            TOKENS | {"value": ((4, 2), "float64"), "key": ((4, 4), "float64"), "mask": ((4,), "bool")},
            {"score_mode": "concat", "use_causal_mask": True, "return_attention_scores": True},
        ),
    ],
    "layers.additive_attention": [
        Case(TOKENS | {"value": ((3, 4), "float64")}, {"dropout": 0.3}),
        Case(TOKENS | {"value": ((3, 4), "float64"), "mask": ((4, 3), "bool")}, {"use_scale": False}),
    ],
    "layers.transformer_encoder_block": [
        Case({"x": ((3, 4), "float64")}, {"num_heads": 2, "intermediate_dim": 3, "activation": "gelu"}),
        Case(
            {"x": ((3, 4), "float64"), "mask": ((3,), "bool")},
            {"num_heads": 1, "intermediate_dim": 2, "normalize_first": True, "dropout": 0.2, "activation": "tanh"},
        ),
    ],
    "layers.transformer_decoder_block": [
        Case({"x": ((3, 4), "float64")}, {"num_heads": 2, "intermediate_dim": 3, "activation": "gelu"}),
        Case(
            {"x": ((3, 4), "float64"), "encoded": ((2, 3), "float64"), "encoded_mask": ((2,), "bool")},
            {"num_heads": 2, "intermediate_dim": 2, "normalize_first": True, "dropout": 0.2, "activation": "tanh"},
        ),
    ],
    "layers.mlp": [Case(rows(4), {"units": (3, 2), "activation": "tanh", "dropout": 0.2})],
    "layers.residual_dense_block": [
        Case(rows(4), {"units": 3, "activation": "tanh", "dropout": 0.2}),
        Case(rows(2, 3), {"normalize_first": False, "activation": "silu"}),
    ],
    "layers.simple_rnn": [
        Case(SEQUENCE, {"units": 2}),
        Case(MASKED | state("initial_h", 2), {"units": 2, "return_sequences": True, "dropout": 0.3}),
    ],
    "layers.lstm": [
        Case(SEQUENCE, {"units": 2, "recurrent_dropout": 0.5, "dropout": 0.2}),
        Case(MASKED | state("initial_h", 2), {"units": 2, "return_sequences": True, "return_state": True}),
        Case(COUNTED, {"units": 2, "return_sequences": True, "zero_output_for_mask": True}, labels=5),
        Case(MASKED, {"units": 2, "bidirectional": "concat", "return_sequences": True, "return_state": True}),
        Case(SEQUENCE, {"units": 2, "go_backwards": True, "return_sequences": True, "use_bias": False}),
        Case(SEQUENCE | {"initial_c": ([2, "batch", 2], "float64")}, {"units": 2, "bidirectional": "mul"}),
    ],
    "layers.gru": [
        Case(SEQUENCE, {"units": 2, "bias_initializer": "random_normal"}),
        Case(SEQUENCE, {"units": 2, "reset_after": False, "recurrent_dropout": 0.4, "bidirectional": "ave"}),
        Case(MASKED, {"units": 2, "use_bias": False, "bidirectional": "sum", "return_sequences": True}),
    ],
}


def _weights(gates: int, ways: int = 1) -> dict[str, Any]:
    shapes = {"x": [4, 5, 3], "kernel": [ways, gates * 2, 3], "recurrent_kernel": [ways, gates * 2, 2]}
    return {name: (shape, "float64") for name, shape in shapes.items()}


def _bias(gates: int, ways: int = 1) -> dict[str, Any]:
    return {"bias": ([ways, 2 * gates * 2], "float64")}


FUNCTIONAL: dict[str, list[Case]] = {
    "recurrent.rnn": [
        Case(_weights(1), {"time_major": True}),
        Case(_weights(1, 2) | _bias(1, 2), {"direction": "bidirectional", "activations": ["softsign"]}),
    ],
    "recurrent.lstm": [
        Case(_weights(4) | _bias(4) | {"peepholes": ([1, 6], "float64")}, {"direction": "reverse"}),
        Case(_weights(4) | {"lengths": ([4], "int64")}, {"input_forget": True, "clip": 3.0}, labels=6),
    ],
    "recurrent.gru": [
        Case(_weights(3) | _bias(3), {"linear_before_reset": True}),
        Case(_weights(3) | _bias(3) | {"initial_h": ([4, 1, 2], "float64")}),
    ],
}
