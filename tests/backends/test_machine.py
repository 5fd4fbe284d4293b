"""The kernel language, its elementary functions, and the folder of compiled kernels."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import special

pytest.importorskip("llvmlite")

from flowloom.backends.native import machine as machines
from flowloom.backends.native import mathematics
from flowloom.backends.native.language import KernelSourceError
from flowloom.backends.native.machine import Machine

SCALE = """
def kernel(x: [f32], y: [f32], n: i64):
    for i in range(n * thread // threads, n * (thread + 1) // threads):
        y[i] = x[i] * 2.0
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return Machine(tmp_path_factory.mktemp("kernels"))


def call(machine: Machine, source: str, *args: Any, thread: int = 0, threads: int = 1) -> None:
    """Run a kernel on arrays and whole numbers."""
    block = np.array([a.ctypes.data if isinstance(a, np.ndarray) else a for a in args], np.int64)
    function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)(machine.address(source))
    function(block.ctypes.data, thread, threads)


# ---------------------------------------------------------------- the language


def test_threads_take_shares(machine: Machine) -> None:
    x, y = np.arange(10, dtype=np.float32), np.zeros(10, np.float32)
    call(machine, SCALE, x, y, 10, thread=1, threads=3)
    assert y.tolist() == [0, 0, 0, 6, 8, 10, 0, 0, 0, 0]


CASES: list[tuple[str, str, Callable[..., Any]]] = [
    ("a + b * 2 - a // b", "i64", lambda a, b: a + b * 2 - np.trunc(a / b)),
    ("a % b", "i64", lambda a, b: np.fmod(a, b)),
    ("(a << 2) ^ (b & 5) | 1", "i64", lambda a, b: (a << 2) ^ (b & 5) | 1),
    ("a if a > b else -b", "i64", lambda a, b: np.where(a > b, a, -b)),
    ("abs(a) + max(a, b, 3)", "i64", lambda a, b: np.abs(a) + np.maximum(np.maximum(a, b), 3)),
    ("i64(a > 2 and not b == 7 or a == b)", "i64", lambda a, b: ((a > 2) & (b != 7)) | (a == b)),
    ("a / b + 0.5", "f64", lambda a, b: a / b + 0.5),
    ("sqrt(abs(a)) - floor(b) + fma(a, b, 1.0)", "f64", lambda a, b: np.sqrt(np.abs(a)) - np.floor(b) + a * b + 1),
    ("where(a < b, a, 2.0) * (a > 0)", "f64", lambda a, b: np.where(a < b, a, 2.0) * (a > 0)),
    ("min(a, b) + copysign(1.0, a)", "f64", lambda a, b: np.minimum(a, b) + np.copysign(1.0, a)),
    ("pow(abs(a), 1.5) + atan2(a, b)", "f64", lambda a, b: np.abs(a) ** 1.5 + np.arctan2(a, b)),
    ("f64(f32(a)) + f64(i32(b))", "f64", lambda a, b: a.astype("f4").astype("f8") + np.trunc(b)),
]


@pytest.mark.parametrize(("text", "t", "expected"), CASES, ids=[c[0] for c in CASES])
def test_expressions_mean_what_they_say(machine: Machine, text: str, t: str, expected: Callable[..., Any]) -> None:
    rng = np.random.default_rng(0)
    dtype = {"i64": np.int64, "f64": np.float64}[t]
    a, b = ((rng.uniform(-9, 9, 50) + 0.01).astype(dtype) for _ in range(2))
    b[b == 0] = 1
    out = np.zeros(50, dtype)
    source = f"def kernel(x: [{t}], y: [{t}], z: [{t}], n: i64):\n    for i in range(n):\n"
    call(machine, f"{source}        a = x[i]\n        b = y[i]\n        z[i] = {text}\n", a, b, out, 50)
    np.testing.assert_allclose(out, expected(a, b), rtol=1e-14)


def test_loops_branches_and_templates(machine: Machine) -> None:
    source = """
def larger(a, b):
    return a if a > b else b


def kernel(out: [i64], n: i64):
    i = 0
    while i * i < n:
        i += 1
    out[0] = i
    total = 0
    for k in range(2, n, 3):
        if k % 2 == 0:
            total += k
        else:
            total -= 1
    out[1] = total
    room = stack(i64, 4)
    room[3] = larger(total, i)
    out[2] = room[3]
"""
    out = np.zeros(3, np.int64)
    call(machine, source, out, 20)
    total = sum(k if k % 2 == 0 else -1 for k in range(2, 20, 3))
    assert out.tolist() == [5, total, max(total, 5)]


def test_parts_of_vectors(machine: Machine) -> None:
    source = """
def kernel(x: [f32], y: [f32], n: i64):
    v = load_part(f32x8, x, n)
    w = view(f32x8, x + 8)[0]
    store_part(y, v, n)
    store_part(y + 8, v + w, 99)
    view(f32x8, y + 16)[0] = zip_low(v, w)
    view(f32x8, y + 24)[0] = zip_high(v, w)
"""
    x, y = np.arange(1, 17, dtype=np.float32), np.full(32, -1, np.float32)
    call(machine, source, x, y, 3)
    assert y[:8].tolist() == [1, 2, 3, -1, -1, -1, -1, -1]
    assert y[8:16].tolist() == [10, 12, 14, 12, 13, 14, 15, 16]
    assert y[16:].tolist() == [1, 9, 2, 10, 3, 11, 0, 12, 0, 13, 0, 14, 0, 15, 0, 16]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("y[0] = z", "'z' has no value yet"),
        ("y[0] = x", "[f32] where f32 is needed"),
        ("y[0] = sinus(x[0])", "there is no function 'sinus'"),
        ("y[0] = 1 if n else 2", "a condition is a bool"),
        ("import os", "no such statement"),
        ("y[0] = n", "i64 where f32 is needed"),
    ],
)
def test_what_is_not_in_the_language_is_refused(machine: Machine, line: str, reason: str) -> None:
    with pytest.raises(KernelSourceError) as caught:
        machine.address(f"def kernel(x: [f32], y: [f32], n: i64):\n    {line}\n")
    assert reason in str(caught.value)


# ---------------------------------------------------------------- elementary functions

EXACT: dict[str, Callable[[Any], Any]] = {
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "tanh": np.tanh,
    "sigmoid": special.expit,
    "erf": special.erf,
}


@pytest.mark.parametrize("name", EXACT)
def test_elementary_functions_keep_their_bounds(machine: Machine, name: str) -> None:
    rng = np.random.default_rng(0)
    anything = rng.integers(0, 2**32, 300_000, dtype=np.uint64).astype(np.uint32).view(np.float32)
    usual = (rng.standard_normal(300_000) * 4).astype(np.float32)
    ends = np.array([0, -0.0, np.inf, -np.inf, np.nan, 1, -1, 88.7, -87.3, 1e-45, -1e-45, 3e38], np.float32)
    x = np.concatenate([anything, usual, ends])
    y = np.empty_like(x)
    call(
        machine,
        f"def kernel(x: [f32], y: [f32], n: i64):\n    for i in range(n):\n        y[i] = {name}(x[i])\n",
        x,
        y,
        len(x),
    )
    with np.errstate(all="ignore"):
        exact = EXACT[name](x.astype(np.float64))
        rounded = exact.astype(np.float32)
    normal = np.isfinite(rounded) & (np.abs(rounded) >= np.finfo(np.float32).tiny)
    error = np.abs(y[normal] - exact[normal]) / np.spacing(np.abs(rounded[normal]))
    assert error.max() <= mathematics.BOUNDS[name]
    special_ones = ~np.isfinite(rounded)
    np.testing.assert_array_equal(y[special_ones], rounded[special_ones])
    small = ~normal & ~special_ones
    assert np.abs(y[small] - exact[small]).max() <= np.finfo(np.float32).tiny


# ---------------------------------------------------------------- the folder


def fresh(folder: Path) -> tuple[Machine, np.ndarray[Any, Any]]:
    """Another machine on that folder, as in another process, and what its kernel gives."""
    made = Machine(folder)
    y = np.zeros(3, np.float32)
    call(made, SCALE, np.array([1, 2, 3], np.float32), y, 3)
    return made, y


def test_a_kernel_is_compiled_once_for_all_processes(tmp_path: Path) -> None:
    first, y = fresh(tmp_path)
    again, z = fresh(tmp_path)
    assert (first.compiled, first.loaded, again.compiled, again.loaded) == (1, 0, 0, 1)
    assert y.tolist() == z.tolist() == [2, 4, 6]


@pytest.mark.parametrize(
    "damage", [lambda b: b[:40], lambda b: b[:-1], lambda b: b[:60] + b"?" + b[61:], lambda b: b""]
)
def test_a_damaged_file_is_made_anew(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    fresh(tmp_path)
    (file,) = tmp_path.glob("*.o")
    whole = file.read_bytes()
    file.write_bytes(damage(whole))

    again, y = fresh(tmp_path)

    assert again.compiled == 1
    assert y.tolist() == [2, 4, 6]
    assert file.read_bytes() == whole


def test_another_compiler_or_version_of_it_compiles_for_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def identity() -> str:
        monkeypatch.setattr(machines, "_COMPILER", machines._compiler())
        return Machine(tmp_path).identity

    here = identity()
    for name in ("__init__.py", "words.py"):
        (tmp_path / name).write_text("")
    monkeypatch.setattr(machines.language, "__file__", str(tmp_path / "__init__.py"))
    before = identity()
    (tmp_path / "words.py").write_text("more = 1")
    after = identity()
    monkeypatch.setattr(machines.language, "__file__", str(tmp_path / "in.zip" / "__init__.py"))
    monkeypatch.setattr("importlib.metadata.version", lambda name: f"{name} 1")
    zipped = identity()
    monkeypatch.undo()

    assert len({here, before, after, zipped}) == 4
    assert identity() == here


def test_a_folder_that_cannot_be_written_to_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    made, y = fresh(tmp_path / "file")
    assert made.compiled == 1
    assert y.tolist() == [2, 4, 6]


def _compile_many(folder: str) -> bool:
    made = Machine(Path(folder))
    y = np.zeros(1, np.float32)
    for k in range(8):
        call(made, SCALE.replace("2.0", f"{k}.5"), np.ones(1, np.float32), y, 1)
        if y[0] != k + 0.5:
            return False
    return True


def test_processes_that_write_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert pool.map(_compile_many, [str(tmp_path)] * 4) == [True] * 4
    assert len(list(tmp_path.glob("*.o"))) == 8
    assert not list(tmp_path.glob("*.part"))


def test_the_folder_keeps_what_was_used_last(tmp_path: Path) -> None:
    for i in range(5):
        (tmp_path / f"k{i}.o").write_bytes(b"x" * 100)
        os.utime(tmp_path / f"k{i}.o", (i, i))
    machines._trim(tmp_path, most=250)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["k3.o", "k4.o"]


def test_the_folder_is_the_platforms_or_the_one_that_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("FLOWLOOM_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    assert machines.cache_folder().parts[-2:] == ("flowloom", "kernels")
    monkeypatch.setenv("FLOWLOOM_CACHE", str(tmp_path))
    assert machines.cache_folder() == tmp_path / "kernels"
