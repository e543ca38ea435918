"""The float64 power and the difference from a logarithm, printed into kernels like `float64`, whose text they use.

exp(y*log(x)) multiplies the relative error of the logarithm by up to 745, and x - log(t) may cancel all but what the
logarithm has lost, so the logarithm is kept in two parts.
"""

from lossgen.kernel.math.float64 import (
    INFINITY,
    LN2_HIGH,
    LN2_LOW,
    LOG2E,
    MANTISSA_BITS,
    NAN,
    ROUND,
    ROUND_BITS,
    SMALLEST_NORMAL,
    exp_tail,
    exponent,
    integer,
    power_of_two,
    real,
)

# Keeps the upper 26 bits of a mantissa: products of two such numbers are exact.
UPPER_BITS = integer(-134217728)
TWO_THIRDS = real(0.6666666666666666)
TWO_THIRDS_LOW = real(3.700743415417188e-17)


def upper(x):
    """x with its lower 27 bits cleared."""
    return integer(real(x).view(integer) & UPPER_BITS).view(real)


def mantissa_log(m):
    """log(m) for m in [0.75, 1.5) as s + s_low + term + term_low; s has 26 bits, term 52.

    2*atanh(s) = 2*s + s*z*(2/3 + z*q(z)), s = (m - 1)/(m + 1), z = s*s: each factor is split into an upper part, whose
    products are exact, and a rest.
    """
    f = m - real(1.0)
    sum_upper = upper(m + real(1.0))
    inverse = real(1.0) / (m + real(1.0))
    s_upper = upper(f * inverse)
    s_low = ((f - s_upper * sum_upper) - s_upper * (m - (sum_upper - real(1.0)))) * inverse
    s = s_upper + s_low
    square = s_upper * s_upper
    square_low = s_low * (s_upper + s)
    z = square + square_low
    z_upper = upper(z)
    z_low = square_low - (z_upper - square)
    q = real(1.257688659108539e-01) * z + real(1.1591471314785676e-01)
    q = q * z + real(1.334120369526009e-01)
    q = q * z + real(1.538440456158895e-01)
    q = q * z + real(1.8181821567643466e-01)
    q = q * z + real(2.222222219078534e-01)
    q = q * z + real(2.857142857157992e-01)
    q = q * z + real(3.999999999999972e-01)
    q = q * z
    t_upper = upper(TWO_THIRDS + q)
    t_low = TWO_THIRDS_LOW + (q - (t_upper - TWO_THIRDS))
    product_low = z_low * (t_upper + t_low) + z_upper * t_low
    product_upper = upper(z_upper * t_upper + product_low)
    product_low = product_low + (z_upper * t_upper - product_upper)
    term = s_upper * product_upper
    term_low = s_low * (product_upper + product_low) + s_upper * product_low
    return s_upper + s_upper, s_low + s_low, term, term_low


def power_log(x):
    """log(x) as high + low, 2**-65 relative, high with 26 bits; nan below 0; huge but finite at 0 and inf."""
    small = x < SMALLEST_NORMAL
    m = x * real(18014398509481984.0) if small else x
    bits = real(m).view(integer)
    n = integer(bits - MANTISSA_BITS) >> integer(52)
    k = exponent(n) - (real(54.0) if small else real(0.0))
    m = integer(bits - (n << integer(52))).view(real)
    s, s_low, term, term_low = mantissa_log(m)
    lead = k * LN2_HIGH
    first = lead + s
    second = first + term
    low = (s - (first - lead)) + (term - (second - first))
    low = low + ((s_low + term_low) + k * LN2_LOW)
    high = upper(second + low)
    low = low - (high - second)
    high = high if x > real(0.0) else NAN
    high = real(1e300) if x == INFINITY else high
    return (real(-1e300) if x == real(0.0) else high), low


def power(x, y):
    """x**y for x >= 0, nan below: within 1 ulp. exp(y*log(x)), the logarithm in two parts (2**-65 relative).

    0**0 = 1, 0**positive = 0, 0**negative = inf, inf**0 = 1; a nan in either argument gives nan.
    """
    high, low = power_log(x)
    y = y * real(1e300) if abs(high) == real(1e300) else y
    y = real(1e300) if y > real(1e300) else y
    y = real(-1e300) if y < real(-1e300) else y
    total = y * (high + low)
    y_upper = upper(y)
    lead = y_upper * high
    rest = (y - y_upper) * high + y * low
    # Far outside the range the parts overflow; they are not needed there.
    lead = lead if abs(total) < real(800.0) else (real(800.0) if total > real(0.0) else real(-800.0))
    rest = rest if abs(total) < real(800.0) else real(0.0)
    shifted = (lead + rest) * LOG2E + ROUND
    n = integer(real(shifted).view(integer) - ROUND_BITS)
    k = shifted - ROUND
    high = lead - k * LN2_HIGH
    low = rest - k * LN2_LOW
    r = high + low
    low = (high - r) + low
    half = n >> integer(1)
    y = (real(1.0) + (r + (exp_tail(r) + low))) * power_of_two(half) * power_of_two(n - half)
    return y if total == total else NAN


def less_log(x, t):
    """x - log(t) for t > 0: within 1 ulp unless all but 2**-60 cancels; inf at t = 0, nan below."""
    high, low = power_log(t)
    y = (x - high) - low
    return y if abs(high) < real(1e300) else -high * INFINITY
