"""The devices of this process, each made when first used."""

from __future__ import annotations

import threading
from importlib import import_module

from .driver import Driver

_DRIVERS: dict[int, Driver] = {}
_LOCK = threading.Lock()


def driver_for(number: int) -> Driver:
    """The device of this number, as CUDA counts; there is one object for each in a process."""
    found = _DRIVERS.get(number)
    if found is None:
        with _LOCK:
            found = _DRIVERS.get(number) or import_module(".nvidia", __package__).NvidiaDriver(number)
            _DRIVERS[number] = found
    return found


def number_of(address: int) -> int:
    """The number of the device on which an address lies."""
    return import_module(".nvidia", __package__).number_of(address)


def check() -> None:
    """Wait for all calls on CUDA, and raise what their kernels found in arguments outside their domains.

    A label out of range makes its row NaN and is remembered on the device; so is an entry outside the domain of its
    argument, such as a probability above 1. Nothing waits for that: the next call of the same loss raises it if it is
    known by then, and this function in any case. With the environment variable LOSSGEN_CUDA_CHECK=1 every call waits.

    Raises:
        LossError: one line that names the loss and the argument. What was found before is forgotten then.
    """
    for driver in list(_DRIVERS.values()):
        driver.synchronize()
        driver.reports.raise_any()
