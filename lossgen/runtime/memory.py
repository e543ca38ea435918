"""Memory for large results: what a caller lets go of is handed out again.

A training loop asks for a gradient of the same size at every step. Above 32 MiB the C library returns freed memory to the
system and fetches fresh pages, which the kernel must clear: at 1e7 elements that takes longer than computing the loss and its
gradient. So the memory of a large result is kept when the last array that uses it is gone, and reused for the next
one. At most MOST_BUFFERS buffers are kept, the newest; `release_memory` drops them.
"""

import math
import threading

import numpy as np

#: Below this size the C library itself keeps freed memory.
SMALLEST = 1 << 23
MOST_BUFFERS = 2
PLAIN = (np.float16, np.float32, np.float64)
#: Bytes: twice as many as a compiled loop takes at once, in vectors of 64 bytes, four at a time.
DISTANCE = 512


class _Pool:
    """The buffers that nobody uses at present.

    Nobody ever waits for the lock: a finaliser may run inside `take` on the same thread, and a forked child may inherit
    it locked. Who does not get it allocates, or lets the buffer go.
    """

    def __init__(self) -> None:
        self._free: list[np.ndarray] = []
        self._lock = threading.Lock()

    def take(self, size: int) -> np.ndarray:
        """A buffer of at least this many bytes, and of at most a quarter more."""
        found = None
        if self._lock.acquire(blocking=False):
            for position, buffer in enumerate(self._free):
                if size <= buffer.nbytes <= size + size // 4:
                    found = self._free.pop(position)
                    break
            self._lock.release()
        return np.empty(size, np.uint8) if found is None else found

    def give(self, buffer: np.ndarray) -> None:
        if self._lock.acquire(blocking=False):
            self._free.append(buffer)
            del self._free[:-MOST_BUFFERS]
            self._lock.release()

    def clear(self) -> None:
        self._free = []


_pool = _Pool()


class _Lease:
    """Owns a buffer for as long as arrays over it exist: NumPy keeps what it got `__array_interface__` from alive."""

    def __init__(self, buffer: np.ndarray, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self._buffer = buffer
        self.__array_interface__ = {
            "version": 3,
            "shape": shape,
            "typestr": dtype.str,
            "data": buffer.__array_interface__["data"],
        }

    def __del__(self, give=_pool.give) -> None:
        give(self._buffer)


def apart(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An uninitialised C-contiguous array for a kernel to write to, DISTANCE bytes or more behind whatever lies before it.

    A compiled loop first looks at where its arrays lie, and goes on one entry at a time where one that it writes begins
    less than a step of the fast way behind one that it reads. Small arrays do at times; sums, in which the two ways
    differ in the order of their terms, would then have bits that depend on where the memory happened to be.
    """
    whole, own = room(shape, dtype)
    found = np.empty(whole, dtype)[own]
    return found if len(whole) == len(shape) else found.reshape(shape)


def room(shape: tuple[int, ...], dtype: np.dtype) -> tuple[tuple[int, ...], slice]:
    """The shape of the memory for an array of `apart`, and which part of it, along the first dimension, is the array.

    Short rows are kept as they are, with a few before them: one view costs less than two.
    """
    row = math.prod(shape[1:]) * dtype.itemsize
    if shape and 0 < row <= DISTANCE:
        lead = -(-DISTANCE // row)
        return (shape[0] + lead, *shape[1:]), slice(lead, None)
    lead = DISTANCE // dtype.itemsize
    return (math.prod(shape) + lead,), slice(lead, None)


def empty(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An uninitialised C-contiguous array, like `apart`; a large one may use memory of an earlier result.

    Other dtypes than NumPy's own reals fall back to `apart`.
    """
    dtype = np.dtype(dtype)
    size = dtype.itemsize
    for length in shape:
        size *= length
    if size < SMALLEST or dtype.type not in PLAIN:
        return apart(shape, dtype)
    return np.asarray(_Lease(_pool.take(size), shape, dtype))


def release_memory() -> None:
    """Gives the memory of earlier results back to the system."""
    _pool.clear()


class _Memory:
    """The memory of a read-only array, offered as writable."""

    def __init__(self, array: np.ndarray) -> None:
        self._array = array  # keeps the memory alive
        self.__array_interface__ = {
            "data": (array.ctypes.data, False),
            "shape": array.shape,
            "typestr": array.dtype.str,
            "version": 3,
        }


def writable(array: np.ndarray) -> np.ndarray:
    """A C-contiguous array as Numba's kernels are compiled for: not read-only.

    Read-only arrays (JAX hands them out) are a type of their own to Numba, and would compile every kernel once more for
    every combination. Kernels never write to their inputs, so the same memory is passed as an ordinary array.
    """
    return array if array.flags.writeable else np.asarray(_Memory(array))
