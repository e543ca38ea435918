"""How results on a device lie in memory, for who traces a program and does not run it: as in `lossgen.runtime.cuda.layouts`."""

from __future__ import annotations

from collections.abc import Sequence

from lossgen.runtime.cuda.driver import Array
from lossgen.runtime.cuda.layouts import back, order_by
from lossgen.runtime.cuda.plan import item_order

from .torch_arrays import numpy_dtype
from .torch_library import torch
from .torch_task import EXTRA, Form, Task

Tensor = torch.Tensor


def like(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """What a gradient of this tensor is like: its shape and layout, without gaps."""
    return _empty(tensor, tuple(tensor.shape), order_by(tensor.stride(), tensor.shape), dtype)


def per_item(task: Task, form: Form, tensors: Sequence[Tensor]) -> Tensor:
    """What an array of one number for each item is like."""
    arrays = task.place([Array(0, tuple(t.shape), t.stride(), numpy_dtype(t.dtype)) for t in tensors])[: -len(EXTRA)]
    order = item_order(form.variant, form.geometry, arrays)
    return _empty(tensors[0], form.geometry.item_shape, order, form.real)


def _empty(tensor: Tensor, shape: tuple[int, ...], order: tuple[int, ...] | None, dtype: torch.dtype) -> Tensor:
    if order is None:
        return tensor.new_empty(shape, dtype=dtype)
    return tensor.new_empty([shape[d] for d in order], dtype=dtype).permute(back(order))
