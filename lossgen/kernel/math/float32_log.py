"""The float32 difference from a logarithm, printed into generated kernels like `float32`, whose constants it uses.

x - log(t) cancels where both are nearly equal, and only what the rounded logarithm has lost is left: the logarithm is
computed in float64, on purpose.
"""

import numpy as np

from lossgen.kernel.math.float32 import INFINITY, NAN, real


def less_log(x, t):
    """x - log(t) for t > 0: within 0.51 ulp unless all but 2**-15 cancels; inf at t = 0, nan below."""
    wide = np.float64(t)
    bits = wide.view(np.int64)
    n = np.int64(bits - np.int64(0x3FE8000000000000)) >> np.int64(52)
    f = np.int64(bits - (n << np.int64(52))).view(np.float64) - np.float64(1.0)
    s = f / (np.float64(2.0) + f)
    z = s * s
    # 2*atanh(s)/s
    q = np.float64(1.9811250671143393e-01) * z + np.float64(2.216415413599606e-01)
    q = q * z + np.float64(2.8572264842199147e-01)
    q = q * z + np.float64(3.999999580334823e-01)
    q = q * z + np.float64(6.666666667002632e-01)
    q = q * z + np.float64(2.0)
    # The integer n as a float64, by its bits: a conversion would not vectorise everywhere.
    k = np.int64(n + np.int64(0x4338000000000000)).view(np.float64) - np.float64(6755399441055744.0)
    y = real((np.float64(x) - k * np.float64(0.6931471805599453)) - s * q)
    y = y if t < INFINITY else x - t
    edge = INFINITY if t == real(0.0) else NAN
    return y if t > real(0.0) else edge
