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

from .. import device
from .bind import bind, kinds
from .groups import INLINED
from .halves import FROM, Halves
from .schedules import Schedule, schedules

#: The bytes of a number, by its dtype.
SIZES = {"float16": 2, "bfloat16": 2, "float32": 4, "float64": 8}

ENTRY = re.compile(r"\.visible \.entry (\S+)\(")


@dataclass(frozen=True)
class Assembly:
    """A kernel in PTX, and the name by which its entry is found."""

    text: str
    entry: str


def assemble(
    module: ModuleType,
    kernel: str,
    schedule: str,
    capability: tuple[int, int],
    absent: Collection[str] = (),
    storage: str | None = None,
) -> Assembly:
    """The kernel's PTX.

    capability: the device's, such as (9, 0).  absent: the arrays that are not given.
    storage: the dtype of the arrays; the module's own, or of a float32 module "float16" or "bfloat16".
    """
    storage = storage or np.dtype(module.storage).name
    function = _bound(module, schedule, SIZES[storage])[kernel]
    signature = arguments(function, module, absent, storage)
    text, _ = cuda.compile(function, signature, device=False, abi="numba", cc=capability, output="ptx")
    return Assembly(text, ENTRY.search(text)[1])


def arguments(function: FunctionType, module: ModuleType, absent: Collection[str], storage: str) -> tuple[Any, ...]:
    """The types of a kernel's arguments, by their annotations. An array that is absent is None."""
    own = types.CPointer(from_dtype(np.dtype(module.storage)))
    found = {
        device.Size: types.int64,
        device.Whole: types.int64,
        device.Real: from_dtype(np.dtype(module.real)),
        device.Reals: Halves(storage) if storage in FROM else own,
        device.Scales: own,
        device.Factor: types.CPointer(from_dtype(np.dtype(module.real))),
        device.Wholes: types.CPointer(types.int64),
        device.Sums: types.CPointer(from_dtype(np.dtype(module.real))),
        device.Wides: types.CPointer(types.float64),
    }
    return tuple(types.none if name in absent else found[kind] for name, kind in kinds(function).items())


@cache
def _bound(module: ModuleType, schedule: str, itemsize: int) -> dict[str, FunctionType]:
    chosen: Schedule = schedules(itemsize)[schedule]
    return bind(module, chosen.device, _device_function)


def _device_function(function: FunctionType) -> Any:
    if function.__name__ in INLINED:
        return cuda.jit(device=True, inline="always")(function)
    return cuda.jit(device=True, forceinline=True)(function)
