"""From portable to native: when a step goes over, when it stays, and the process that compiles beside it."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import flowloom as fl
from flowloom.backends import handover
from flowloom.backends.choice import make_step
from flowloom.backends.handover import CompiledOrPortable, NativeLater
from flowloom.backends.native import compiling
from flowloom.backends.native.compiling import compile_beside
from flowloom.backends.native.machine import Machine
from flowloom.backends.portable import PortableStep
from flowloom.compiler.expr import placeholder
from flowloom.compiler.plan import make_plan
from flowloom.spec import Spec
from flowloom.training.step import TrainStep
from tests.waiting import eventually

X = np.arange(5, dtype=np.float32)
SCALE = """
def kernel(x: [f32], y: [f32], n: i64):
    for i in range(n):
        y[i] = x[i] * 2.0
"""


def tripled() -> NativeLater:
    return NativeLater(make_plan([placeholder("x", Spec((5,), "float32")) * 3.0]))


class Now:
    """Has a step made ready in the thread that asks for it."""

    def put(self, step: Callable[[], NativeLater | None]) -> None:
        made = step()
        assert made is not None
        made.prepare()


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The native backend is worth its while from the first call on."""
    monkeypatch.setattr(handover, "WORTHWHILE", 0.0)


@pytest.mark.usefixtures("at_once")
def test_a_step_goes_over_while_it_is_called() -> None:
    step = tripled()
    seen = []
    eventually(lambda: seen.append(step([X])[0].tolist()) or step.compiled is not None)
    seen.append(step([X])[0].tolist())
    assert all(values == [0, 3, 6, 9, 12] for values in seen)
    assert step.compiled is not None
    assert step.compiled.spent()[0] >= 1


def test_what_is_called_once_is_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NativeLater, "prepare", lambda _: pytest.fail("this was called once"))
    monkeypatch.setattr(handover, "_waiting", Now)
    monkeypatch.setattr(handover, "WORTHWHILE", 1e9)
    assert tripled()([X])[0].tolist() == [0, 3, 6, 9, 12]


@pytest.mark.usefixtures("at_once")
def test_a_step_that_fails_to_compile_stays_portable_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> Any:
        raise RuntimeError("no compiler today")

    monkeypatch.setattr("flowloom.backends.native.step.make_listing", fails)
    monkeypatch.setattr(handover, "_waiting", Now)
    step = tripled()
    step([X])
    with pytest.warns(UserWarning, match="stays on the portable backend.*no compiler today"):
        step([X])
    assert step([X])[0].tolist() == [0, 3, 6, 9, 12]  # and says it only once
    assert step.compiled is None


@pytest.mark.usefixtures("at_once")
def test_a_step_that_nobody_holds_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared: list[weakref.ref[NativeLater]] = []
    monkeypatch.setattr(NativeLater, "prepare", lambda self: prepared.append(weakref.ref(self)))
    step = tripled()
    handover._waiting().put(weakref.ref(tripled()))
    step([X])
    eventually(lambda: prepared)
    assert [ref() for ref in prepared] == [step]


def test_a_training_goes_over_between_two_steps(at_once: None) -> None:
    def losses(backend: Any) -> list[float]:
        with fl.Graph("line", seed=1) as g:
            x = fl.input("x", shape=("batch", 3))
            fl.mean(fl.square(fl.layers.dense(x, units=2) - 1.0), name="loss")
        batch = {"x": np.random.default_rng(0).standard_normal((8, 3)).astype(np.float32)}
        step = TrainStep({"loss": g["loss"]}, fl.optimizers.adam(1e-2), backend=backend)
        made = step.some([batch])["loss"].tolist()
        if backend == "auto":
            eventually(lambda: any(planned.step.compiled for planned in step._plans.values()))
        while len(made) < 20:
            made += step.some([batch] * (20 - len(made)))["loss"].tolist()
        return made

    np.testing.assert_allclose(losses("auto"), losses("portable"), rtol=1e-5)


def test_a_profile_is_of_the_backend_that_calls_come_to() -> None:
    with fl.Graph("g"):
        x = fl.input("x", shape=(5,))
        y = fl.exp(x)
    program = fl.compile(y)
    assert program.profile({"x": X}, steps=1).backend == "native"


@pytest.fixture(autouse=True)
def _auto(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWLOOM_BACKEND", "auto")


# ---------------------------------------------------------------- the process


def test_another_process_compiles_and_fills_the_folder(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.prepare([SCALE])
    assert machine.compiled == 0
    assert len(list(tmp_path.iterdir())) == 1
    assert Machine(tmp_path).code(SCALE) == machine.code(SCALE)
    machine.address(SCALE)
    assert machine.compiled == 0


def test_it_serves_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    (blocked := tmp_path / "file").touch()
    machine = Machine(blocked / "kernels")
    machine.prepare([SCALE])
    machine.address(SCALE)
    assert machine.compiled == 0


def test_what_it_cannot_compile_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"KernelSourceError.*'z' has no value yet"):
        compile_beside(["def kernel(x: [f32]):\n    x[0] = z\n"], tmp_path, Machine(tmp_path).identity)


def test_without_an_interpreter_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "nothing"))
    with pytest.raises(RuntimeError, match="no process to compile in"):
        compile_beside([SCALE], tmp_path, Machine(tmp_path).identity)


def test_a_compiler_that_was_changed_meanwhile_is_not_asked(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="flowloom was changed on disk"):
        compile_beside([SCALE], tmp_path, "of yesterday")


def test_object_code_of_another_kernel_is_refused(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    code = machine.code(SCALE)
    with pytest.raises(RuntimeError, match="object code of another kernel"):
        machine._take("another", code)


@pytest.mark.skipif(sys.platform == "win32", reason="has no process groups of this kind")
def test_an_interrupt_of_this_process_is_not_for_the_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "import os, sys; sys.exit(f'in a group of its own: {os.getpgrp() == os.getpid()}')"
    monkeypatch.setattr(compiling, "_PROGRAM", said)
    with pytest.raises(RuntimeError, match="in a group of its own: True"):
        compile_beside([SCALE], tmp_path, Machine(tmp_path).identity)


def test_paths_that_are_no_text_do_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, tmp_path])
    (code,) = compile_beside([SCALE], tmp_path, Machine(tmp_path).identity)
    assert code


def test_a_step_that_is_native_already_stays_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    step = tripled()
    native = step.settled
    step.prepare()
    assert step.settled is native


# ---------------------------------------------------------------- what "auto" is


def test_the_environment_names_the_backend_of_auto(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = make_plan([placeholder("x", Spec((5,), "float32")) * 3.0])
    for name, kind in (("portable", PortableStep), ("native", CompiledOrPortable), ("auto", NativeLater)):
        monkeypatch.setenv("FLOWLOOM_BACKEND", name)
        assert type(make_step(plan, "auto")) is kind
        assert type(make_step(plan, "portable")) is PortableStep


def test_an_environment_that_names_no_backend_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWLOOM_BACKEND", "fast")
    with fl.Graph("g"):
        x = fl.input("x", shape=(5,))
    with pytest.raises(ValueError, match="FLOWLOOM_BACKEND: backend 'fast' is not available"):
        fl.compile(fl.exp(x))
