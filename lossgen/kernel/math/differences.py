"""Scalar functions for what two vectors differ in, the same text for float32 and float64; printed into generated kernels.

Each takes the difference of its arguments beside them, since that is known better than they are.
"""

import numpy as np

from lossgen.kernel.math.float64 import expm1, log, log1p
from lossgen.kernel.math.lengths import abs_power, reciprocal_or_zero

real = np.float64


def abs_difference(difference, total):
    """|a| - |b|, from a - b and a + b: the smaller of the two in size, minus it where they differ in sign."""
    size = abs(total) if abs(total) < abs(difference) else abs(difference)
    return size if (difference > real(0.0)) == (total > real(0.0)) else -size


def power_drop(small, large, gap, y):
    """1 - (small/large)**y for 0 <= small <= large and gap = large - small, as accurate as the gap; 1 where small is 0."""
    inverse = reciprocal_or_zero(large)
    share = log1p(-gap * inverse) if gap + gap < large else log(small * inverse)
    return real(1.0) if small == real(0.0) else -expm1(y * share)


def abs_power_difference(x, y, gap, p):
    """|x|**p - |y|**p for gap = x - y, as accurate as the gap where x and y are close; 0**p is 0 for every p."""
    large = abs(x) if abs(x) > abs(y) else abs(y)
    small = abs(y) if abs(x) > abs(y) else abs(x)
    lead = abs_difference(gap, x + y)
    size = power_drop(small, large, abs(lead), p) * abs_power(large, p)
    return size if lead > real(0.0) else -size


def signed_power_difference(x, y, gap, p):
    """sign(x)*|x|**p - sign(y)*|y|**p for gap = x - y, as `abs_power_difference`."""
    large = abs(x) if abs(x) > abs(y) else abs(y)
    small = abs(y) if abs(x) > abs(y) else abs(x)
    alike = (x > real(0.0)) == (y > real(0.0))
    drop = power_drop(small, large, abs(gap) if alike else large - small, p)
    size = (drop if alike else real(2.0) - drop) * abs_power(large, p)
    return size if gap > real(0.0) else -size


def root_difference(share, f, g, p):
    """f - g for f, g > 0 that do not differ much, from share = 1 - (g/f)**p, which is known better than they are."""
    drop = (f - g) / f
    power = -expm1(p * log1p(-drop))
    return f * share * (drop / power if power != real(0.0) else real(1.0) / p)


def where_near(near, far, f, g):
    """`near` where f and g differ by less than a factor of 2, else `far`."""
    return near if (f < g + g) & (g < f + f) else far


def up_to_half(x):
    """x where it is less than a half in size, else 0."""
    return x if abs(x) < real(0.5) else real(0.0)
