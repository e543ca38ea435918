"""½ Σ_{t < T_i} (input[t, l(t)] + links[l(t-1), l(t)])², l(t) the label at t < L_i and else the blank: a loss whose kernels
take arrays whole. `mean` divides each item by max(L_i, 1)."""

from collections.abc import Callable

from numba import njit

compiled = njit(nogil=True, error_model="numpy")


def make(real: type) -> dict[str, Callable]:
    """The kernels for one dtype."""

    @compiled
    def step(t, i, steps, labels, start, length, blank):
        """The label at t, that before it (-1 at the beginning), and the row of the entry."""
        label = labels[start + t] if t < length else blank
        before = -1 if t == 0 else labels[start + t - 1] if t - 1 < length else blank
        return label, before, i * steps[0] + t * steps[1]

    @compiled
    def clear(out, i, size):
        rows, steps = out
        for t in range(size):
            rows[i * steps[0] + t * steps[1]] = 0

    @compiled
    def evaluate(
        first, last, bounds, x, y, frames, lengths, links, blank, frames_size, labels_size,
        scale, item_scale, values, totals, faults, grad_x, grad_links,
    ):  # fmt: skip
        rows, steps = x
        labels, starts = y
        for lane in range(first, last):
            totals[lane], faults[lane] = 0.0, 0
            if grad_links is not None:
                grad_links[lane] = 0.0
            for i in range(bounds[lane], bounds[lane + 1]):
                s = real(1) if item_scale is None else item_scale[i]
                if grad_x is not None:
                    clear(grad_x, i, frames_size)
                value = real(0)
                for t in range(frames[i] if s != 0 else 0):
                    label, before, row = step(t, i, steps, labels, starts[i], lengths[i], blank)
                    u = rows[row, label]
                    if u != u:
                        faults[lane] |= 1
                    if links is not None and before >= 0:
                        u += links[before, label]
                    value += u * u / 2
                    if grad_x is not None:
                        grad_x[0][i * grad_x[1][0] + t * grad_x[1][1], label] = scale * s * u
                    if grad_links is not None and before >= 0:
                        grad_links[lane, before, label] += scale * s * u
                if values is not None:
                    values[i] = s * value
                totals[lane] += s * value

    @compiled
    def hvp(
        first, last, bounds, x, y, frames, lengths, links, blank, frames_size, labels_size, along_x, along_links,
        scale, item_scale, values, totals, faults, out_x, out_links,
    ):  # fmt: skip
        rows, steps = x
        labels, starts = y
        for lane in range(first, last):
            totals[lane], faults[lane] = 0.0, 0
            if out_links is not None:
                out_links[lane] = 0.0
            for i in range(bounds[lane], bounds[lane + 1]):
                s = real(1) if item_scale is None else item_scale[i]
                if out_x is not None:
                    clear(out_x, i, frames_size)
                slope = real(0)
                for t in range(frames[i] if s != 0 else 0):
                    label, before, row = step(t, i, steps, labels, starts[i], lengths[i], blank)
                    u = rows[row, label]
                    v = along_x[0][i * along_x[1][0] + t * along_x[1][1], label]
                    if before >= 0:
                        u += links[before, label]
                        v += along_links[before, label]
                    slope += u * v
                    if out_x is not None:
                        out_x[0][i * out_x[1][0] + t * out_x[1][1], label] = scale * s * v
                    if out_links is not None and before >= 0:
                        out_links[lane, before, label] += scale * s * v
                if values is not None:
                    values[i] = s * slope
                totals[lane] += s * slope

    @compiled
    def divisor(
        first, last, bounds, x, y, frames, lengths, links, blank, frames_size, labels_size,
        scale, item_scale, values, totals, faults,
    ):  # fmt: skip
        for lane in range(first, last):
            totals[lane], faults[lane] = 0.0, 0
            for i in range(bounds[lane], bounds[lane + 1]):
                if values is not None:
                    values[i] = max(lengths[i], 1)
                totals[lane] += max(lengths[i], 1)

    return {"evaluate": evaluate, "hvp": hvp, "divisor": divisor}
