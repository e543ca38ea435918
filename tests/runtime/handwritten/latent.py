"""½ Σ (output - data)² over the features + ½ Σ mean² · spread over the latents: two axes of different lengths."""

from collections.abc import Callable

import numpy as np
from numba import njit

compiled = njit(nogil=True, error_model="numpy")


def make(real: type) -> dict[str, Callable]:
    """The kernels for one dtype."""

    @compiled
    def evaluate(
        first, last, bounds, r, d, m, v, scale, item_scale, values, totals, faults, grad_r, grad_d, grad_m, grad_v
    ):
        for lane in range(first, last):
            totals[lane] = 0.0
            faults[lane] = 0
            for i in range(bounds[lane], bounds[lane + 1]):
                s = real(1) if item_scale is None else item_scale[i]
                k = real(scale) * s
                value = 0.0
                for j in range(r.shape[1]):
                    e = r[i, j] - d[i, j]
                    value += real(0.5) * e * e
                    if grad_r is not None:
                        grad_r[i, j] = k * e
                    if grad_d is not None:
                        grad_d[i, j] = -k * e
                for j in range(m.shape[1]):
                    value += real(0.5) * m[i, j] * m[i, j] * v[i, j]
                    if grad_m is not None:
                        grad_m[i, j] = k * m[i, j] * v[i, j]
                    if grad_v is not None:
                        grad_v[i, j] = k * real(0.5) * m[i, j] * m[i, j]
                totals[lane] += s * value
                if values is not None:
                    values[i] = s * value

    @compiled
    def hvp_full(
        first, last, bounds, r, d, m, v, ur, ud, um, uv, scale, item_scale, values, totals, faults, hr, hd, hm, hv
    ):
        for lane in range(first, last):
            totals[lane] = 0.0
            faults[lane] = 0
            for i in range(bounds[lane], bounds[lane + 1]):
                s = real(1) if item_scale is None else item_scale[i]
                k = real(scale) * s
                slope = 0.0
                for j in range(r.shape[1]):
                    u = ur[i, j] - ud[i, j]
                    slope += (r[i, j] - d[i, j]) * u
                    if hr is not None:
                        hr[i, j] = k * u
                    if hd is not None:
                        hd[i, j] = -k * u
                for j in range(m.shape[1]):
                    slope += m[i, j] * v[i, j] * um[i, j] + real(0.5) * m[i, j] * m[i, j] * uv[i, j]
                    if hm is not None:
                        hm[i, j] = k * (v[i, j] * um[i, j] + m[i, j] * uv[i, j])
                    if hv is not None:
                        hv[i, j] = k * m[i, j] * um[i, j]
                totals[lane] += s * slope
                if values is not None:
                    values[i] = s * slope

    @compiled
    def hvp(first, last, bounds, r, d, m, v, ur, um, uv, scale, item_scale, values, totals, faults, hr, hm, hv):
        hvp_full(
            first, last, bounds, r, d, m, v, ur, np.zeros_like(r), um, uv,
            scale, item_scale, values, totals, faults, hr, None, hm, hv,
        )  # fmt: skip

    @compiled
    def hessian_diagonal(first, last, bounds, r, d, m, v, scale, item_scale, values, totals, faults, hr, hm, hv):
        for lane in range(first, last):
            totals[lane] = 0.0
            faults[lane] = 0
            for i in range(bounds[lane], bounds[lane + 1]):
                s = real(1) if item_scale is None else item_scale[i]
                k = real(scale) * s
                hr[i] = k
                hm[i] = k * v[i]
                hv[i] = 0

    return {"evaluate": evaluate, "hvp": hvp, "hvp_full": hvp_full, "hessian_diagonal": hessian_diagonal}
