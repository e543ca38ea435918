"""How calls of a known kind go: what an earlier call of the same kind has found out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lossgen.runtime.quick import Results
from lossgen.runtime.shortest import Shortest

from .torch_autograd import Rest, value_node
from .torch_library import torch

Tensor = torch.Tensor
PLAIN = (Tensor, torch.nn.Parameter)
_is_grad_enabled, from_numpy = torch.is_grad_enabled, torch.from_numpy  # look-ups that every call would make


class Recipe:
    """How calls of a known kind go: no options, nothing to convert.

    Args:
        step: computes the value, and the gradients if they are wanted and can be computed at once.
        numbers: the parameters as it takes them.
        rest: what a node keeps.
    """

    __slots__ = ("_absent", "_kinds", "_recording", "_rest", "numbers", "shortest", "step")

    def __init__(
        self,
        step: Callable[[Sequence[np.ndarray | None], tuple[float | int, ...]], Results | None],
        numbers: tuple[float | int, ...],
        rest: Rest,
    ) -> None:
        self.step, self.numbers, self._rest = step, numbers, rest
        #: What computes the same without arrays, if anything does.
        self.shortest: Shortest | None = None

    def shorten(self, shortest: Shortest | None, arguments: Sequence[Tensor | None]) -> None:
        """Let `again` take a shorter way for tensors like these, if they are plain ones."""
        given = [(place, tensor) for place, tensor in enumerate(arguments) if tensor is not None]
        if shortest is None or any(type(tensor) not in PLAIN for _, tensor in given):
            return
        self._kinds = tuple([_kind(place, tensor, shortest.shapes[place]) for place, tensor in given])
        self._absent = tuple([place for place, tensor in enumerate(arguments) if tensor is None])
        self._recording = _is_grad_enabled()
        self.shortest = shortest

    def again(self, arguments: tuple[Tensor | None, ...], parameters: tuple, reduction: str) -> Tensor | None:
        """The loss; None if the call is not of this kind, or the shorter way does not get there.

        Asking a tensor these questions takes half as long as viewing it as an array, which answers them too.
        """
        shortest, rest = self.shortest, self._rest
        if (
            shortest is None
            or parameters != rest.parameters
            or reduction != rest.options[0]
            or _is_grad_enabled() is not self._recording
        ):
            return None
        places: list[tuple[int, ...] | None] = [None] * len(arguments)
        try:
            for place, cls, dtype, shape, requires_grad, misaligned, sizes in self._kinds:
                tensor = arguments[place]
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
                places[place] = address, *sizes
        except RuntimeError:  # a layout without strides, or without memory
            return None
        for place in self._absent:
            if arguments[place] is not None:
                return None
        found = shortest.step(places)
        if found is None:
            self.shortest = None
            return None
        return self.tensor(found, arguments)

    def tensor(self, found: Results, arguments: tuple[Tensor | None, ...]) -> Tensor:
        """What was computed, as a tensor, with a node in PyTorch's graph if one is wanted."""
        value, gradients = found
        tracked = self._rest.tracked
        if not tracked:
            return from_numpy(value)
        state = from_numpy(value), (self._rest, [gradients]), arguments
        if len(tracked) == 1:
            return value_node(state, arguments[tracked[0]])
        return value_node(state, *[arguments[position] for position in tracked])


def _kind(place: int, tensor: Tensor, sizes: tuple[int, ...] | None) -> tuple:
    """What there is to know of an argument besides its entries.

    Its position, its class, dtype and shape, whether it requires grad, the bits of an address that are 0 where an entry
    can lie, and the shape in which the kernel takes it.
    """
    assert sizes is not None
    return place, type(tensor), tensor.dtype, tensor.shape, tensor.requires_grad, tensor.itemsize - 1, sizes
