"""The CUDA backend: a plan as launches of generated kernels and library calls on one stream of an NVIDIA GPU."""
