"""Formats: what graphs are kept in. Loading a file never executes code."""

from flowloom.formats import flow

__all__ = ["flow"]
