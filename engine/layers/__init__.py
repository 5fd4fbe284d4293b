"""Layers: single nodes that own their variables and expand into ops. Keras' names and defaults.

What has no variables and is an op already, pooling say, is that op.
"""

from flowloom.layers.activations import activation, leaky_relu, prelu, relu, softmax
from flowloom.layers.attending import additive_attention, attention, multi_head_attention
from flowloom.layers.augmentation import (
    random_brightness,
    random_contrast,
    random_crop,
    random_flip,
    random_rotation,
    random_translation,
    random_zoom,
)
from flowloom.layers.blocks import mlp, residual_dense_block
from flowloom.layers.convolution import conv1d, conv2d, conv3d
from flowloom.layers.core import dense
from flowloom.layers.depthwise import depthwise_conv1d, depthwise_conv2d, separable_conv1d, separable_conv2d
from flowloom.layers.embeddings import embedding, masking, position_embedding, sine_position_encoding
from flowloom.layers.layer import Layer, layer
from flowloom.layers.merging import add, average, concatenate, dot, maximum, minimum, multiply
from flowloom.layers.normalizing import (
    batch_normalization,
    group_normalization,
    layer_normalization,
    rms_normalization,
    unit_normalization,
)
from flowloom.layers.pooling import global_average_pooling1d
from flowloom.layers.preprocessing import center_crop, normalization, rescaling, resizing
from flowloom.layers.recurrent import gru, lstm, simple_rnn
from flowloom.layers.regularization import (
    alpha_dropout,
    dropout,
    gaussian_dropout,
    gaussian_noise,
    spatial_dropout1d,
    spatial_dropout2d,
    spatial_dropout3d,
)
from flowloom.layers.residual import bottleneck_block, residual_block, squeeze_excite
from flowloom.layers.shaping import (
    cropping1d,
    cropping2d,
    cropping3d,
    flatten,
    permute,
    repeat_vector,
    reshape,
    up_sampling1d,
    up_sampling2d,
    up_sampling3d,
    zero_padding1d,
    zero_padding2d,
    zero_padding3d,
)
from flowloom.layers.transformer import transformer_decoder_block, transformer_encoder_block
from flowloom.layers.transposed_convolution import conv1d_transpose, conv2d_transpose, conv3d_transpose
from flowloom.ops import (
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    elu,
    global_avg_pool,
    global_max_pool,
    max_pool1d,
    max_pool2d,
    max_pool3d,
    subtract,
)
from flowloom.params import no_such_name

# Keras' longer names of the same.
average_pooling1d = avg_pool1d
average_pooling2d = avg_pool2d
average_pooling3d = avg_pool3d
global_average_pooling2d = global_avg_pool
global_average_pooling3d = global_avg_pool
global_max_pooling1d = global_max_pool
global_max_pooling2d = global_max_pool
global_max_pooling3d = global_max_pool
max_pooling1d = max_pool1d
max_pooling2d = max_pool2d
max_pooling3d = max_pool3d

__all__ = [
    "Layer",
    "activation",
    "add",
    "additive_attention",
    "alpha_dropout",
    "attention",
    "average",
    "average_pooling1d",
    "average_pooling2d",
    "average_pooling3d",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "batch_normalization",
    "bottleneck_block",
    "center_crop",
    "concatenate",
    "conv1d",
    "conv1d_transpose",
    "conv2d",
    "conv2d_transpose",
    "conv3d",
    "conv3d_transpose",
    "cropping1d",
    "cropping2d",
    "cropping3d",
    "dense",
    "depthwise_conv1d",
    "depthwise_conv2d",
    "dot",
    "dropout",
    "elu",
    "embedding",
    "flatten",
    "gaussian_dropout",
    "gaussian_noise",
    "global_average_pooling1d",
    "global_average_pooling2d",
    "global_average_pooling3d",
    "global_avg_pool",
    "global_max_pool",
    "global_max_pooling1d",
    "global_max_pooling2d",
    "global_max_pooling3d",
    "group_normalization",
    "gru",
    "layer",
    "layer_normalization",
    "leaky_relu",
    "lstm",
    "masking",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "max_pooling1d",
    "max_pooling2d",
    "max_pooling3d",
    "maximum",
    "minimum",
    "mlp",
    "multi_head_attention",
    "multiply",
    "normalization",
    "permute",
    "position_embedding",
    "prelu",
    "random_brightness",
    "random_contrast",
    "random_crop",
    "random_flip",
    "random_rotation",
    "random_translation",
    "random_zoom",
    "relu",
    "repeat_vector",
    "rescaling",
    "reshape",
    "residual_block",
    "residual_dense_block",
    "resizing",
    "rms_normalization",
    "separable_conv1d",
    "separable_conv2d",
    "simple_rnn",
    "sine_position_encoding",
    "softmax",
    "spatial_dropout1d",
    "spatial_dropout2d",
    "spatial_dropout3d",
    "squeeze_excite",
    "subtract",
    "transformer_decoder_block",
    "transformer_encoder_block",
    "unit_normalization",
    "up_sampling1d",
    "up_sampling2d",
    "up_sampling3d",
    "zero_padding1d",
    "zero_padding2d",
    "zero_padding3d",
]


def __getattr__(name: str) -> object:
    raise no_such_name("flowloom.layers", name, __all__)
