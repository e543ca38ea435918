"""Losses on tensors of a CUDA device: the same calls as on the CPU, started on PyTorch's current stream.

Tensors are read where they lie, results come from PyTorch's own allocator, and nothing waits for the device: calls can
be captured into CUDA graphs and made on several streams and devices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from lossgen.runtime import Loss, LossError, LossTypeError
from lossgen.runtime.cuda import check_installed, devices, moving
from lossgen.runtime.cuda.call import Call
from lossgen.runtime.cuda.driver import Array, Driver, Place, contiguous_strides, name_of
from lossgen.runtime.cuda.lattices import SMALL
from lossgen.runtime.cuda.launching import blocks_for, common
from lossgen.runtime.cuda.prepare import bind
from lossgen.runtime.cuda.scales import Upstream

from .torch_arrays import as_array, check_devices, constant_words, numpy_dtype
from .torch_library import torch

if TYPE_CHECKING:
    from .torch_task import Task

Tensor = torch.Tensor
Tensors = Sequence[Tensor]


class TorchMemory:
    """New tensors on a device, as arrays."""

    __slots__ = ("_device",)

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def empty(self, shape: tuple[int, ...], dtype: np.dtype, strides: tuple[int, ...] | None = None) -> Array:
        """A new tensor, as `lossgen.runtime.cuda.driver.Memory` says."""
        steps = contiguous_strides(shape) if strides is None else strides  # known, with which asking takes less time
        found = torch.empty_strided(shape, steps, dtype=torch_dtype(dtype), device=self._device)
        return Array(found.data_ptr(), shape, steps, dtype, found)


def array_of(tensor: Tensor) -> Array:
    """A tensor as an array of its device; its memory is used as it is."""
    return Array(tensor.data_ptr(), tuple(tensor.shape), tensor.stride(), numpy_dtype(tensor.dtype), tensor)


@lru_cache(maxsize=64)
def torch_dtype(dtype: np.dtype) -> torch.dtype:
    """PyTorch's dtype of the same name."""
    return getattr(torch, dtype.name)


def cuda_place(loss: str, device: torch.device) -> Place:
    """The device of a tensor, PyTorch's current stream on it, and its allocator.

    Raises:
        LossError: numba-cuda is not installed.
    """
    check_installed(loss)
    number = device.index or 0
    return Place(devices.driver_for(number), torch._C._cuda_getCurrentRawStream(number), TorchMemory(device))


#: For each type of device what finds the place of a call there.
PLACES: dict[str, Callable[[str, torch.device], Place]] = {"cuda": cuda_place}


def serves(tensor: object) -> bool:
    """Whether calls with this tensor run on a device of its own."""
    return isinstance(tensor, Tensor) and tensor.device.type in PLACES


def prepared(task: Task, tensors: Tensors) -> Call:
    """The prepared call for these tensors."""
    loss, (*arguments, weight, mask, denominator) = task.loss, task.place(list(tensors))
    names, device = task.names, tensors[0].device
    away = small_on_host(loss, arguments, device)
    check_devices(loss.name, names[:-1], (*(None if n in away else t for n, t in enumerate(arguments)), weight, mask))
    place = PLACES[device.type](loss.name, device)
    arrays = [
        None if t is None else as_array(loss.name, n, t) if k in away else _checked(loss.name, n, t)
        for k, (n, t) in enumerate(zip(names, (*arguments, weight, mask), strict=False))
    ]
    *given, weight_array, mask_array = arrays
    number = denominator
    if denominator is not None:
        number = array_of(denominator) if serves(denominator) else denominator.item()
    part = task.per_item and task.reduction != "none"
    reduction = task.schema.reduction if part else task.reduction
    options = (reduction, task.axis, weight_array, mask_array, number, task.empty, place)
    call = bind(loss, given, task.parameters, *options)
    if part:
        call.scaling = call.scaling.one_by_one(task.divided)
    return call


def small_on_host(loss: Loss, arguments: Sequence[Tensor | None], device: torch.device) -> set[int]:
    """The places of lengths and sequences of labels that lie in main memory, as PyTorch's own losses take them."""
    layouts = [a.layout for a in loss.schema.variants[0].arguments]
    pairs = enumerate(zip(layouts, arguments, strict=True))
    return {n for n, (layout, t) in pairs if layout in SMALL and t is not None and lies_on_host(t, device)}


def lies_on_host(tensor: Tensor, device: torch.device) -> bool:
    """Whether a tensor lies in main memory, and calls run elsewhere."""
    return tensor.is_cpu and device.type != "cpu"


def evaluate(task: Task, tensors: Tensors, later: bool = False) -> list[Tensor]:
    """The value, and the gradients that are wanted for the upstream gradient 1.

    later: leave these to a later call, and only check that there are such.

    Raises:
        LossError: one of the arguments has no gradient.
    """
    return [array.owner for array in evaluated(prepared(task, tensors), task, later)]


def evaluated(call: Call, task: Task, later: bool) -> list[Array]:
    """The same as arrays, for a call that is prepared."""
    names = task.wanted_names()
    for name in names:
        if name not in call.plan.variant.differentiable:
            raise LossError(constant_words(task.schema.name, name))
    value, found = moving.evaluate(call, () if later else names)
    call.wait_if_told()
    return [value, *found]


def gradients(task: Task, upstream: Tensor, tensors: Tensors) -> list[Tensor]:
    """The gradients that are wanted, times the upstream gradient."""
    return [array.owner for array in slopes(prepared(task, tensors), task, upstream)]


def slopes(call: Call, task: Task, upstream: Tensor) -> Sequence[Array]:
    """The same as arrays, for a call that is prepared."""
    found = moving.gradients(call, task.wanted_names(), upstream_of(task.schema.name, upstream))
    call.wait_if_told()
    return found


def products(
    task: Task, upstream: Tensor, tensors: Tensors, directions: Mapping[int, Tensor], slope: bool
) -> list[Tensor]:
    """The slope of the value along directions, given by place, if it is wanted, and the Hessian's products."""
    call = prepared(task, tensors)
    ways = {
        task.names[p]: _checked(task.schema.name, f"the direction for {task.names[p]}", t)
        for p, t in directions.items()
    }
    factor = upstream_of(task.schema.name, upstream)
    along, found = moving.products(call, ways, task.wanted_names(), factor, slope)
    call.wait_if_told()
    return [*([] if along is None else [along.owner]), *(array.owner for array in found)]


def normalisers(task: Task, tensors: Tensors) -> Tensor:
    """What each item adds to the denominator of the mean."""
    return prepared(task, tensors).normalisers().owner


def upstream_of(loss: str, upstream: Tensor) -> Upstream:
    """The upstream gradient as calls take it: one number where all its entries share one place in memory."""
    if not serves(upstream):  # a constant of the adapters' own
        return Upstream(upstream.item())
    if upstream.dim() and (not upstream.numel() or any(upstream.stride())):
        return Upstream(per_item=_checked(loss, "the upstream gradient", upstream))
    return Upstream(single=_checked(loss, "the upstream gradient", upstream[(0,) * upstream.dim()]))


def rescale(loss: str, upstream: Tensor, ready: Tensors) -> None:
    """Multiply gradients in place by the upstream gradient, which the device reads; nothing is done where it is 1."""
    driver, stream, _ = PLACES[upstream.device.type](loss, upstream.device)
    for gradient in ready:
        entries = gradient.numel()
        if entries:
            function, blocks = _rescaling(driver, entries, upstream.dtype, gradient.dtype)
            driver.launch(function, blocks, stream, (entries, upstream.data_ptr(), gradient.data_ptr()))


@lru_cache(maxsize=4096)
def _rescaling(driver: Driver, entries: int, factor: torch.dtype, dtype: torch.dtype) -> tuple[Any, int]:
    """The kernel that multiplies so many numbers in place, and its blocks."""
    types = ("int64", *(f"*{name_of(numpy_dtype(each))}" for each in (factor, dtype)))
    return common(driver, "rescale", types), blocks_for(driver, entries)


def _checked(loss: str, name: str, tensor: Tensor) -> Array:
    """The array of a tensor that has one.

    Raises:
        LossTypeError: a sparse or quantised tensor, or a dtype that no loss takes.
    """
    if tensor.layout is not torch.strided or tensor.is_quantized:
        given = f"of dtype {tensor.dtype} and layout {tensor.layout}"
        raise LossTypeError(f"{loss}: {name} is {given}; expected a dense tensor of real numbers")
    return array_of(tensor.detach().resolve_neg() if tensor.is_neg() else tensor)
