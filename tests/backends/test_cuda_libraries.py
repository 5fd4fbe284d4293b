"""What is told to cuBLASLt and cuDNN, where they are installed: stand-ins do as they are told, by NumPy."""

from __future__ import annotations

import gc
import sys
from typing import Any

import numpy as np
import pytest

import flowloom as fl
from flowloom.backends.cuda.step import CudaStep
from flowloom.backends.portable import PortableStep
from flowloom.compiler.expr import Expr, build, placeholder
from flowloom.compiler.plan import make_plan
from flowloom.graph.lower import lower
from flowloom.op import REGISTRY
from flowloom.ops import gelu, matmul, relu, reshape, transpose
from flowloom.params import complete
from flowloom.spec import Spec
from tests.backends.conftest import KINDS
from tests.backends.cuda_library_stand_ins import CublasLt, Cudnn, bindings


def leaf(name: str, *shape: int, dtype: str = "float32") -> Any:
    return placeholder(name, Spec(shape, dtype))


def installed(monkeypatch: pytest.MonkeyPatch, name: str, modules: dict[str, Any]) -> None:
    for module, stand_in in modules.items():
        monkeypatch.setitem(sys.modules, module, stand_in)
    for module in ("products", "convolution", "epilogues"):
        monkeypatch.setattr(f"flowloom.backends.cuda.{module}.has_package", lambda asked: asked == name)


@pytest.fixture
def lt(gpu: Any, monkeypatch: pytest.MonkeyPatch) -> CublasLt:
    made = CublasLt()
    installed(monkeypatch, "nvmath", bindings(made))
    return made


@pytest.fixture
def cudnn(gpu: Any, monkeypatch: pytest.MonkeyPatch) -> Cudnn:
    made = Cudnn()
    installed(monkeypatch, "cudnn", {"cudnn": made})
    return made


def compare(*outputs: Any) -> CudaStep:
    """Run the outputs on random inputs on both backends, often enough for a graph; the step, to look at."""
    plan = make_plan(outputs)
    rng = np.random.default_rng(0)
    inputs = [rng.standard_normal(e.spec.sizes).astype(e.dtype) for e in plan.inputs]
    step = CudaStep(plan)
    expected = PortableStep(plan)(inputs)
    for _ in range(4):
        for found, right in zip(step(inputs), expected, strict=True):
            np.testing.assert_allclose(found, right, rtol=1e-4, atol=1e-5)
    return step


def names(step: CudaStep) -> list[str]:
    return [i.call.source.split("(")[0].removeprefix("def ") for i in step.listing.instructions if i.call is not None]


@pytest.mark.parametrize("gpu", ["stand-in"], indirect=True)
class TestProducts:
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_matrices_of_any_layout(self, lt: CublasLt, dtype: str) -> None:
        a, b = leaf("a", 5, 7, dtype=dtype), leaf("b", 7, 3, dtype=dtype)
        back = matmul(transpose(b), transpose(a))
        step = compare(matmul(a, b), back, matmul(transpose(a), a), matmul(a, transpose(a)))
        assert names(step) == ["matmul by cuBLASLt"] * 4
        assert lt.calls == 16

    def test_batches(self, lt: CublasLt) -> None:
        a, b, w = leaf("a", 4, 5, 7), leaf("b", 4, 7, 3), leaf("w", 7, 2)
        rows, one = leaf("rows", 2, 3, 5, 7), leaf("one", 1, 7, 3)
        step = compare(
            matmul(a, b), matmul(a, w), matmul(rows, w), matmul(a, one), matmul(b, transpose(one, axes=(0, 2, 1)))
        )
        assert names(step) == ["matmul by cuBLASLt"] * 5

    def test_what_it_has_no_algorithm_for_is_left_to_cupy(self, lt: CublasLt) -> None:
        lt.most = 0
        a = leaf("a", 5, 5)
        with pytest.warns(UserWarning, match="matmul by cuBLASLt is left to CuPy: .*no algorithm"):
            compare(matmul(a, a))
        assert lt.calls == 0

    def test_descriptions_go_with_the_step(self, lt: CublasLt) -> None:
        a = leaf("a", 5, 5)
        step = compare(matmul(a, a), matmul(a, transpose(a)))
        assert lt.held == 1 + 2 * 4  # the library's handle; of each product, three matrices and what is done with them
        del step
        gc.collect()
        assert lt.held == 1

    def test_several_axes_of_batches_are_left_to_cupy(self, lt: CublasLt) -> None:
        a, b = leaf("a", 2, 3, 5, 7), leaf("b", 3, 7, 4)
        assert names(compare(matmul(a, b))) == ["matmul by CuPy"]

    def test_a_bias_and_gelu_are_added_by_the_product(self, lt: CublasLt) -> None:
        x, w, b, v = leaf("x", 6, 4), leaf("w", 4, 5), leaf("b", 5), leaf("v", 5, 3)
        step = compare(matmul(gelu(matmul(x, w) + b), v))
        assert names(step) == ["affine by cuBLASLt", "matmul by cuBLASLt"]
        assert step.listing.sources[step.listing.instructions[0].computes[0]].op.name == "gelu"
        assert names(compare(b + matmul(x, w))) == ["affine by cuBLASLt"]
        x, w, b = leaf("x", 6, 4, dtype="float64"), leaf("w", 4, 5, dtype="float64"), leaf("b", 5, dtype="float64")
        assert names(compare(b + matmul(x, w))) == ["matmul by cuBLASLt", "elements"]

    def test_an_epilogue_that_a_kernel_of_ours_does_anyway_is_left_to_it(self, lt: CublasLt) -> None:
        x, w, b = leaf("x", 6, 4), leaf("w", 4, 5), leaf("b", 5)
        y = matmul(x, w)
        assert names(compare(relu(y + b))) == ["matmul by cuBLASLt", "elements"]
        assert names(compare(y, y + b)) == ["matmul by cuBLASLt", "elements"]
        assert names(compare(y + reshape(b, shape=(1, 5)))) == ["matmul by cuBLASLt", "elements"]

    def test_each_step_of_a_scan_has_arrays_of_its_own(self, lt: CublasLt) -> None:
        with fl.Graph() as g:
            x = fl.input("x", shape=(2, 5, 3))
            y = fl.layers.lstm(x, units=4, return_sequences=True)
        lowered = lower(g, [y], {"x": Spec((2, 5, 3), "float32")})
        assert names(compare(*lowered.outputs)).count("matmul by cuBLASLt") >= 5

    def test_products_and_kernels_are_one_graph(self, lt: CublasLt, gpu: Any) -> None:
        x, w = leaf("x", 6, 4), leaf("w", 4, 5)
        compare(relu(matmul(x, w)), relu(matmul(x * 2.0, w)))
        assert [e for e in gpu.stream.log if "graph" in e] == ["a graph of 5"] * 2


@pytest.mark.parametrize("gpu", ["stand-in"], indirect=True)
class TestConvolution:
    @pytest.mark.parametrize("name", ["conv", "conv_backprop_input", "conv_backprop_filter"])
    def test_all_samples(self, cudnn: Cudnn, name: str) -> None:
        op = REGISTRY[name]
        assert op.cases is not None
        told = 0
        for args, params in op.cases(np.random.default_rng(0)):
            arrays = [np.asarray(a).astype(np.float32) for a in args]
            leaves = [placeholder(f"input {i}", Spec.of(a)) for i, a in enumerate(arrays)]
            made: Expr = build(op, tuple(leaves), complete(op.params, params, name))
            told += f"{name} by cuDNN" in names(compare(made))
        assert told >= 10
        assert cudnn.calls == 4 * told

    def test_what_it_has_no_plan_for_is_left_to_cupy(self, cudnn: Cudnn) -> None:
        cudnn.supports = False
        for name in ("conv", "conv_backprop_input", "conv_backprop_filter"):
            self_made = REGISTRY[name]
            assert self_made.cases is not None
            args, params = next(iter(self_made.cases(np.random.default_rng(0))))
            leaves = [leaf(f"input {i}", *np.shape(a)) for i, a in enumerate(args)]
            with pytest.warns(UserWarning, match=f"{name} by cuDNN is left to CuPy: .*no engine"):
                compare(build(self_made, tuple(leaves), complete(self_made.params, params, name)))
        assert cudnn.calls == 0


@pytest.mark.parametrize("gpu", [KINDS[1]], indirect=True)
class TestOnAGPU:
    def test_products_are_captured(self, gpu: Any) -> None:
        pytest.importorskip("nvmath")
        a = leaf("a", 64, 64)
        step = compare(relu(matmul(a, a)), matmul(a, transpose(a)))
        assert names(step).count("matmul by cuBLASLt") == 2
        assert step._segments is not None
        assert len(step._segments) == 1

    def test_convolutions_are_captured(self, gpu: Any) -> None:
        pytest.importorskip("cudnn")
        x, w = leaf("x", 2, 16, 16, 8), leaf("w", 3, 3, 8, 8)
        step = compare(fl.ops.conv(x, w, padding="same"))
        assert "conv by cuDNN" in names(step)
        assert step._segments is not None
        assert len(step._segments) == 1
