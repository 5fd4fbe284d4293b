"""Steps of the CUDA backend as a whole: memory, reductions of all shapes, graphs, several steps at once, errors."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import flowloom as fl
from flowloom.backends.choice import make_step
from flowloom.backends.cuda.device import Device
from flowloom.backends.cuda.libraries import OwnKernel
from flowloom.backends.cuda.step import CudaStep
from flowloom.backends.portable import KernelError, NotFiniteError, PortableStep
from flowloom.compiler.expr import Expr, placeholder
from flowloom.compiler.plan import make_plan
from flowloom.graph.lower import lower
from flowloom.ops import exp, log, matmul, max, mean, relu, reshape, softmax, sum, take, tanh, transpose
from flowloom.spec import Spec
from flowloom.training.step import TrainStep
from tests.backends import cuda_stand_in
from tests.backends.network import built, trained

Array = np.ndarray[Any, Any]


def leaf(name: str, *shape: int, dtype: str = "float32") -> Any:
    return placeholder(name, Spec(shape, dtype))


def random(e: Expr, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(e.spec.sizes).astype(e.dtype)


def compare(*outputs: Any, rtol: float = 1e-5) -> CudaStep:
    """Run the outputs on random inputs on both backends; the step, to look at."""
    plan = make_plan(outputs)
    inputs = [random(e) for e in plan.inputs]
    step = CudaStep(plan)
    for found, expected in zip(step(inputs), PortableStep(plan)(inputs), strict=True):
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=1e-5)
    return step


def sources(step: CudaStep) -> list[str]:
    """What each instruction runs: the name of a kernel, or of a library's function."""
    calls = [i.call for i in step.listing.instructions if i.call is not None]
    return [c.source if c.library else c.source.split("(")[0].removeprefix("def ") for c in calls]


# ---------------------------------------------------------------- training


def test_training_is_the_same_on_both_backends_and_several_steps_are_those_steps(gpu: Any) -> None:
    portable, single, together = (
        trained("portable", 6, scale=1),
        trained("cuda", 6, scale=1),
        trained("cuda", 6, at_once=4, scale=1),
    )
    np.testing.assert_allclose(single[0], portable[0], rtol=1e-4)
    assert single[0] == together[0]
    for a, b in zip(single[1], together[1], strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_is_carried_does_not_leave_the_device_between_steps(gpu: Any) -> None:
    x, w = leaf("x", 4), leaf("w", 4)
    step = make_step(make_plan([sum(x * w), w + x]), "cuda", finite=[0, 1])
    place = {e: i for i, e in enumerate(step.plan.inputs)}
    batches = [np.full(4, i + 1, np.float32) for i in range(5)]
    inputs: list[Any] = [batches if e is x else np.zeros(4, np.float32) for e in step.plan.inputs]

    done, (sums, last) = step.repeat(5, inputs, {1: place[w]})
    assert done == 5
    assert sums.tolist() == [0.0, 8.0, 36.0, 96.0, 200.0]
    assert last.tolist() == [15.0] * 4
    if isinstance(gpu.stream, cuda_stand_in.Stream):
        log = gpu.stream.log
        assert log.count("a copy from the host") == 3  # constants, inputs, batches
        assert log.count("a copy to the host") == 3  # sums, weights, flags


def test_steps_taken_at_once_stop_where_one_goes_wrong(gpu: Any) -> None:
    g, batch = built(scale=1)
    step = TrainStep({"loss": g["loss"]}, fl.optimizers.sgd(1e-2), backend="cuda")
    bad = dict(batch, x=np.full_like(batch["x"], np.nan))
    assert len(step.some([batch, batch, bad, batch])["loss"]) == 2
    before = [np.array(v.value) for v in g.variables]
    with pytest.raises(fl.RunError, match="not finite"):
        step.some([bad, batch])
    for v, a in zip(g.variables, before, strict=True):
        np.testing.assert_array_equal(v.value, a)


def test_a_label_out_of_range_is_named(gpu: Any) -> None:
    g, batch = built(scale=1)
    step = TrainStep({"loss": g["loss"]}, fl.optimizers.sgd(1e-2), backend="cuda")
    bad = dict(batch, label=np.full(8, 9))
    assert len(step.some([batch, bad])["loss"]) == 1
    with pytest.raises(fl.RunError, match=r"label 9 is outside 0\.\.3.*node 'loss'"):
        step.some([bad, batch])


def test_a_backend_that_is_compared_is_there(gpu: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowloom.comparison.has_cuda", lambda: True)
    with fl.Graph() as g:
        x = fl.input("x", shape=("batch", 3))
        fl.ops.sum(fl.ops.square(fl.layers.dense(x, units=2)), name="y")
    found = fl.check(g["y"])
    assert 0 <= found["cuda"] < 1e-5


# ---------------------------------------------------------------- memory and errors


def test_results_are_never_written_to_again(gpu: Any) -> None:
    x = leaf("x", 1000)
    step = CudaStep(make_plan([x + 1.0]))
    kept = [step([np.full(1000, i, np.float32)])[0] for i in range(5)]
    assert [a[0] for a in kept] == [1, 2, 3, 4, 5]
    assert all((a == a[0]).all() for a in kept)


def test_an_output_that_is_an_input_or_another_output_is_a_copy(gpu: Any) -> None:
    x = leaf("x", 3)
    y = exp(x)
    step = CudaStep(make_plan([x, y, y, reshape(y, shape=(3, 1))]))
    fed = np.zeros(3, np.float32)
    made = step([fed])
    made[0][0], made[1][0] = 7, 8
    assert fed[0] == 0
    assert [m.reshape(-1).tolist() for m in made] == [[7, 0, 0], [8, 1, 1], [1, 1, 1], [1, 1, 1]]


def test_what_must_be_finite_is_watched(gpu: Any) -> None:
    x = leaf("x", 40)
    step = make_step(
        make_plan([log(x), exp(x), matmul(reshape(x, shape=(1, 40)), reshape(x, shape=(40, 1)))]), "cuda", [0, 2]
    )
    assert np.isfinite(step([np.ones(40, np.float32)])[0]).all()
    with pytest.raises(NotFiniteError):
        step([np.zeros(40, np.float32)])
    with pytest.raises(NotFiniteError):
        step([np.full(40, 1e30, np.float32)])
    assert np.isinf(step([np.full(40, 1000, np.float32)])[1]).all()  # which nobody asked about


def test_a_value_that_a_library_refuses_is_told_by_the_portable_backend(gpu: Any) -> None:
    x, index = leaf("x", 3), leaf("index", 2, dtype="int64")
    step = make_step(make_plan([take(x, index, axis=0)]), "cuda")
    feeds = {x: np.arange(3, dtype=np.float32), index: np.array([0, 7])}
    with pytest.raises(KernelError, match="take: "):
        step([feeds[e] for e in step.plan.inputs])
    feeds[index] = np.array([2, 0])
    assert step([feeds[e] for e in step.plan.inputs])[0].tolist() == [2.0, 0.0]


def test_what_cupy_cannot_do_is_done_on_the_host(gpu: Any) -> None:
    x = leaf("x", 4)
    narrow = fl.ops.cast(fl.ops.cast(x, dtype="bfloat16") * 1.5, dtype="float32")
    step = CudaStep(make_plan([narrow]))
    assert step([np.array([1, 2, 3, 1.01], np.float32)])[0].tolist() == [1.5, 3.0, 4.5, 1.515625]


def test_what_cupy_failed_at_is_told(gpu: Any) -> None:
    x = leaf("x", 5, dtype="int64")
    step = CudaStep(make_plan([fl.ops.label_encode(x, keys=(1, 2), values=(7, 8), default=0)]))
    with pytest.warns(UserWarning, match="label_encode is left to NumPy on the host: .+Error"):
        assert step([np.array([1, 2, 3, 2, 1])])[0].tolist() == [7, 8, 0, 8, 7]
    assert step([np.array([2, 2, 2, 2, 1])])[0].tolist() == [8, 8, 8, 8, 7]  # without a second word


def test_a_lack_of_memory_is_no_reason_to_leave_the_device(gpu: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    x, index = leaf("x", 3), leaf("index", 2, dtype="int64")
    step = CudaStep(make_plan([take(x, index, axis=0)]))
    feeds = {x: np.arange(3, dtype=np.float32), index: np.array([2, 0])}
    inputs = [feeds[e] for e in step.plan.inputs]

    def full(kernel: OwnKernel) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(OwnKernel, "_on_device", full)
        with pytest.raises(MemoryError):
            step(inputs)
    assert step(inputs)[0].tolist() == [2.0, 0.0]
    assert not any(k.on_host for k in step.calls if isinstance(k, OwnKernel))


@pytest.mark.parametrize(
    ("name", "why"),
    [("cholesky", "not positive definite"), ("inv", "singular"), ("solve", "singular")],
)
def test_a_matrix_that_is_refused_is_told_of(gpu: Any, name: str, why: str) -> None:
    a, b = leaf("a", 2, 2), leaf("b", 2)
    made = getattr(fl.ops, name)(a, b) if name == "solve" else getattr(fl.ops, name)(a)
    step = make_step(make_plan([made]), "cuda")
    feeds = {a: np.diag([1, 0]).astype(np.float32), b: np.ones(2, np.float32)}
    with pytest.raises(KernelError, match=why):
        step([feeds[e] for e in step.plan.inputs])
    feeds[a] = np.eye(2, dtype=np.float32)
    assert np.isfinite(step([feeds[e] for e in step.plan.inputs])[0]).all()


def test_branches_and_loops_run_on_the_device(gpu: Any) -> None:
    with fl.Graph() as g:
        x = fl.input("x", shape=(3,))
        doubled = fl.while_loop(lambda a: fl.ops.sum(a) < 100.0, lambda a: a * 2.0, x)
        y = fl.cond(fl.ops.sum(x) > 0.0, lambda a: fl.ops.exp(-a), lambda a: a, doubled)
    feeds = {"x": np.array([1, 2, 3], np.float32)}
    lowered = lower(g, [y], {"x": Spec((3,), "float32")})
    step = CudaStep(make_plan(lowered.outputs))
    np.testing.assert_allclose(step([feeds["x"]])[0], fl.compile(y, backend="portable")(feeds), rtol=1e-6)
    kernels = [k for k in step.calls if isinstance(k, OwnKernel)]
    assert [k.e.op.name for k in kernels if not k.on_host] == ["while_loop", "cond"]


@pytest.mark.parametrize("gpu", ["stand-in"], indirect=True)
class TestDevice:
    def test_steps_run_in_any_thread_on_the_device_that_was_chosen(self, gpu: Any) -> None:
        gpu.xp.cuda.Device(1).use()
        try:
            on = Device()
        finally:
            gpu.xp.cuda.Device(0).use()
        x = leaf("x", 4)
        steps = [CudaStep(make_plan([tanh(x) * k, matmul(x, x)]), on=on) for k in (1.0, 2.0)]
        found: dict[int, list[float]] = {}

        def run(i: int) -> None:
            found[i] = [float(steps[i]([np.full(4, n, np.float32)])[1]) for n in range(20)]

        threads = [threading.Thread(target=run, args=(i,)) for i in range(2)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        expected = [4.0 * n * n for n in range(20)]
        assert found == {0: expected, 1: expected}

    def test_kernels_are_compiled_while_others_may_compute(self, gpu: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        free = []

        def module(**how: Any) -> Any:
            free.append(cuda_stand_in.Stream.current is None)
            return cuda_stand_in.RawModule(**how)

        monkeypatch.setattr(gpu.xp, "RawModule", module, raising=False)
        compare(tanh(leaf("x", 7)) * 3.0, sum(leaf("y", 9)))
        assert free == [True, True]

    def test_what_lives_as_long_as_a_step_is_not_of_the_pool(self, gpu: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(gpu.xp.cuda, "alloc_pinned_memory", None)
        compare(leaf("x", 1000) + 1.0)

    def test_libraries_share_one_workspace(self, gpu: Any) -> None:
        with gpu.current():
            small = gpu.workspace(0)
            large = gpu.workspace(200)
            assert small.buffer.nbytes == 1
            assert gpu.workspace(100) is gpu.workspace(200) is large

    def test_steps_are_taken_one_by_one_where_memory_lacks(self, gpu: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        g, batch = built(scale=1)
        step = TrainStep({"loss": g["loss"]}, fl.optimizers.sgd(1e-2), backend="cuda")
        step.some([batch])

        def full(count: int) -> None:
            raise MemoryError

        monkeypatch.setattr(gpu._pool, "malloc", full)
        assert [len(step.some([batch] * 3)["loss"]) for _ in range(2)] == [1, 1]

    def test_a_capture_that_fails_is_told(self, gpu: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse() -> None:
            raise RuntimeError("not today")

        x = leaf("x", 7)
        step = compare(tanh(x) * 3.0, sum(x))
        monkeypatch.setattr(gpu.stream, "begin_capture", refuse)
        compared = [step([random(x)]) for _ in range(1)]
        with pytest.warns(UserWarning, match=r"one CUDA graph is left to single launches: RuntimeError\('not today'\)"):
            compared.append(step([random(x)]))
        compared.append(step([random(x)]))
        for results in compared[1:]:
            for found, expected in zip(results, compared[0], strict=True):
                np.testing.assert_array_equal(found, expected)

    def test_whole_numbers_wrap_around_also_where_a_compiler_looks(
        self, gpu: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(cuda_stand_in, "KERNELS", cuda_stand_in.Kernels("-O2"))
        x, y = leaf("x", 3, dtype="int64"), leaf("y", 3, dtype="int32")
        outputs = [fl.ops.less(x + 1, x), fl.ops.less(x * 2, x), fl.ops.less(fl.ops.abs(x), 0), fl.ops.less(-y, y)]
        step = CudaStep(make_plan([*outputs, fl.ops.less(y + 1, y)]))
        largest, least = 2**63 - 1, -(2**63)
        feeds = {x: np.array([largest, least, 5]), y: np.array([2**31 - 1, -(2**31), 5], np.int32)}
        inputs = [feeds[e] for e in step.plan.inputs]
        for found, expected in zip(step(inputs), PortableStep(step.plan)(inputs), strict=True):
            np.testing.assert_array_equal(found, expected)


# ---------------------------------------------------------------- kernels


@pytest.mark.parametrize("axis", [0, 1, 2, (0, 1), (1, 2), (0, 2), (0, 1, 2)], ids=str)
def test_reductions_of_all_shapes(gpu: Any, axis: Any) -> None:
    x = leaf("x", 5, 70, 33)
    compare(sum(x, axis=axis), max(x, axis=axis), mean(x, axis=axis, keepdims=True) * 2.0, rtol=1e-4)


def test_more_totals_than_a_block_has_shared_memory_for_at_once(gpu: Any) -> None:
    x = leaf("x", 3, 90, dtype="float64")
    step = compare(*(sum(tanh(x) * float(k), axis=1) for k in range(1, 12)))
    assert sources(step) == ["rows"]
    assert step.listing.instructions[0].call is not None
    assert step.listing.instructions[0].call.source.count("shared(") == 8


def test_few_long_rows_are_cut_into_parts(gpu: Any) -> None:
    x, g = leaf("x", 40_001), leaf("g", 9000, 3)
    step = compare(sum(tanh(x)), sum(g * g, axis=0) + 1.0, rtol=1e-3)
    blocks = [i.call.blocks for i in step.listing.instructions if i.call is not None]
    assert len(blocks) == 4
    assert blocks[0] > 1


def test_softmax_and_what_surrounds_it_is_one_kernel(gpu: Any) -> None:
    x, bias = leaf("x", 8, 100), leaf("bias", 100)
    step = compare(softmax(x + bias) * 2.0)
    (instruction,) = step.listing.instructions
    assert [e.op.name for e in instruction.computes] == ["add", "max", "subtract", "exp", "sum", "divide", "multiply"]
    assert instruction.call is not None
    assert "sync()" in instruction.call.source


def test_views_are_read_in_place_and_copied_where_they_must_be(gpu: Any) -> None:
    x = leaf("x", 6, 7, 4)
    turned = transpose(x, axes=(2, 0, 1))
    step = compare(turned + 1.0, reshape(turned, shape=(24, 7)), fl.ops.flip(x, axis=1) * 2.0)
    assert set(sources(step)) == {"elements", "copied"}


def test_kernels_serve_all_sizes(gpu: Any) -> None:
    one, other = (CudaStep(make_plan([softmax(leaf("x", 20, n)) * 3.0])) for n in (900, 1000))
    assert [i.call.source for i in one.listing.instructions if i.call] == [
        i.call.source for i in other.listing.instructions if i.call
    ]


def test_random_numbers_have_the_bits_of_the_portable_ones(gpu: Any) -> None:
    key = leaf("key", 2, dtype="uint64")
    plan = make_plan(
        [fl.ops.random_uniform(key, shape=(1000,)), fl.ops.random_integers(key, shape=(77,), low=-9, high=99)]
    )
    feeds = [np.array([12345, 678], np.uint64)]
    for found, expected in zip(CudaStep(plan)(feeds), PortableStep(plan)(feeds), strict=True):
        np.testing.assert_array_equal(found, expected)


# ---------------------------------------------------------------- graphs and clocks


def test_kernels_are_replayed_as_a_graph_and_products_stand_between(gpu: Any) -> None:
    a = leaf("a", 4, 4)
    y = sum(relu(a) * 2.0, axis=0) + max(a, axis=1)
    z = tanh(matmul(a, transpose(a) + y))
    step = CudaStep(make_plan([z, sum(z), y]))
    inputs = [random(a)]
    first = step(inputs)
    for _ in range(4):
        for again, once in zip(step(inputs), first, strict=True):
            np.testing.assert_array_equal(again, once)
    if isinstance(gpu.stream, cuda_stand_in.Stream):
        assert [e for e in gpu.stream.log if "graph" in e][-1].startswith("a graph of")
        assert gpu.stream.log.count("matmul") == 5


def test_each_instruction_has_its_time(gpu: Any) -> None:
    a = leaf("a", 4, 4)
    step = CudaStep(make_plan([tanh(matmul(a, a))]))
    assert step.spent()[0] == 0
    for _ in range(4):
        step([random(a)])
    step.timed([random(a)])
    runs, seconds = step.spent()
    assert runs == 2
    assert seconds.shape == (2,)
    assert (seconds > 0).all()


def test_a_profile_is_of_the_gpu(gpu: Any) -> None:
    g, batch = built(scale=1)
    step = TrainStep({"loss": g["loss"]}, fl.optimizers.sgd(1e-2), backend="cuda")
    profile = step.profile(batch, 2)
    assert profile.backend == "cuda"
    assert profile.total > 0
    assert "matmul" in profile.by_op()
