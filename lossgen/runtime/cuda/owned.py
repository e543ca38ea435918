"""Results for who brings no memory of a CUDA device: arrays that any library can read, by either protocol."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from ..elsewhere import CUDA, HOST
from .dlpack import exported
from .driver import Array, Driver, Place, contiguous_strides
from .layouts import Shape
from .views import copied

#: The default stream as both protocols have it; they do not allow 0.
DEFAULT = 1


class Owned:
    """An array on a device, with memory of its own; other libraries read it by `__cuda_array_interface__` or DLPack.

    Args:
        driver: the device.
        stream: on which it is written, and given back when nobody holds it any more.
        shape: its shape.
        dtype: of its entries.
        strides: from entry to entry of each dimension, without gaps; None for a contiguous one.
    """

    def __init__(self, driver: Driver, stream: int, shape: Shape, dtype: np.dtype, strides: Shape | None) -> None:
        self.shape, self.dtype = shape, dtype
        self.steps = contiguous_strides(shape) if strides is None else strides
        self.strides = tuple([step * dtype.itemsize for step in self.steps])
        self._driver, self._stream = driver, stream
        self._size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        self.address = driver.allocate(self._size, stream)
        weakref.finalize(self, driver.free, self.address, stream)

    def __repr__(self) -> str:
        return f"<array on CUDA device {self._driver.number}: shape {self.shape}, {self.dtype.name}>"

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        if self.dtype.kind == "V":  # bfloat16, for which the interface has no letter
            raise AttributeError(f"__cuda_array_interface__ has no {self.dtype.name}: use DLPack")
        return {
            "shape": self.shape,
            "typestr": self.dtype.str,
            "data": (self.address, False),
            "strides": None if self.steps == contiguous_strides(self.shape) else self.strides,
            "stream": self._stream or DEFAULT,
            "version": 3,
        }

    def __dlpack_device__(self) -> tuple[int, int]:
        return CUDA, self._driver.number

    def __dlpack__(
        self,
        *,
        stream: int | None = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> object:
        """A capsule of this memory, or of a copy; the arguments are those of the array API standard.

        Args:
            stream: on which the consumer will read, which waits there for what was started so far: 1 or None is the
                default stream, 2 that of the thread; -1: nothing waits.
            max_version: the latest version of DLPack that the consumer knows; None: none since 1.0.
            dl_device: where the memory has to be: here, or (1, 0), in main memory, for which the host waits.
            copy: True to copy in any case, False never to.

        Raises:
            BufferError: another device, a copy that is needed and forbidden, stream 0, which may be two.
        """
        versioned = max_version is not None and max_version[0] >= 1
        if dl_device is not None and tuple(dl_device) != self.__dlpack_device__():
            return self._in_main_memory(tuple(dl_device), versioned, copy)
        if stream == 0:
            raise BufferError("stream is 0, expected 1 for the default stream, 2 for that of the thread, or an address")
        found = self._copied() if copy else self
        if stream != -1:
            stream = stream or DEFAULT
            if stream != (self._stream or DEFAULT):
                self._driver.order(self._stream, stream)
        return exported(
            found.address, self.shape, self.strides, self.dtype, self.__dlpack_device__(), found, versioned, bool(copy)
        )

    def _in_main_memory(self, device: tuple[int, int], versioned: bool, copy: bool | None) -> object:
        if device != (HOST, 0) or copy is False:
            given = f"dl_device is {device}" if device != (HOST, 0) else "copy is False, but main memory needs one"
            raise BufferError(f"{given}, expected {self.__dlpack_device__()}, or (1, 0) for a copy in main memory")
        found = np.empty(self._size // self.dtype.itemsize, self.dtype)
        self._driver.download(self.address, found, self._stream)
        return exported(found.ctypes.data, self.shape, self.strides, self.dtype, device, found, versioned, True)

    def _copied(self) -> Owned:
        memory = OwnedMemory(self._driver, self._stream)
        own = Array(self.address, self.shape, self.steps, self.dtype, self)
        return copied(Place(self._driver, self._stream, memory), own, self.dtype, self.steps).owner


class OwnedMemory:
    """Memory of a device, for who brings none."""

    def __init__(self, driver: Driver, stream: int) -> None:
        self._driver, self._stream = driver, stream

    def empty(self, shape: Shape, dtype: np.dtype, strides: Shape | None = None) -> Array:
        """As `lossgen.runtime.cuda.driver.Memory` says."""
        found = Owned(self._driver, self._stream, shape, dtype, strides)
        return Array(found.address, shape, found.steps, dtype, found)


class CupyMemory:
    """CuPy's memory on one device."""

    def __init__(self, cupy: Any, number: int) -> None:
        self._cupy, self._number = cupy, number

    def empty(self, shape: Shape, dtype: np.dtype, strides: Shape | None = None) -> Array:
        """As `lossgen.runtime.cuda.driver.Memory` says."""
        contiguous = contiguous_strides(shape)
        with self._cupy.cuda.Device(self._number):
            found = self._cupy.empty(shape, dtype)
            if strides not in (None, contiguous):
                found = self._cupy.ndarray(shape, dtype, found.data, tuple([s * dtype.itemsize for s in strides]))
        return Array(found.data.ptr, shape, strides or contiguous, dtype, found)
