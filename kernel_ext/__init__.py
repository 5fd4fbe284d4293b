"""The kernel extension: `%load_ext flowloom.kernel_ext`.

Graphs display as pictures, `%%graph name` makes or changes one, and background runs stop cleanly when the kernel shuts
down or restarts.
"""

from __future__ import annotations

import atexit
from typing import Any

from flowloom.graph import Graph
from flowloom.kernel_ext.graph_cell import GraphMagics
from flowloom.training import stop_all
from flowloom.widgets.svg import graph_svg

DISPLAYS = ("text/html", "image/svg+xml")  # inline and themed where markup is shown; a picture elsewhere


def load_ipython_extension(ipython: Any) -> None:
    """Called by `%load_ext flowloom.kernel_ext`; loading twice does no harm."""
    for mime in DISPLAYS:
        ipython.display_formatter.formatters[mime].for_type(Graph, graph_svg)
    ipython.register_magics(GraphMagics)
    atexit.unregister(stop_all)
    atexit.register(stop_all)


def unload_ipython_extension(ipython: Any) -> None:
    """Called by `%unload_ext flowloom.kernel_ext`."""
    for mime in DISPLAYS:
        ipython.display_formatter.formatters[mime].pop(Graph, None)
    ipython.magics_manager.magics["cell"].pop("graph", None)
    atexit.unregister(stop_all)
