"""The way to CUDA: says what is missing before anything of it is imported."""

from __future__ import annotations

import importlib.util
from importlib import import_module
from types import ModuleType

from ..errors import LossError

INSTALL = "pip install 'lossgen[cuda]'"


def compiler(loss: str) -> ModuleType:
    """`lossgen.runtime.cuda.compile`, which needs numba-cuda.

    Raises:
        LossError: numba-cuda is not installed. The message names the loss and says what to do.
    """
    if importlib.util.find_spec("numba_cuda") is None:
        raise LossError(f"{loss}: CUDA kernels need numba-cuda, which is not installed: {INSTALL}")
    return import_module(".compile", __package__)
