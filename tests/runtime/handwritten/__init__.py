"""Losses with kernels written by hand: a package as the build makes it, to test the runtime on its own."""
