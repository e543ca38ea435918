"""Scalar functions of values that may be infinite; printed as source text into generated kernels."""

import numpy as np

from lossgen.kernel.math.float64 import INFINITY

real = np.float64


def infinite_with(x, u):
    """u, and inf where x is infinite, whatever u is then; u for a nan in x."""
    return real(INFINITY) if abs(x) == INFINITY else u
