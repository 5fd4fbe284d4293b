"""The extension in a real kernel: pictures of graphs, and runs that stop before the kernel does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager, start_new_kernel

BUILD = """
import flowloom as fl
%load_ext flowloom.kernel_ext
%load_ext flowloom.kernel_ext
g = fl.Graph("line")
with g:
    x = fl.input("x", shape=("batch", 1))
    loss = fl.losses.mean_squared_error(fl.layers.dense(x, units=1), x)
"""
RUN = """
import numpy as np
data = fl.data.from_arrays(x=np.ones((64, 1), "float32")).batch(1)
run = fl.Trainer(loss).start(data, epochs=10**6)
"""

Kernel = tuple[KernelManager, BlockingKernelClient]


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    manager, client = start_new_kernel(kernel_name="python3")
    yield manager, client
    client.stop_channels()
    if manager.is_alive():
        manager.shutdown_kernel(now=True)


def execute(client: BlockingKernelClient, code: str) -> dict[str, Any]:
    """Run code; the data of what it displayed."""
    shown: dict[str, Any] = {}

    def look(message: dict[str, Any]) -> None:
        shown.update(message["content"].get("data", {}))

    reply = client.execute_interactive(code, timeout=60, output_hook=look)
    assert reply["content"]["status"] == "ok", reply["content"]
    return shown


def test_graph_displays_as_a_picture(kernel: Kernel) -> None:
    shown = execute(kernel[1], BUILD + "g")

    assert shown["image/svg+xml"].startswith("<svg")
    assert "mean_squared_error" in shown["text/html"]
    assert shown["text/plain"] == "<graph line: 3 nodes, 3 edges>"


@pytest.mark.parametrize("restart", [True, False])
def test_background_run_stops_cleanly_when_the_kernel_goes(kernel: Kernel, tmp_path: Path, restart: bool) -> None:
    manager, client = kernel
    told = tmp_path / "status"
    witness = f"import atexit, pathlib\natexit.register(lambda: pathlib.Path({str(told)!r}).write_text(run.status))\n"
    execute(client, witness + BUILD + RUN)
    assert execute(client, "run.is_alive")["text/plain"] == "True"

    if restart:
        manager.restart_kernel(now=False)
    else:
        manager.shutdown_kernel(now=False)

    deadline = time.monotonic() + 30
    while not told.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert told.read_text() == "stopped"
