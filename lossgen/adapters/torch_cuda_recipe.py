"""How calls of a known kind go on a CUDA device: the kernels of an earlier call of that kind are started again.

A training loop makes the same call in every step. What there is to check and to work out has been so in the first of
them; after that the host only looks at what kind a call is, asks for memory, and starts kernels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from lossgen.runtime import Loss
from lossgen.runtime.cuda.replay import Recorder, Replay
from lossgen.runtime.loss import remember
from lossgen.runtime.schema import Variant

from . import torch_cuda
from .torch_library import torch
from .torch_task import Task

Tensor = torch.Tensor
PLAIN = (Tensor, torch.nn.Parameter)
_is_grad_enabled = torch.is_grad_enabled  # a look-up that every call would make


class CudaRecipe(NamedTuple):
    """What calls of a kind have in common.

    Args:
        task: the call without its tensors, with the gradients that are wanted.
        variant: that of the loss.
        replay: what is started.
        later: whether gradients are left to the backward pass.
    """

    task: Task
    variant: Variant
    replay: Replay
    later: bool

    def again(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The value, and the gradients that are wanted unless they are left for later."""
        schema, device = self.task.loss.schema, tensors[0].device
        place = torch_cuda.PLACES[device.type](schema.name, device)
        reports = place.driver.reports
        reports.raise_for(schema, self.variant)
        found = self.replay.run(place, [tensor.data_ptr() for tensor in tensors])
        if reports.always:
            place.driver.synchronize()
            reports.raise_for(schema, self.variant)
        return [array.owner for array in found]


def kind_of(arguments: Sequence[Tensor | None], parameters: tuple, reduction: str, empty: float) -> tuple | None:
    """All that what a call starts depends on; None for a call with something out of the ordinary."""
    try:
        device = arguments[0].device
        parts: list = ["cuda", parameters, reduction, empty, _is_grad_enabled(), device]
        for tensor in arguments:
            if tensor is None:
                parts.append(None)
                continue
            if type(tensor) not in PLAIN or tensor.device != device or tensor.is_neg():
                return None
            parts += (tensor.shape, tensor.stride(), tensor.dtype, tensor.requires_grad, tensor.data_ptr() % 16)
        kind = tuple(parts)
        hash(kind)
        return kind
    except (AttributeError, TypeError, RuntimeError):  # no tensor, a parameter that is no number, a sparse layout
        return None


def first_of_its_kind(loss: Loss, kind: tuple, task: Task, tensors: Sequence[Tensor], later: bool) -> list[Tensor]:
    """The same by the long way, which is written down for the calls to come."""
    call = torch_cuda.prepared(task, tensors)
    recorder = Recorder(call.place)
    call.place = recorder.place
    found = torch_cuda.evaluated(call, task, later)
    replay = recorder.replay([tensor.data_ptr() for tensor in tensors], found)
    if replay is not None:
        remember(loss.recipes, kind, CudaRecipe(task, call.plan.variant, replay, later))
    return [array.owner for array in found]
