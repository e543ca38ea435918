"""The arguments of a kernel as the driver takes them: numbers one after another, and a list of their addresses."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Sequence

from .driver import passed

#: How a number is written into a slot of 8 bytes, by the type of the argument; addresses are like whole numbers.
SLOTS = {"int64": "q", "float64": "d", "float32": "f4x"}
SLOT = 8


class Packing:
    """For kernels with arguments of these types. An absent one has its place, too: kernels take an address that they ignore.

    A filled block of memory is only used until the launch returns: the driver copies what it says. Each thread that comes
    at the same time has a block of its own.
    """

    def __init__(self, types: Sequence[str]) -> None:
        #: The types of what is passed.
        self.passed = tuple("int64" if name[0] == "*" or name == "none" else name for name in passed(types))
        self._pack = struct.Struct("=" + "".join(SLOTS[name] for name in self.passed)).pack_into
        self._spare: list[tuple[ctypes.Array, ctypes.Array, int]] = []

    def take(self, values: Sequence[int | float]) -> tuple[ctypes.Array, ctypes.Array, int]:
        """A filled block: its memory, the list of addresses, and the address of that list."""
        try:
            block = self._spare.pop()  # atomic
        except IndexError:
            block = self._block()
        self._pack(block[0], 0, *values)
        return block

    def give_back(self, block: tuple[ctypes.Array, ctypes.Array, int]) -> None:
        """Let the block be used again."""
        self._spare.append(block)

    def _block(self) -> tuple[ctypes.Array, ctypes.Array, int]:
        count = len(self.passed)
        numbers = ctypes.create_string_buffer(max(1, SLOT * count))
        first = ctypes.addressof(numbers)
        addresses = (ctypes.c_void_p * max(1, count))(*[first + SLOT * k for k in range(count)])
        return numbers, addresses, ctypes.addressof(addresses)
