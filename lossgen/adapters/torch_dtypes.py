"""The dtype of a result: what PyTorch's own losses give, with and without autocast."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .torch_library import torch

Tensor = torch.Tensor
HALVES = (torch.float16, torch.bfloat16)


def common_dtype(tensors: Iterable[Tensor | None]) -> torch.dtype | None:
    """What PyTorch promotes the real tensors among these to: those without dimensions count only among themselves."""
    found: dict[bool, torch.dtype] = {}
    for tensor in tensors:
        if tensor is not None and tensor.is_floating_point():
            scalar = tensor.dim() == 0
            known = found.get(scalar)
            found[scalar] = tensor.dtype if known is None else torch.promote_types(known, tensor.dtype)
    return found.get(False, found.get(True))


def is_plain(arguments: Sequence[Tensor | None], predictions: Sequence[int]) -> bool:
    """True if the loss, computed as it is, has the dtype that PyTorch's own losses have."""
    return common_dtype(arguments) not in HALVES and promoted(arguments, predictions) is None


def promoted(arguments: Sequence[Tensor | None], predictions: Sequence[int]) -> tuple[Tensor | None, ...] | None:
    """The arguments with predictions of the common dtype, so that the loss is computed in it; None if they are.

    A single prediction in half precision stays as it is beside float32: it is computed in float32 anyway, and its
    gradient is rounded once.
    """
    common = common_dtype(arguments)
    given = [position for position in predictions if arguments[position] is not None]
    if any([arguments[position].is_complex() for position in given]):
        return None
    narrow = len(given) == 1 and arguments[given[0]].is_floating_point() and arguments[given[0]].dtype.itemsize <= 4
    if common is None or (narrow and common.itemsize <= 4):
        return None
    if all([arguments[position].dtype == common for position in given]):
        return None
    return tuple([t.to(common) if position in given else t for position, t in enumerate(arguments)])


def rounded(value: Tensor, arguments: Sequence[Tensor | None]) -> Tensor:
    """The value in the dtype that PyTorch's own losses have; under autocast float32 in place of half precision."""
    common = common_dtype(arguments)
    if common is None or (common in HALVES and torch.is_autocast_enabled(value.device.type)):
        return value
    return value if value.dtype == common else value.to(common)
