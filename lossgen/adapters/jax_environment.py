"""The floating-point environment that the kernels are made for.

XLA's threads take denormal numbers for 0, which costs small results their digits. The mode is the thread's own, so it is set
back to what it was when this module was imported for as long as a kernel runs; threads that are started then inherit it.
"""

from __future__ import annotations

import ctypes
import os
import threading

#: Bytes: as many as a `fenv_t` has anywhere, and more.
SIZE = 256


class _Environment(threading.local):
    """Sets the environment within `with`; what is there before is kept for each thread."""

    def __init__(self) -> None:
        self._before = ctypes.create_string_buffer(SIZE)

    def __enter__(self) -> None:
        _get(self._before)
        _set(_usual)

    def __exit__(self, *_: object) -> None:
        _set(self._before)


_library = ctypes.PyDLL(
    "ucrtbase" if os.name == "nt" else None
)  # the C library, called without letting go of the interpreter
_get, _set = _library.fegetenv, _library.fesetenv
_usual = ctypes.create_string_buffer(SIZE)
_get(_usual)
usual_arithmetic = _Environment()
