"""The native backend: a step as a table of compiled kernels, run by one loop outside of Python."""
