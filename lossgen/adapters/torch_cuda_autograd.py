"""The node of PyTorch's graph for the value of a loss on a CUDA device, as a training loop meets it."""

from __future__ import annotations

from collections.abc import Sequence

from lossgen.runtime import Loss
from lossgen.runtime.axes import AxisOption

from . import torch_cuda
from .torch_cuda_recipe import first_of_its_kind, kind_of
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


#: `Function.apply` itself, as in `torch_autograd`: no function transforms are active here.
value_node = super(torch.autograd.Function, CudaValue).apply


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
    kind = (
        None
        if axis is not None or any(x is not None for x in extra)
        else kind_of(arguments, parameters, reduction, empty)
    )
    recipe = None if kind is None else loss.recipes.get(kind)
    if recipe is not None:
        given = [tensor for tensor in arguments if tensor is not None]
        return _finished(recipe.task, recipe.again(given), recipe.later, given, arguments)
    places, tensors = given_tensors(loss, reduction, arguments, extra)  # a denominator that is a number: on the host
    task = Task(loss, tuple(places), parameters, reduction, axis, empty)
    given = zip(task.places, tensors, strict=True)
    tracked = [p for p, t in given if t.requires_grad] if torch.is_grad_enabled() else []
    task = task.wanting(tracked)
    # A loss scale is there to keep float16 from underflowing: gradients are multiplied before rounding, not after.
    halves = any(t.dtype.itemsize == 2 for p, t in zip(task.places, tensors, strict=True) if p in tracked)
    later = task.per_item or halves
    if kind is None or any(t is not arguments[p] for p, t in zip(places, tensors, strict=True)):
        found = torch_cuda.evaluate(task, tensors, later)
    else:
        found = first_of_its_kind(loss, kind, task, tensors, later)
    return _finished(task, found, later, tensors, arguments)


def _finished(
    task: Task, found: list[Tensor], later: bool, tensors: list[Tensor], arguments: Sequence[Tensor | None]
) -> Tensor:
    """The value in the dtype that PyTorch's own losses have, with a node in the graph if gradients are wanted."""
    value, *ready = found
    if task.wanted:
        value = value_node(task, value, [] if later else [ready], *tensors)
    return rounded(value, arguments)
