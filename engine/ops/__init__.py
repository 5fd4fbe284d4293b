"""The ops, by name. One declaration each, in the module of its family; to add one, see `elementwise.py`."""

from flowloom.ops.activation import (
    gelu,
    log_sigmoid,
    mish,
    sigmoid,
    silu,
    softplus,
    softsign,
    squareplus,
    tanh,
)
from flowloom.ops.along import add_along_axis, gather_elements, scatter_elements, take_along_axis
from flowloom.ops.attention import (
    attention_scores,
    attention_window,
    merge_heads,
    scaled_dot_product_attention,
    split_heads,
)
from flowloom.ops.bits import (
    bitcast,
    bitwise_and,
    bitwise_not,
    bitwise_or,
    bitwise_xor,
    left_shift,
    right_shift,
)
from flowloom.ops.blocks import depth_to_space, space_to_depth
from flowloom.ops.broadcasting import broadcast_like, broadcast_to, sum_like, sum_to
from flowloom.ops.cholesky import (
    cholesky,
)
from flowloom.ops.choosing import (
    random_categorical,
    random_permutation,
)
from flowloom.ops.colour import (
    adjust_brightness,
    adjust_contrast,
    adjust_hue,
    adjust_saturation,
    hsv_to_rgb,
    rgb_to_grayscale,
    rgb_to_hsv,
)
from flowloom.ops.comparison import (
    equal,
    greater,
    greater_equal,
    isfinite,
    isinf,
    isnan,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    not_equal,
)
from flowloom.ops.contraction import (
    contract,
)
from flowloom.ops.convolution import (
    conv,
    conv1d,
    conv2d,
    conv3d,
    conv_backprop_filter,
    conv_backprop_input,
)
from flowloom.ops.coordinates import add_nd, gather_nd, scatter_nd
from flowloom.ops.creation import arange, eye, eye_like, full, full_like, linspace, numbered, ones_like, zeros_like
from flowloom.ops.cross_entropy import (
    at_labels,
    negative_log_likelihood,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
    sparse_softmax_cross_entropy,
)
from flowloom.ops.cumulative import (
    cummax,
    cummin,
    cumprod,
    cumsum,
    linear_recurrence,
    shift,
)
from flowloom.ops.decompositions import (
    eigh,
    qr,
    svd,
)
from flowloom.ops.deformable import (
    deform_conv2d,
    window_places,
)
from flowloom.ops.depthwise import (
    depthwise_conv1d,
    depthwise_conv2d,
)
from flowloom.ops.determinants import (
    det,
    slogdet,
)
from flowloom.ops.diagonals import (
    diagonal,
    embed_diagonal,
    trace,
    triangle,
)
from flowloom.ops.distributions import (
    random_exponential,
    random_gumbel,
    random_laplace,
    random_truncated_normal,
)
from flowloom.ops.division import (
    floor_divide,
    fmod,
    reciprocal,
    remainder,
    trunc_divide,
)
from flowloom.ops.dynamic import (
    arange_of,
    broadcast_to_shape,
    expand_dims_at,
    full_of,
    moveaxis_at,
    one_hot_by,
    reshape_to,
    shape_of,
    squeeze_at,
)
from flowloom.ops.dynamic_images import (
    affine_grid_to,
    center_crop_pad_to,
    non_max_suppression_by,
    resize_by,
    resize_to,
    unresize_by,
)
from flowloom.ops.dynamic_parts import fold_pad_by, pad_by, slice_at, slice_by, split_by, tile_by, unslice_by, untile_by
from flowloom.ops.dynamic_windows import (
    extract_patches_by,
    fold_patches_to,
)
from flowloom.ops.einsum import (
    einsum,
)
from flowloom.ops.elementwise import (
    abs_ as abs,
)
from flowloom.ops.elementwise import (
    add,
    cast,
    clip,
    divide,
    exp,
    inside,
    log,
    maximum,
    minimum,
    multiply,
    negative,
    power,
    sign,
    sqrt,
    square,
    subtract,
    where,
)
from flowloom.ops.error_function import (
    erf,
    erfc,
)
from flowloom.ops.exponentials import (
    expm1,
    hypot,
    log1p,
    log2,
    log10,
    rsqrt,
)
from flowloom.ops.fourier import (
    dct,
    fft,
    fit,
    idct,
    ifft,
    irfft,
    rfft,
    scale_ends,
)
from flowloom.ops.framing import (
    frame,
    overlap_add,
)
from flowloom.ops.gamma import (
    digamma,
    lgamma,
    polygamma,
)
from flowloom.ops.gates import (
    glu,
    hardmax,
    swiglu,
)
from flowloom.ops.global_pooling import (
    global_avg_pool,
    global_lp_pool,
    global_max_pool,
)
from flowloom.ops.indexing import one_hot, scatter_add, scatter_add_like, take
from flowloom.ops.joining import concatenate, meshgrid, split, split_like, stack, unstack
from flowloom.ops.labels import (
    checked_labels,
)
from flowloom.ops.linalg import (
    dot,
    matmul,
    outer,
    tensordot,
)
from flowloom.ops.mean_pooling import (
    avg_pool,
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    avg_pool_backprop,
    lp_pool1d,
    lp_pool2d,
    lp_pool3d,
)
from flowloom.ops.mel import mel_spectrogram, mel_weight_matrix, mfcc
from flowloom.ops.ngrams import (
    count_ngrams,
)
from flowloom.ops.normalization import (
    batch_normalization,
    group_normalization,
    layer_normalization,
    local_response_normalization,
    rms_normalization,
)
from flowloom.ops.norms import (
    norm,
    normalize,
)
from flowloom.ops.ordering import (
    argmax,
    argmin,
    argsort,
    sort,
    top_k,
)
from flowloom.ops.padding import fold_pad, pad
from flowloom.ops.patches import (
    extract_patches,
    fold_patches,
)
from flowloom.ops.points import (
    add_points,
    take_points,
)
from flowloom.ops.pool_positions import (
    max_pool_with_indices,
    max_unpool,
)
from flowloom.ops.pooling import (
    max_pool,
    max_pool1d,
    max_pool2d,
    max_pool3d,
    max_pool_backprop,
    max_pool_select,
)
from flowloom.ops.probabilities import (
    log_softmax,
    softmax,
)
from flowloom.ops.quantization import dequantize, dynamic_quantize, fake_quantize, quantize, round_through
from flowloom.ops.quantized_convolution import (
    conv_integer,
    qlinear_conv,
)
from flowloom.ops.quantized_matmul import matmul_integer, qlinear_matmul
from flowloom.ops.random import (
    fold_in,
    fold_in_index,
    random_bernoulli,
    random_integers,
    random_normal,
    random_uniform,
)
from flowloom.ops.rectifiers import (
    celu,
    elu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_tanh,
    leaky_relu,
    prelu,
    relu,
    relu6,
    selu,
    shrink,
    soft_shrink,
    threshold,
)
from flowloom.ops.reduction import (
    all_ as all,
)
from flowloom.ops.reduction import (
    any_ as any,
)
from flowloom.ops.reduction import (
    count_nonzero,
    logsumexp,
    mean,
    prod,
    size,
)
from flowloom.ops.reduction import (
    max_ as max,
)
from flowloom.ops.reduction import (
    min_ as min,
)
from flowloom.ops.reduction import (
    sum_ as sum,
)
from flowloom.ops.rejection import (
    random_gamma,
    random_poisson,
)
from flowloom.ops.reordering import flip, reverse_sequence, roll
from flowloom.ops.repeating import repeat, tile
from flowloom.ops.resizing import (
    center_crop_pad,
    resize,
    resize_backprop,
)
from flowloom.ops.roi_align import roi_align, roi_align_backprop, roi_align_largest, roi_align_mean
from flowloom.ops.rotary import rotary_angles, rotary_embedding
from flowloom.ops.rounding import (
    ceil,
    floor,
    trunc,
)
from flowloom.ops.rounding import (
    round_ as round,
)
from flowloom.ops.sampling_grid import (
    affine_grid,
    affine_grid_backprop,
    affine_transform,
    grid_sample,
    rotate,
)
from flowloom.ops.searching import boolean_mask, compress, distinct_positions, nonzero, searchsorted, unique
from flowloom.ops.sequences import read_slice, sequence_mask, update_slice
from flowloom.ops.shape import (
    expand_dims,
    flatten,
    moveaxis,
    reshape,
    reshape_like,
    squeeze,
    stop_gradient,
    swapaxes,
    transpose,
    unflatten,
)
from flowloom.ops.slicing import slice_ as slice
from flowloom.ops.slicing import unslice
from flowloom.ops.solving import (
    inv,
    solve,
    triangular_solve,
)
from flowloom.ops.spectra import istft, stft
from flowloom.ops.statistics import (
    median,
    quantile,
    std,
    var,
)
from flowloom.ops.strings import (
    label_encode,
    string_concat,
    string_normalizer,
    string_split,
)
from flowloom.ops.suppression import non_max_suppression
from flowloom.ops.transposed_convolution import (
    conv1d_transpose,
    conv2d_transpose,
    conv3d_transpose,
)
from flowloom.ops.trees import (
    tree_leaves,
)
from flowloom.ops.triangles import diag, triangle_by, tril, triu
from flowloom.ops.trigonometry import (
    arccos,
    arccosh,
    arcsin,
    arcsinh,
    arctan,
    arctan2,
    arctanh,
    cos,
    cosh,
    sin,
    sinh,
    tan,
)
from flowloom.ops.window_functions import blackman_window, hamming_window, hann_window

__all__ = [
    "abs",
    "add",
    "add_along_axis",
    "add_nd",
    "add_points",
    "adjust_brightness",
    "adjust_contrast",
    "adjust_hue",
    "adjust_saturation",
    "affine_grid",
    "affine_grid_backprop",
    "affine_grid_to",
    "affine_transform",
    "all",
    "any",
    "arange",
    "arange_of",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "argmax",
    "argmin",
    "argsort",
    "at_labels",
    "attention_scores",
    "attention_window",
    "avg_pool",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "avg_pool_backprop",
    "batch_normalization",
    "bitcast",
    "bitwise_and",
    "bitwise_not",
    "bitwise_or",
    "bitwise_xor",
    "blackman_window",
    "boolean_mask",
    "broadcast_like",
    "broadcast_to",
    "broadcast_to_shape",
    "cast",
    "ceil",
    "celu",
    "center_crop_pad",
    "center_crop_pad_to",
    "checked_labels",
    "cholesky",
    "clip",
    "compress",
    "concatenate",
    "contract",
    "conv",
    "conv1d",
    "conv1d_transpose",
    "conv2d",
    "conv2d_transpose",
    "conv3d",
    "conv3d_transpose",
    "conv_backprop_filter",
    "conv_backprop_input",
    "conv_integer",
    "cos",
    "cosh",
    "count_ngrams",
    "count_nonzero",
    "cummax",
    "cummin",
    "cumprod",
    "cumsum",
    "dct",
    "deform_conv2d",
    "depth_to_space",
    "depthwise_conv1d",
    "depthwise_conv2d",
    "dequantize",
    "det",
    "diag",
    "diagonal",
    "digamma",
    "distinct_positions",
    "divide",
    "dot",
    "dynamic_quantize",
    "eigh",
    "einsum",
    "elu",
    "embed_diagonal",
    "equal",
    "erf",
    "erfc",
    "exp",
    "expand_dims",
    "expand_dims_at",
    "expm1",
    "extract_patches",
    "extract_patches_by",
    "eye",
    "eye_like",
    "fake_quantize",
    "fft",
    "fit",
    "flatten",
    "flip",
    "floor",
    "floor_divide",
    "fmod",
    "fold_in",
    "fold_in_index",
    "fold_pad",
    "fold_pad_by",
    "fold_patches",
    "fold_patches_to",
    "frame",
    "full",
    "full_like",
    "full_of",
    "gather_elements",
    "gather_nd",
    "gelu",
    "global_avg_pool",
    "global_lp_pool",
    "global_max_pool",
    "glu",
    "greater",
    "greater_equal",
    "grid_sample",
    "group_normalization",
    "hamming_window",
    "hann_window",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_tanh",
    "hardmax",
    "hsv_to_rgb",
    "hypot",
    "idct",
    "ifft",
    "inside",
    "inv",
    "irfft",
    "isfinite",
    "isinf",
    "isnan",
    "istft",
    "label_encode",
    "layer_normalization",
    "leaky_relu",
    "left_shift",
    "less",
    "less_equal",
    "lgamma",
    "linear_recurrence",
    "linspace",
    "local_response_normalization",
    "log",
    "log1p",
    "log2",
    "log10",
    "log_sigmoid",
    "log_softmax",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "logsumexp",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "matmul",
    "matmul_integer",
    "max",
    "max_pool",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "max_pool_backprop",
    "max_pool_select",
    "max_pool_with_indices",
    "max_unpool",
    "maximum",
    "mean",
    "median",
    "mel_spectrogram",
    "mel_weight_matrix",
    "merge_heads",
    "meshgrid",
    "mfcc",
    "min",
    "minimum",
    "mish",
    "moveaxis",
    "moveaxis_at",
    "multiply",
    "negative",
    "negative_log_likelihood",
    "non_max_suppression",
    "non_max_suppression_by",
    "nonzero",
    "norm",
    "normalize",
    "not_equal",
    "numbered",
    "one_hot",
    "one_hot_by",
    "ones_like",
    "outer",
    "overlap_add",
    "pad",
    "pad_by",
    "polygamma",
    "power",
    "prelu",
    "prod",
    "qlinear_conv",
    "qlinear_matmul",
    "qr",
    "quantile",
    "quantize",
    "random_bernoulli",
    "random_categorical",
    "random_exponential",
    "random_gamma",
    "random_gumbel",
    "random_integers",
    "random_laplace",
    "random_normal",
    "random_permutation",
    "random_poisson",
    "random_truncated_normal",
    "random_uniform",
    "read_slice",
    "reciprocal",
    "relu",
    "relu6",
    "remainder",
    "repeat",
    "reshape",
    "reshape_like",
    "reshape_to",
    "resize",
    "resize_backprop",
    "resize_by",
    "resize_to",
    "reverse_sequence",
    "rfft",
    "rgb_to_grayscale",
    "rgb_to_hsv",
    "right_shift",
    "rms_normalization",
    "roi_align",
    "roi_align_backprop",
    "roi_align_largest",
    "roi_align_mean",
    "roll",
    "rotary_angles",
    "rotary_embedding",
    "rotate",
    "round",
    "round_through",
    "rsqrt",
    "scale_ends",
    "scaled_dot_product_attention",
    "scatter_add",
    "scatter_add_like",
    "scatter_elements",
    "scatter_nd",
    "searchsorted",
    "selu",
    "sequence_mask",
    "shape_of",
    "shift",
    "shrink",
    "sigmoid",
    "sigmoid_cross_entropy",
    "sign",
    "silu",
    "sin",
    "sinh",
    "size",
    "slice",
    "slice_at",
    "slice_by",
    "slogdet",
    "soft_shrink",
    "softmax",
    "softmax_cross_entropy",
    "softplus",
    "softsign",
    "solve",
    "sort",
    "space_to_depth",
    "sparse_softmax_cross_entropy",
    "split",
    "split_by",
    "split_heads",
    "split_like",
    "sqrt",
    "square",
    "squareplus",
    "squeeze",
    "squeeze_at",
    "stack",
    "std",
    "stft",
    "stop_gradient",
    "string_concat",
    "string_normalizer",
    "string_split",
    "subtract",
    "sum",
    "sum_like",
    "sum_to",
    "svd",
    "swapaxes",
    "swiglu",
    "take",
    "take_along_axis",
    "take_points",
    "tan",
    "tanh",
    "tensordot",
    "threshold",
    "tile",
    "tile_by",
    "top_k",
    "trace",
    "transpose",
    "tree_leaves",
    "triangle",
    "triangle_by",
    "triangular_solve",
    "tril",
    "triu",
    "trunc",
    "trunc_divide",
    "unflatten",
    "unique",
    "unresize_by",
    "unslice",
    "unslice_by",
    "unstack",
    "untile_by",
    "update_slice",
    "var",
    "where",
    "window_places",
    "zeros_like",
]
