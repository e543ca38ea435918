"""From derivations to kernel text."""

from .cpu import render_module

#: The kernels' arithmetic; half-precision inputs are computed in float32.
DTYPES = ("float32", "float64")

__all__ = ["DTYPES", "render_module"]
