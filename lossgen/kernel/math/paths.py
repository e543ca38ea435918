"""Scalar functions for sums over paths in the log domain; printed as source text into generated kernels."""

import numpy as np

from lossgen.kernel.math.float64 import INFINITY, exp_nonpositive

real = np.float64


def origin(m):
    """What is subtracted before exponentials are summed: their largest exponent, 0 where all of them are -inf."""
    return m if m > -INFINITY else real(0.0)


def part_of_paths(u, v):
    """exp(u - v) for u <= v but for rounding, and 0 where v is -inf: no path at all."""
    return exp_nonpositive(u - v) if v > -INFINITY else real(0.0)


def is_finite(x):
    """1, and 0 where x is infinite; 1 for nan, so that a product with it stays nan."""
    return real(0.0) if abs(x) == INFINITY else real(1.0)


def zero_if_infinite(x):
    """x, and 0 where x is infinite; nan for nan."""
    return real(0.0) if abs(x) == INFINITY else x


def label_at(labels, start, position, size):
    """The label at a position of the sequence of this size that begins at `start`; 0 beyond its ends."""
    return labels[start + position] if 0 <= position < size else 0
