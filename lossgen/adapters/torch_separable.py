"""Losses over several batches on PyTorch tensors: the loss of each batch by itself, and PyTorch's own sum of them."""

from __future__ import annotations

from collections.abc import Mapping

from lossgen.runtime import SeparableLoss
from lossgen.runtime.axes import AxisOption

from . import torch as single
from .torch import Tensor

__all__ = ["apply"]


def apply(
    loss: SeparableLoss,
    arguments: tuple[Tensor | None, ...],
    parameters: tuple,
    reduction: str,
    axis: AxisOption = None,
    sample_weight: Mapping[str, Tensor] | None = None,
    mask: Mapping[str, Tensor] | None = None,
    denominator: float | Mapping[str, float] | None = None,
    empty: float = float("nan"),
) -> Tensor:
    """The loss of tensors, differentiable twice for every argument that the loss is differentiable in.

    Args and errors as for `lossgen.adapters.torch.apply`, with sample_weight and mask by batch, and denominator one
    number for all batches or numbers by batch. For reduction "none" the items of all batches must have one shape.
    """
    shares = loss.shares(arguments, axis, sample_weight, mask, denominator)
    values = [single.apply(part, own, parameters, reduction, *options, empty) for part, own, options in shares]
    return loss.total(values, reduction)
