"""The same memory allocation for all contenders.

By default the C library gives large blocks back to the system, and every new one costs page faults, for torch one each
4 KiB; lossgen keeps large gradients that were dropped for the next call. That is real use, and part of the difference.
To compare the arithmetic alone, `reuse_memory` makes the C library keep freed memory for the next block.
"""

from __future__ import annotations

import ctypes
import platform

DESCRIPTIONS = {
    "default": "the C library's (large blocks that torch frees go back to the system; lossgen keeps two for reuse)",
    "reuse": "freed memory is kept for the next block, for all alike",
}

# From malloc.h of glibc.
M_TRIM_THRESHOLD = -1
M_MMAP_MAX = -4


def reuse_memory() -> None:
    """Keep freed memory in this process from now on.

    Raises:
        OSError: the C library is not glibc, or refuses.
    """
    if platform.libc_ver()[0] != "glibc":
        raise OSError("reusing memory needs Linux with glibc")
    library = ctypes.CDLL(None)
    if not (library.mallopt(M_MMAP_MAX, 0) and library.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)):
        raise OSError("glibc refuses to keep freed memory")
