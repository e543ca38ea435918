"""Kernels as the build prints them, one module for each variant and dtype."""
