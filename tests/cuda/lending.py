"""A device in main memory that lends memory, and libraries' arrays there that offer DLPack alone."""

import ctypes

import numpy as np
from host import HostDriver

_pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi)
)


class Driver(HostDriver):
    """Lends memory, too; says which stream waited for which."""

    def __init__(self, number=0):
        super().__init__(number=number)
        self.lent, self.ordered = {}, []

    def allocate(self, size, stream):
        found = np.full(size + 32, 0xA5, np.uint8)
        address = found.ctypes.data + -found.ctypes.data % 16
        self.lent[address] = found
        return address

    def free(self, address, stream):
        del self.lent[address]

    def order(self, before, after):
        self.ordered.append((before, after))


def labelled(capsule, device):
    """A capsule of PyTorch's, of another device: `DLTensor.device` lies 8 bytes in, behind 32 bytes since version 1.0."""
    _label(capsule)[:] = device
    return capsule


def device_in(capsule):
    """The device that a capsule says it is of."""
    return tuple(_label(capsule))


def _label(capsule):
    versioned = "versioned" in repr(capsule)
    address = _pointer(capsule, b"dltensor_versioned" if versioned else b"dltensor") + (40 if versioned else 8)
    return (ctypes.c_int32 * 2).from_address(address)


class Lent:
    """A tensor as the array of a library that knows nothing but DLPack; says on which streams it was asked for."""

    def __init__(self, tensor, device=(2, 0), versioned=True):
        self.tensor, self.device, self.versioned, self.streams = tensor, device, versioned, []

    def __dlpack_device__(self):
        return self.device

    def __dlpack__(self, *, stream=None, **options):
        if options and not self.versioned:
            raise TypeError("__dlpack__() got an unexpected keyword argument 'max_version'")
        self.streams.append(stream)
        return labelled(self.tensor.__dlpack__(**options), self.device)


def flags_of(capsule):
    """What a capsule since version 1.0 says besides: 1 for read-only memory, 2 for a copy of the consumer's own."""
    return ctypes.c_uint64.from_address(_pointer(capsule, b"dltensor_versioned") + 24).value
