"""Losses on PyTorch tensors: what the generated functions for PyTorch are made of.

Tensors in main memory are read where they lie. Gradients are computed together with the value whenever the upstream
gradient is a single number, and can be differentiated once more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lossgen.runtime import Call, Loss, LossError, LossTypeError
from lossgen.runtime.derivatives import evaluate

from .torch_arrays import as_array, check_devices, scalar_tensor
from .torch_autograd import State, value_node
from .torch_dtypes import is_plain, promoted, rounded
from .torch_library import torch
from .torch_task import EXTRA, constant_words
from .torch_traced import traced, transformed

Tensor = torch.Tensor
AxisOption = int | Sequence[int] | Mapping[str, int | Sequence[int]] | None
__all__ = ["Tensor", "apply", "names_of"]

# Look-ups that every call would make.
forward_ad = torch.autograd.forward_ad
_is_compiling, _is_grad_enabled = torch.compiler.is_compiling, torch.is_grad_enabled
_are_transforms_active, _dispatch_modes = torch._C._are_functorch_transforms_active, torch._C._len_torch_dispatch_stack


def apply(
    loss: Loss,
    arguments: tuple[Tensor | None, ...],
    parameters: tuple,
    reduction: str,
    axis: AxisOption = None,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    denominator: float | Tensor | None = None,
    empty: float = float("nan"),
) -> Tensor:
    """The loss of tensors, differentiable twice for every argument that the loss is differentiable in.

    It can be compiled, exported, and transformed by `torch.func`.

    Args:
        loss: the loss over NumPy arrays.
        arguments: CPU tensors in the order of the signature; None where not given.
        parameters: the parameters in the order of the signature.
        reduction: "none", "mean", "batchmean" or "sum", if the loss has it.
        axis: dimensions in place of the axes' default ones.
        sample_weight: a constant factor for each item, broadcast to the items.
        mask: booleans of the item shape; items where it is False contribute exactly 0.
        denominator: a positive number (or a 0-d tensor) that `mean` divides by in place of its own; `sum` is divided by
            it too.
        empty: the `mean` of no items.

    Returns:
        A 0-d tensor, or for reduction "none" a tensor of the item shape, of the dtype to which PyTorch promotes the
        real arguments. Half precision is computed in float32 and rounded at the end; under autocast the result stays
        float32. Gradients have the dtypes of their arguments.

    Raises:
        LossError: one line that names the loss, the argument, what was given and what is expected (LossTypeError, a
            TypeError as well, for what is not a tensor, and for tensors on different devices).
    """
    if _is_compiling() or _are_transforms_active() or forward_ad._current_level >= 0 or _dispatch_modes():
        way = traced if _is_compiling() or _dispatch_modes() else transformed
        return way(loss, arguments, parameters, reduction, axis, (sample_weight, mask, denominator), empty)
    arrays: list[np.ndarray | None] = []
    tracked = []
    try:  # what nearly all tensors are
        for tensor in arguments:
            if tensor is None:
                arrays.append(None)
            elif tensor.requires_grad:
                tracked.append(len(arrays))
                arrays.append(tensor.detach().numpy())
            else:
                arrays.append(tensor.numpy())
    except (AttributeError, TypeError, RuntimeError):
        arrays = _unusual(loss, loss.argument_names, arguments)
        tracked = [position for position, t in enumerate(arguments) if t is not None and t.requires_grad]
    extra = (sample_weight, mask, denominator)
    if sample_weight is not None or mask is not None or isinstance(denominator, Tensor):
        extra = _constants(loss, sample_weight, mask, denominator)
    try:
        call = loss.bind(arrays, parameters, reduction, axis, *extra, empty)
        plain = call.plan.notes.get("plain")
        if plain is None:
            plain = call.plan.notes["plain"] = is_plain(arguments, loss.predictions)
    except LossTypeError:  # predictions of different dtypes, perhaps
        plain, changed = False, promoted(arguments, loss.predictions)
        if changed is None:
            raise
    else:
        changed = None if plain else promoted(arguments, loss.predictions)
    if changed is not None:
        return apply(loss, changed, parameters, reduction, axis, sample_weight, mask, denominator, empty)
    wanted = _wanted(loss, call, tracked) if tracked and _is_grad_enabled() else None
    if wanted is None:
        value = scalar_tensor(call.value())
    else:
        number, *ready = (call.value(),) if reduction == "none" else evaluate(call, wanted)
        options = reduction, axis, empty
        state = State(
            scalar_tensor(number), ready, tracked, loss, parameters, options, arguments, (sample_weight, mask, extra[2])
        )
        value = value_node(state, *[arguments[position] for position in tracked])
    return value if plain else rounded(value, arguments)


def names_of(loss: Loss) -> tuple[str, ...]:
    """The names of all arguments."""
    return loss.argument_names


def _wanted(loss: Loss, call: Call, tracked: Sequence[int]) -> tuple[str, ...]:
    """The names of the arguments that require grad; LossError if one of them is not differentiable."""
    names = tuple([loss.argument_names[position] for position in tracked])
    for name in names:
        if name not in call.plan.variant.differentiable:
            raise LossError(constant_words(loss.name, name))
    return names


def _unusual(loss: Loss, names: Sequence[str], tensors: Sequence[Tensor | None]) -> list[np.ndarray | None]:
    """The arrays of tensors of which one or more cannot be viewed in the simple way, or the error for it."""
    check_devices(loss.name, names, tensors)
    pairs = zip(names, tensors, strict=True)
    return [None if tensor is None else as_array(loss.name, name, tensor) for name, tensor in pairs]


def _constants(loss: Loss, *tensors: Tensor | float | None) -> tuple:
    """sample_weight, mask and denominator as the engine takes them; LossError if one of them requires grad."""
    for name, tensor in zip(EXTRA, tensors, strict=True):
        if isinstance(tensor, Tensor) and tensor.requires_grad:
            raise LossError(constant_words(loss.name, name))
    weight, mask, denominator = tensors
    if isinstance(denominator, Tensor):
        denominator = as_array(loss.name, EXTRA[2], denominator)
        denominator = denominator.item() if denominator.ndim == 0 else denominator
    return *_unusual(loss, EXTRA[:2], (weight, mask)), denominator
