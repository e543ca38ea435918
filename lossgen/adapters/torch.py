"""Losses on PyTorch tensors: what the generated functions for PyTorch are made of.

Tensors are read where they lie, in main memory or on a CUDA device (see `torch_cuda`). Gradients are computed together
with the value whenever the upstream gradient is a single number, and can be differentiated once more.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lossgen.runtime import Call, Loss, LossError
from lossgen.runtime.again import engine_step
from lossgen.runtime.axes import AxisOption
from lossgen.runtime.derivatives import evaluate, fixed_denominator
from lossgen.runtime.loss import remember
from lossgen.runtime.plain import find_quick
from lossgen.runtime.shortest import find_shortest

from .torch_arrays import as_array, check_devices, constant_words, scalar_tensor
from .torch_autograd import Rest, value_node
from .torch_cuda import serves
from .torch_cuda_autograd import apply as on_cuda
from .torch_dtypes import is_plain, promoted, rounded
from .torch_library import torch
from .torch_recipe import Recipe
from .torch_task import EXTRA
from .torch_traced import traced, transformed

Tensor = torch.Tensor
__all__ = ["Tensor", "apply"]

# Look-ups that every call would make.
forward_ad = torch.autograd.forward_ad
_is_compiling, _is_grad_enabled = torch.compiler.is_dynamo_compiling, torch.is_grad_enabled
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
        arguments: tensors in the order of the signature, all on the CPU or on one CUDA device; None where not given.
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
    plain = sample_weight is None and mask is None and denominator is None and axis is None
    recipe = loss.latest
    if plain and recipe is not None and (again := recipe.again(arguments, parameters, reduction)) is not None:
        return again
    if serves(arguments[0]):
        return on_cuda(loss, arguments, parameters, reduction, axis, (sample_weight, mask, denominator), empty)
    arrays: list[np.ndarray | None] = []
    key: list[object] = [parameters, reduction]
    recording = _is_grad_enabled()
    try:  # what nearly all tensors are
        for tensor in arguments:
            if tensor is None:
                array = None
                key.append(None)
            elif tensor.requires_grad:
                array = tensor.numpy(force=tensor.is_cpu)  # what is elsewhere must not be fetched
                key += (recording, array.shape, array.dtype, array.flags.num)
            else:
                array = tensor.numpy()
                key += (array.shape, array.dtype, array.flags.num)
            arrays.append(array)
    except (AttributeError, TypeError, RuntimeError):
        arrays = _unusual(loss, loss.argument_names, arguments)
        key = []
    if plain and key:
        recipe = loss.recipes.get(tuple(key))
        if recipe is not None and (found := recipe.step(arrays, recipe.numbers)) is not None:
            if recipe.shortest is not None:
                loss.latest = recipe
            return recipe.tensor(found, arguments)
    extra = sample_weight, mask, denominator
    return _general(loss, arguments, arrays, parameters, reduction, axis, extra, empty, key)


def _general(
    loss: Loss,
    arguments: tuple[Tensor | None, ...],
    arrays: list[np.ndarray | None],
    parameters: tuple,
    reduction: str,
    axis: AxisOption,
    extra: tuple[Tensor | None, Tensor | None, Tensor | float | None],
    empty: float,
    key: list[object],
) -> Tensor:
    """Any call of `apply` without transforms; leaves a recipe for the next one of its kind where it can."""
    changed = promoted(arguments, loss.predictions)
    if changed is not None:
        return apply(loss, changed, parameters, reduction, axis, *extra, empty)
    constants = _constants(loss, *extra)
    call = loss.bind(arrays, parameters, reduction, axis, *constants, empty)
    tracked = [place for place, t in enumerate(arguments) if t is not None and t.requires_grad and _is_grad_enabled()]
    wanted = _wanted(loss, call, tracked)
    rest = Rest(tuple(tracked), loss, parameters, (reduction, axis, empty), constants[2])
    if key and axis is None and not any(x is not None for x in extra) and is_plain(arguments, loss.predictions):
        names = () if reduction == "none" else wanted
        quick = find_quick(call.plan, arrays, call.scaling, names)
        step = quick.step if quick else engine_step(call, names)
        if step is not None and fixed_denominator(call, wanted):
            recipe = Recipe(step, call.parameters, rest)
            if quick:
                recipe.shorten(find_shortest(call.plan, call.parameters, call.scaling, wanted), arguments)
            remember(loss.recipes, tuple(key), recipe)
    if not tracked:
        return rounded(scalar_tensor(call.value()), arguments)
    number, *ready = (call.value(),) if reduction == "none" else evaluate(call, wanted)
    state = scalar_tensor(number), (rest, ready), (*arguments, *extra[:2])
    return rounded(value_node(state, *[arguments[position] for position in tracked]), arguments)


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
