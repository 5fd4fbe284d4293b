"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

# The same examples in every run, and no deadline: how long an example takes depends on the machine.
settings.register_profile("flowloom", deadline=None, derandomize=True)
settings.load_profile("flowloom")
