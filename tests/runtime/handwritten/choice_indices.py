"""weight[target] · (log Σ exp(input) - input[target]): class indices, class weights, ignore_index and a normaliser."""

from collections.abc import Callable

import numpy as np
from numba import njit

compiled = njit(nogil=True, error_model="numpy")


@compiled
def probabilities(x, p):
    """Fill p with softmax(x) and return log Σ exp(x)."""
    top = x.max()
    total = 0.0
    for c in range(x.size):
        p[c] = np.exp(x[c] - top)
        total += p[c]
    for c in range(x.size):
        p[c] /= total
    return top + np.log(total)


def make(real: type) -> dict[str, Callable]:
    """The kernels for one dtype."""

    @compiled
    def status(label, classes, ignore_index, s):
        """0: counts; 1: contributes nothing; 2: out of range."""
        if s == 0 or label == ignore_index:
            return 1
        return 0 if 0 <= label < classes else 2

    @compiled
    def evaluate(first, last, bounds, x, y, w, ignore_index, scale, item_scale, values, totals, faults, grad_x, grad_w):
        p = np.empty(x.shape[1], np.float64)
        for lane in range(first, last):
            totals[lane] = 0.0
            faults[lane] = 0
            if grad_w is not None:
                grad_w[lane] = 0.0
            for i in range(bounds[lane], bounds[lane + 1]):
                s = real(1) if item_scale is None else item_scale[i]
                state = status(y[i], x.shape[1], ignore_index, s)
                value = real(0)
                if state == 2:
                    faults[lane] |= 2
                if state != 0:
                    if grad_x is not None:
                        grad_x[i] = 0
                else:
                    weight = real(1) if w is None else w[y[i]]
                    nll = probabilities(x[i], p) - x[i, y[i]]
                    value = real(s * weight * nll)
                    if grad_x is not None:
                        p[y[i]] -= 1.0
                        grad_x[i] = scale * s * weight * p
                    if grad_w is not None:
                        grad_w[lane, y[i]] += scale * s * nll
                totals[lane] += value
                if values is not None:
                    values[i] = value

    @compiled
    def hvp_full(
        first, last, bounds, x, y, w, ignore_index, v, u, scale, item_scale, values, totals, faults, out, out_w
    ):
        p = np.empty(x.shape[1], np.float64)
        for lane in range(first, last):
            totals[lane] = 0.0
            faults[lane] = 0
            if out_w is not None:
                out_w[lane] = 0.0
            for i in range(bounds[lane], bounds[lane + 1]):
                s = real(1) if item_scale is None else item_scale[i]
                slope = 0.0
                if status(y[i], x.shape[1], ignore_index, s) != 0:
                    if out is not None:
                        out[i] = 0
                else:
                    weight = real(1) if w is None else w[y[i]]
                    change = real(0) if u is None else u[y[i]]
                    nll = probabilities(x[i], p) - x[i, y[i]]
                    mean = (p * v[i]).sum()
                    slope = s * (weight * (mean - v[i, y[i]]) + change * nll)
                    if out is not None:
                        row = weight * p * (v[i] - mean) + change * p
                        row[y[i]] -= change
                        out[i] = scale * s * row
                    if out_w is not None:
                        out_w[lane, y[i]] += scale * s * (mean - v[i, y[i]])
                totals[lane] += slope
                if values is not None:
                    values[i] = slope

    @compiled
    def hvp(first, last, bounds, x, y, w, ignore_index, v, scale, item_scale, values, totals, faults, out):
        hvp_full(
            first, last, bounds, x, y, w, ignore_index, v, None,
            scale, item_scale, values, totals, faults, out, None,
        )  # fmt: skip

    @compiled
    def hessian_diagonal(first, last, bounds, x, y, w, ignore_index, scale, item_scale, values, totals, faults, out):
        p = np.empty(x.shape[1], np.float64)
        for lane in range(first, last):
            totals[lane] = 0.0
            faults[lane] = 0
            for i in range(bounds[lane], bounds[lane + 1]):
                s = real(1) if item_scale is None else item_scale[i]
                out[i] = 0
                if status(y[i], x.shape[1], ignore_index, s) == 0:
                    probabilities(x[i], p)
                    out[i] = scale * s * (real(1) if w is None else w[y[i]]) * p * (1.0 - p)

    @compiled
    def normalizer(first, last, bounds, x, y, w, ignore_index, scale, item_scale, values, totals, faults):
        for lane in range(first, last):
            totals[lane] = 0.0
            faults[lane] = 0
            for i in range(bounds[lane], bounds[lane + 1]):
                s = real(1) if item_scale is None else item_scale[i]
                state = status(y[i], x.shape[1], ignore_index, s)
                if state == 2:
                    faults[lane] |= 2
                if state == 0:
                    totals[lane] += s * (real(1) if w is None else w[y[i]])

    return {
        "evaluate": evaluate,
        "hvp": hvp,
        "hvp_full": hvp_full,
        "hessian_diagonal": hessian_diagonal,
        "normalizer": normalizer,
    }
