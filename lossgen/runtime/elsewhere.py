"""Arrays that do not lie in main memory: what other libraries' arrays on a CUDA device say of themselves."""

from __future__ import annotations

from typing import Any

#: The two protocols: a dict of addresses, and DLPack.
INTERFACE = "__cuda_array_interface__"
DLPACK = "__dlpack__"
#: DLPack's numbers for main memory, memory of a CUDA device, and memory that moves between these.
HOST, CUDA, MANAGED = 1, 2, 13

#: What libraries raise for arrays that cannot be shared: spread over several devices, traced, tensors that require grad.
_NOT_SHARED = (AttributeError, BufferError, RuntimeError, TypeError, ValueError)


def interface_of(given: object) -> dict[str, Any] | None:
    """The array's CUDA array interface; None if it has none."""
    try:
        return getattr(given, INTERFACE, None)
    except _NOT_SHARED:
        return None


def device_of(given: object) -> tuple[int, int] | None:
    """The kind and the number of the array's device by DLPack; None if it does not say."""
    ask = getattr(given, "__dlpack_device__", None)
    if ask is None or not hasattr(given, DLPACK):
        return None
    try:
        kind, number = ask()
        return int(kind), int(number)
    except _NOT_SHARED:
        return None


def lies_on_cuda(given: object) -> bool:
    """Whether it is an array on a CUDA device that can be read there."""
    if interface_of(given) is not None:
        return True
    device = device_of(given)
    return device is not None and device[0] in (CUDA, MANAGED)
