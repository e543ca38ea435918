"""The call frame by which XLA calls foreign functions, read and answered with ctypes.

The structures are those of `xla/ffi/api/c_api.h` (it comes with jaxlib: `jax.ffi.include_dir()`), a binary interface that
XLA keeps stable: a handler says which version it speaks when it is registered, and XLA refuses one that it no longer
understands. VERSION is the oldest that has all that is read here.
"""

from __future__ import annotations

import ctypes
import math
import struct
from ctypes import POINTER, c_char, c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_void_p
from functools import lru_cache

import ml_dtypes
import numpy as np

VERSION = 0, 1
METADATA = 1  # XLA_FFI_Extension_Metadata
INVALID_ARGUMENT, INTERNAL = 3, 13  # XLA_FFI_Error_Code
NAMES = {1: "bool", 2: "int8", 3: "int16", 4: "int32", 5: "int64", 6: "uint8", 7: "uint16", 8: "uint32", 9: "uint64"}
NAMES |= {10: "float16", 11: "float32", 12: "float64"}
#: NumPy's dtypes, by XLA_FFI_DataType.
DTYPES = {number: np.dtype(name) for number, name in NAMES.items()} | {16: np.dtype(ml_dtypes.bfloat16)}


#: XLA_FFI_Buffer: its size, an extension, dtype, data, rank, dimensions. Unpacked at once, it takes a third of the time.
BUFFER = struct.Struct("@NPiPqP")


class Head(ctypes.Structure):
    """What every structure begins with."""

    _fields_ = (("struct_size", c_size_t), ("extension_start", c_void_p))


class Version(Head):
    _fields_ = (("major", c_int32), ("minor", c_int32))


class Metadata(ctypes.Structure):
    _fields_ = (("struct_size", c_size_t), ("api_version", Version), ("traits", c_uint32))


class Extension(ctypes.Structure):
    """An extension, and what that of the metadata holds."""

    _fields_ = (("struct_size", c_size_t), ("type", c_int32), ("next", c_void_p), ("metadata", POINTER(Metadata)))


class Buffers(Head):
    """Arguments, or results: the addresses of `BUFFER`s."""

    _fields_ = (("size", c_int64), ("types", c_void_p), ("entries", c_void_p))


class Span(ctypes.Structure):
    _fields_ = (("pointer", c_void_p), ("length", c_size_t))


class Attributes(Head):
    _fields_ = (("size", c_int64), ("types", c_void_p), ("names", c_void_p), ("entries", POINTER(POINTER(Span))))


class ErrorArguments(Head):
    _fields_ = (("message", c_char_p), ("code", c_int32))


class Api(Head):
    _fields_ = (
        ("api_version", Version),
        ("internal", c_void_p),
        ("error_create", ctypes.CFUNCTYPE(c_void_p, POINTER(ErrorArguments))),
    )


class Frame(Head):
    _fields_ = (
        ("api", POINTER(Api)),
        ("context", c_void_p),
        ("stage", c_int32),
        ("arguments", Buffers),
        ("results", Buffers),
        ("attributes", Attributes),
    )


#: What XLA calls: it returns NULL, or an error that it then owns.
HANDLER = ctypes.CFUNCTYPE(c_void_p, POINTER(Frame))


def answer_metadata(frame: Frame) -> bool:
    """Say which version the handler speaks, if that is what this call asks for."""
    place = frame.extension_start
    while place:
        extension = Extension.from_address(place)
        if extension.type == METADATA:
            version = extension.metadata.contents.api_version
            version.major, version.minor = VERSION
            extension.metadata.contents.traits = 0
            return True
        place = extension.next
    return False


def attribute(frame: Frame) -> bytes:
    """The text of the only attribute that the call has."""
    span = frame.attributes.entries[0].contents
    return ctypes.string_at(span.pointer, span.length)


def arrays(buffers: Buffers) -> list[np.ndarray]:
    """Arrays over the memory of the arguments or results, which lasts for as long as the call does."""
    found = []
    for place in (c_void_p * buffers.size).from_address(buffers.entries) if buffers.size else ():
        _, _, code, data, rank, dimensions = BUFFER.unpack(ctypes.string_at(place, BUFFER.size))
        shape, dtype, memory = _layout(code, ctypes.string_at(dimensions, rank * ctypes.sizeof(c_int64)))
        found.append(np.ndarray(shape, dtype, memory.from_address(data)) if data else np.empty(shape, dtype))
    return found


@lru_cache(maxsize=4096)
def _layout(code: int, dimensions: bytes) -> tuple[tuple[int, ...], np.dtype, type[ctypes.Array]]:
    """Shape, dtype and the type of the memory for a buffer."""
    shape, dtype = tuple(np.frombuffer(dimensions, np.int64).tolist()), DTYPES[code]
    return shape, dtype, c_char * (math.prod(shape) * dtype.itemsize)


def error(frame: Frame, message: str, code: int) -> int:
    """An error of XLA's with this message, for the handler to return."""
    arguments = ErrorArguments(ctypes.sizeof(ErrorArguments), None, message.encode(), code)
    return frame.api.contents.error_create(ctypes.byref(arguments))
