"""Arrays of other libraries on a device: where a call on them runs, and each of them as kernels read it.

Nothing is copied. A library that gives an address by `__cuda_array_interface__` may say on which stream the entries are
written, and the call's stream waits for that one. By DLPack it is told the call's stream and lets it wait itself. So that
is how arrays are asked for whose interface names no stream, as those of PyTorch and JAX.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import numpy as np

from ..dtypes import EXPECTED
from ..elsewhere import CUDA, DLPACK, INTERFACE, MANAGED, device_of, interface_of
from ..errors import LossError, LossTypeError
from . import check_installed, devices
from .dlpack import VERSION, imported
from .driver import Array, Place, contiguous_strides
from .owned import DEFAULT, CupyMemory, OwnedMemory


def place_of(loss: str, first: object) -> Place:
    """Where calls with this first argument run: its device, a stream there, and memory of its library.

    The stream is CuPy's current one for its arrays, the one that an interface names, and else the default stream.
    """
    check_installed(loss)
    cupy = sys.modules.get("cupy")
    if cupy is not None and isinstance(first, cupy.ndarray):
        number = first.device.id
        stream = cupy.cuda.get_current_stream(number).ptr
        return Place(devices.driver_for(number), stream, CupyMemory(cupy, number))
    interface, device = interface_of(first), device_of(first)
    number = device[1] if device is not None else _number(interface)
    stream = 0 if interface is None else _stream(interface)
    driver = devices.driver_for(number)
    return Place(driver, stream, OwnedMemory(driver, stream))


class Reader:
    """Reads the arguments of a call of a loss, in a place; the place's stream waits for each stream that they name once."""

    def __init__(self, loss: str, place: Place) -> None:
        self._loss, self._place = loss, place
        self._known = {place.stream}

    def array(self, name: str, given: object) -> Array:
        """An argument as an array of the device.

        Raises:
            LossTypeError: it is not on a CUDA device, or its library does not lend it.
            LossError: it is on another device than the call.
        """
        interface = interface_of(given)
        if interface is not None and (_says_enough(interface) or not hasattr(given, DLPACK)):
            return self._by_interface(name, given, interface)
        device = device_of(given)
        if device is None or device[0] not in (CUDA, MANAGED):
            words = f"expected an array on a CUDA device, as the first argument is (one with {INTERFACE} or {DLPACK})"
            kind = f"{type(given).__module__}.{type(given).__name__}"
            raise LossTypeError(f"{self._loss}: {name} is a {kind}, {words}")
        self._check_device(name, device[1])
        return self._by_dlpack(name, given)

    def _by_interface(self, name: str, given: object, interface: dict[str, Any]) -> Array:
        dtype = np.dtype(interface["typestr"])
        shape, strides, address = tuple(interface["shape"]), interface.get("strides"), interface["data"][0]
        if address:
            self._check_device(name, devices.number_of(address))
        if strides is None:
            steps = contiguous_strides(shape)
        elif any(s % dtype.itemsize for s in strides):
            words = f"has strides {strides}, expected multiples of its {dtype.itemsize} bytes an entry"
            raise LossTypeError(f"{self._loss}: {name} {words}")
        else:
            steps = tuple(s // dtype.itemsize for s in strides)
        stream = _stream(interface)
        if stream not in self._known:
            self._known.add(stream)
            self._place.driver.order(stream, self._place.stream)
        return Array(address, shape, steps, dtype, given)

    def _by_dlpack(self, name: str, given: Any) -> Array:
        stream = self._place.stream or DEFAULT
        try:
            try:
                capsule = given.__dlpack__(stream=stream, max_version=VERSION)
            except TypeError:  # a library from before version 1.0
                capsule = given.__dlpack__(stream=stream)
            view, brain = imported(capsule)
        except (BufferError, RuntimeError, TypeError, ValueError) as error:
            expected = f"expected an array that is, of real numbers ({EXPECTED}, or integers)"
            raise LossTypeError(f"{self._loss}: {name} is not lent by DLPack ({error}), {expected}") from error
        if brain:
            view = view.view(self._bfloat16(name))
        steps = tuple(s // view.itemsize for s in view.strides)
        return Array(view.__array_interface__["data"][0], view.shape, steps, view.dtype, view)

    def _check_device(self, name: str, number: int) -> None:
        own = self._place.driver.number
        if number != own:
            raise LossError(
                f"{self._loss}: {name} is on CUDA device {number}, expected {own}, as the first argument is"
            )

    def _bfloat16(self, name: str) -> np.dtype:
        try:
            return np.dtype(import_module("ml_dtypes").bfloat16)
        except ModuleNotFoundError:
            words = "is of bfloat16, for which NumPy needs ml_dtypes: pip install ml_dtypes"
            raise LossError(f"{self._loss}: {name} {words}") from None


def _number(interface: dict[str, Any]) -> int:
    """The device of an interface's address; an empty array may have none, and is then on the first device."""
    address = interface["data"][0]
    return devices.number_of(address) if address else 0


def _says_enough(interface: dict[str, Any]) -> bool:
    """Whether an interface names a stream and a dtype; it has no letter for bfloat16."""
    return interface.get("stream") is not None and "V" not in interface["typestr"]


def _stream(interface: dict[str, Any]) -> int:
    """The handle of the stream that an interface names; 0 for the default stream, and for none."""
    stream = interface.get("stream") or 0
    return 0 if stream == DEFAULT else stream
