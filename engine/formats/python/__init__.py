"""Python source: a graph as code that builds it, and such code read back without running it."""

from flowloom.formats.python.reading import PythonSourceError, load
from flowloom.formats.python.writing import to_python

__all__ = ["PythonSourceError", "load", "to_python"]
