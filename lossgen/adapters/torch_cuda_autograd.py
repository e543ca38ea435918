"""The node of PyTorch's graph for the value of a loss on a CUDA device, as a training loop meets it."""

from __future__ import annotations

from collections.abc import Sequence

from lossgen.runtime import Loss
from lossgen.runtime.axes import AxisOption

from . import torch_cuda
from .torch_dtypes import rounded
from .torch_given import Extra, given_tensors
from .torch_library import torch
from .torch_nodes import Gradients
from .torch_task import Task

Tensor = torch.Tensor


class CudaValue(torch.autograd.Function):
    """A loss's value, with gradients that are ready, if they could be computed in the same pass (upstream 1).

    The first backward pass gives them away, multiplied in place by an upstream gradient that the device reads. A second
    pass through a retained graph computes them again.
    """

    @staticmethod
    def forward(ctx, task: Task, value: Tensor, ready: list[list[Tensor]], *tensors: Tensor) -> Tensor:
        ctx.task, ctx.ready = task, ready
        ctx.save_for_backward(*tensors)
        return value

    @staticmethod
    def backward(ctx, upstream: Tensor):
        task, tensors = ctx.task, ctx.saved_tensors
        differentiable = torch.is_grad_enabled()  # create_graph=True
        try:
            found = ctx.ready.pop()  # atomic, should two threads come here at once
        except IndexError:
            found = None
        if differentiable:
            found = Gradients.apply(task, upstream, *tensors)
        elif found is None:
            found = task.gradients(upstream, tensors)
        else:
            torch_cuda.rescale(task.schema.name, upstream, found)
        named = dict(zip(task.wanted, found, strict=True))
        return None, None, None, *[named.get(place) for place in task.places]


def apply(
    loss: Loss,
    arguments: Sequence[Tensor | None],
    parameters: tuple,
    reduction: str,
    axis: AxisOption,
    extra: Extra,
    empty: float,
) -> Tensor:
    """The loss of tensors on a device; arguments, results and errors as for `lossgen.adapters.torch.apply`.

    What tensors hold outside an argument's domain is no error here: see `lossgen.runtime.cuda.check`.
    """
    places, tensors = given_tensors(loss, reduction, arguments, extra)  # a denominator that is a number: on the host
    task = Task(loss, tuple(places), parameters, reduction, axis, empty)
    given = zip(task.places, tensors, strict=True)
    tracked = [p for p, t in given if t.requires_grad] if torch.is_grad_enabled() else []
    if not tracked:
        return rounded(task.evaluate(tensors)[0], arguments)
    task = task.wanting(tracked)
    # A loss scale is there to keep float16 from underflowing: gradients are multiplied before rounding, not after.
    halves = any(t.dtype.itemsize == 2 for p, t in zip(task.places, tensors, strict=True) if p in tracked)
    later = task.per_item or halves
    value, *ready = torch_cuda.evaluate(task, tensors, later)
    return rounded(CudaValue.apply(task, value, [] if later else [ready], *tensors), arguments)
