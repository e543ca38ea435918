"""The node of PyTorch's graph for the value of a loss on a CUDA device, as a training loop meets it."""

from __future__ import annotations

from collections.abc import Sequence

from lossgen.runtime import Loss
from lossgen.runtime.axes import AxisOption, freeze

from . import torch_cuda
from .torch_autograd import direct
from .torch_cuda_recipe import CudaRecipe, Kind, first_of_its_kind, kind_of
from .torch_dtypes import common_dtype, rounded
from .torch_given import Extra, given_tensors
from .torch_library import torch
from .torch_nodes import Gradients
from .torch_task import Task

Tensor = torch.Tensor
_is_grad_enabled = torch.is_grad_enabled  # a look-up that every call would make


class CudaValue(torch.autograd.Function):
    """A loss's value, with gradients that are ready, if they could be computed in the same pass (upstream 1).

    The first backward pass gives them away, multiplied in place by an upstream gradient that the device reads. A second
    pass through a retained graph computes them again.
    """

    @staticmethod
    def forward(ctx, state: tuple[Tensor, tuple[CudaRecipe, list[list[Tensor]]], tuple[Tensor, ...]], *tracked: Tensor):
        """`state`: the value, what `backward` needs, and the tensors that are given."""
        value, ctx.kept, ctx.to_save = state  # what `save_for_backward` sets
        return value

    @staticmethod
    def backward(ctx, upstream: Tensor):
        recipe, ready = ctx.kept
        tensors = ctx.saved_tensors  # raises if one of them has been written to
        try:
            found = ready.pop()  # atomic, should two threads come here at once
        except IndexError:
            found = None
        if _is_grad_enabled():  # create_graph=True
            return None, *Gradients.apply(recipe.task, upstream, *tensors)
        if found is None:
            return None, *recipe.gradients(upstream, tensors)
        torch_cuda.rescale(recipe.task.schema.name, upstream, found)
        return None, *found


value_node = direct(CudaValue)


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
    every = (*arguments, *extra)
    option = None if axis is None else freeze(loss.schema, axis)
    kind = kind_of(loss, (parameters, reduction, option, empty, _is_grad_enabled()), every)
    recipe = None if kind is None else loss.recipes.get(kind.key)
    if recipe is not None and (found := recipe.again(kind)) is not None:
        return _finished(recipe, found, every, arguments)
    return _long(loss, arguments, parameters, reduction, axis, extra, empty, kind)


def _long(
    loss: Loss,
    arguments: Sequence[Tensor | None],
    parameters: tuple,
    reduction: str,
    axis: AxisOption,
    extra: Extra,
    empty: float,
    kind: Kind | None,
) -> Tensor:
    """Any call; leaves a recipe for the next one of its kind where it can."""
    places, tensors = given_tensors(loss, reduction, arguments, extra)  # a denominator that is a number: on the host
    task = Task(loss, tuple(places), parameters, reduction, axis, empty)
    given = zip(task.places, tensors, strict=True)
    tracked = [p for p, t in given if t.requires_grad] if _is_grad_enabled() else []
    task = task.wanting(tracked)
    # A loss scale is there to keep float16 from underflowing: gradients are multiplied before rounding, not after.
    halves = any(t.dtype.itemsize == 2 for p, t in zip(task.places, tensors, strict=True) if p in tracked)
    later = task.per_item or halves
    every = task.place(tensors)
    if any(a is not b for a, b in zip(every, (*arguments, *extra), strict=True)):
        kind = None  # something was converted
    found, recipe = first_of_its_kind(loss, kind, task, tensors, later)
    recipe.rounds = common_dtype(arguments) not in (None, found[0].dtype)
    return _finished(recipe, found, every, arguments)


def _finished(
    recipe: CudaRecipe, found: list[Tensor], every: Sequence[Tensor | None], arguments: Sequence[Tensor | None]
) -> Tensor:
    """The value in the dtype that PyTorch's own losses have, with a node in the graph if gradients are wanted."""
    value, *ready = found
    task = recipe.task
    if task.wanted:
        kept = recipe, [] if recipe.later else [ready]
        state = value, kept, tuple([every[place] for place in task.places])
        value = value_node(state, *[every[place] for place in task.wanted])
    return rounded(value, arguments) if recipe.rounds else value
