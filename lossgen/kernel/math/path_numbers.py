"""Numbers in [0, ∞) whose range has no end, for sums over paths; printed as source text into generated kernels.

The path number of x = (1 + f)·2^e, with e an integer and f in [-1/4, 1/2), is e + f, one real number. It orders as x does,
lies within 0.1 of log2(x), and near x = 1 it is x - 1, with all digits of it. Sums, products and quotients take a few
additions and comparisons, where logarithms would need exponentials. Its resolution is that of a logarithm: 2**-52·|e|. The
number of 0, no path at all, is finite, so that nothing has to be tested on the way: products with it stay as good as it.

Bounds of f hold but for rounding; `path_exponent` reads up to 1/8 beyond them.
"""

import numpy as np

from lossgen.kernel.math.float64 import INFINITY, LN2_HIGH, LN2_LOW, LOG2E, exp_quotient, log_sum

real = np.float64
integer = np.int64

# The path number of 0, and a bound that only products with it lie below.
NO_PATH = real(-1e300)
ANY_PATH = real(-1e200)
# Adding 1.5 * 2**52 + 1023 leaves the exponent field of a power of two in the low bits.
EXPONENT_FIELD = real(6755399441056767.0)


def path_exponent(p):
    """The integer e of a path number."""
    return np.floor(p + real(0.375))


def power_down(n):
    """2**n for a small integer n as a real number; 0 below 2**-1022."""
    n = real(-1023.0) if n < real(-1023.0) else n
    return integer(real(n + EXPONENT_FIELD).view(integer) << integer(52)).view(real)


def path_product(u, v):
    """u·v of path numbers."""
    e, k = path_exponent(u), path_exponent(v)
    f, g = u - e, v - k
    f = f * g + (f + g)
    # 1 + f is in [9/16, 9/4): doubled below 3/4, halved from 3/2 on; the number of (1 + f)/2 is 1 - 1/2 + f/2.
    scale = real(2.0) if f < real(-0.25) else real(1.0)
    scale = real(0.5) if f >= real(0.5) else scale
    shift = real(0.5) if f >= real(0.5) else real(0.0)
    return (e + k) + (f * scale + shift)


def path_sum(u, v):
    """u + v of path numbers."""
    top = u if u > v else v
    low = v if u > v else u
    e, k = path_exponent(top), path_exponent(low)
    f = power_down(k - e) * (real(1.0) + (low - k)) + (top - e)
    scale = real(0.5) if f >= real(0.5) else real(1.0)
    shift = real(0.5) if f >= real(0.5) else real(0.0)
    return e + (f * scale + shift)


def path_sum_of_three(u, v, w):
    """u + v + w of path numbers."""
    most = u if u > v else v
    low = v if u > v else u
    top = most if most > w else w
    mid = w if most > w else most
    e, k, m = path_exponent(top), path_exponent(mid), path_exponent(low)
    more = power_down(k - e) * (real(1.0) + (mid - k)) + power_down(m - e) * (real(1.0) + (low - m))
    f = more + (top - e)
    # 1 + f is in [3/4, 9/2): the number of (1 + f)/4 is 2 - 3/4 + f/4.
    scale = real(0.5) if f >= real(0.5) else real(1.0)
    shift = real(0.5) if f >= real(0.5) else real(0.0)
    scale = real(0.25) if f >= real(2.0) else scale
    shift = real(1.25) if f >= real(2.0) else shift
    return e + (f * scale + shift)


def path_share(u, v):
    """u / v of path numbers as a real number, for u <= v but for rounding; 0 where v is no path."""
    e, k = path_exponent(u), path_exponent(v)
    share = power_down(e - k) * ((real(1.0) + (u - e)) / (real(1.0) + (v - k)))
    return real(0.0) if v < ANY_PATH else share


def path_of_log(x):
    """The path number of exp(x); no path for -inf, nan for nan."""
    y = x * LOG2E
    e = np.floor(y + real(0.415))
    r = (x - e * LN2_HIGH) - e * LN2_LOW
    f = (exp_quotient(r) * r + real(1.0)) * r
    # Beyond 10**12 a real number has no digit left for f.
    p = e + f if abs(x) < real(1e12) else y
    return NO_PATH if p < NO_PATH else p


def log_of_path(p):
    """log of a path number; -inf for no path."""
    e = path_exponent(p)
    return -INFINITY if p < ANY_PATH else log_sum(e, p - e)


def is_path(p):
    """1, and 0 for no path; 1 for nan, so that a product with it stays nan."""
    return real(0.0) if p < ANY_PATH else real(1.0)
