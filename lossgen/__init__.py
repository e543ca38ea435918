"""lossgen: a loss is written once, as a formula; its derivatives and kernels are derived from it."""
