"""Backends: who runs a plan. They give the same numbers, to the tolerance that the dtype allows."""
