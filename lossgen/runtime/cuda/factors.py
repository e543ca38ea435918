"""Kernels that are the same for all losses: numbers that only the device knows, as factors, and denominators that move.

As in `lossgen.runtime.cuda.support`. The formulas are those of `lossgen.runtime.derivatives`.
"""

import numpy as np

from ..device import Entries, Factor, Real, Size, Sums, Wholes, Wides, finish, thread, threads

SCHEDULE = "row"
KERNELS = ("rescale", "ratio", "dot", "shift", "bend", "turn")

storage, real, integer = np.float64, np.float64, np.int64
zero, one = real(0), real(1)


def rescale(entries: Size, factor: Factor, numbers: Entries) -> None:
    """Multiplies in place, and does nothing where the factor is 1."""
    by = factor[0]
    if by != one:
        for k in range(thread(), entries, threads()):
            numbers[k] = numbers[k] * by


def ratio(number: Real, upstream: Entries | None, divisor: Wides | None, out: Factor) -> None:
    """number · upstream / divisor, and 0 where the divisor is 0."""
    if thread() == 0:
        found = number
        if upstream is not None:
            found = found * real(upstream[0])
        if divisor is not None:
            found = zero if divisor[0] == zero else found / divisor[0]
        out[0] = found


def dot(entries: Size, one_array: Entries, other: Entries, totals: Sums, faults: Wholes) -> None:
    """The sum of products of entries."""
    total = zero
    for k in range(thread(), entries, threads()):
        total = total + real(one_array[k]) * real(other[k])
    finish(totals, faults, total, zero, integer(0))


def shift(
    entries: Size,
    number: Real,
    upstream: Entries | None,
    value: Wides,
    divisor: Wides,
    gradient: Entries,
    part: Entries,
    out: Entries,
) -> None:
    """gradient − u V part / D, the gradient of S / D with D moving: see `lossgen.runtime.derivatives`."""
    by = number * value[0]
    if upstream is not None:
        by = by * real(upstream[0])
    by = zero if divisor[0] == zero else by / divisor[0]
    for k in range(thread(), entries, threads()):
        out[k] = real(gradient[k]) - by * real(part[k])


def bend(
    entries: Size,
    number: Real,
    upstream: Entries | None,
    value: Wides,
    divisor: Wides,
    slope: Wides,
    along: Wides,
    product: Entries,
    gradient: Entries,
    part: Entries | None,
    out: Entries,
) -> None:
    """product − u (k gradient + (s − 2 V k) part / D), k = along / D: see `lossgen.runtime.derivatives`."""
    by = number
    if upstream is not None:
        by = by * real(upstream[0])
    inverse = zero if divisor[0] == zero else one / divisor[0]
    k = along[0] * inverse
    curve = (slope[0] - real(2) * value[0] * k) * inverse
    for i in range(thread(), entries, threads()):
        change = k * real(gradient[i])
        if part is not None:
            change = change + curve * real(part[i])
        out[i] = real(product[i]) - by * change


def turn(slope: Wides, value: Wides, divisor: Wides, along: Wides, out: Entries) -> None:
    """slope − V k, k = along / D."""
    if thread() == 0:
        out[0] = slope[0] if divisor[0] == zero else slope[0] - value[0] * along[0] / divisor[0]
