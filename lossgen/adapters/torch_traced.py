"""A call of a loss where a tracer or a function transform is active."""

from __future__ import annotations

from collections.abc import Sequence

from lossgen.runtime import Loss
from lossgen.runtime.axes import AxisOption

from . import torch_dispatch, torch_op
from .torch_dtypes import rounded
from .torch_given import Extra, given_tensors
from .torch_library import torch
from .torch_nodes import Value
from .torch_task import Task

Tensor = torch.Tensor
operators = torch_dispatch.OPERATORS  # they have their derivatives once that module is there


def traced(
    loss: Loss,
    arguments: Sequence[Tensor | None],
    parameters: tuple,
    reduction: str,
    axis: AxisOption,
    extra: Extra,
    empty: float,
) -> Tensor:
    """The loss as an operator in the graph of a tracer. torch.compile follows this function line by line.

    Args:
        loss: the loss over NumPy arrays.
        arguments: tensors in the order of the signature; None where not given.
        parameters: the parameters in the order of the signature.
        reduction: "none", "mean", "batchmean" or "sum".
        axis: dimensions in place of the axes' default ones.
        extra: sample_weight, mask and denominator.
        empty: the `mean` of no items.
    """
    places, tensors = _given(loss, reduction, arguments, extra)
    wanted = []
    if reduction != "none" and torch.is_grad_enabled():
        # Gradients in half precision are left to the backward pass: a loss scale has to multiply them before rounding.
        given = zip(places, tensors, strict=True)
        moving = [(place, t) for place, t in given if place < len(arguments) and t.requires_grad]
        if not any(t.dtype.itemsize < 4 for _, t in moving):
            wanted = [place for place, _ in moving]
    call = torch_op.written(loss.location, places, parameters, reduction, torch_op.written_axis(axis), empty, wanted)
    value = torch_op.evaluate(tensors, *call)[0]
    return rounded(value, arguments)


def transformed(
    loss: Loss,
    arguments: Sequence[Tensor | None],
    parameters: tuple,
    reduction: str,
    axis: AxisOption,
    extra: Extra,
    empty: float,
) -> Tensor:
    """The loss under function transforms (torch.func) or forward mode; arguments as for `traced`."""
    places, tensors = _given(loss, reduction, arguments, extra)
    task = Task(loss, tuple(places), parameters, reduction, axis, empty)
    return rounded(Value.apply(task, *tensors)[0], arguments)


def _given(
    loss: Loss, reduction: str, arguments: Sequence[Tensor | None], extra: Extra
) -> tuple[list[int], list[Tensor]]:
    """What is given, where the first argument lies."""
    device = arguments[0].device if isinstance(arguments[0], Tensor) else None
    return given_tensors(loss, reduction, arguments, extra, device)
