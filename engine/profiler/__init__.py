"""Profiles: what each instruction of a step costs, beside what this machine can do at best."""

from flowloom.profiler.profile import Part, Profile, Row
from flowloom.profiler.roofline import Peak, peak

__all__ = ["Part", "Peak", "Profile", "Row", "peak"]
