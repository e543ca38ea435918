"""Sums over paths in plain numbers, each row of cells with a power of two of its own; printed as source text into kernels.

What leaves the range on the way becomes NaN, which no sum or product loses: a row whose sum is not NaN has every digit. An
item whose rows do not all fit is computed in path numbers instead (lossgen/kernel/math/path_numbers.py).
"""

import numpy as np

from lossgen.kernel.math.float64 import (
    INFINITY,
    LN2_HIGH,
    LN2_LOW,
    LOG2E,
    MANTISSA_BITS,
    NAN,
    ROUND,
    ROUND_BITS,
    exp_quotient,
    exponent,
    power_of_two,
)
from lossgen.kernel.math.path_numbers import NO_PATH

real = np.float64
integer = np.int64

# Cells are 0 or from 2**-940 on, weights 0 or from e**-480 to e**40, and derivatives are scaled by 2**-60 to 2**60: quotients
# of them lie within the range of normal numbers. Of labels a hundred long in 500 frames, a row's cells are within 10**236.
LEAST_CELL = real(1.0759796952395615e-283)
LOWEST_WEIGHT = real(-480.0)
HIGHEST_WEIGHT = real(40.0)
SMALLEST_FACTOR = real(8.673617379884035e-19)
LARGEST_FACTOR = real(1.152921504606847e18)


def scaled_of_log(x):
    """exp(x), cheaper than `exp`: within 1 ulp; 0 for -inf, nan where it is out of the range of a weight."""
    shifted = x * LOG2E + ROUND
    n = integer(real(shifted).view(integer) - ROUND_BITS)
    k = shifted - ROUND
    r = (x - k * LN2_HIGH) - k * LN2_LOW
    y = ((exp_quotient(r) * r + real(1.0)) * r + real(1.0)) * power_of_two(n)
    y = NAN if x < LOWEST_WEIGHT else y
    y = y if x <= HIGHEST_WEIGHT else NAN
    return real(0.0) if x == -INFINITY else y


def scaled_product(u, v):
    """u·v of two numbers that are not negative; nan where it is too small for a cell, though neither is 0."""
    p = u * v
    low = u if u < v else v
    return NAN if (p < LEAST_CELL) & (low > real(0.0)) else p


def scaled_quotient(u, v):
    """u / v, and 0 where v is 0: there is no path."""
    return real(0.0) if v == real(0.0) else u / v


def row_exponent(total):
    """The exponent of the power of two below the sum of a row, as a real number; 0 for an empty row."""
    n = integer(real(total).view(integer) >> integer(52)) - integer(1023)
    return real(0.0) if total == real(0.0) else exponent(n)


def fits_factor(factor):
    """Whether quotients of derivatives and cells stay in range."""
    return SMALLEST_FACTOR <= abs(factor) <= LARGEST_FACTOR


def path_of_scaled(x, shift):
    """The path number of x·2**shift."""
    n = integer(real(x).view(integer) - MANTISSA_BITS) >> integer(52)
    f = x * power_of_two(-n) - real(1.0)
    return NO_PATH if x == real(0.0) else (exponent(n) + shift) + f
