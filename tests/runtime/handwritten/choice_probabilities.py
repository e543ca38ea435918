"""-Σ weight · target · log softmax(input), for probabilities in [0, 1] as targets; only the kernel `evaluate`."""

from collections.abc import Callable

import numpy as np
from numba import njit

from .choice_indices import probabilities

compiled = njit(nogil=True, error_model="numpy")


def make(real: type) -> dict[str, Callable]:
    """The kernels for one dtype."""

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
                total = probabilities(x[i], p)
                value = 0.0
                mass = 0.0
                for c in range(x.shape[1]):
                    if not 0 <= y[i, c] <= 1:
                        faults[lane] |= 2
                    weight = real(1) if w is None else w[c]
                    mass += weight * y[i, c]
                    value += weight * y[i, c] * (total - x[i, c])
                    if grad_w is not None:
                        grad_w[lane, c] += scale * s * y[i, c] * (total - x[i, c])
                if grad_x is not None:
                    for c in range(x.shape[1]):
                        weight = real(1) if w is None else w[c]
                        grad_x[i, c] = scale * s * (mass * p[c] - weight * y[i, c])
                totals[lane] += s * value
                if values is not None:
                    values[i] = s * value

    return {"evaluate": evaluate}
