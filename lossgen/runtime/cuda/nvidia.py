"""A device of NVIDIA, by `cuda.bindings`. What is here needs a GPU to run; all else of this package does without."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from cuda.bindings import driver as api

from ..errors import LossError
from .binaries import binary_for
from .compile import Binary
from .driver import Program, Sent
from .packing import Packing
from .reports import ROW, ROWS, Reports
from .schedules import BLOCK


class Function(NamedTuple):
    """A loaded kernel: its handle, how its arguments are packed, and the module that keeps it."""

    handle: Any
    packing: Packing
    module: Any


class NvidiaDriver:
    """One device, in its primary context, which other libraries use as well.

    Args:
        number: of the device, as CUDA counts.
        functions: the driver's own functions.
        binaries: what gives a program's machine code.
    """

    threads = BLOCK

    def __init__(
        self,
        number: int,
        functions: Any = api,
        binaries: Callable[[Program, tuple[int, int]], Binary] = binary_for,
    ) -> None:
        self._api, self._binaries, self.number = functions, binaries, number
        self._start, self._get_current = functions.cuLaunchKernel, functions.cuCtxGetCurrent  # looked up once
        self._call("cuInit", 0)
        device = self._call("cuDeviceGet", number)
        self._context = self._call("cuDevicePrimaryCtxRetain", device)
        self._own = int(self._context)
        kinds = functions.CUdevice_attribute
        major, minor, self.multiprocessors = (
            self._call("cuDeviceGetAttribute", getattr(kinds, f"CU_DEVICE_ATTRIBUTE_{name}"), device)
            for name in ("COMPUTE_CAPABILITY_MAJOR", "COMPUTE_CAPABILITY_MINOR", "MULTIPROCESSOR_COUNT")
        )
        self.capability = major, minor
        self._functions: dict[Program, Function] = {}
        self._loading = threading.Lock()
        with self._current():
            self.reports = Reports(self._shared_memory())

    def load(self, program: Program) -> Function:
        """The program's function: from this process, from the disk, or compiled."""
        found = self._functions.get(program)
        if found is None:
            with self._loading:
                found = self._functions.get(program) or self._load(program)
                self._functions[program] = found
        return found

    def launch(
        self, function: Function, blocks: int, stream: int, values: Sequence[int | float], memory: int = 0
    ) -> None:
        """Start it, in this device's context, whichever is the thread's own."""
        block = function.packing.take(values)
        given = (function.handle, blocks, 1, 1, self.threads, 1, 1, memory, stream, block[2], 0)
        error, current = self._get_current()
        if int(error) == 0 and int(current) == self._own:
            (error,) = self._start(*given)
            if int(error) != 0:
                raise _failed("cuLaunchKernel", error)
        else:
            with self._current():
                self._call("cuLaunchKernel", *given)
        function.packing.give_back(block)

    def synchronize(self) -> None:
        """Wait until all that was started on the device is done."""
        with self._current():
            self._call("cuCtxSynchronize")

    def order(self, before: int, after: int) -> None:
        """Let a stream wait for what another has been given so far; the host does not wait."""
        with self._current():
            event = self._call("cuEventCreate", self._api.CUevent_flags.CU_EVENT_DISABLE_TIMING)
            self._call("cuEventRecord", event, before)
            self._call("cuStreamWaitEvent", after, event, 0)
            self._call("cuEventDestroy", event)

    def allocate(self, size: int, stream: int) -> int:
        """The address of new memory, in the order of a stream."""
        with self._current():
            return int(self._call("cuMemAllocAsync", max(size, 1), stream))

    def free(self, address: int, stream: int) -> None:
        """Give memory back, once the stream has come so far."""
        with self._current():
            self._call("cuMemFreeAsync", address, stream)

    def upload(self, address: int, source: np.ndarray, stream: int, sent: Sent | None = None) -> None:
        """Copy an array from main memory in the order of a stream; the driver has read it when this returns."""
        with self._current():
            self._call("cuMemcpyHtoDAsync", address, source.ctypes.data, source.nbytes, stream)

    def download(self, address: int, target: np.ndarray, stream: int) -> None:
        """Copy an array to main memory, and wait for the stream until that is done."""
        with self._current():
            self._call("cuMemcpyDtoHAsync", target.ctypes.data, address, target.nbytes, stream)
            self._call("cuStreamSynchronize", stream)

    def _load(self, program: Program) -> Function:
        with self._current():  # Numba makes a context its own where none is
            binary = self._binaries(program, self.capability)
            module = self._call("cuModuleLoadData", binary.code)
            handle = self._call("cuModuleGetFunction", module, binary.entry.encode())
        return Function(handle, Packing(program.types), module)

    def _shared_memory(self) -> np.ndarray:
        """Memory of the host that the device writes to at the same addresses."""
        flags = self._api.CU_MEMHOSTALLOC_PORTABLE | self._api.CU_MEMHOSTALLOC_DEVICEMAP
        address = int(self._call("cuMemHostAlloc", ROWS * ROW, flags))
        memory = np.frombuffer((ctypes.c_uint8 * (ROWS * ROW)).from_address(address), np.uint8).reshape(ROWS, ROW)
        memory[...] = 0
        return memory

    @contextmanager
    def _current(self) -> Iterator[None]:
        """Lets this device's context be the thread's own, and the one before again."""
        self._call("cuCtxPushCurrent", self._context)
        try:
            yield
        finally:
            self._call("cuCtxPopCurrent")

    def _call(self, name: str, *given: Any) -> Any:
        return called(self._api, name, *given)


def called(functions: Any, name: str, *given: Any) -> Any:
    """What a function of CUDA's driver returns; LossError with its name if it fails."""
    error, *found = getattr(functions, name)(*given)
    if int(error) != 0:
        raise _failed(name, error)
    return found[0] if found else None


def _failed(name: str, error: Any) -> LossError:
    return LossError(f"CUDA: {name} failed with {error.name}")


def number_of(address: int, functions: Any = api) -> int:
    """The number of the device on which an address lies."""
    kind = functions.CUpointer_attribute.CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL
    return int(called(functions, "cuPointerGetAttribute", kind, address))
