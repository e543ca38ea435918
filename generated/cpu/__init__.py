"""Numba kernels for the CPU: a module per loss, variant and dtype."""
