"""The machine: kernels as LLVM IR become functions in memory, compiled once for all processes.

What is compiled lies as object code in a folder of the user's, named by the hash of its source, of this compiler's
and of the processor's features. A file that was cut off or altered is noticed and made anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
import threading
from collections.abc import Iterable
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from flowloom.backends.native import language, mathematics
from flowloom.backends.native.compiling import compile_beside

CACHE_BYTES = 256 * 1024**2
OPTIMIZATION = 3
DIGEST = 32  # bytes in front of each cached object
BY_HAND = "# by hand\n"  # in front of a kernel with vectors of its own: its loops stay as they are, and compile faster


class Machine:
    """The compiler for this processor, and what it has loaded. One a process: `machine()`."""

    def __init__(self, folder: Path | None = None) -> None:
        import llvmlite.binding as llvm

        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        self._llvm = llvm
        self._folder = cache_folder() if folder is None else folder
        self._lock = threading.RLock()
        self._addresses: dict[str, int] = {}
        self._target = self._new_target()
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), self._new_target())
        self.compiled = 0  # kernels that had to be compiled here
        self.loaded = 0  # kernels that came from the folder

    def _new_target(self) -> Any:
        llvm = self._llvm
        target = llvm.Target.from_default_triple()
        cpu, features = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
        return target.create_target_machine(opt=3, cpu=cpu, features=features, codemodel="jitdefault", jit=True)

    @cached_property
    def identity(self) -> str:
        """What compiled code depends on besides its source."""
        llvm = self._llvm
        cpu, features = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
        version = ".".join(map(str, llvm.llvm_version_info))
        parts = (
            _COMPILER,
            mathematics.SOURCE,
            version,
            llvm.get_default_triple(),
            cpu,
            features,
            OPTIMIZATION,
        )
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    def key(self, source: str) -> str:
        """The name of the kernel of that source."""
        return "k" + hashlib.sha256((self.identity + source).encode()).hexdigest()[:32]

    def address(self, source: str) -> int:
        """The address of the compiled kernel. Compiles or loads it if it is not there yet."""
        name = self.key(source)
        with self._lock:
            return self._addresses[name] if name in self._addresses else self._take(name, self.code(source))

    def code(self, source: str) -> bytes:
        """The object code of a kernel, from the folder or compiled."""
        name = self.key(source)
        code = self._read(name)
        if code is None:
            code = self._compile(source, name)
            self._write(name, code)
            self.compiled += 1
        else:
            self.loaded += 1
        return code

    def prepare(self, sources: Iterable[str]) -> None:
        """Have these kernels ready; another process compiles those that are not. Raises RuntimeError if it fails."""
        named = {self.key(source): source for source in sources}
        missing = {name: s for name, s in named.items() if name not in self._addresses and self._read(name) is None}
        if missing:
            codes = compile_beside(list(missing.values()), self._folder, self.identity)
            for name, code in zip(missing, codes, strict=True):
                with self._lock:
                    if name not in self._addresses:
                        self._take(name, code)

    def _take(self, name: str, code: bytes) -> int:
        self._engine.add_object_file(self._llvm.ObjectFileRef.from_data(code))
        self._engine.finalize_object()
        address = int(self._engine.get_function_address(name))
        if address == 0:
            raise RuntimeError(f"object code of another kernel than {name}")
        self._addresses[name] = address
        return address

    # ------------------------------------------------------------ compiling

    def _compile(self, source: str, name: str) -> bytes:
        code: bytes = self._target.emit_object(self._optimized(source, name))
        return code

    def _optimized(self, source: str, name: str) -> Any:
        llvm = self._llvm
        module = llvm.parse_assembly(language.compile_kernel(source, name, _templates()))
        module.triple = llvm.get_default_triple()
        module.data_layout = str(self._target.target_data)
        by_hand = source.startswith(BY_HAND)
        options = llvm.create_pipeline_tuning_options(speed_level=1 if by_hand else OPTIMIZATION)
        options.loop_vectorization = options.slp_vectorization = options.loop_unrolling = not by_hand
        builder = llvm.create_pass_builder(self._target, options)
        builder.getModulePassManager().run(module, builder)
        return module

    # ------------------------------------------------------------ the folder

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.o"

    def _read(self, name: str) -> bytes | None:
        """The object code of that name; None if there is none, or not the one that was written."""
        try:
            data = self._path(name).read_bytes()
        except OSError:
            return None
        code = data[DIGEST:]
        if hashlib.sha256(code).digest() != data[:DIGEST]:
            return None
        with contextlib.suppress(OSError):
            os.utime(self._path(name))  # it was used
        return code

    def _write(self, name: str, code: bytes) -> None:
        """Keep object code; a folder that cannot be written to, or another writer, does no harm."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, suffix=".part", delete=False) as part:
                part.write(hashlib.sha256(code).digest() + code)
            os.replace(part.name, self._path(name))
        except OSError:
            return
        if self.compiled % 64 == 0:
            _trim(self._folder)


@cache
def machine() -> Machine:
    """The machine of this process."""
    return Machine()


def cache_folder() -> Path:
    """Where compiled kernels lie: the folder in FLOWLOOM_CACHE, else the platform's place for such files."""
    if given := os.environ.get("FLOWLOOM_CACHE"):
        return Path(given) / "kernels"
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "flowloom" / "kernels"


def _trim(folder: Path, most: int = CACHE_BYTES) -> None:
    """Remove what was not used for longest, until the rest takes at most `most` bytes."""
    found = []
    for path in folder.iterdir():
        try:
            info = path.stat()
        except OSError:
            continue  # another process was faster
        found.append((info.st_mtime, info.st_size, path))
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= most:
            break
        path.unlink(missing_ok=True)
        total -= size


def _compiler() -> str:
    """What the compiler itself is: the hash of its source; flowloom's version where that does not lie in files."""
    try:
        files = [Path(__file__), *sorted(Path(language.__file__).parent.iterdir())]
        return hashlib.sha256(b"".join(f.read_bytes() for f in files if f.suffix == ".py")).hexdigest()
    except OSError:
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("flowloom")
        except PackageNotFoundError:
            return "unknown"


_COMPILER = _compiler()  # now: the files may be others later, but this code is not


@cache
def _templates() -> dict[str, Any]:
    return language.definitions(mathematics.SOURCE)
