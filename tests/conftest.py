"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import settings

# Compiled kernels are kept from run to run, but not among the user's own.
os.environ.setdefault("FLOWLOOM_CACHE", str(Path(__file__).parent.parent / "build" / "cache"))

# When a step goes over to the native backend by itself depends on the machine, and so do the last bits of its results.
os.environ.setdefault("FLOWLOOM_BACKEND", "portable")

# The same examples in every run, and no deadline: how long an example takes depends on the machine.
settings.register_profile("flowloom", deadline=None, derandomize=True)
settings.load_profile("flowloom")
