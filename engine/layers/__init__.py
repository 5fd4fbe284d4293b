"""Layers: single nodes that own their variables and expand into ops. Keras' names and defaults."""

from flowloom.layers.activations import activation as activation
from flowloom.layers.convolution import conv2d as conv2d
from flowloom.layers.core import dense as dense
from flowloom.layers.core import embedding as embedding
from flowloom.layers.core import flatten as flatten
from flowloom.layers.layer import Layer as Layer
from flowloom.layers.layer import layer as layer
from flowloom.layers.normalization import batch_normalization as batch_normalization
from flowloom.layers.normalization import layer_normalization as layer_normalization
from flowloom.layers.regularization import dropout as dropout
from flowloom.layers.regularization import gaussian_noise as gaussian_noise
from flowloom.ops import avg_pool2d as avg_pool2d
from flowloom.ops import max_pool2d as max_pool2d
