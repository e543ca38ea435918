"""Arrays of a device as DLPack's capsules, and back.

NumPy makes such capsules, and reads them, for main memory: it fills the structures, counts references and calls deleters.
Those of a device have another label, and so have those of bfloat16, which NumPy does not know. So NumPy is given an array
over the device's addresses, at which it does not look, and labels are changed. The layout of the structures is that of
dlpack.h, versions 0.x and 1.x: https://dmlc.github.io/dlpack/latest/c_api.html
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from ..elsewhere import HOST

#: DLPack's codes of the dtypes whose label is changed.
UNSIGNED, BFLOAT = 1, 4
#: The flag of a copy that nobody else has.
COPIED = 2
VERSION = (1, 0)
NAMES = b"dltensor_versioned", b"dltensor"


class _Tensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device_kind", ctypes.c_int32),
        ("device_number", ctypes.c_int32),
        ("dimensions", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
        ("offset", ctypes.c_uint64),
    ]


class _Versioned(ctypes.Structure):
    """The structure since version 1.0; before that it begins with the tensor."""

    _fields_ = [
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("context", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
        ("flags", ctypes.c_uint64),
        ("tensor", _Tensor),
    ]


_pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi)
)
_is_named = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_IsValid", ctypes.pythonapi))


class _Addresses:
    """Addresses of a device, for NumPy to make an array of that keeps their owner."""

    def __init__(
        self, address: int, shape: tuple[int, ...], strides: tuple[int, ...], dtype: np.dtype, owner: object
    ) -> None:
        self.owner = owner
        found = {"data": (address, False), "shape": shape, "strides": strides, "typestr": dtype.str}
        self.__array_interface__ = {**found, "version": 3}


class _Once:
    """A capsule, as NumPy asks for one."""

    def __init__(self, capsule: object) -> None:
        self._capsule = capsule

    def __dlpack__(self, **_: Any) -> object:
        return self._capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return HOST, 0


def exported(
    address: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    dtype: np.dtype,
    device: tuple[int, int],
    owner: object,
    versioned: bool,
    copied: bool = False,
) -> object:
    """A capsule of an array, which keeps `owner` until its consumer has done with it.

    Args:
        strides: in bytes.
        device: its kind and number, as DLPack has them.
        versioned: whether the consumer knows version 1.0.
        copied: whether the consumer alone has this memory, which only a versioned capsule says.
    """
    brain = dtype.name == "bfloat16"
    array = np.asarray(_Addresses(address, shape, strides, np.dtype(np.uint16) if brain else dtype, owner))
    capsule = array.__dlpack__(max_version=VERSION) if versioned else array.__dlpack__()
    tensor, versions = _structures(capsule)
    tensor.device_kind, tensor.device_number = device
    if brain:
        tensor.code = BFLOAT
    if copied and versions is not None:
        versions.flags |= COPIED
    return capsule


def imported(capsule: object) -> tuple[np.ndarray, bool]:
    """An array over the addresses of a capsule, which nobody may read, and whether its numbers are bfloat16, not uint16.

    The capsule is used up. Its memory is given back with the last array over it.

    Raises:
        BufferError: numbers that NumPy does not know, a later version, or a capsule that has been used.
    """
    tensor, _ = _structures(capsule)
    tensor.device_kind, tensor.device_number = HOST, 0
    kind = tensor.code, tensor.bits, tensor.lanes
    if kind == (BFLOAT, 16, 1):
        tensor.code = UNSIGNED
    try:
        return np.from_dlpack(_Once(capsule)), kind == (BFLOAT, 16, 1)
    except RuntimeError as error:
        raise BufferError("DLPack's dtype of code {}, {} bits and {} lanes".format(*kind)) from error


def _structures(capsule: object) -> tuple[_Tensor, _Versioned | None]:
    """The tensor of a capsule that nobody has used, and what stands around it since version 1.0."""
    versioned, before = NAMES
    if _is_named(capsule, versioned):
        found = _Versioned.from_address(_pointer(capsule, versioned))
        return found.tensor, found
    if _is_named(capsule, before):
        return _Tensor.from_address(_pointer(capsule, before)), None
    raise BufferError(f"{capsule!r} is not a capsule of DLPack that can be used")
