"""The node of PyTorch's graph for a loss's value, as a training loop meets it: no transforms, no tracers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from lossgen.runtime import Loss

from .torch_arrays import as_tensor
from .torch_library import torch
from .torch_nodes import Gradients
from .torch_task import Task

Tensor = torch.Tensor
_is_grad_enabled, from_numpy = torch.is_grad_enabled, torch.from_numpy  # look-ups that every call would make


class Rest(NamedTuple):
    """What a node keeps of a call besides its tensors and its gradients.

    Args:
        tracked: the positions of the arguments that require grad.
        loss: the loss over NumPy arrays.
        parameters: its parameters.
        options: reduction, axis and empty.
        denominator: a number, or None.
    """

    tracked: tuple[int, ...]
    loss: Loss
    parameters: tuple
    options: tuple
    denominator: float | None


class ValueNode(torch.autograd.Function):
    """A loss's value, with gradients that are ready, if they could be computed in the same pass (upstream 1).

    The ready gradients are given away by the first backward pass: whoever accumulates them can keep the memory instead
    of copying it. A second pass through a retained graph computes them again.
    """

    @staticmethod
    def forward(ctx, state: tuple[Tensor, tuple, tuple[Tensor | None, ...]], *tracked: Tensor):
        """`state`: the value, what `backward` needs, and the arguments, with sample_weight and mask if they are given.

        What it needs is a `Rest`, and a list that holds the gradients for the upstream gradient 1: nothing, or none, if
        they could not be computed with the value.
        """
        value, ctx.kept, ctx.to_save = state  # what `save_for_backward` sets
        return value

    @staticmethod
    def backward(ctx, upstream: Tensor):
        try:
            ready = ctx.kept[1].pop()  # atomic, should two threads come here at once
        except IndexError:
            ready = ()
        differentiable = _is_grad_enabled()  # create_graph=True
        if ready and not differentiable:
            factor = upstream.item()
            if factor == 1:
                try:
                    return (None, from_numpy(ready[0])) if len(ready) == 1 else (None, *map(from_numpy, ready))
                except TypeError:  # bfloat16
                    return None, *map(as_tensor, ready)
            # A loss scale is there to keep float16 from underflowing: multiply before rounding, not after.
            if not any(array.itemsize == 2 for array in ready):
                return None, *[as_tensor(array).mul_(factor) for array in ready]
        task, tensors = _task(ctx.kept[0], ctx.saved_tensors)
        if differentiable:
            return None, *Gradients.apply(task, upstream, *tensors)
        return None, *task.gradients(upstream, tensors)


def direct(node: type[torch.autograd.Function]) -> Callable:
    """`node.apply`, without what takes as long as a small kernel and is of no use here.

    `Function.apply` itself, without the preparations for function transforms (vmap, grad), which take 3 microseconds. What
    PyTorch hands to `forward` and `backward` as `ctx` has a place of its own for `kept`, without a dictionary; and what
    `Function` does between the engine and `backward` is to look for a method `vjp`.
    """
    inherited = {"_forward_cls": node, "_autograd_function_id": node._backward_cls._autograd_function_id}
    body = {"__slots__": ("kept",), "apply": node.backward, **inherited}
    node._backward_cls = type(f"{node.__name__}Backward", (torch.autograd.function.BackwardCFunction,), body)
    return super(torch.autograd.Function, node).apply


value_node = direct(ValueNode)


def _task(rest: Rest, saved: Sequence[Tensor | None]) -> tuple[Task, list[Tensor]]:
    """The call as the other nodes know it."""
    number = rest.denominator
    missing = len(rest.loss.argument_names) + 2 - len(saved)
    given = [*saved, *[None] * missing, None if number is None else torch.tensor(number, dtype=torch.float64)]
    places = tuple(place for place, tensor in enumerate(given) if tensor is not None)
    task = Task(rest.loss, places, rest.parameters, *rest.options, rest.tracked)
    return task, [tensor for tensor in given if tensor is not None]
