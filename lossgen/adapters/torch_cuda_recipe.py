"""How calls of a known kind go on a CUDA device: the kernels of an earlier call of that kind are started again.

A training loop makes the same call in every step. What there is to check and to work out has been so in the first of
them; after that the host only looks at what kind a call is, asks for memory, and starts kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from lossgen.runtime import Loss
from lossgen.runtime.cuda.call import Call
from lossgen.runtime.cuda.driver import Array
from lossgen.runtime.cuda.lattices import SMALL, common
from lossgen.runtime.cuda.replay import Given, Known, recorded
from lossgen.runtime.loss import remember

from . import torch_cuda
from .torch_library import torch
from .torch_task import Task

Tensor = torch.Tensor
PLAIN = (Tensor, torch.nn.Parameter)


class Kind(NamedTuple):
    """A call, as far as one that has been made before can be like it.

    Args:
        key: all that what it starts depends on.
        given: the addresses of its tensors, by place, and in their place arrays of main memory.
        device: where it runs.
    """

    key: tuple
    given: Given
    device: torch.device


def kind_of(loss: Loss, options: tuple, tensors: Sequence[Tensor | None]) -> Kind | None:
    """The kind of a call with these options and tensors, by place; None if something is out of the ordinary."""
    own = loss.schema.variants[0].arguments
    try:
        device = tensors[0].device
        parts, given = [options, device], []
        for place, tensor in enumerate(tensors):
            if tensor is None:
                parts.append(None)
                given.append(None)
                continue
            if type(tensor) not in PLAIN or tensor.is_neg():
                return None
            small = place < len(own) and own[place].layout in SMALL
            if small and torch_cuda.lies_on_host(tensor, device):
                array = tensor.numpy()
                parts += (array.shape, array.dtype, common(array))
                given.append(array)
                continue
            if tensor.device != device:
                return None
            address = tensor.data_ptr()
            parts += (tensor.shape, tensor.stride(), tensor.dtype, tensor.requires_grad, address % 16)
            given.append(address)
        key = tuple(parts)
        hash(key)
        return Kind(key, given, device)
    except (AttributeError, TypeError, RuntimeError):  # no tensor, a parameter that is no number, a sparse layout
        return None


class CudaRecipe:
    """What calls of a kind have in common.

    Args:
        task: the call without its tensors, with the gradients that are wanted.
        later: whether gradients are left to the backward pass.
        known: what is started; None for a call that is not repeated.
    """

    __slots__ = ("_backward", "known", "later", "rounds", "task")

    def __init__(self, task: Task, later: bool, known: Known | None) -> None:
        self.task, self.later, self.known = task, later, known
        #: Whether the value may be of another dtype than PyTorch's own loss has.
        self.rounds = True
        self._backward: dict[tuple, Known] = {}

    def again(self, kind: Kind) -> list[Tensor] | None:
        """The value, and the gradients that are wanted unless they are left for later; None if the long way has to say."""
        return None if self.known is None else _again(self.task, self.known, kind)

    def gradients(self, upstream: Tensor, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The gradients that are wanted, times the upstream gradient; written down for backward passes to come."""
        task = self.task
        placed = (*task.place(tensors), upstream)
        kind = None if self.known is None else kind_of(task.loss, (), placed)
        if kind is None:
            return task.gradients(upstream, tensors)
        known = self._backward.get(kind.key)
        if known is not None and (found := _again(task, known, kind)) is not None:
            return found
        found, known = _first(task, tensors, kind, lambda call: torch_cuda.slopes(call, task, upstream))
        if known is not None:
            remember(self._backward, kind.key, known)
        return found


def _again(task: Task, known: Known, kind: Kind) -> list[Tensor] | None:
    place = torch_cuda.PLACES[kind.device.type](task.schema.name, kind.device)
    found = known.again(place, kind.given)
    return None if found is None else [array.owner for array in found]


def _first(
    task: Task, tensors: Sequence[Tensor], kind: Kind, compute: Callable[[Call], Sequence[Array]]
) -> tuple[list[Tensor], Known | None]:
    """The same by the long way, which is written down for the calls to come."""
    found, known = recorded(torch_cuda.prepared(task, tensors), kind.given, compute)
    return [array.owner for array in found], known


def first_of_its_kind(
    loss: Loss, kind: Kind | None, task: Task, tensors: Sequence[Tensor], later: bool
) -> tuple[list[Tensor], CudaRecipe]:
    """The value and the gradients that are wanted, by the long way, and the recipe for calls like this one."""
    if kind is None:
        return torch_cuda.evaluate(task, tensors, later), CudaRecipe(task, later, None)
    found, known = _first(task, tensors, kind, lambda call: torch_cuda.evaluated(call, task, later))
    recipe = CudaRecipe(task, later, known)
    if known is not None:
        remember(loss.recipes, kind.key, recipe)
    return found, recipe
