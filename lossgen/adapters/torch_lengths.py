"""Lengths as PyTorch's functions take them: tensors, or Python's own numbers."""

from __future__ import annotations

from .torch_library import torch

Tensor = torch.Tensor


def as_lengths(given: object) -> object:
    """Lengths as a tensor: one number without dimensions, a list or tuple of numbers with one.

    Anything else (a tensor, None) is handed on as it is.
    """
    if isinstance(given, int):
        return torch.tensor(given)
    if isinstance(given, (list, tuple)) and all(isinstance(n, (int, float, Tensor)) for n in given):
        return torch.as_tensor(given) if given else torch.zeros(0, dtype=torch.int64)
    return given
