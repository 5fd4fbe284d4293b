"""Windows: how ONNX says strides, padding and dilation, and how flowloom does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flowloom.formats.onnx.node import Node

NAMES = {"SAME_UPPER": "same", "SAME_LOWER": "same_lower", "VALID": "valid"}


def sliding(node: Node, rank: int) -> dict[str, Any]:
    """The parameters of windows over `rank` axes, without those that have their usual values."""
    how = {"padding": padding(node, rank), "dilation_rate": each(node.attr("dilations", [1] * rank))}
    strides = each(node.attr("strides", [1] * rank))
    return {"strides": strides, **{k: v for k, v in how.items() if v not in (1, "valid")}}


def padding(node: Node, rank: int) -> Any:
    """The padding: a name, or the widths (before, after) for each axis."""
    name = node.attr("auto_pad", "NOTSET")
    if name != "NOTSET":
        if name not in NAMES:
            raise node.refuse(f"there is no padding {name!r}")
        return NAMES[name]
    return margins(node.attr("pads", [0] * 2 * rank), rank)


def margins(pads: Sequence[int], rank: int) -> Any:
    """ONNX's widths, all in front and then all behind, as pairs; "valid" if all are 0."""
    return tuple(zip(pads[:rank], pads[rank:], strict=True)) if any(pads) else "valid"


def each(numbers: Sequence[int]) -> Any:
    """One number where all axes have the same, else all."""
    return numbers[0] if len(set(numbers)) == 1 else tuple(numbers)
