"""Device: the GPU as this backend uses it: CuPy, one stream, memory in the order of that stream, compiled kernels."""

from __future__ import annotations

import importlib.util
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np

from flowloom.backends.cuda.language import BLOCK, cuda_source, kernel_name
from flowloom.spec import is_narrow

Array = np.ndarray[Any, Any]
OPTIONS = ("--std=c++17", "--fmad=false")  # products and sums are rounded one by one, as NumPy does


@cache
def has_package(name: str) -> bool:
    """Whether an optional library is installed."""
    return importlib.util.find_spec(name) is not None


def fall_back(what: str, to: str, error: Exception) -> None:
    """Warn that something is from now on done in a slower way, and why."""
    warnings.warn(f"{what} is left to {to}: {error!r}", stacklevel=2)


class Device:
    """CuPy's GPU: the one that is current where this is made. One a process: `device()`."""

    def __init__(self) -> None:
        import cupy
        import cupyx

        self.xp: Any = cupy
        self.errors: Any = cupyx.errstate
        self.stream: Any = cupy.cuda.Stream(non_blocking=True)
        self._at = cupy.cuda.Device()  # each thread has a current one; others begin with the first
        self._pool = cupy.cuda.MemoryPool()  # what is freed is given out again without a wait: one stream uses it
        self._lock = threading.RLock()
        self._functions: dict[str, Any] = {}
        self._kept: dict[str, Any] = {}
        self._workspace: tuple[int, Any] = 0, None

    @contextmanager
    def current(self) -> Iterator[None]:
        """What one thread at a time computes inside goes to the stream, and takes memory in its order."""
        with self._lock, self._at, self.xp.cuda.using_allocator(self._pool.malloc), self.stream:
            yield

    def memory(self, nbytes: int) -> Any:
        """So many bytes on the device: a pointer, to which one can add. Inside `current`."""
        return self._pool.malloc(max(nbytes, 1))

    def workspace(self, nbytes: int) -> Any:
        """So many bytes for what a library puts down during one call. All calls share them: they follow each other."""
        if self._workspace[0] < nbytes or self._workspace[1] is None:
            self._workspace = nbytes, self.memory(nbytes)
        return self._workspace[1]

    def staging(self, nbytes: int, *, pooled: bool = False) -> Array:
        """Bytes of the host that the device reads and writes by itself: pinned memory.

        CuPy's pool has some at hand, but gives none back, and of sizes that are powers of two: for what lives shortly.
        """
        count, cuda = max(nbytes, 1), self.xp.cuda
        if pooled:
            return np.frombuffer(cuda.alloc_pinned_memory(count), np.uint8, count)
        return np.frombuffer(cuda.PinnedMemoryPointer(cuda.PinnedMemory(count), 0), np.uint8, count)

    def array(self, memory: Any, shape: Sequence[int], dtype: np.dtype[Any], strides: Sequence[int]) -> Any:
        """The array at a pointer, strides in elements; of a dtype that CuPy does not know, its bits."""
        known = np.dtype(f"u{dtype.itemsize}") if is_narrow(dtype) else dtype
        return self.xp.ndarray(tuple(shape), known, memory, tuple(s * dtype.itemsize for s in strides))

    def function(self, source: str) -> Callable[[int, tuple[Any, ...]], None]:
        """A kernel of the kernel language, compiled: called with a number of blocks, and arguments."""
        name = kernel_name(source)
        if name not in self._functions:
            with self._at:
                module = self.xp.RawModule(code=cuda_source(source), options=OPTIONS)
                self._functions[name] = module.get_function(name)
        kernel = self._functions[name]
        return lambda blocks, args: kernel((blocks,), (BLOCK,), args)

    def kept(self, name: str, make: Callable[[], Any]) -> Any:
        """What there is one of for the whole device (a library's handle), made when it is needed."""
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]

    def upload(self, target: Any, staged: Array) -> None:
        """Copy staging memory to a pointer, in the order of the stream."""
        target.copy_from_host_async(staged.ctypes.data, staged.nbytes, self.stream)

    def download(self, source: Any, staged: Array) -> None:
        """Copy from a pointer to staging memory, in the order of the stream."""
        source.copy_to_host_async(staged.ctypes.data, staged.nbytes, self.stream)

    def copy(self, target: Any, source: Any, nbytes: int) -> None:
        """Copy from one pointer to another, in the order of the stream."""
        target.copy_from_device_async(source, nbytes, self.stream)

    def captured(self, calls: Sequence[Callable[[], None]]) -> Callable[[], None]:
        """The calls as one CUDA graph, which is launched when it is called. Nothing runs yet."""
        self.stream.begin_capture()
        try:
            for call in calls:
                call()
        finally:
            graph = self.stream.end_capture()
        return lambda: graph.launch(self.stream)


@cache
def device() -> Device:
    """The GPU of this process."""
    return Device()
