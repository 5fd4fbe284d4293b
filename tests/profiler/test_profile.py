"""A profile says what each instruction costs, and for which node of the graph."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import flowloom as fl
from flowloom.backends.choice import Backend, has_native
from flowloom.profiler import Profile
from flowloom.program import RunError
from tests.profiler.models import BATCH, classifier, trainer, values

BACKENDS: list[Backend] = ["portable", *(["native"] if has_native() else [])]
native_only = pytest.mark.skipif(not has_native(), reason="needs llvmlite")


def product(backend: Backend) -> Profile:
    """A matrix product of (32, 20) and (20, 50), to which a row is added before tanh."""
    with fl.Graph():
        a, b = fl.input("a", shape=(32, 20)), fl.input("b", shape=(20, 50))
        row = fl.input("row", shape=(50,))
        y = fl.tanh(fl.add(fl.matmul(a, b, name="product"), row, name="shifted"), name="bent")
    arrays = {"a": np.ones((32, 20), "float32"), "b": np.ones((20, 50), "float32"), "row": np.ones(50, "float32")}
    return fl.compile(y, backend=backend).profile(arrays, steps=3)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_product_has_the_operations_and_bytes_that_are_known_of_it(backend: Backend) -> None:
    profile = product(backend)

    (row,) = [r for r in profile.rows if "matmul" in r.ops]
    assert (row.paths, row.calls) == (("product",), 1)
    assert row.flops == 2 * 32 * 20 * 50
    assert row.bytes == 4 * (32 * 20 + 20 * 50 + 32 * 50)
    assert row.intensity == row.flops / row.bytes
    assert row.gflops == pytest.approx(row.flops / row.seconds / 1e9)
    assert (profile.backend, profile.steps) == (backend, 3)
    assert all(r.seconds > 0 for r in profile.rows if r.flops)


@native_only
def test_a_fused_group_is_one_row_of_what_it_reads_and_writes() -> None:
    profile = product("native")

    fused = profile.rows[-1]
    assert len(profile.rows) == 2
    assert (fused.ops, fused.paths) == (("add", "tanh"), ("shifted", "bent"))
    assert fused.bytes == 4 * (32 * 50 + 50 + 32 * 50)
    assert fused.flops == (1 + 10) * 32 * 50


@native_only
def test_the_time_of_a_group_is_split_by_what_its_ops_take() -> None:
    profile = product("native")

    nodes = {row.paths[0]: row for row in profile.by_node().values()}
    whole, fused = profile.rows
    assert set(nodes) == {"product", "shifted", "bent"}
    assert nodes["bent"].seconds == pytest.approx(fused.seconds * 10 / 11)
    assert nodes["shifted"].seconds == pytest.approx(fused.seconds / 11)
    assert nodes["shifted"].flops == 32 * 50
    assert nodes["product"] == replace(whole, parts=())


@pytest.mark.parametrize("backend", BACKENDS)
def test_all_of_a_training_step_is_for_nodes_of_the_graph(backend: Backend) -> None:
    graph = classifier()

    profile = trainer(graph, backend).profile(BATCH, steps=2)

    nodes = profile.by_node()
    assert set(nodes) <= set(graph.nodes)
    assert {row.paths[0] for row in nodes.values()} >= {"hidden", "head/logits", "loss", "accuracy"}
    for split in (nodes, profile.by_op()):
        assert sum(r.seconds for r in split.values()) == pytest.approx(profile.total)
        assert sum(r.flops for r in split.values()) == pytest.approx(profile.flops)
        assert sum(r.bytes for r in split.values()) == pytest.approx(profile.bytes)
        seconds = [r.seconds for r in split.values()]
        assert seconds == sorted(seconds, reverse=True)


@pytest.mark.parametrize("backend", BACKENDS)
def test_forwards_and_backwards_a_dense_layer_takes_three_products(backend: Backend) -> None:
    """y = x w, and for the gradients g w' and x' g; the first layer's input needs none."""
    profile = trainer(classifier(), backend).profile(BATCH, steps=2)

    products = [r for r in profile.rows if r.ops == ("matmul",)]
    flops = {p: sum(r.flops for r in products if r.paths == (p,)) for p in ("hidden", "head/logits")}
    assert flops == {"hidden": 2 * 2 * 16 * 6 * 10, "head/logits": 3 * 2 * 16 * 10 * 3}


def test_the_backends_count_the_same_products() -> None:
    flops = [trainer(classifier(), b).profile(BATCH, steps=1).by_op()["matmul"].flops for b in BACKENDS]

    assert len(set(flops)) == 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_profiling_a_step_learns_nothing(backend: Backend) -> None:
    apart, profiled = classifier(), classifier()
    one, other = trainer(apart, backend), trainer(profiled, backend)
    before = values(profiled)

    other.profile(BATCH, steps=4)
    assert values(profiled) == before

    losses = [one.train_on_batch(BATCH) for _ in range(4)]
    again = []
    for _ in range(4):
        again.append(other.train_on_batch(BATCH))
        other.profile(BATCH, steps=2)
    assert losses == again
    assert values(apart) == values(profiled)


def test_profiling_a_program_changes_no_later_call() -> None:
    def drawn(*, profiled: bool) -> list[bytes]:
        with fl.Graph(seed=1):
            y = fl.random.uniform(shape=(5,)) + fl.input("x", shape=(5,))
        program, x = fl.compile(y), np.zeros(5, "float32")
        found = []
        for _ in range(12):  # past the call after which the native backend takes over
            found.append(program({"x": x}).tobytes())
            if profiled:
                program.profile({"x": x}, steps=1)
        return found

    assert drawn(profiled=True) == drawn(profiled=False)


@native_only
def test_a_loop_is_the_rows_of_its_body_and_runs_them_again_and_again() -> None:
    with fl.Graph() as graph:
        x = fl.input("x", shape=("batch", 9, 5))
        y = fl.layers.lstm(x, units=4, name="memory")
    profile = fl.compile(y, backend="native").profile({"x": np.ones((2, 9, 5), "float32")}, steps=2)

    (product,) = [r for r in profile.rows if r.ops == ("matmul",) and r.calls == 9]
    which = profile.rows.index(product)
    turns = [seconds for row, seconds in profile.timeline if row == which]
    assert product.flops == 9 * 2 * 2 * 4 * 16
    assert product.paths == ("memory",)
    assert len(turns) == 9
    assert sum(turns) == pytest.approx(product.seconds)
    assert set(profile.by_node()) == {y.id}
    assert graph.nodes[y.id].path == "memory"


def test_the_parts_of_a_loop_are_split_over_the_nodes_in_it() -> None:
    with fl.Graph():
        x = fl.input("x", shape=(7, 4, 4))

        def body(state: fl.Tensor, each: fl.Tensor) -> tuple[fl.Tensor, None]:
            return fl.tanh(fl.matmul(state, each, name="turned"), name="bent"), None

        last, _ = fl.scan(body, fl.constant(np.eye(4, dtype="float32")), x)
    feeds = {"x": np.ones((7, 4, 4), "float32")}
    for backend in BACKENDS:
        nodes = fl.compile(last, backend=backend).profile(feeds, steps=1).by_node()
        found = {row.paths[0].split("/")[-1]: row.flops for row in nodes.values() if row.paths}

        assert found["turned"] == 7 * 2 * 4**3
        assert found["bent"] == 7 * 10 * 16


def test_a_table_has_the_longest_rows_first() -> None:
    profile = trainer(classifier(), "portable").profile(BATCH, steps=1)

    lines = profile.table().splitlines()
    times = [float(line[: line.index(" %")].split()[-6].replace(",", "")) for line in lines[4:]]
    assert lines[0].startswith("portable, 1 thread, 1 step: ")
    assert len(times) == len(profile.rows)
    assert times == sorted(times, reverse=True)
    assert profile.table(2).splitlines()[-1].startswith(f"and {len(profile.rows) - 2} more, ")
    assert repr(profile) == profile.table(20)


def test_a_profile_cannot_be_changed() -> None:
    profile = product("portable")

    with pytest.raises(AttributeError):
        profile.rows = ()  # type: ignore[misc]


def test_a_number_of_steps_below_1_is_refused() -> None:
    with pytest.raises(ValueError, match="steps must be a whole number of at least 1; got 0"):
        trainer(classifier()).profile(BATCH, steps=0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_refused_value_is_told_as_a_step_tells_it(backend: Backend) -> None:
    wrong = BATCH | {"label": np.full(16, 7)}

    with pytest.raises(RunError, match="node 'loss'"):
        trainer(classifier(), backend).profile(wrong, steps=1)
    with pytest.raises(fl.FeedError, match="point"):
        trainer(classifier(), backend).profile({"label": BATCH["label"]}, steps=1)


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_not_finite_is_told_as_a_step_tells_it(backend: Backend) -> None:
    wrong = BATCH | {"point": np.full((16, 6), np.nan, "float32")}

    with pytest.raises(RunError, match="not finite"):
        trainer(classifier(), backend).profile(wrong, steps=1)


def test_sizes_that_depend_on_values_are_those_of_the_run() -> None:
    with fl.Graph():
        x = fl.input("x", shape=(6,))
        y = fl.tanh(fl.boolean_mask(x, fl.greater(x, 0.0)))
    profile = fl.compile(y).profile({"x": np.array([1, -1, 2, -2, 3, -3], "float32")}, steps=1)

    assert profile.backend == "portable"
    assert profile.by_op()["tanh"].bytes == 2 * 3 * 4
    assert profile.by_op()["tanh"].flops == 30


def test_in_a_notebook_names_never_become_markup() -> None:
    with fl.Graph("g"):
        x = fl.input("x", shape=(4,))
        y = fl.exp(x, name="a<b>")
    html = fl.compile(y, backend="portable").profile({"x": np.ones(4, np.float32)}, steps=1)._repr_html_()
    assert html.startswith("<pre style=")
    assert "a&lt;b&gt;" in html
    assert "a<b>" not in html
