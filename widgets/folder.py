"""The folder of the notebook: what could be opened there, and the graphs in files. No path leads out of it."""

from __future__ import annotations

from pathlib import Path

from flowloom.formats import flow, onnx
from flowloom.graph import Graph
from flowloom.widgets.wire.files import FileInfo

MOST_LISTED = 500


class FileError(ValueError):
    """A file that cannot be opened. One line, which names it."""


def reason(error: OSError) -> str:
    """Why the system refused, in a few words."""
    return error.strerror or type(error).__name__


def shown(name: str) -> str:
    """A name of a file as a message has it: in one line, and not too long."""
    plain = "".join(c if c.isprintable() else " " for c in name)
    return plain if len(plain) <= 80 else f"{plain[:60]}...{plain[-16:]}"


def files_in(folder: Path) -> list[FileInfo]:
    """What could be opened there, the newest first. Raises FileError."""
    found = []
    try:
        for path in folder.iterdir():
            if path.name.lower().endswith((".flow.json", ".onnx")) and not path.name.startswith(".") and path.is_file():
                there = path.stat()
                found.append(FileInfo(path.name, there.st_size, there.st_mtime))
    except OSError as error:
        raise FileError(f"{folder} cannot be read: {reason(error)}") from None
    return sorted(found, key=lambda file: (-file.time, file.name))[:MOST_LISTED]


def graph_in(folder: Path, name: str) -> Graph:
    """The graph in a file of a folder, never of another one. Raises FileError."""
    what, path = shown(name), folder / name
    try:
        if Path(name).name != name or name.startswith(".") or not path.resolve().is_relative_to(folder.resolve()):
            raise FileError(f"{what} is no file beside the notebook")
        if not path.is_file():
            raise FileError(f"There is no file {what} beside the notebook")
        if name.lower().endswith(".onnx"):
            return graph_of(path, name, str(path))
        with path.open("rb") as file:
            return graph_of(file.read(flow.MOST_BYTES + 1), name, what)
    except OSError as error:
        raise FileError(f"{what} cannot be read: {reason(error)}") from None
    except FileError:
        raise
    except ValueError:  # a name with a null character
        raise FileError(f"{what} is no file beside the notebook") from None


def graph_of(source: bytes | Path, name: str, place: str) -> Graph:
    """The graph in a file of that name. Raises FileError, OSError."""
    if name.lower().endswith(".onnx"):
        try:
            return _named(onnx.load(source), Path(name).stem)
        except (onnx.OnnxError, ImportError, MemoryError) as error:
            text = str(error).replace(f"{place} ", "it ").replace("the data ", "it ")
            raise FileError(f"{shown(name)}: {text or 'there is not enough memory'}") from None
    if not name.lower().endswith(".json"):
        raise FileError(f"{shown(name)} is neither a .flow.json nor an .onnx file")
    assert isinstance(source, bytes)
    try:
        return flow.decode(source, shown(name))
    except flow.FlowFileError as error:
        raise FileError(str(error)) from None


def _named(graph: Graph, name: str) -> Graph:
    """A model's graph, with a name that a graph can have: that of its file where it has none."""
    own = "".join(c for c in graph.name if c.isprintable()).strip()[:120]
    wanted = own or "".join(c for c in name if c.isprintable()).strip()[:120]
    if wanted != graph.name:
        graph.name = wanted
    return graph
