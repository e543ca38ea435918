"""How calls of a known kind go: what an earlier call of the same kind has found out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from lossgen.runtime.quick import Results
from lossgen.runtime.shortest import Shortest

from .torch_library import torch

Tensor = torch.Tensor
PLAIN = (Tensor, torch.nn.Parameter)
_is_grad_enabled = torch.is_grad_enabled


class Kind(NamedTuple):
    """What there is to know of a tensor in main memory, contiguous and of the very class, besides its entries."""

    cls: type
    dtype: torch.dtype
    shape: torch.Size
    requires_grad: bool
    misaligned: int  # the bits of an address that are 0 where an entry can lie
    sizes: tuple[int, ...]  # the shape in which the kernel takes it


class Recipe:
    """How calls of a known kind go: no options, nothing to convert.

    Args:
        step: computes the value, and the gradients if they are wanted and can be computed at once.
        numbers: the parameters as it takes them.
        tracked: the positions of the arguments that require grad.
        parameters, reduction: as the caller gives them.
    """

    __slots__ = ("_kinds", "_parameters", "_recording", "_reduction", "numbers", "shortest", "step", "tracked")

    def __init__(
        self,
        step: Callable[[Sequence[np.ndarray | None], tuple[float | int, ...]], Results | None],
        numbers: tuple[float | int, ...],
        tracked: tuple[int, ...],
        parameters: tuple,
        reduction: str,
    ) -> None:
        self.step, self.numbers, self.tracked = step, numbers, tracked
        self._parameters, self._reduction = parameters, reduction
        #: What computes the same without arrays, if anything does.
        self.shortest: Shortest | None = None

    def shorten(self, shortest: Shortest | None, arguments: Sequence[Tensor | None]) -> None:
        """Let `again` take a shorter way for tensors like these, if they are plain ones."""
        if shortest is None or any(tensor is not None and type(tensor) not in PLAIN for tensor in arguments):
            return
        pairs = zip(arguments, shortest.shapes, strict=True)
        self._kinds = tuple(None if tensor is None else _kind(tensor, shape) for tensor, shape in pairs)
        self._recording = _is_grad_enabled()
        self.shortest = shortest

    def again(self, arguments: Sequence[Tensor | None], parameters: tuple, reduction: str) -> Results | None:
        """Value and gradients; None if the call is not of this kind, or the shorter way does not get there.

        Asking a tensor these questions takes half as long as viewing it as an array, which answers them too.
        """
        shortest = self.shortest
        if (
            shortest is None
            or parameters != self._parameters
            or reduction != self._reduction
            or _is_grad_enabled() is not self._recording
        ):
            return None
        places: list[tuple[int, ...] | None] = []
        try:
            for tensor, kind in zip(arguments, self._kinds, strict=True):
                if kind is None:
                    if tensor is not None:
                        return None
                    places.append(None)
                    continue
                cls, dtype, shape, requires_grad, misaligned, sizes = kind
                if (
                    type(tensor) is not cls
                    or tensor.dtype is not dtype
                    or tensor.shape != shape
                    or tensor.requires_grad is not requires_grad
                    or not tensor.is_cpu
                    or not tensor.is_contiguous()
                    or tensor.is_neg()
                ):
                    return None
                address = tensor.data_ptr()
                if not address or address & misaligned:
                    return None
                places.append((address, *sizes))
        except RuntimeError:  # a layout without strides, or without memory
            return None
        found = shortest.step(places)
        if found is None:
            self.shortest = None
        return found


def _kind(tensor: Tensor, sizes: tuple[int, ...] | None) -> Kind:
    assert sizes is not None
    return Kind(type(tensor), tensor.dtype, tensor.shape, tensor.requires_grad, tensor.itemsize - 1, sizes)
