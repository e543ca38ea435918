"""Kernels for CUDA, which `lossgen.runtime.cuda` compiles: a module per loss, variant and dtype."""
