"""The node of PyTorch's graph for a loss's value, as a training loop meets it: no transforms, no tracers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lossgen.runtime import Loss

from .torch_arrays import as_tensor
from .torch_library import torch
from .torch_nodes import Gradients
from .torch_task import Task

Tensor = torch.Tensor


class State(NamedTuple):
    """What a node keeps of a call.

    Args:
        value: the value.
        ready: holds the gradients for the upstream gradient 1; empty if they could not be computed with the value.
        tracked: the positions of the arguments that require grad.
        loss: the loss over NumPy arrays.
        parameters: its parameters.
        options: reduction, axis and empty.
        arguments: the arguments in order.
        extra: sample_weight, mask, and the denominator as a number.
    """

    value: Tensor
    ready: list[tuple[np.ndarray, ...]]
    tracked: list[int]
    loss: Loss
    parameters: tuple
    options: tuple
    arguments: tuple[Tensor | None, ...]
    extra: tuple


class ValueNode(torch.autograd.Function):
    """A loss's value, with gradients that are ready, if they could be computed in the same pass (upstream 1).

    The ready gradients are given away by the first backward pass: whoever accumulates them can keep the memory instead
    of copying it. A second pass through a retained graph computes them again.
    """

    @staticmethod
    def forward(ctx, state: State, *tracked: Tensor):
        value, *ctx.kept, arguments, extra = state
        ctx.save_for_backward(*arguments, *extra[:2])
        ctx.denominator = extra[2]
        return value

    @staticmethod
    def backward(ctx, upstream: Tensor):
        stock = ctx.kept[0]
        try:
            ready = stock.pop()  # atomic, should two threads come here at once
        except IndexError:
            ready = None
        differentiable = torch.is_grad_enabled()  # create_graph=True
        if ready is not None and not differentiable:
            factor = upstream.item()
            if factor == 1:
                return None, *map(as_tensor, ready)
            # A loss scale is there to keep float16 from underflowing: multiply before rounding, not after.
            if not any(array.itemsize == 2 for array in ready):
                return None, *[as_tensor(array).mul_(factor) for array in ready]
        task, tensors = _task(ctx)
        if differentiable:
            return None, *Gradients.apply(task, upstream, *tensors)
        return None, *task.gradients(upstream, tensors)


# `Function.apply` itself, without the preparations for function transforms (vmap, grad), which take 3 microseconds and
# are of no use where none is active.
value_node = super(torch.autograd.Function, ValueNode).apply


def _task(ctx) -> tuple[Task, list[Tensor]]:
    """The call as the other nodes know it."""
    _, tracked, loss, parameters, (reduction, axis, empty) = ctx.kept
    given = [*ctx.saved_tensors, ctx.denominator]
    if given[-1] is not None:
        given[-1] = torch.tensor(given[-1], dtype=torch.float64)
    places = tuple(place for place, tensor in enumerate(given) if tensor is not None)
    task = Task(loss, places, parameters, reduction, axis, empty, tuple(tracked))
    return task, [tensor for tensor in given if tensor is not None]
