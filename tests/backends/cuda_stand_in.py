"""A stand-in for CuPy where there is no GPU: its arrays are NumPy's, its kernels are compiled by a C++ compiler.

It has what the CUDA backend uses of CuPy, and is as strict: a function takes no array of the host's, no keyword that
CuPy's does not have, and gives no NumPy scalar. The generated CUDA C is compiled as it is, behind a few macros; the
threads of a block take turns from one `__syncthreads` to the next, each time in another order. Of several values that
are written to one place, the first one stays. Fresh memory is full of rubbish, as a GPU's is, and so is what was asked
for but has not come yet. Each thread of the host has a current device: the first one, until it chooses another.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
import threading
import types
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np

COMPILER = shutil.which("g++") or shutil.which("clang++")
BLOCK = 256

# The parameters of CuPy 14's functions, where they are not those of NumPy's, as `inspect.signature` has them.
PARAMETERS = {
    "all": {"a", "axis", "out", "keepdims"},
    "any": {"a", "axis", "out", "keepdims"},
    "arange": {"start", "stop", "step", "dtype"},
    "argmax": {"a", "axis", "dtype", "out", "keepdims"},
    "argsort": {"a", "axis", "kind"},
    "ascontiguousarray": {"a", "dtype"},
    "broadcast_to": {"array", "shape"},
    "clip": {"a", "a_min", "a_max", "out"},
    "cumsum": {"a", "axis", "dtype", "out"},
    "linspace": {"start", "stop", "num", "endpoint", "retstep", "dtype", "axis"},
    "max": {"a", "axis", "out", "keepdims"},
    "min": {"a", "axis", "out", "keepdims"},
    "partition": {"a", "kth", "axis"},
    "prod": {"a", "axis", "dtype", "out", "keepdims"},
    "searchsorted": {"a", "v", "side", "sorter"},
    "sort": {"a", "axis", "kind"},
    "sum": {"a", "axis", "dtype", "out", "keepdims"},
    "svd": {"a", "full_matrices", "compute_uv"},
    "take": {"a", "indices", "axis", "out"},
    "tri": {"N", "M", "k", "dtype"},
}
TAKES_HOST_ARRAYS = {"array", "asarray", "ascontiguousarray"}

REFUSES = {"cholesky", "inv", "solve"}  # what gives rubbish for a matrix that it refuses, if `errstate` ignores that
TURNS = {"eigh": 0, "svd": 1}  # what gives vectors, which may as well point the other way: all but this output

_SHIM = """
#include <cmath>
#include <cstring>
#include <ucontext.h>
struct Index { unsigned int x; };
static Index blockIdx, gridDim, blockDim, threadIdx;
#define __global__
#define __device__
#define __shared__ static
#define __launch_bounds__(n)
template <class T, class F> static T bits(F x) { T made; std::memcpy(&made, &x, sizeof made); return made; }
static int __float_as_int(float x) { return bits<int>(x); }
static float __int_as_float(int x) { return bits<float>(x); }
static long long __double_as_longlong(double x) { return bits<long long>(x); }
static double __longlong_as_double(long long x) { return bits<double>(x); }
static const int BLOCK = 256, STACK = 1 << 16;
static ucontext_t scheduler, contexts[BLOCK];
static char stacks[BLOCK][STACK];
static bool done[BLOCK];
static void (*body)(void*);
static void* given;
static void __syncthreads() { swapcontext(&contexts[threadIdx.x], &scheduler); }
static void thread() { body(given); done[threadIdx.x] = true; }
static void run(unsigned int blocks, bool synchronised, void (*kernel)(void*), void* args) {
  gridDim.x = blocks; blockDim.x = BLOCK; body = kernel; given = args;
  for (blockIdx.x = 0; blockIdx.x < blocks; ++blockIdx.x) {
    if (!synchronised) {
      for (threadIdx.x = 0; threadIdx.x < BLOCK; ++threadIdx.x) kernel(args);
      continue;
    }
    for (int i = 0; i < BLOCK; ++i) {
      getcontext(&contexts[i]);
      contexts[i].uc_stack.ss_sp = stacks[i];
      contexts[i].uc_stack.ss_size = STACK;
      contexts[i].uc_link = &scheduler;
      makecontext(&contexts[i], thread, 0);
      done[i] = false;
    }
    for (int left = BLOCK, turn = 0; left; ++turn) {
      left = 0;
      for (int k = 0; k < BLOCK; ++k) {
        int i = (k * (2 * turn + 101) + 37 * turn) % BLOCK;
        if (!done[i]) { threadIdx.x = i; swapcontext(&scheduler, &contexts[i]); left += !done[i]; }
      }
    }
  }
}
"""


def _folder() -> Path:
    folder = Path(os.environ["FLOWLOOM_CACHE"]) / "cuda_stand_in"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class Kernels:
    """Kernels for this processor, by name. They are compiled when one is launched, all that are new in one go."""

    def __init__(self, optimised: str = "-O0") -> None:
        self._flags = ["-std=c++17", optimised, "-ffp-contract=off", "-fPIC", "-shared", "-w"]
        self._found: dict[str, Any] = {}
        self._new: dict[str, str] = {}

    def add(self, name: str, code: str) -> None:
        """A kernel, in CUDA C, that may be launched."""
        if name not in self._found:
            self._new[name] = code

    def _compile(self) -> None:
        new, self._new = self._new, {}
        text = "\n".join([_SHIM, *(_launcher(name, code) for name, code in new.items())])
        path = _folder() / f"{hashlib.sha256(f'{self._flags}{text}'.encode()).hexdigest()[:24]}.so"
        if not path.exists():
            assert COMPILER is not None
            written = path.with_suffix(f".{os.getpid()}.cpp")
            made = written.with_suffix(".so")
            written.write_text(text)
            subprocess.run([COMPILER, *self._flags, "-o", str(made), str(written)], check=True)
            written.unlink()
            made.replace(path)
        library = ctypes.CDLL(str(path))
        self._found |= {name: getattr(library, f"launch_{name}") for name in new}

    def launch(self, name: str, blocks: int, args: tuple[Any, ...]) -> None:
        """Run a kernel on arguments that are NumPy scalars, addresses among them."""
        if name not in self._found:
            self._compile()
        cells = [np.array(a) for a in args]
        pointers = (ctypes.c_void_p * len(cells))(*(c.ctypes.data for c in cells))
        self._found[name](ctypes.c_uint(blocks), pointers)


KERNELS = Kernels()


def _launcher(name: str, code: str) -> str:
    """The kernel, and a function that runs all its threads."""
    head = code[code.index(f"{name}(") + len(name) + 1 :]
    kinds = [p.rsplit(" ", 1)[0].replace("__restrict__", "").strip() for p in head[: head.index(")")].split(",")]
    passed = ", ".join(f"*({kind}*)args[{i}]" for i, kind in enumerate(kinds))
    synchronised = "true" if "__syncthreads" in code else "false"
    return f"""namespace in_{name} {{ {code}
void one(void* given) {{ void** args = (void**)given; {name}({passed}); }} }}
extern "C" void launch_{name}(unsigned int blocks, void** args) {{ run(blocks, {synchronised}, in_{name}::one, args); }}
"""


# ---------------------------------------------------------------- arrays


class DeviceArray(np.ndarray[Any, Any]):
    """An array of the device's."""

    def __new__(
        cls, shape: Any, dtype: Any = float, memptr: Any = None, strides: Any = None, order: str = "C"
    ) -> DeviceArray:
        if memptr is None:
            return np.ndarray.__new__(cls, shape, dtype)
        return np.ndarray.__new__(cls, shape, dtype, memptr.buffer, memptr.offset, strides)

    @property
    def data(self) -> Any:  # type: ignore[override]
        return types.SimpleNamespace(ptr=self.ctypes.data)

    def get(self) -> np.ndarray[Any, Any]:
        return np.array(self.view(np.ndarray))

    def set(self, values: np.ndarray[Any, Any]) -> None:
        assert type(values) is np.ndarray
        assert values.shape == self.shape
        assert values.dtype == self.dtype
        self.view(np.ndarray)[...] = values

    def __setitem__(self, key: Any, value: Any) -> None:
        _checked(value)
        if isinstance(key, np.ndarray) and key.dtype.kind == "i" and key.ndim == 1 and np.ndim(value) == self.ndim:
            key, value = key[::-1], value[::-1]
        super().__setitem__(key, value)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        _checked((inputs, kwargs))
        return _wrapped(getattr(ufunc, method)(*_bare(inputs), **_bare(kwargs)), kwargs.get("out"))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        _checked((args, kwargs))
        return _wrapped(function(*_bare(args), **_bare(kwargs)), kwargs.get("out"))


def _checked(value: Any) -> None:
    """Raise TypeError for an array of the host's, as CuPy does."""
    if isinstance(value, dict):
        _checked(tuple(value.values()))
    elif isinstance(value, tuple | list):
        for v in value:
            _checked(v)
    elif isinstance(value, np.ndarray) and not isinstance(value, DeviceArray):
        raise TypeError("Unsupported type <class 'numpy.ndarray'>")


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _bare(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(map(_bare, value))
    return value.view(np.ndarray) if isinstance(value, DeviceArray) else value


def _wrapped(value: Any, out: Any = None) -> Any:
    if out is not None and not (isinstance(out, tuple) and out[0] is None):
        return out[0] if isinstance(out, tuple) else out
    if isinstance(value, tuple):  # among them the named tuples of linalg
        return tuple(_wrapped(v) for v in value)
    if isinstance(value, list):
        return [_wrapped(v) for v in value]
    return np.asarray(value).view(DeviceArray) if isinstance(value, np.ndarray | np.generic) else value


def _function(name: str, function: Any) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        if Stream.current is not None:
            Stream.current.enter(name)
        if name not in TAKES_HOST_ARRAYS:
            _checked((args, kwargs))
        unknown = set(kwargs) - (PARAMETERS.get(name) or set(kwargs))
        if isinstance(function, np.ufunc):
            unknown = set(kwargs) - {"out", "dtype", "casting"}
        if unknown:
            raise TypeError(f"{name}() got an unexpected keyword argument {unknown.pop()!r}")
        try:
            made = function(*_bare(args), **_bare(kwargs))
        except np.linalg.LinAlgError:
            if name not in REFUSES or _refusing.get():
                raise
            made = np.full_like(_bare(args[-1]), 3)
        if name in TURNS:
            made = [m if i == TURNS[name] else -m for i, m in enumerate(made)]
        return _wrapped(made, kwargs.get("out"))

    return call  # which has no `at`: CuPy's adds in any order, and refuses products


class _Functions:
    """The functions of a module of NumPy, as strict as CuPy's."""

    def __init__(self, module: Any) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._module, name)
        if isinstance(found, types.ModuleType):
            return _Functions(found)
        return _function(name, found) if callable(found) and not isinstance(found, type) else found


_refusing: ContextVar[bool] = ContextVar("refusing", default=False)


@contextmanager
def errstate(*, linalg: str) -> Iterator[None]:
    """CuPy's, of cupyx."""
    token = _refusing.set(linalg == "raise")
    try:
        yield
    finally:
        _refusing.reset(token)


# ---------------------------------------------------------------- the device


class Device:
    """One of several devices."""

    _of = threading.local()

    def __init__(self, id: int | None = None) -> None:
        self.id = self.current() if id is None else id

    @classmethod
    def current(cls) -> int:
        """The number of the one that is current in this thread."""
        return int(getattr(cls._of, "id", 0))

    def use(self) -> None:
        self._of.id = self.id

    def __enter__(self) -> Device:
        self._of.before = [*getattr(self._of, "before", ()), self.current()]
        self.use()
        return self

    def __exit__(self, *_: object) -> None:
        self._of.id = self._of.before.pop()


class Pointer:
    def __init__(self, buffer: np.ndarray[Any, Any], offset: int = 0) -> None:
        self.buffer, self.offset = buffer, offset

    @property
    def ptr(self) -> int:
        return self.buffer.ctypes.data + self.offset

    def __add__(self, count: int) -> Pointer:
        return Pointer(self.buffer, self.offset + count)

    def copy_from_host_async(self, address: int, count: int, stream: Stream) -> None:
        stream.enter("a copy from the host")
        assert self.offset + count <= self.buffer.nbytes
        ctypes.memmove(self.ptr, address, count)

    def copy_to_host_async(self, address: int, count: int, stream: Stream) -> None:
        stream.enter("a copy to the host")
        assert self.offset + count <= self.buffer.nbytes
        stream.coming.append((address, ctypes.string_at(self.ptr, count)))
        ctypes.memset(address, 0xAB, count)

    def copy_from_device_async(self, source: Pointer, count: int, stream: Stream) -> None:
        stream.enter("a copy")
        assert self.offset + count <= self.buffer.nbytes
        assert source.offset + count <= source.buffer.nbytes
        ctypes.memmove(self.ptr, source.ptr, count)

    def memset_async(self, value: int, count: int, stream: Stream) -> None:
        stream.enter("memset")
        ctypes.memset(self.ptr, value, count)


class Stream:
    """Does what it is given at once; while it captures, kernels are put down instead.

    What is copied to the host comes there when one waits for it.
    """

    current: Stream | None = None

    def __init__(self, non_blocking: bool = False) -> None:
        assert non_blocking
        self.ptr, self.device = 42, Device.current()
        self.coming: list[tuple[int, bytes]] = []
        self.captured: list[Any] | None = None
        self.log: list[str] = []

    def __enter__(self) -> Stream:
        assert Stream.current is None
        assert self.device == Device.current()
        Stream.current = self
        return self

    def __exit__(self, *_: object) -> None:
        Stream.current = None

    def enter(self, what: str) -> None:
        assert self.captured is None, f"{what} cannot be captured"
        self.log.append(what)

    def synchronize(self) -> None:
        assert self.captured is None
        coming, self.coming = self.coming, []
        for address, found in coming:
            ctypes.memmove(address, found, len(found))

    def begin_capture(self) -> None:
        assert self.captured is None
        self.captured = []

    def end_capture(self) -> Graph:
        assert self.captured is not None
        calls, self.captured = self.captured, None
        return Graph(calls)


class Graph:
    def __init__(self, calls: list[Any]) -> None:
        self.calls = calls

    def launch(self, stream: Stream) -> None:
        stream.enter(f"a graph of {len(self.calls)}")
        for call in self.calls:
            call()


class Event:
    count = 0

    def record(self, stream: Stream) -> None:
        stream.enter("an event")
        Event.count += 1
        self.at = Event.count


class RawModule:
    def __init__(self, *, code: str, options: tuple[str, ...]) -> None:
        assert "#include" not in code
        assert options == ("--std=c++17", "--fmad=false")
        self._code = code

    def get_function(self, name: str) -> Any:
        KERNELS.add(name, self._code)
        device = Device.current()

        def launch(grid: tuple[int, ...], block: tuple[int, ...], args: tuple[Any, ...]) -> None:
            assert 1 <= grid[0] <= 2**31 - 1
            assert block == (BLOCK,)
            assert all(isinstance(a, np.generic) for a in args)
            assert device == Device.current()
            enter("a kernel", lambda: KERNELS.launch(name, grid[0], args))

        return launch


class MemoryPool:
    def malloc(self, count: int) -> Pointer:
        assert Stream.current is not None
        assert Stream.current.device == Device.current()
        return Pointer(np.full(count, 0xAB, np.uint8))


def enter(what: str, call: Any) -> None:
    """Do what a library does on the current stream, or put it down while that captures."""
    stream = Stream.current
    assert stream is not None, f"{what} on the default stream"
    if stream.captured is not None:
        stream.captured.append(call)
    else:
        stream.enter(what)
        call()


@contextmanager
def _using_allocator(_: Any) -> Iterator[None]:
    yield


class CuPy(_Functions):
    """The module."""

    ndarray = DeviceArray
    RawModule = RawModule
    cuda = types.SimpleNamespace(
        Device=Device,
        Stream=Stream,
        Event=Event,
        MemoryPool=MemoryPool,
        PinnedMemory=bytearray,
        PinnedMemoryPointer=lambda memory, offset: memoryview(memory)[offset:],
        using_allocator=_using_allocator,
        alloc_pinned_memory=bytearray,
        get_elapsed_time=lambda a, b: float(b.at - a.at),
    )

    def __init__(self) -> None:
        super().__init__(np)
