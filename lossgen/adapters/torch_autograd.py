"""The two nodes of PyTorch's graph: a loss's value, and its gradient, which can be differentiated again."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from lossgen.runtime import Call, Loss, derivatives

from .torch_arrays import as_array, as_tensor, scalar_tensor
from .torch_library import torch

OPTIONAL_TENSORS = ("sample_weight", "mask")
Tensors = tuple[torch.Tensor | None, ...]
Arrays = tuple[np.ndarray, ...]
Ready = Arrays | None


class Job(NamedTuple):
    """What a node keeps besides its tensors, which are the arguments in order, then sample_weight and mask.

    Args:
        loss: the loss over NumPy arrays.
        argument_names: the names of all its arguments.
        parameters: its parameters.
        options: reduction and axis.
        limits: denominator and empty.
        names: the arguments that require grad.
        positions: where they stand among the tensors.
    """

    loss: Loss
    argument_names: tuple[str, ...]
    parameters: tuple
    options: tuple
    limits: tuple
    names: tuple[str, ...]
    positions: list[int]

    def bind(self, tensors: Tensors) -> Call:
        """The prepared call for these tensors."""
        name = self.loss.schema.name
        labels = (*self.argument_names, *OPTIONAL_TENSORS)
        arrays = [None if t is None else as_array(name, n, t) for n, t in zip(labels, tensors, strict=True)]
        return self.loss.bind(arrays[:-2], self.parameters, *self.options, *arrays[-2:], *self.limits)


class ValueNode(torch.autograd.Function):
    """A loss's value, with gradients that are ready, if they could be computed in the same pass (upstream 1).

    The ready gradients are given away by the first backward pass: whoever accumulates them can keep the memory instead
    of copying it. A second pass through a retained graph computes them again.
    """

    @staticmethod
    def forward(ctx, state: tuple[Job, Tensors, torch.Tensor, list[Arrays]], *tracked: torch.Tensor):
        """`state`: the job, its tensors, the value, and a list of the gradients, empty if they are not ready."""
        job, tensors, value, ready = state
        ctx.work = job, ready
        ctx.save_for_backward(*tensors)
        return value

    @staticmethod
    def backward(ctx, upstream: torch.Tensor):
        job, stock = ctx.work
        try:
            ready = stock.pop()  # atomic, should two threads come here at once
        except IndexError:
            ready = None
        if torch.is_grad_enabled():  # create_graph=True
            tensors = ctx.saved_tensors
            tracked = [tensors[position] for position in job.positions]
            return None, *GradientNode.apply(job, tensors, ready, upstream, *tracked)
        if ready is not None and len(ready) == 1 and upstream.item() == 1:  # the usual case, without detours
            return None, as_tensor(ready[0])
        return None, *_gradients(job, ready, upstream, lambda: ctx.saved_tensors)


# `Function.apply` itself, without the preparations for function transforms (vmap, grad), which take 3 microseconds and
# are of no use to a function that reads its tensors through NumPy.
value_node = super(torch.autograd.Function, ValueNode).apply


class GradientNode(torch.autograd.Function):
    """The gradients of a loss, as functions of its arguments and of the upstream gradient."""

    @staticmethod
    def forward(ctx, job: Job, tensors: Tensors, ready: Ready, upstream: torch.Tensor, *tracked: torch.Tensor):
        ctx.job = job
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*tensors, upstream)
        return tuple(_gradients(job, ready, upstream, lambda: tensors))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, *directions: torch.Tensor | None):
        job, (*tensors, upstream) = ctx.job, ctx.saved_tensors
        loss = job.loss.schema.name
        given = {n: as_array(loss, n, d) for n, d in zip(job.names, directions, strict=True) if d is not None}
        if not given:
            return (None,) * (4 + len(job.names))
        call = job.bind(tensors)
        slope, products = derivatives.products(
            call, given, job.names, _upstream(loss, upstream), ctx.needs_input_grad[3]
        )
        return None, None, None, None if slope is None else scalar_tensor(slope), *map(as_tensor, products)


def _gradients(job: Job, ready: Ready, upstream: torch.Tensor, tensors: Callable[[], Tensors]) -> list[torch.Tensor]:
    """The gradients times the upstream gradient; `tensors` is asked only if they are not ready."""
    factor = _upstream(job.loss.schema.name, upstream)
    if ready is not None and factor != 1 and any(array.itemsize == 2 for array in ready):
        ready = None  # a loss scale is there to keep float16 from underflowing: multiply before rounding, not after
    if ready is None:
        return [as_tensor(array) for array in derivatives.gradients(job.bind(tensors()), job.names, factor)]
    found = [as_tensor(array) for array in ready]
    if factor != 1:
        for gradient in found:
            gradient.mul_(factor)
    return found


def _upstream(loss: str, upstream: torch.Tensor) -> float | np.ndarray:
    """The upstream gradient as the engine takes it: a number where all its entries share one place in memory."""
    if upstream.dim() == 0:
        return upstream.item()
    if upstream.numel() and not any(upstream.stride()):  # what `.sum()` sends back
        return upstream[(0,) * upstream.dim()].item()
    return as_array(loss, "the upstream gradient", upstream)
