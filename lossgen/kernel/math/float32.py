"""Scalar float32 functions, printed as source text into generated kernels.

Every function is branch-free: it computes all cases and selects, so LLVM vectorises a loop that calls it. Nothing
relies on a fused multiply-add, and nothing breaks when the compiler contracts into one. The polynomials are minimax
fits (weighted least squares with Lawson's reweighting in 60 digits, coefficients rounded one after the other).
Only `power` widens to float64, on purpose.
"""

import numpy as np

real = np.float32
integer = np.int32

LOG2E = real(1.44269504)
# ln 2 in two parts: LN2_HIGH has 16 bits, so its product with an exponent (8 bits) is exact.
LN2_HIGH = real(0.693145751953125)
LN2_LOW = real(1.42860677e-06)
# Adding 1.5 * 2**23 rounds to an integer, which the low bits of the sum then hold.
ROUND = real(12582912.0)
ROUND_BITS = integer(0x4B400000)
# Bits of 0.75: the mantissas of the logarithms lie in [0.75, 1.5), where log1p's reduction is exact.
MANTISSA_BITS = integer(0x3F400000)
MAGNITUDE_BITS = integer(0x7FFFFFFF)
SMALLEST_NORMAL = real(1.1754943508222875e-38)
INFINITY = real(np.inf)
NAN = real(np.nan)


def power_of_two(n):
    """2**n for an integer n in [-126, 127]."""
    return integer((n + integer(127)) << integer(23)).view(real)


def with_sign(size, x):
    """A size >= 0 with the sign of x, zeros included."""
    sign = real(x).view(integer) & ~MAGNITUDE_BITS
    return integer(real(size).view(integer) | sign).view(real)


def exp_quotient(r):
    """(exp(r) - 1 - r) / r**2 for r in [-0.35, 0.41]: 2**-28 absolute."""
    q = real(2.0412072e-04) * r + real(1.393441e-03)
    q = q * r + real(8.332586e-03)
    q = q * r + real(4.166648e-02)
    q = q * r + real(1.6666669e-01)
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
    x = real(89.0) if x > real(89.0) else x
    x = real(-104.0) if x < real(-104.0) else x
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
    x = real(-104.0) if x < real(-104.0) else x
    shifted = x * LOG2E + ROUND
    n = integer(real(shifted).view(integer) - ROUND_BITS)
    k = shifted - ROUND
    r = (x - k * LN2_HIGH) - k * LN2_LOW
    y = (exp_quotient(r) * r + real(1.0)) * r + real(1.0)
    # 2**n in two factors, since it may be subnormal.
    return y * power_of_two(n + integer(64)) * real(5.421010862427522e-20)


def exp_below(a, b):
    """exp(a - b) for a <= b (softmax), for the exact difference: within 2.5 ulp; 1 for a == b; gradual underflow.

    e^a over e^b: both are reduced by multiples of ln 2, which is exact, where a - b may not be. A large b is subtracted
    after all, since it lies within a factor of 2 of every a that matters. What depends on b alone is computed once
    where b is the largest of a row.
    """
    origin = b if abs(b) > real(208.0) else real(0.0)
    top = b - origin
    shifted = top * LOG2E + ROUND
    top_n = integer(real(shifted).view(integer) - ROUND_BITS)
    k = shifted - ROUND
    r = k * LN2_LOW - (top - k * LN2_HIGH)
    unit = real(5.421010862427522e-20) * ((exp_quotient(r) * r + real(1.0)) * r + real(1.0))
    lowest = top - real(105.0)
    x = a - origin
    x = lowest if x < lowest else x
    shifted = x * LOG2E + ROUND
    n = integer(real(shifted).view(integer) - ROUND_BITS)
    k = shifted - ROUND
    r = (x - k * LN2_HIGH) - k * LN2_LOW
    y = (exp_quotient(r) * r + real(1.0)) * r + real(1.0)
    # 2**(n - top_n) in two factors, since it may be subnormal.
    y = y * power_of_two(n + integer(integer(64) - top_n)) * unit
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
    y = real(89.0) if x > real(89.0) else x
    y = real(-18.0) if y < real(-18.0) else y
    n, r, low = exp_reduce(y)
    tail = low + exp_tail(r + low)
    # Half the result, since 2**128 is infinite.
    scale = power_of_two(n - integer(1))
    y = real(2.0) * (scale * (r + tail) + (scale - real(0.5)))
    return x if abs(x) < real(1e-8) else y


def expm1_minus(x):
    """exp(x) - 1 - x: within 2.5 ulp, also near 0, where it is x*x/2."""
    x = real(89.0) if x > real(89.0) else x
    y = real(-18.0) if x < real(-18.0) else x
    n, r, low = exp_reduce(y)
    scale = power_of_two(n - integer(1))
    # What cancels, 2**n * (1 + r) - (1 + x), is exact near 0 in the order the sign of x asks for; 0 for n = 0.
    above = (scale * r + (scale - real(0.5))) - real(0.5) * x
    below = ((scale - real(0.5)) - real(0.5) * x) + scale * r
    lead = above if x > real(0.0) else below
    return real(2.0) * (lead + scale * (low + exp_tail(r + low)))


def expm1_ratio(x):
    """x / (exp(x) - 1): 1 at 0, -x towards -inf, 0 towards +inf; within 2 ulp."""
    x = real(110.0) if x > real(110.0) else x
    y = real(-18.0) if x < real(-18.0) else x
    n, r, low = exp_reduce(y)
    tail = low + exp_tail(r + low)
    half = n >> integer(1)
    a = power_of_two(-half)
    b = power_of_two(half - n)
    y = x / ((r + tail) + (real(1.0) - a * b)) * a * b
    return real(1.0) if x == real(0.0) else y


def log_sum(k, f):
    """k*ln 2 + log(1 + f) for f in [-0.25, 0.5]."""
    q = real(-4.507568e-02) * f + real(1.0464885e-01)
    q = q * f + real(-1.3162991e-01)
    q = q * f + real(1.4478657e-01)
    q = q * f + real(-1.6647115e-01)
    q = q * f + real(1.9990814e-01)
    q = q * f + real(-2.50001e-01)
    q = q * f + real(3.333345e-01)
    q = q * f + real(-0.5)
    return k * LN2_HIGH + (f + (k * LN2_LOW + f * f * q))


def log(x):
    """log(x): within 1 ulp; -inf at 0, nan below."""
    small = x < SMALLEST_NORMAL
    y = x * real(33554432.0) if small else x
    bits = real(y).view(integer)
    n = integer(bits - MANTISSA_BITS) >> integer(23)
    f = integer(bits - (n << integer(23))).view(real) - real(1.0)
    y = log_sum(real(n) - (real(25.0) if small else real(0.0)), f)
    y = y if x < INFINITY else x
    edge = -INFINITY if x == real(0.0) else NAN
    return y if x > real(0.0) else edge


def log1p(x):
    """log(1 + x): within 1 ulp; -inf at -1, nan below."""
    n = integer(real(real(1.0) + x).view(integer) - MANTISSA_BITS) >> integer(23)
    # f = 2**-n * (1 + x) - 1 is exact; four times 2**-n, which may be subnormal.
    scale = power_of_two(integer(2) - n)
    f = scale * (real(0.25) * x) + (real(0.25) * scale - real(1.0))
    y = log_sum(real(n), f)
    y = y if x < INFINITY else x
    y = y if abs(x) > real(1e-8) else x
    edge = -INFINITY if x == real(-1.0) else NAN
    return y if x > real(-1.0) else edge


def log1p_unit(x):
    """log(1 + x) for x in [0, 1] only, in half the time of `log1p`: within 1.2 ulp; nan for nan."""
    q = real(-3.3065395e-03) * x + real(2.0150334e-02)
    q = q * x + real(-5.7561528e-02)
    q = q * x + real(1.0670013e-01)
    q = q * x + real(-1.5349098e-01)
    q = q * x + real(1.9693193e-01)
    q = q * x + real(-2.4958156e-01)
    q = q * x + real(3.333047e-01)
    q = q * x + real(-4.999993e-01)
    return x + x * x * q


def tanh(x):
    """tanh(x): within 1.4 ulp; an odd polynomial up to 0.55, 1 - 2 / (exp(2|x|) + 1) beyond."""
    size = abs(x)
    z = size * size
    q = real(-5.900179e-03) * z + real(2.0800317e-02)
    q = q * z + real(-5.3785123e-02)
    q = q * z + real(1.333194e-01)
    q = q * z + real(-3.33333e-01)
    near = size + size * (z * q)
    y = real(10.0) if size > real(10.0) else size
    n, r, low = exp_reduce(y + y)
    r = r + low
    scale = power_of_two(n)
    far = real(1.0) - real(2.0) / (scale * (r + exp_tail(r)) + (scale + real(1.0)))
    return with_sign(near if size < real(0.55) else far, x)


def power(x, y):
    """x**y for x >= 0, nan below: 2**(y*log2(x)) in float64, hence correctly rounded but for ties (0.51 ulp).

    0**0 = 1, 0**positive = 0, 0**negative = inf, inf**0 = 1; a nan in either argument gives nan.
    """
    wide = np.float64(x)
    bits = wide.view(np.int64)
    n = np.int64(bits - np.int64(0x3FE8000000000000)) >> np.int64(52)
    f = np.int64(bits - (n << np.int64(52))).view(np.float64) - np.float64(1.0)
    s = f / (np.float64(2.0) + f)
    z = s * s
    p = np.float64(2.90891280445412e-01) * z + np.float64(3.1927946941281216e-01)
    p = p * z + np.float64(4.1222635314115313e-01)
    p = p * z + np.float64(5.770777532436954e-01)
    p = p * z + np.float64(9.617966948360916e-01)
    p = p * z + np.float64(2.885390081777417)
    # The integer n as a float64, by its bits: a conversion would not vectorise everywhere.
    k = np.int64(n + np.int64(0x4338000000000000)).view(np.float64) - np.float64(6755399441055744.0)
    logarithm = k + s * p
    # The ends: huge but finite, so that times 0 they give 0, hence 1.
    logarithm = logarithm if x > real(0.0) else np.float64(np.nan)
    logarithm = np.float64(1e300) if x == INFINITY else logarithm
    logarithm = np.float64(-1e300) if x == real(0.0) else logarithm
    exponent = np.float64(y)
    exponent = np.float64(1e300) if exponent > np.float64(1e300) else exponent
    exponent = np.float64(-1e300) if exponent < np.float64(-1e300) else exponent
    t = exponent * logarithm
    t = np.float64(200.0) if t > np.float64(200.0) else t
    t = np.float64(-200.0) if t < np.float64(-200.0) else t
    shifted = t + np.float64(6755399441055744.0)
    r = t - (shifted - np.float64(6755399441055744.0))
    e = np.float64(1.5345622113156144e-04) * r + np.float64(1.3399956986013014e-03)
    e = e * r + np.float64(9.618489658690013e-03)
    e = e * r + np.float64(5.550328712994946e-02)
    e = e * r + np.float64(2.4022646885204715e-01)
    e = e * r + np.float64(6.931472057667457e-01)
    e = e * r + np.float64(1.0000000005551672)
    scale = np.float64(shifted).view(np.int64) - np.int64(0x4338000000000000) + np.int64(1023)
    return real(e * np.int64(scale << np.int64(52)).view(np.float64))


def ordered(x):
    """An integer image of the bits that sorts as the numbers do (-0.0 below 0.0, a positive nan above +inf)."""
    bits = real(x).view(integer)
    return integer(bits ^ ((bits >> integer(31)) & MAGNITUDE_BITS))


def unordered(i):
    """The inverse of `ordered`."""
    return integer(i ^ ((i >> integer(31)) & MAGNITUDE_BITS)).view(real)
