"""Labels as the kernels of losses over lattices take them, copied and checked by compiled code.

Imported when the first such call comes, since it brings Numba.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(
    "boolean(int64[::1], int64[::1], int64[::1], int64, int64, int64[::1])",
    nogil=True,
    cache=True,
    error_model="numpy",
)
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
