"""Keeps helpers off their caller's processor.

A helper that is woken, or gives way, may end up there, and the scheduler may leave both there for some hundred calls, each as
long as without a helper. So a helper is not allowed on the processor that its caller was last seen on, unless it is the only
one. Elsewhere than on Linux threads run where the system puts them.
"""

from __future__ import annotations

import sys

import numpy as np
from numba import njit, types

#: The bits of 8192 processors.
WORDS = 128


def no_limits() -> np.ndarray:
    """What a thread knows of itself: where it was allowed, where it is now, and the processor that it has left."""
    return np.full((3, WORDS), -1, np.int64)


if sys.platform == "linux":
    number = types.ExternalFunction("sched_getcpu", types.int32())
    read_allowed = types.ExternalFunction("sched_getaffinity", types.int32(types.int32, types.uintp, types.uintp))
    write_allowed = types.ExternalFunction("sched_setaffinity", types.int32(types.int32, types.uintp, types.uintp))

    @njit("void(int64[::1])", nogil=True, cache=True)
    def note(place: np.ndarray) -> None:
        """Note the processor of this thread, a caller."""
        place[0] = number()

    @njit("void(int64[::1], int64[:,::1])", nogil=True, cache=True)
    def leave(place: np.ndarray, own: np.ndarray) -> None:
        """Leave the caller's processor for another one, if this thread, a helper, is allowed on any.

        What others have allowed it since, by `taskset` say, is respected from then on.
        """
        if place[0] == own[2, 0]:
            return
        own[2, 0] = place[0]
        allowed, now = own[0], np.zeros(WORDS, np.int64)
        if read_allowed(0, 8 * WORDS, now.ctypes.data) != 0:
            return
        if np.any(now != own[1]):
            allowed[:] = now
        now[:] = allowed
        now[place[0] // 64] &= ~(1 << (place[0] % 64))
        if np.any(now != 0) and write_allowed(0, 8 * WORDS, now.ctypes.data) == 0:
            own[1] = now

else:

    @njit("void(int64[::1])", nogil=True, cache=True)
    def note(place: np.ndarray) -> None:
        """Processors have no numbers."""

    @njit("void(int64[::1], int64[:,::1])", nogil=True, cache=True)
    def leave(place: np.ndarray, own: np.ndarray) -> None:
        """Threads stay where they are."""
