"""Losses on CUDA devices. What needs numba-cuda is imported when a kernel is first used; `check` raises what kernels found."""

from __future__ import annotations

import importlib.util

from ..errors import LossError
from .devices import check

__all__ = ["INSTALL", "check", "check_installed"]

INSTALL = "pip install 'lossgen[cuda]'"


def check_installed(loss: str) -> None:
    """Raise LossError, which names the loss and says what to do, if numba-cuda is not installed."""
    if importlib.util.find_spec("numba_cuda") is None:
        raise LossError(f"{loss}: CUDA kernels need numba-cuda, which is not installed: {INSTALL}")
