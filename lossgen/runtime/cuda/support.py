"""Kernels that are the same for all losses: the second stage of sums, copies of arrays, factors of items.

Plain Python in the words of `lossgen.runtime.device`, as generated modules are. Their arguments have the types of the
arrays that are given; they compute in float64. Sums are taken in a fixed order.
"""

import numpy as np

from ..device import (
    LANES,
    Bytes,
    Entries,
    Factor,
    Real,
    Size,
    Sums,
    Wholes,
    Wides,
    finish,
    group,
    group_sum,
    groups,
    rank_in_group,
    row,
    thread,
    threads,
)

SCHEDULE = "row"
KERNELS = ("settle", "fold", "sums", "copy", "fill", "multiples", "weigh", "count", "tally", "runs")

storage, real, integer = np.float64, np.float64, np.int64
zero, one, nan = real(0), real(1), real(np.nan)


def settle(
    blocks: Size,
    totals: Sums,
    faults: Wholes,
    number: Real,
    divisor: Wides | None,
    empty: Real,
    value: Entries | None,
    exact: Wides | None,
    factor: Factor | None,
    reports: Bytes,
) -> None:
    """The blocks' sums over `divisor`, or over `number`; `empty` where that is 0. One group.

    value, exact: get it.  factor: gets 1 over it, 0 where it is 0.  reports: gets a 1 for each bit of the blocks' faults.
    """
    total = zero
    lost = zero
    bits = integer(0)
    for b in range(rank_in_group(), blocks, LANES):
        more = real(totals[2 * b])
        larger = total + more
        part = larger - total
        lost = lost + ((total - (larger - part)) + (more - part)) + real(totals[2 * b + 1])
        total = larger
        bits = bits | faults[b]
    total = group_sum(total, lost)
    for bit in range(62):
        if (bits >> bit) & 1:
            reports[bit] = np.uint8(1)
            reports[63] = np.uint8(1)
    by = number
    if divisor is not None:
        by = divisor[0]
    result = empty if by == zero else total / by
    if rank_in_group() == 0:
        if value is not None:
            value[0] = result
        if exact is not None:
            exact[0] = result
        if factor is not None:
            factor[0] = zero if result == zero else one / result


def fold(rows: Size, columns: Size, wides: Wides, out: Entries) -> None:
    """The sum of each column; a group takes a column."""
    for j in range(group(), columns, groups()):
        total = zero
        for r in range(rank_in_group(), rows, LANES):
            total = total + wides[r * columns + j]
        total = group_sum(total, zero)
        if rank_in_group() == 0:
            out[j] = total


def sums(kept: Size, summed: Size, parts: Size, source: Entries, wides: Wides) -> None:
    """For each entry of the dimensions that are kept the sum over the others, in several parts; a group takes a part.

    source: a row for each of the entries that are kept.
    """
    for g in range(group(), kept * parts, groups()):
        p = g // kept
        own = row(source, g % kept, summed)
        total = zero
        for r in range(summed * p // parts + rank_in_group(), summed * (p + 1) // parts, LANES):
            total = total + real(own[r])
        total = group_sum(total, zero)
        if rank_in_group() == 0:
            wides[g] = total


def copy(entries: Size, source: Entries, target: Entries) -> None:
    """The same numbers, one after another, in another dtype."""
    for k in range(thread(), entries, threads()):
        target[k] = source[k]


def fill(entries: Size, number: Real, target: Entries) -> None:
    """The same number everywhere."""
    for k in range(thread(), entries, threads()):
        target[k] = number


def multiples(entries: Size, step: Size, target: Wholes) -> None:
    """The whole multiples of a number, from 0 on."""
    for k in range(thread(), entries, threads()):
        target[k] = step * k


def weigh(
    items: Size,
    mask: Bytes | None,
    weight: Entries | None,
    upstream: Entries | None,
    shares: Entries | None,
    out: Entries,
) -> None:
    """What each item's value and derivatives are multiplied by; exactly 0 where it is masked out or weighs nothing."""
    for i in range(thread(), items, threads()):
        found = one
        if weight is not None:
            found = real(weight[i])
        if upstream is not None:
            found = found * real(upstream[i])
        if mask is not None:
            found = zero if mask[i] == 0 else found
        if shares is not None:
            found = zero if found == zero else found / real(shares[i])
        out[i] = found


def count(entries: Size, size: Size, mask: Bytes, totals: Sums, faults: Wholes) -> None:
    """How many of the entries, which are `size` bytes each, hold anything but zeros."""
    total = zero
    for i in range(thread(), entries, threads()):
        own = row(mask, i, size)
        found = zero
        for k in range(size):
            found = found if own[k] == 0 else one
        total = total + found
    finish(totals, faults, total, zero, integer(0))


def tally(items: Size, size: Size, labels: Wholes, counts: Entries) -> None:
    """How often each class is named in lists of classes that end with their first −1; NaN where an entry is no class."""
    for i in range(thread(), items, threads()):
        listed = row(labels, i, size)
        own = row(counts, i, size)
        for c in range(size):
            own[c] = zero
        start = zero
        for c in range(size):
            label = listed[c]
            if label == -1:
                break
            if (label < 0) | (label >= size):
                start = nan
            else:
                own[label] = own[label] + one
        for c in range(size):
            own[c] = own[c] + start


def runs(items: Size, size: Size, mask: Bytes, lengths: Wholes) -> None:
    """How many entries of each row hold: those before the first that does not; -1 where one behind it does."""
    for i in range(thread(), items, threads()):
        own = row(mask, i, size)
        length = integer(0)
        found = integer(0)
        for k in range(size):
            if own[k] != 0:
                length = length + 1
                found = integer(k + 1)
        lengths[i] = length if length == found else integer(-1)
