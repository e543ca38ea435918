"""Sums that keep what rounding loses, the same text for float32 and float64; printed as source text into generated kernels."""

import numpy as np

real = np.float64


def lost_in_sum(a, b, total):
    """a + b − total, exactly, for the rounded sum of a and b (Knuth 1969, The Art of Computer Programming 2, 4.2.2)."""
    part = total - a
    return (a - (total - part)) + (b - part)


def with_lost(total, lost):
    """The sum with what was lost on the way; as it is where it left the range, or was given an infinity."""
    return total + lost if total - total == real(0.0) else total


def sum_with_lost(total, lost, value):
    """One more value: the sum, and what all its roundings have lost."""
    larger = total + value
    return larger, lost + lost_in_sum(total, value, larger)


def sum_of_three(a, b, c):
    """a + b + c: within 1 ulp unless all but 2**-20 (float32) or 2**-50 of their sizes cancels twice over."""
    first = a + b
    total = first + c
    return with_lost(total, lost_in_sum(a, b, first) + lost_in_sum(first, c, total))


def sum_of_four(a, b, c, d):
    """a + b + c + d, as `sum_of_three`."""
    first = a + b
    second = first + c
    total = second + d
    lost = lost_in_sum(a, b, first) + lost_in_sum(first, c, second)
    return with_lost(total, lost + lost_in_sum(second, d, total))
