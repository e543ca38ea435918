"""Tensors as NumPy arrays over the same memory, and back."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from lossgen.runtime import LossError, LossTypeError

from .torch_library import ml_dtypes, torch

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)


def as_array(loss: str, name: str, tensor: torch.Tensor) -> np.ndarray:
    """A view of a tensor in main memory, of the same shape, strides and dtype (bfloat16: `ml_dtypes.bfloat16`).

    Args:
        loss: the loss's name, for messages.
        name: the argument's name, for messages.
        tensor: any dense tensor of a dtype that NumPy or ml_dtypes knows; it may require grad.

    Raises:
        LossTypeError: not a tensor, or one that has no such view (sparse, quantised, ...).
        LossError: a tensor on another device.
    """
    try:  # first what nearly all tensors are: looking before would take as long
        return tensor.detach().numpy()
    except (AttributeError, TypeError, RuntimeError):
        return _unusual(loss, name, tensor)


def _unusual(loss: str, name: str, tensor: torch.Tensor) -> np.ndarray:
    """The view of a tensor that has no simple one, or the error for it."""
    if not isinstance(tensor, torch.Tensor):
        raise LossTypeError(f"{loss}: {name} is a {type(tensor).__name__}, expected a torch.Tensor")
    if not tensor.is_cpu:
        raise LossError(f"{loss}: {name} is on {tensor.device}, expected the CPU or a CUDA device")
    if tensor.layout is torch.strided and tensor.is_neg():  # as the imaginary part of a conjugate is
        return as_array(loss, name, tensor.resolve_neg())
    if tensor.layout is torch.strided and tensor.dtype is torch.bfloat16:
        return tensor.detach().view(torch.uint16).numpy().view(BFLOAT16)
    given = f"of dtype {tensor.dtype} and layout {tensor.layout}"
    raise LossTypeError(f"{loss}: {name} is {given}, which NumPy cannot view; expected a dense tensor of real numbers")


def as_tensor(array: np.ndarray) -> torch.Tensor:
    """A tensor over an array's memory; the array must be writable and is not used any more."""
    try:
        return torch.from_numpy(array)
    except TypeError:  # bfloat16, which PyTorch does not know by the name that NumPy has for it
        return torch.from_numpy(array.view(np.uint16)).view(torch.bfloat16)


@lru_cache(maxsize=64)
def numpy_dtype(dtype: torch.dtype) -> np.dtype:
    """The NumPy dtype of a tensor's entries; for those that NumPy does not know `object`, which no loss takes."""
    if dtype is torch.bfloat16:
        return BFLOAT16
    try:
        return np.dtype(str(dtype).removeprefix("torch."))
    except TypeError:
        return np.dtype(object)


def scalar_tensor(value: np.floating | np.ndarray) -> torch.Tensor:
    """A tensor for a value of a loss: 0-d for a number, else over the array's memory."""
    return torch.from_numpy(value if isinstance(value, np.ndarray) else np.array(value))


def constant_words(loss: str, name: str) -> str:
    """The message for a tensor that may not require grad."""
    return f"{loss}: {name} requires grad, expected a constant: pass {name}.detach()"


def check_devices(loss: str, names: Sequence[str], tensors: Sequence[torch.Tensor | None]) -> None:
    """Raise LossTypeError if the tensors lie on different devices."""
    given = [(n, t) for n, t in zip(names, tensors, strict=True) if isinstance(t, torch.Tensor)]
    for name, tensor in given[1:]:
        if tensor.device != given[0][1].device:
            expected = f"{given[0][1].device}, the device of {given[0][0]}"
            raise LossTypeError(f"{loss}: {name} is on {tensor.device}, expected {expected}")
