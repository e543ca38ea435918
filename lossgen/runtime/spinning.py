"""Waiting for a number to change without the GIL and without sleeping, for a short while.

A thread that sleeps takes 30 to 100 microseconds to be woken, more on a virtual machine whose processor has been halted
meanwhile: as long as much of the work that threads share here. Imported when the first helper is started, since it
brings Numba.
"""

from __future__ import annotations

import time

import numpy as np
from numba import njit, types

from .processors import leave, no_limits, note

__all__ = ["STILL", "changes", "leave", "no_limits", "note"]

#: POSIX. The compiler cannot see into them, so what is watched is read again after each.
give_way = types.ExternalFunction("sched_yield", types.int32())
read_clock = types.ExternalFunction("clock_gettime", types.int32(types.int32, types.uintp))
CLOCK = int(time.CLOCK_MONOTONIC)

#: For threads that stay where they are: no processor to leave.
STILL = (np.full(1, -1, np.int64), no_limits())


@njit(nogil=True, inline="always")
def _now(moment: np.ndarray) -> int:
    """The clock in nanoseconds; `moment` is room for two numbers."""
    read_clock(CLOCK, moment.ctypes.data)
    return moment[0] * 1_000_000_000 + moment[1]


@njit("boolean(int64[::1], int64, int64, int64, int64[::1], int64[::1], int64[:,::1])", nogil=True, cache=True)
def changes(
    watched: np.ndarray, seen: int, patience: int, later: int, told: np.ndarray, place: np.ndarray, own: np.ndarray
) -> bool:
    """Wait until `watched[0]` is something else than `seen`. Meanwhile other threads that want the processor get it.

    Args:
        watched: a number that another thread writes.
        seen: what it was.
        patience: for how many nanoseconds.
        later: return so many nanoseconds after it has changed.
        told: set to 1 first, for a thread that watches that: it then finds the GIL free.
        place, own: the caller's processor, which a helper leaves meanwhile, and what the helper knows of itself.

    Returns:
        False if it has not changed in this time.
    """
    told[0] = 1
    moment = np.empty(2, np.int64)
    start = _now(moment)
    while watched[0] == seen:
        give_way()
        leave(place, own)
        if _now(moment) - start > patience:
            return False
    changed = _now(moment)
    while _now(moment) - changed < later:
        pass
    return True
