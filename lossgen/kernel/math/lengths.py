"""Scalar functions for lengths, the same text for float32 and float64; printed as source text into generated kernels."""

import numpy as np

from lossgen.kernel.math.float64 import SMALLEST_NORMAL
from lossgen.kernel.math.float64_power import power

real = np.float64
integer = np.int64

# The bits of +inf: the whole exponent, and none of the mantissa.
EXPONENT_BITS = integer(real(np.inf).view(integer))


def binade(x):
    """The largest power of two that is at most x, for a normal number x > 0; 0 for smaller ones and nan; inf for inf."""
    x = x if x > real(0.0) else real(0.0)
    return integer(real(x).view(integer) & EXPONENT_BITS).view(real)


def reciprocal_or_zero(x):
    """1 / x, and 0 where |x| is below the smallest normal number, whose reciprocal may be infinite."""
    return real(0.0) if abs(x) < SMALLEST_NORMAL else real(1.0) / x


def abs_power(x, y):
    """|x|**y, and 0 at x = 0 for every y: as accurate as `power`."""
    return power(abs(x), y) if x != real(0.0) else real(0.0)


def signed_power(x, y):
    """sign(x) * |x|**y, and 0 at x = 0 for every y."""
    size = abs_power(x, y)
    return size if x > real(0.0) else -size


def hypot(x, y):
    """sqrt(x*x + y*y), without over- or underflow on the way: within 1.5 ulp."""
    x = abs(x)
    y = abs(y)
    large = x if x > y else y
    small = y if x > y else x
    # 0/0 and inf/inf are the length of (0, 0) and of (inf, inf).
    share = small / large if (large > real(0.0)) & (large < real(np.inf)) else real(0.0)
    return large * np.sqrt(real(1.0) + share * share)
