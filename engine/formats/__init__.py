"""Formats: what graphs are kept in. Loading a file never executes code."""

from flowloom.formats import flow, onnx, python

__all__ = ["flow", "onnx", "python"]
