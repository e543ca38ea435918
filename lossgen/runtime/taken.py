"""Lengths and labels as the kernels of losses over lattices take them, copied and checked by compiled code.

The usual cases alone: whatever there is to complain about, or to convert, is left to `lossgen.runtime.sequences`. Imported
when the first such call comes, since it brings Numba.
"""

from __future__ import annotations

import numpy as np
from numba import njit

CHECK = dict(nogil=True, cache=True, error_model="numpy")


@njit("boolean(int64[::1], int64, int64[::1])", **CHECK)
def take_lengths(given: np.ndarray, most: int, taken: np.ndarray) -> bool:
    """Copy lengths; whether each of them is in 0 ... most."""
    fine = True
    for item in range(taken.size):
        taken[item] = given[item]
        fine &= 0 <= taken[item] <= most
    return fine


@njit("boolean(int64[::1], int64, int64[::1])", **CHECK)
def begin(lengths: np.ndarray, size: int, starts: np.ndarray) -> bool:
    """Where sequences begin that are given one after another; whether they have this many entries in all."""
    total = 0
    fine = True
    for item in range(lengths.size):
        starts[item] = total
        total += lengths[item]
        fine &= lengths[item] <= size  # such lengths do not overflow their sum
    return fine & (total == size)


@njit("boolean(int64[::1], int64[::1], int64[::1], int64, int64, int64[::1])", **CHECK)
def take_labels(
    given: np.ndarray, starts: np.ndarray, lengths: np.ndarray, classes: int, barred: int, taken: np.ndarray
) -> bool:
    """Copy labels, with 0 for those that are no class; whether those which count are classes other than `barred`.

    Those count that lie within the lengths of their items.
    """
    for place in range(given.size):
        label = given[place]
        taken[place] = label if 0 <= label < classes else 0
    fine = True
    for item in range(starts.size):
        for place in range(starts[item], starts[item] + lengths[item]):
            # What is compared is the copy, which nobody changes meanwhile; a label that it differs from is no class.
            fine &= (taken[place] == given[place]) & (taken[place] != barred)
    return fine
