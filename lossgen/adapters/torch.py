"""Losses on PyTorch tensors: what the generated functions for PyTorch are made of.

Tensors in main memory are read where they lie. Gradients are computed together with the value whenever the upstream
gradient is a single number, and can be differentiated once more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from lossgen.runtime import Loss, LossError
from lossgen.runtime.derivatives import evaluate

from .torch_arrays import as_array, check_devices, scalar_tensor
from .torch_autograd import OPTIONAL_TENSORS, Job, value_node
from .torch_library import torch

Tensor = torch.Tensor
_is_compiling, _is_grad_enabled = torch.compiler.is_compiling, torch.is_grad_enabled  # two look-ups less in every call
AxisOption = int | Sequence[int] | Mapping[str, int | Sequence[int]] | None
__all__ = ["Tensor", "apply", "names_of"]


def apply(
    loss: Loss,
    arguments: tuple[Tensor | None, ...],
    parameters: tuple,
    reduction: str,
    axis: AxisOption = None,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    denominator: float | None = None,
    empty: float = float("nan"),
) -> Tensor:
    """The loss of tensors, differentiable twice for every argument that the loss is differentiable in.

    Args:
        loss: the loss over NumPy arrays.
        arguments: CPU tensors in the order of the signature; None where not given.
        parameters: the parameters in the order of the signature.
        reduction: "none", "mean", "batchmean" or "sum", if the loss has it.
        axis: dimensions in place of the axes' default ones.
        sample_weight: a constant factor for each item, broadcast to the items.
        mask: booleans of the item shape; items where it is False contribute exactly 0.
        denominator: a positive number that `mean` divides by in place of its own; `sum` is divided by it too.
        empty: the `mean` of no items.

    Returns:
        A 0-d tensor, or for reduction "none" a tensor of the item shape; float32, or float64 for float64 predictions
        (float16 and bfloat16 are computed in float32 and rounded in the gradients only, which have their own dtype).

    Raises:
        LossError: one line that names the loss, the argument, what was given and what is expected (LossTypeError, a
            TypeError as well, for what is not a tensor, and for tensors on different devices).
    """
    if _is_compiling():
        return torch.compiler.disable(apply)(
            *(loss, arguments, parameters, reduction, axis, sample_weight, mask, denominator, empty)
        )  # a break in the graph
    names = names_of(loss)
    arrays, tracked = _arrays(loss, names, arguments)
    if sample_weight is None and mask is None:
        tensors, extra = (*arguments, None, None), (None, None)
    else:
        tensors = (*arguments, sample_weight, mask)
        extra, constants = _arrays(loss, OPTIONAL_TENSORS, tensors[-2:])
        _check_constant(loss, (), [OPTIONAL_TENSORS[position] for position in constants])
    call = loss.bind(arrays, parameters, reduction, axis, extra[0], extra[1], denominator, empty)
    if not tracked or not _is_grad_enabled():
        return scalar_tensor(call.value())
    wanted = tuple([names[position] for position in tracked])
    _check_constant(loss, call.plan.variant.differentiable, wanted)
    value, *ready = (call.value(),) if reduction == "none" else evaluate(call, wanted)
    job = Job(loss, names, parameters, (reduction, axis), (denominator, empty), wanted, tracked)
    state = job, tensors, scalar_tensor(value), ready
    return value_node(state, *[tensors[position] for position in tracked])


@lru_cache(maxsize=256)
def names_of(loss: Loss) -> tuple[str, ...]:
    """The names of all arguments."""
    return tuple(argument.name for argument in loss.schema.variants[0].arguments)


def _arrays(
    loss: Loss, names: Sequence[str], tensors: Sequence[Tensor | None]
) -> tuple[list[np.ndarray | None], list[int]]:
    """The tensors as arrays over the same memory, and the positions of those that require grad."""
    found: list[np.ndarray | None] = []
    tracked = []
    for tensor in tensors:
        if tensor is None:
            found.append(None)
            continue
        try:  # what nearly all tensors are; `as_array` knows the others and the errors
            found.append(tensor.detach().numpy())
        except (AttributeError, TypeError, RuntimeError):
            check_devices(loss.schema.name, names, tensors)
            found.append(as_array(loss.schema.name, names[len(found)], tensor))
        if tensor.requires_grad:
            tracked.append(len(found) - 1)
    return found, tracked


def _check_constant(loss: Loss, differentiable: tuple[str, ...], wanted: Sequence[str]) -> None:
    """Raise LossError if one of `wanted`, which require grad, is not differentiable."""
    for name in wanted:
        if name not in differentiable:
            raise LossError(f"{loss.schema.name}: {name} requires grad, expected a constant: pass {name}.detach()")
