"""What kernels found outside an argument's domain: reported to memory of the host, and raised when it is asked for.

A kernel that meets a label out of range gives NaN for its row and goes on; nothing waits for it. The last kernel of a
call writes a byte for each argument at fault into memory that host and device share, one row for each loss. The host
looks there at the next call of the loss, which costs no synchronisation, and in `lossgen.runtime.cuda.check`.
"""

from __future__ import annotations

import os
import threading

import numpy as np

from ..domains import ARRAYS
from ..errors import LossError
from ..schema import Argument, Schema, Variant
from .driver import Array

#: Bytes of a row: one for each argument, and the last one for any of them.
ROW, ANY = 64, 63
#: How many variants of losses have a row of their own.
ROWS = 1024
#: The environment variable that has every call wait for its kernels and raise.
ALWAYS = "LOSSGEN_CUDA_CHECK"


class Reports:
    """The rows of one device.

    Args:
        memory: uint8[ROWS, ROW], zeros, which the device writes to at the same addresses.
    """

    def __init__(self, memory: np.ndarray) -> None:
        self.memory = memory
        #: Where the rows lie.
        self.address = memory.ctypes.data
        self._rows: dict[tuple[str, str], int] = {}
        self._known: list[tuple[Schema, Variant]] = []
        self._lock = threading.Lock()
        #: Whether every call is to wait for its kernels.
        self.always = os.environ.get(ALWAYS, "") not in ("", "0")

    def number(self, schema: Schema, variant: Variant) -> int:
        """The row of a loss's variant."""
        key = schema.name, variant.module
        found = self._rows.get(key)
        if found is None:
            with self._lock:
                if key not in self._rows:
                    self._rows[key] = len(self._known) % ROWS
                    self._known.append((schema, variant))
                found = self._rows[key]
        return found

    def row(self, schema: Schema, variant: Variant) -> Array:
        """The row of a loss's variant as kernels take it."""
        number = self.number(schema, variant)
        return Array(self.address + ROW * number, (ROW,), (1,), self.memory.dtype)

    def holds(self, address: int) -> bool:
        """Whether an address lies in the rows."""
        return 0 <= address - self.address < ROWS * ROW

    def raise_for(self, schema: Schema, variant: Variant) -> None:
        """Raise LossError if an earlier call of this loss has found something; looks at memory of the host alone."""
        number = self.number(schema, variant)
        if self.memory[number, ANY]:
            raise self._error(number, schema, variant)

    def raise_any(self) -> None:
        """Raise LossError if any call has found something, for the first loss among them."""
        for number, (schema, variant) in enumerate(self._known):
            if self.memory[number % ROWS, ANY]:
                raise self._error(number % ROWS, schema, variant)

    def _error(self, number: int, schema: Schema, variant: Variant) -> LossError:
        """What was found, which is forgotten."""
        found = self.memory[number].copy()
        self.memory[number] = 0
        argument = next((a for a, bad in zip(variant.arguments, found, strict=False) if bad), variant.arguments[0])
        words = f"an earlier call on CUDA was given {argument.name} with {_wrong(argument)}"
        return LossError(f"{schema.name}: {words}; its items are NaN, or what the formula gives")


def _wrong(argument: Argument) -> str:
    if argument.layout == "length":
        mask = "a mask that is True first and then False"
        return f"a length out of range, expected one in 0 ... the size of axis {argument.axis!r}, or {mask}"
    if argument.layout == "sequence":
        barred = f", other than {argument.barred}" if argument.barred else ""
        return f"a label out of range, expected one in 0 ... the size of {argument.points_to} - 1{barred}"
    if argument.integer:
        return f"a label out of range, expected one in 0 ... the size of {argument.axis or 'the axis'!s} - 1, or ignore_index"
    return f"an entry outside its domain, expected {ARRAYS[argument.domain].words}"
