"""Compiles generated kernels for one schedule, one set of absent arrays and one generation of devices."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
from numba import cuda
from numba.cuda import types
from numba.np.numpy_support import from_dtype

from . import device
from .cuda_bind import bind, kinds
from .cuda_groups import INLINED
from .cuda_schedules import Schedule, schedules

ENTRY = re.compile(r"\.visible \.entry (\S+)\(")


@dataclass(frozen=True)
class Assembly:
    """A kernel in PTX, and the name by which its entry is found."""

    text: str
    entry: str


def assemble(
    module: ModuleType, kernel: str, schedule: str, capability: tuple[int, int], absent: Collection[str] = ()
) -> Assembly:
    """The kernel's PTX. `absent` are the arrays that are not given; `capability` is the device's, such as (9, 0)."""
    function = _bound(module, schedule)[kernel]
    signature = arguments(function, module, absent)
    text, _ = cuda.compile(function, signature, device=False, abi="numba", cc=capability, output="ptx")
    return Assembly(text, ENTRY.search(text)[1])


def arguments(function: FunctionType, module: ModuleType, absent: Collection[str]) -> tuple[Any, ...]:
    """The types of a kernel's arguments, by their annotations. An array that is absent is None."""
    found = {
        device.Size: types.int64,
        device.Whole: types.int64,
        device.Real: from_dtype(np.dtype(module.real)),
        device.Reals: types.CPointer(from_dtype(np.dtype(module.storage))),
        device.Wholes: types.CPointer(types.int64),
        device.Sums: types.CPointer(from_dtype(np.dtype(module.real))),
        device.Wides: types.CPointer(types.float64),
    }
    return tuple(types.none if name in absent else found[kind] for name, kind in kinds(function).items())


@cache
def _bound(module: ModuleType, schedule: str) -> dict[str, FunctionType]:
    chosen: Schedule = schedules(np.dtype(module.storage).itemsize)[schedule]
    return bind(module, chosen.device, _device_function)


def _device_function(function: FunctionType) -> Any:
    if function.__name__ in INLINED:
        return cuda.jit(device=True, inline="always")(function)
    return cuda.jit(device=True, forceinline=True)(function)
