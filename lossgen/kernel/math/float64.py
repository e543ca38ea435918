"""Scalar float64 functions, printed as source text into generated kernels.

Every function is branch-free: it computes all cases and selects, so LLVM vectorises a loop that calls it. Nothing
relies on a fused multiply-add, and nothing breaks when the compiler contracts into one. The polynomials are minimax
fits (weighted least squares with Lawson's reweighting in 60 digits, coefficients rounded one after the other).
"""

import numpy as np

real = np.float64
integer = np.int64

LOG2E = real(1.4426950408889634)
# ln 2 in two parts: LN2_HIGH has 32 bits, so its product with an exponent (11 bits) is exact.
LN2_HIGH = real(0.6931471803691238)
LN2_LOW = real(1.9082149292705877e-10)
# Adding 1.5 * 2**52 rounds to an integer, which the low bits of the sum then hold.
ROUND = real(6755399441055744.0)
ROUND_BITS = integer(0x4338000000000000)
# Bits of 0.75: the mantissas of the logarithms lie in [0.75, 1.5), where log1p's reduction is exact.
MANTISSA_BITS = integer(0x3FE8000000000000)
MAGNITUDE_BITS = integer(0x7FFFFFFFFFFFFFFF)
SMALLEST_NORMAL = real(2.2250738585072014e-308)
INFINITY = real(np.inf)
NAN = real(np.nan)


def power_of_two(n):
    """2**n for an integer n in [-1022, 1023]."""
    return integer((n + integer(1023)) << integer(52)).view(real)


def exponent(n):
    """A small integer as a real number, by its bits: the conversion does not vectorise everywhere."""
    return integer(n + ROUND_BITS).view(real) - ROUND


def with_sign(size, x):
    """A size >= 0 with the sign of x, zeros included."""
    sign = real(x).view(integer) & ~MAGNITUDE_BITS
    return integer(real(size).view(integer) | sign).view(real)


def exp_quotient(r):
    """(exp(r) - 1 - r) / r**2 for r in [-0.35, 0.41]: 2**-57 absolute."""
    q = real(2.146079054364672e-09) * r + real(2.510684600090933e-08)
    q = q * r + real(2.7555615544710723e-07)
    q = q * r + real(2.7557250776500274e-06)
    q = q * r + real(2.480158905384296e-05)
    q = q * r + real(1.984126987895256e-04)
    q = q * r + real(1.3888888888178882e-03)
    q = q * r + real(8.33333333332497e-03)
    q = q * r + real(4.166666666666755e-02)
    q = q * r + real(1.666666666666667e-01)
    return q * r + real(0.5)


def exp_tail(r):
    """exp(r) - 1 - r for r in [-0.35, 0.41]."""
    return r * r * exp_quotient(r)


def exp_reduce(x):
    """x = n*ln 2 + r + low, as (n, r, low): r exact, in [-0.288, 0.406]. There exp(r) - 1 has no bad rounding."""
    shifted = (x * LOG2E - real(0.085)) + ROUND
    n = integer(real(shifted).view(integer) - ROUND_BITS)
    k = shifted - ROUND
    return n, x - k * LN2_HIGH, k * -LN2_LOW


def exp(x):
    """exp(x): within 1 ulp; gradual underflow."""
    x = real(710.0) if x > real(710.0) else x
    x = real(-746.0) if x < real(-746.0) else x
    shifted = x * LOG2E + ROUND
    n = integer(real(shifted).view(integer) - ROUND_BITS)
    k = shifted - ROUND
    r = (x - k * LN2_HIGH) - k * LN2_LOW
    y = (exp_quotient(r) * r + real(1.0)) * r + real(1.0)
    half = n >> integer(1)
    # Two factors, since 2**n itself may overflow or be subnormal.
    return y * power_of_two(half) * power_of_two(n - half)


def exp_nonpositive(x):
    """exp(x) for x <= 0 only (softmax, exp(-|x|)), cheaper than `exp`: within 1 ulp; gradual underflow; nan for nan."""
    x = real(-746.0) if x < real(-746.0) else x
    shifted = x * LOG2E + ROUND
    n = integer(real(shifted).view(integer) - ROUND_BITS)
    k = shifted - ROUND
    r = (x - k * LN2_HIGH) - k * LN2_LOW
    y = (exp_quotient(r) * r + real(1.0)) * r + real(1.0)
    # 2**n in two factors, since it may be subnormal.
    return y * power_of_two(n + integer(128)) * real(2.938735877055719e-39)


def exp_below(a, b):
    """exp(a - b) for a <= b (softmax), for the exact difference: within 2.5 ulp; 1 for a == b; gradual underflow.

    e^a over e^b: both are reduced by multiples of ln 2, which is exact, where a - b may not be. A large b is subtracted
    after all, since it lies within a factor of 2 of every a that matters. What depends on b alone is computed once
    where b is the largest of a row.
    """
    origin = b if abs(b) > real(1500.0) else real(0.0)
    top = b - origin
    shifted = top * LOG2E + ROUND
    top_n = integer(real(shifted).view(integer) - ROUND_BITS)
    k = shifted - ROUND
    r = k * LN2_LOW - (top - k * LN2_HIGH)
    unit = real(2.938735877055719e-39) * ((exp_quotient(r) * r + real(1.0)) * r + real(1.0))
    lowest = top - real(747.0)
    x = a - origin
    x = lowest if x < lowest else x
    shifted = x * LOG2E + ROUND
    n = integer(real(shifted).view(integer) - ROUND_BITS)
    k = shifted - ROUND
    r = (x - k * LN2_HIGH) - k * LN2_LOW
    y = (exp_quotient(r) * r + real(1.0)) * r + real(1.0)
    # 2**(n - top_n) in two factors, since it may be subnormal.
    y = y * power_of_two(n + integer(integer(128) - top_n)) * unit
    return real(1.0) if a == b else y


def exp_of_difference(a, b):
    """exp(a - b) for the exact difference: within 2 ulp. The rounded one loses |a - b|/2 ulp."""
    d = a - b
    v = d - a
    lost = (a - (d - v)) - (b + v)
    e = exp(d)
    return e + e * lost if (e > real(0.0)) & (e < INFINITY) else e


def expm1(x):
    """exp(x) - 1: within 1.4 ulp."""
    y = real(710.0) if x > real(710.0) else x
    y = real(-40.0) if y < real(-40.0) else y
    n, r, low = exp_reduce(y)
    tail = low + exp_tail(r + low)
    # Half the result, since 2**1024 is infinite.
    scale = power_of_two(n - integer(1))
    y = real(2.0) * (scale * (r + tail) + (scale - real(0.5)))
    return x if abs(x) < real(1e-17) else y


def expm1_minus(x):
    """exp(x) - 1 - x: within 2.5 ulp, also near 0, where it is x*x/2."""
    x = real(710.0) if x > real(710.0) else x
    y = real(-40.0) if x < real(-40.0) else x
    n, r, low = exp_reduce(y)
    scale = power_of_two(n - integer(1))
    # What cancels, 2**n * (1 + r) - (1 + x), is exact near 0 in the order the sign of x asks for; 0 for n = 0.
    above = (scale * r + (scale - real(0.5))) - real(0.5) * x
    below = ((scale - real(0.5)) - real(0.5) * x) + scale * r
    lead = above if x > real(0.0) else below
    return real(2.0) * (lead + scale * (low + exp_tail(r + low)))


def expm1_ratio(x):
    """x / (exp(x) - 1): 1 at 0, -x towards -inf, 0 towards +inf; within 2 ulp."""
    x = real(760.0) if x > real(760.0) else x
    y = real(-40.0) if x < real(-40.0) else x
    n, r, low = exp_reduce(y)
    tail = low + exp_tail(r + low)
    half = n >> integer(1)
    a = power_of_two(-half)
    b = power_of_two(half - n)
    y = x / ((r + tail) + (real(1.0) - a * b)) * a * b
    return real(1.0) if x == real(0.0) else y


def atanh_tail(z):
    """2*atanh(s)/s - 2 for z = s*s up to 0.04: z times a polynomial, 2**-55 absolute."""
    q = real(1.537366488580157e-01) * z + real(1.5249482242489365e-01)
    q = q * z + real(1.8186391561581983e-01)
    q = q * z + real(2.222213762797145e-01)
    q = q * z + real(2.8571429406113347e-01)
    q = q * z + real(3.999999999610036e-01)
    q = q * z + real(6.666666666667282e-01)
    return q * z


def log_sum(k, f):
    """k*ln 2 + log(1 + f) for f in [-0.25, 0.5], where log(1 + f) = 2*atanh(f / (2 + f))."""
    s = f / (real(2.0) + f)
    square = real(0.5) * f * f
    tail = s * (square + atanh_tail(s * s)) - square
    return k * LN2_HIGH + (f + (k * LN2_LOW + tail))


def log(x):
    """log(x): within 1.1 ulp; -inf at 0, nan below."""
    small = x < SMALLEST_NORMAL
    y = x * real(18014398509481984.0) if small else x
    bits = real(y).view(integer)
    n = integer(bits - MANTISSA_BITS) >> integer(52)
    f = integer(bits - (n << integer(52))).view(real) - real(1.0)
    y = log_sum(exponent(n) - (real(54.0) if small else real(0.0)), f)
    y = y if x < INFINITY else x
    edge = -INFINITY if x == real(0.0) else NAN
    return y if x > real(0.0) else edge


def log1p(x):
    """log(1 + x): within 1.1 ulp; -inf at -1, nan below."""
    n = integer(real(real(1.0) + x).view(integer) - MANTISSA_BITS) >> integer(52)
    # f = 2**-n * (1 + x) - 1 is exact; four times 2**-n, which may be subnormal.
    scale = power_of_two(integer(2) - n)
    f = scale * (real(0.25) * x) + (real(0.25) * scale - real(1.0))
    y = log_sum(exponent(n), f)
    y = y if x < INFINITY else x
    y = y if abs(x) > real(1e-17) else x
    edge = -INFINITY if x == real(-1.0) else NAN
    return y if x > real(-1.0) else edge


def log1p_unit(x):
    """log(1 + x) for x in [0, 1] only, in less time than `log1p`: within 1.5 ulp; nan for nan."""
    s = x / (real(2.0) + x)
    z = s * s
    q = real(1.7017120582621292e-01) * z + real(8.340981522362981e-02)
    q = q * z + real(1.2105859265836905e-01)
    q = q * z + real(1.3301006154831427e-01)
    q = q * z + real(1.5386557080442817e-01)
    q = q * z + real(1.8181744079865214e-01)
    q = q * z + real(2.2222223964528334e-01)
    q = q * z + real(2.857142854795574e-01)
    q = q * z + real(4.0000000000156216e-01)
    q = q * z + real(6.666666666666631e-01)
    square = real(0.5) * x * x
    return x + (s * (square + z * q) - square)


def tanh(x):
    """tanh(x) = t / (t + 2) with t = exp(2|x|) - 1, the roundings of t and t + 2 mended to first order: 1.4 ulp."""
    size = abs(x)
    y = real(20.0) if size > real(20.0) else size
    n, r, low = exp_reduce(y + y)
    scale = power_of_two(n)
    tail = scale * (low + exp_tail(r + low))
    lead = scale * r + (scale - real(1.0))
    t = lead + tail
    rest = tail - (t - lead)
    below = t + real(2.0)
    below_rest = rest + (t - (below - real(2.0)) if t < real(2.0) else real(2.0) - (below - t))
    q = t / below
    # 1 / (t + 2) = (1 - tanh) / 2
    y = q + (real(0.5) - real(0.5) * q) * (rest - q * below_rest)
    return with_sign(y, x)


def ordered(x):
    """An integer image of the bits that sorts as the numbers do (-0.0 below 0.0, a positive nan above +inf)."""
    bits = real(x).view(integer)
    return integer(bits ^ ((bits >> integer(63)) & MAGNITUDE_BITS))


def unordered(i):
    """The inverse of `ordered`."""
    return integer(i ^ ((i >> integer(63)) & MAGNITUDE_BITS)).view(real)
