"""weight · factor · (input - target)², with a broadcast weight; NaN is outside the target's domain."""

from collections.abc import Callable

from numba import njit

compiled = njit(nogil=True, error_model="numpy")


def make(real: type) -> dict[str, Callable]:
    """The kernels for one dtype."""

    @compiled
    def evaluate(
        first, last, bounds, x, y, w, factor, scale, item_scale, values, totals, faults, grad_x, grad_y, grad_w
    ):
        for lane in range(first, last):
            totals[lane] = 0.0
            faults[lane] = 0
            for i in range(bounds[lane], bounds[lane + 1]):
                s = real(1) if item_scale is None else item_scale[i]
                skip = s == 0
                weight = real(1) if w is None else w[i]
                if y[i] != y[i]:
                    faults[lane] |= 2
                d = real(0) if skip else x[i] - y[i]
                weight = real(0) if skip else weight
                value = s * real(factor) * weight * d * d
                slope = real(scale) * s * real(factor) * weight * real(2) * d
                totals[lane] += value
                if values is not None:
                    values[i] = value
                if grad_x is not None:
                    grad_x[i] = slope
                if grad_y is not None:
                    grad_y[i] = -slope
                if grad_w is not None:
                    grad_w[i] = real(scale) * s * real(factor) * d * d

    @compiled
    def hvp(first, last, bounds, x, y, w, factor, v, scale, item_scale, values, totals, faults, out):
        for lane in range(first, last):
            totals[lane] = 0.0
            faults[lane] = 0
            for i in range(bounds[lane], bounds[lane + 1]):
                s = real(1) if item_scale is None else item_scale[i]
                c = s * real(factor) * (real(1) if w is None else w[i])
                slope = c * real(2) * (x[i] - y[i]) * v[i]
                totals[lane] += slope
                if values is not None:
                    values[i] = slope
                if out is not None:
                    out[i] = real(scale) * c * real(2) * v[i]

    @compiled
    def hvp_full(
        first, last, bounds, x, y, w, factor, vx, vy, vw, scale, item_scale, values, totals, faults, ox, oy, ow
    ):
        for lane in range(first, last):
            totals[lane] = 0.0
            faults[lane] = 0
            for i in range(bounds[lane], bounds[lane + 1]):
                s = real(1) if item_scale is None else item_scale[i]
                c = s * real(factor)
                weight = real(1) if w is None else w[i]
                d = x[i] - y[i]
                dv = vx[i] - vy[i]
                slope = c * (weight * real(2) * d * dv + vw[i] * d * d)
                product = real(scale) * c * real(2) * (weight * dv + vw[i] * d)
                totals[lane] += slope
                if values is not None:
                    values[i] = slope
                if ox is not None:
                    ox[i] = product
                if oy is not None:
                    oy[i] = -product
                if ow is not None:
                    ow[i] = real(scale) * c * real(2) * d * dv

    @compiled
    def hessian_diagonal(first, last, bounds, x, y, w, factor, scale, item_scale, values, totals, faults, out):
        for lane in range(first, last):
            totals[lane] = 0.0
            faults[lane] = 0
            for i in range(bounds[lane], bounds[lane + 1]):
                s = real(1) if item_scale is None else item_scale[i]
                out[i] = real(scale) * s * real(factor) * real(2) * (real(1) if w is None else w[i])

    return {"evaluate": evaluate, "hvp": hvp, "hvp_full": hvp_full, "hessian_diagonal": hessian_diagonal}
