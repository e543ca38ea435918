"""What a model predicts that may be one number for all items, such as a variance."""

from __future__ import annotations

from .torch_library import torch

Tensor = torch.Tensor


def spread(given: Tensor | float, like: Tensor) -> Tensor:
    """A number as a tensor without dimensions, of the dtype and device of `like`; a tensor as it is."""
    if isinstance(given, int | float):
        return torch.full((), given, dtype=like.dtype, device=like.device)
    return given
