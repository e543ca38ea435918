"""Σ_{t < T_i, u < U_i} ½ input[t, u, label[u]]² + Σ_{t < T_i} input[t, U_i, blank]: a grid with three axes, of which one is
longer than that of the labels by one entry."""

from collections.abc import Callable

from numba import njit

compiled = njit(nogil=True, error_model="numpy")


def make(real: type) -> dict[str, Callable]:
    """The kernels for one dtype."""

    @compiled
    def evaluate(
        first, last, bounds, x, y, times, lengths, blank, times_size, labels_size, ends_size,
        scale, item_scale, values, totals, faults, grad,
    ):  # fmt: skip
        rows, steps = x
        labels, starts = y
        for lane in range(first, last):
            totals[lane], faults[lane] = 0.0, 0
            for i in range(bounds[lane], bounds[lane + 1]):
                s = real(1) if item_scale is None else item_scale[i]
                value = real(0)
                for t in range(times_size):
                    for u in range(ends_size):
                        if grad is not None:
                            grad[0][i * grad[1][0] + t * grad[1][1] + u * grad[1][2]] = 0
                        if t >= times[i] or u > lengths[i] or s == 0:
                            continue
                        row = rows[i * steps[0] + t * steps[1] + u * steps[2]]
                        label = labels[starts[i] + u] if u < lengths[i] else blank
                        value += row[label] ** 2 / 2 if u < lengths[i] else row[label]
                        if grad is not None:
                            slope = row[label] if u < lengths[i] else real(1)
                            grad[0][i * grad[1][0] + t * grad[1][1] + u * grad[1][2], label] = scale * s * slope
                if values is not None:
                    values[i] = s * value
                totals[lane] += s * value

    return {"evaluate": evaluate}
