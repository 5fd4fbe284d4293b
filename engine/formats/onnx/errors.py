"""What can go wrong with a model, said in one line."""

from __future__ import annotations

MOST = 500


class OnnxError(ValueError):
    """A model that cannot be read or written: a bad file, ops that are missing, a node that does not fit. One line."""

    def __init__(self, message: str) -> None:
        text = " ".join(message.split())
        super().__init__(text if len(text) <= MOST else text[: MOST - 3] + "...")

    def at(self, op_type: str, label: str) -> OnnxError:
        """This error with the node in front that it happened in."""
        return OnnxError(f"node {label!r} ({op_type}): {self}")


class UnsupportedOps(OnnxError):
    """Ops that cannot be read or written, all of a model's in one line: "3 x Foo (nodes a, b, c)"."""

    def __init__(self, nodes: dict[str, list[str]], lead: str = "flowloom does not have") -> None:
        self.nodes = nodes
        text = f"{lead} " + ", ".join(map(_line, nodes, nodes.values()))
        ValueError.__init__(self, " ".join(text.split()))

    def at(self, op_type: str, label: str) -> OnnxError:
        """This error: it names the nodes already."""
        return self


def _line(op: str, names: list[str]) -> str:
    shown = [n if len(n) <= 60 else f"{n[:57]}..." for n in names[:5]]
    return f"{len(names)} x {op} (node{'s'[: len(names) - 1]} {', '.join([*shown, *['...'][: len(names) - 5]])})"
