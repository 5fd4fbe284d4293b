"""Whether Python stays responsive while a run trains: the gaps of a thread on the side, and how soon a pause acts."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.processes import Process, WorkerError
from benchmarks.quiet import busy
from benchmarks.report import Section, milliseconds
from benchmarks.ticking import Ticks
from benchmarks.timing import Say
from benchmarks.workloads import WORKLOADS

if TYPE_CHECKING:
    from flowloom.backends.choice import Backend
    from flowloom.training.run import Run

CASES = (("lenet", "native"), ("gpt", "native"), ("lenet", "auto"), ("gpt", "auto"))
LONGEST = 60.0  # seconds that "auto" may take until the native backend has taken over
BETWEEN = 0.1  # seconds from one pause to the next


def measure(threads: int, seconds: float, say: Say) -> Section:
    """A row for each workload and backend; "auto" begins with an empty cache."""
    rows = [["", "median", "99.9 %", "worst", "until paused, median", "worst", "others' cores"]]
    rows.append(["nothing runs", *_row(_asked(threads, "idle", seconds=seconds))])
    for workload, backend in CASES:
        title = f"{WORKLOADS[workload]().title}, {backend}"
        say(f"Responsive: {title}")
        try:
            found = _asked(threads, "beside", workload=workload, backend=backend, seconds=seconds)
        except WorkerError as error:
            rows.append([title, str(error)])
            continue
        if backend == "auto":
            taken = found["native"]
            title += ", empty cache" + (f", native after {taken:.1f} s" if taken else ", which stayed portable")
        rows.append([title, *_row(found)])
    return Section(
        "A Python thread beside a run",
        "While a run trains, a thread sleeps a millisecond and notes when it runs again: the gaps between its ticks. "
        "Then how long `run.pause()` takes until the run is paused. With auto both are measured from the start of "
        "the run, while another process compiles, until a while after the native backend has taken over. Other "
        "programs take cores, too, that process among them, and whoever holds Python's lock may lose its core to one.",
        rows,
    )


def _asked(threads: int, function: str, **arguments: Any) -> dict[str, Any]:
    """What a function of this module gives in a fresh process with an empty cache."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        Process("flowloom", threads, {"FLOWLOOM_CACHE": folder}) as process,
    ):
        process.ask("load")
        found: dict[str, Any] = process.ask("call", module="benchmarks.gap", function=function, arguments=arguments)
        return found


def _row(found: dict[str, Any]) -> list[str]:
    gaps = [milliseconds(found[name]) for name in ("median", "rare", "worst")]
    pauses = found["pauses"]
    waits = [milliseconds(statistics.median(pauses)), milliseconds(max(pauses))] if pauses else ["", ""]
    return [*gaps, *waits, f"{found['others']:.2f}"]


# ------------------------------------------------------------ in a worker


def idle(seconds: float) -> dict[str, Any]:
    """The gaps in a process that does nothing: what the system itself takes."""
    with _Others() as others, Ticks() as ticks:
        time.sleep(seconds)
    return _summary(ticks, others, [], None)


def beside(workload: str, backend: Backend, seconds: float) -> dict[str, Any]:
    """The gaps, and the seconds from `pause` to paused, beside a run for so long; of "auto" from its very start."""
    if backend == "auto":
        with _Others() as others, Ticks() as ticks, _started(workload, backend) as run:
            began = time.perf_counter()
            pauses = _paused(run, lambda: _is_native(run) or time.perf_counter() > began + LONGEST)
            native = time.perf_counter() - began if _is_native(run) else None
            pauses += _paused(run, _after(seconds))
        return _summary(ticks, others, pauses, native)
    with _started(workload, backend) as run:
        _wait(run, lambda: run.step_count > 20)
        with _Others() as others, Ticks() as ticks:
            time.sleep(seconds)
            pauses = _paused(run, _after(seconds))
        return _summary(ticks, others, pauses, None)


@contextmanager
def _started(workload: str, backend: Backend) -> Iterator[Run]:
    from benchmarks.running import prepared

    trainer, data = prepared(workload, backend)
    run = trainer.start(data, epochs=1_000_000)
    try:
        yield run
    finally:
        run.stop()
        run.join()


def _paused(run: Run, over: Callable[[], bool]) -> list[float]:
    """Pause and resume until it is over; seconds from each call to the run being paused."""
    found: list[float] = []
    while not found or not over():
        began = time.perf_counter()
        run.pause()
        _wait(run, lambda: run.status == "paused")
        found.append(time.perf_counter() - began)
        count = run.step_count
        run.resume()
        _wait(run, lambda before=count: run.step_count > before)  # type: ignore[misc]
        time.sleep(BETWEEN)
    return found


def _wait(run: Run, condition: Callable[[], bool]) -> None:
    """Look every fifth of a millisecond. Raises what made the run fail, if it does."""
    while not condition():
        if run.error is not None:
            raise run.error
        time.sleep(0.0002)


def _after(seconds: float) -> Callable[[], bool]:
    end = time.perf_counter() + seconds
    return lambda: time.perf_counter() > end


def _is_native(run: Run) -> bool:
    """Whether steps were taken on the native backend; what `run.profile` looks at first."""
    return run._step.profile_so_far() is not None


class _Others:
    """How many cores other programs took while it was open, those that compile for this one among them."""

    def __enter__(self) -> _Others:
        self._began = time.perf_counter(), busy() - time.process_time()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        start, before = self._began
        self.cores = max(0.0, (busy() - time.process_time() - before) / (time.perf_counter() - start))


def _summary(ticks: Ticks, others: _Others, pauses: list[float], native: float | None) -> dict[str, Any]:
    median, rare = np.quantile(ticks.gaps, [0.5, 0.999]).tolist()
    found = {"median": median, "rare": rare, "worst": ticks.worst, "others": others.cores}
    return found | {"pauses": pauses, "native": native}
