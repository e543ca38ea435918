"""The node of PyTorch's graph for the value of a loss on a CUDA device, as a training loop meets it."""

from __future__ import annotations

from collections.abc import Sequence

from lossgen.runtime import Loss, LossTypeError
from lossgen.runtime.axes import AxisOption
from lossgen.runtime.errors import choose

from . import torch_cuda
from .torch_dtypes import promoted, rounded
from .torch_library import torch
from .torch_nodes import Gradients
from .torch_task import EXTRA, Task

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
    extra: tuple[Tensor | None, Tensor | None, Tensor | float | None],
    empty: float,
) -> Tensor:
    """The loss of tensors on a device; arguments, results and errors as for `lossgen.adapters.torch.apply`.

    What tensors hold outside an argument's domain is no error here: see `lossgen.runtime.cuda.check`.
    """
    _check_tensors(loss, arguments, extra)
    changed = promoted(arguments, loss.predictions)
    task, tensors = _task(loss, arguments if changed is None else changed, parameters, reduction, axis, extra, empty)
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


def _check_tensors(loss: Loss, arguments: Sequence[Tensor | None], extra: tuple) -> None:
    """Raise LossTypeError for what is given and no tensor; a denominator may be a number."""
    for name, given in zip((*loss.argument_names, *EXTRA[:2]), (*arguments, *extra[:2]), strict=True):
        if given is not None and not isinstance(given, Tensor):
            raise LossTypeError(f"{loss.name}: {name} is a {type(given).__name__}, expected a torch.Tensor")


def _task(
    loss: Loss,
    arguments: Sequence[Tensor | None],
    parameters: tuple,
    reduction: str,
    axis: AxisOption,
    extra: tuple[Tensor | None, Tensor | None, Tensor | float | None],
    empty: float,
) -> tuple[Task, list[Tensor]]:
    """The call, and the tensors that are given."""
    if reduction not in loss.schema.reductions:
        raise choose(loss.name, "reduction", reduction, loss.schema.reductions)
    weight, mask, denominator = extra
    if denominator is not None and not isinstance(denominator, Tensor):
        denominator = torch.tensor(denominator, dtype=torch.float64)  # of the host, which knows it
    given = [(p, t) for p, t in enumerate((*arguments, weight, mask, denominator)) if t is not None]
    task = Task(loss, tuple(p for p, _ in given), parameters, reduction, axis, empty)
    return task, [t for _, t in given]
