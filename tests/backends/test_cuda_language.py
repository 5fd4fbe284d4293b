"""Kernels as CUDA C: what the text says, and that NVIDIA's compiler takes it, where that is installed."""

from __future__ import annotations

import ctypes
import importlib.util
from pathlib import Path
from typing import Any

import pytest

from flowloom.backends.cuda.kernels import KERNELS
from flowloom.backends.cuda.language import cuda_source, kernel_name
from flowloom.backends.native.language import KernelSourceError
from flowloom.backends.native.listing import make_listing
from flowloom.compiler.expr import placeholder
from flowloom.compiler.plan import make_plan
from flowloom.ops import cast, exp, gelu, max, random_categorical, random_normal, random_uniform, softmax, sum
from flowloom.spec import Spec


def body(source: str) -> str:
    """The kernel itself, without what stands before it in every kernel."""
    return cuda_source(source).split('extern "C"')[1]


def test_a_number_has_the_type_of_what_it_meets() -> None:
    text = body("def scale(x: [f32], y: [f64]):\n    y[thread] = f64(x[thread] * 0.1 + 1)\n")
    assert "(0.10000000149011612f)" in text
    assert "(1.0f)" in text


def test_narrow_integers_wrap_around_and_floats_are_cut_off_at_their_ends() -> None:
    text = body("def add(x: [i8], y: [i8], z: [f32]):\n    y[0] = x[0] + x[1]\n    y[1] = i8(z[0])\n")
    assert "(signed char)((unsigned int)x_[(long long)0LL] + (unsigned int)x_[(long long)1LL])" in text
    assert "whole_of<signed char, float>(z_[(long long)0LL], (-128.0f), (127.0f)" in text


def test_a_kernel_knows_only_what_it_asks_of_where_it_runs() -> None:
    text = body("def one(y: [f32]):\n    y[thread] = 1.0\n")
    assert "long long thread_ = blockIdx.x * (long long)blockDim.x + threadIdx.x;" in text
    assert "threads_" not in text


def test_what_is_not_for_gpus_is_refused() -> None:
    with pytest.raises(KernelSourceError, match="there is no function 'invoke'"):
        cuda_source("def call(f: i64, x: [f32]):\n    invoke(f, x)\n")
    with pytest.raises(KernelSourceError, match="f64 where f32 is needed"):
        cuda_source("def add(x: [f32], y: [f64]):\n    x[0] = x[0] + y[0]\n")


def test_kernels_are_named_by_their_source() -> None:
    one, other = "def f(x: [f32]):\n    x[0] = 1.0\n", "def f(x: [f32]):\n    x[0] = 2.0\n"
    assert kernel_name(one) == kernel_name(str(one)) != kernel_name(other)
    assert f"{kernel_name(one)}(float* __restrict__ x_)" in cuda_source(one)


def sources(*outputs: Any) -> list[str]:
    """The kernels that compute the outputs."""
    calls = [i.call for i in make_listing(make_plan(outputs), (), KERNELS).instructions]
    return [c.source for c in calls if c is not None and c.library is None]


def test_a_thread_draws_four_words_at_a_time() -> None:
    key, logits = placeholder("key", Spec((2,), "uint64")), placeholder("logits", Spec((3, 7), "float32"))
    texts = sources(random_uniform(key, shape=(9,)), random_normal(key, shape=(9,)), random_categorical(key, logits))
    assert len(texts) == 3
    assert all("stack(u64, 4)" in text and "256" not in text for text in texts)


def test_rows_are_counted_in_64_bits_where_they_are_longer_than_any_array() -> None:
    x, y = placeholder("x", Spec((50_000, 1), "float32")), placeholder("y", Spec((1, 50_000), "float32"))
    first, second = sources(sum(exp(x * y)))
    assert "length_: i64" in first
    assert "_: i64" not in second
    (one,) = sources(sum(exp(x * y), axis=1))
    assert "_: i64" not in one


def nvrtc() -> ctypes.CDLL:
    found = importlib.util.find_spec("nvidia")
    folders = [] if found is None else [Path(p) for p in found.submodule_search_locations or []]
    libraries = [p for folder in folders for p in folder.glob("**/libnvrtc.so.1?")]
    if not libraries:
        pytest.skip("needs NVRTC: nvidia-cuda-nvrtc-cu12")
    return ctypes.CDLL(str(libraries[0]))


def test_nvidias_compiler_takes_them() -> None:
    library = nvrtc()
    x, key = placeholder("x", Spec((8, 3000), "float32")), placeholder("key", Spec((2,), "uint64"))
    outputs = [softmax(x), sum(gelu(x)), max(x, axis=0), cast(exp(x), dtype="int8"), random_normal(key, shape=(9,))]
    texts = [cuda_source(source) for source in sources(*outputs)]
    text = "\n".join(f"namespace k{i} {{ {text} }}" for i, text in enumerate(texts))
    program = ctypes.c_void_p()
    assert library.nvrtcCreateProgram(ctypes.byref(program), text.encode(), b"kernels.cu", 0, None, None) == 0
    options = (ctypes.c_char_p * 3)(b"--std=c++17", b"--fmad=false", b"--gpu-architecture=compute_80")
    assert library.nvrtcCompileProgram(program, 3, options) == 0
