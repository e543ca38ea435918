"""The tensors that a call is given, each with its place in the signature."""

from __future__ import annotations

from collections.abc import Sequence

from lossgen.runtime import Loss, LossError, LossTypeError
from lossgen.runtime.errors import choose

from .torch_arrays import constant_words
from .torch_dtypes import promoted
from .torch_library import torch
from .torch_task import EXTRA

Tensor = torch.Tensor
#: sample_weight, mask and denominator.
Extra = tuple[Tensor | None, Tensor | None, Tensor | float | None]


def given_tensors(
    loss: Loss, reduction: str, arguments: Sequence[Tensor | None], extra: Extra, device: torch.device | None = None
) -> tuple[list[int], list[Tensor]]:
    """The places of the tensors that are given, and the tensors, predictions in the dtype that they are computed in.

    A denominator that is a number becomes a tensor on `device`.

    Raises:
        LossError: a reduction that the loss does not have; sample_weight, mask or denominator requires grad (LossTypeError:
            something is no tensor).
    """
    if reduction not in loss.schema.reductions:
        raise choose(loss.name, "reduction", reduction, loss.schema.reductions)
    weight, mask, denominator = extra
    if denominator is not None and not isinstance(denominator, Tensor):
        denominator = torch.full((), denominator, dtype=torch.float64, device=device)
    extra = (weight, mask, denominator)
    for name, tensor in zip((*loss.argument_names, *EXTRA), (*arguments, *extra), strict=True):
        if tensor is not None and not isinstance(tensor, Tensor):
            raise LossTypeError(f"{loss.name}: {name} is a {type(tensor).__name__}, expected a torch.Tensor")
    for name, tensor in zip(EXTRA, extra, strict=True):
        if tensor is not None and tensor.requires_grad:
            raise LossError(constant_words(loss.name, name))
    changed = promoted(arguments, loss.predictions)
    every = [*(arguments if changed is None else changed), *extra]
    places = [place for place, tensor in enumerate(every) if tensor is not None]
    return places, [every[place] for place in places]
