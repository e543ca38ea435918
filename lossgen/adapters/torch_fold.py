"""A batch of calls as one call over more items, for `torch_batch`.

The items have one more dimension, in front; what is left is to sum the items of each call and to divide by its own
denominator.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from lossgen.runtime.axes import freeze
from lossgen.runtime.folding import Lying, apart_by_call, lying, moving_in_denominator, shifted_axes

from .torch_library import torch
from .torch_task import EXTRA, ITEMS, SHARES, Form, Task

Tensor = torch.Tensor
Dims = Sequence[int | None]
Function = Callable[..., Tensor]


@dataclass(frozen=True)
class Folded:
    """A batch of calls as one.

    Args:
        given: the task of one call.
        form: what follows from its shapes.
        task: the task of the whole, with reduction `ITEMS` or `SHARES`.
        tensors: its tensors.
        divisor: the denominators of the calls, a tensor that broadcasts to them; None where nothing is divided.
    """

    given: Task
    form: Form
    task: Task
    tensors: list[Tensor]
    divisor: Tensor | None

    def reduce(self, values: Tensor) -> Tensor:
        """The values of the calls from those of all items."""
        if self.given.per_item:
            return values
        totals = values.double().sum(tuple(range(1, values.dim()))) if values.dim() > 1 else values.double()
        if self.divisor is not None:
            nothing = self.divisor == 0
            totals = torch.where(nothing, self.given.empty, totals / torch.where(nothing, 1.0, self.divisor))
        return totals.to(values.dtype)

    def spread(self, upstream: Tensor, batch: int) -> Tensor:
        """The upstream gradients of the calls as those of all items."""
        shape = (batch, *self.form.geometry.item_shape)
        if self.given.per_item:
            return upstream.expand(shape)
        if self.divisor is not None:
            nothing = self.divisor == 0
            upstream = torch.where(nothing, 0.0, upstream.double() / torch.where(nothing, 1.0, self.divisor))
        upstream = upstream.to(self.form.real).expand(batch)
        return upstream.reshape(batch, *[1] * (len(shape) - 1)).expand(shape)


def fold(normalisers: Function, batch: int, dims: Dims, task: Task, tensors: Sequence[Tensor]) -> Folded | None:
    """The calls as one; None if they have to run one by one.

    Args:
        normalisers: gives what each item adds to the denominator of the mean.
        batch: the number of calls.
        dims: for each tensor the dimension of the calls; None where they share it.
        task: the task of one call; the gradients that it wants must be one for each call.
        tensors: the tensors.
    """
    one = [t if d is None else t.select(d, 0) for t, d in zip(tensors, dims, strict=True)]
    form = task.form(one)
    if not apart_by_call(form.variant, task.wanted):
        return None
    option = None if task.axis is None else freeze(task.schema, task.axis)
    shapes = [None if t is None else tuple(t.shape) for t in task.place(one)[: -len(EXTRA)]]
    axis = shifted_axes(task.schema, form.variant, option, len(form.geometry.item_shape), shapes)
    if axis is None:
        return None
    denominator, places, folded = None, [], []
    for place, tensor, dim in zip(task.places, tensors, dims, strict=True):
        if place == len(task.names) - 1:
            denominator = tensor if dim is None else tensor.movedim(dim, 0)
            continue
        lies = lying(form.variant, form.geometry, place)
        if lies.common and dim is not None:
            return None
        places.append(place)
        folded.append(to_front(tensor, dim, batch, lies))
    part = SHARES if form.variant.divided and task.reduction in ("mean", SHARES) else ITEMS
    whole = replace(task, places=tuple(places), reduction=part, axis=axis or None, wanted=())
    divisor = denominator
    if task.reduction in ("mean", "batchmean") and denominator is None:
        divisor = _counted(normalisers, whole, form, folded, task.reduction == "batchmean")
        if divisor is None:
            return None
    return Folded(task, form, whole, folded, divisor)


def to_front(tensor: Tensor, dim: int | None, batch: int, lies: Lying) -> Tensor:
    """A tensor with the dimension of the calls in front, where its layout has one."""
    if dim is None and lies.as_it_is:
        return tensor
    moved = tensor.expand(batch, *tensor.shape) if dim is None else tensor.movedim(dim, 0)
    own = tuple(moved.shape[1:])
    shape, spread = lies.behind(own)
    return moved if spread == own else moved.reshape(batch, *shape).expand(batch, *spread)


def _counted(normalisers: Function, whole: Task, form: Form, tensors: list[Tensor], entries: bool) -> Tensor | None:
    """The mean's own denominators, or those of `batchmean`; None if they may depend on an argument with a gradient."""
    variant, item_shape, mask = form.variant, form.geometry.item_shape, whole.place(tensors)[-2]
    factor = 1.0 if entries else form.each
    if factor is None:
        moving = moving_in_denominator(variant)
        if any(whole.names[place] in moving for place in whole.places):
            return None
        items = normalisers(whole, *tensors).double()
    elif mask is None:
        number = form.geometry.items if not entries else item_shape[0] if item_shape else 1
        return torch.full((), factor * number, dtype=torch.float64, device=tensors[0].device)
    else:
        counts = mask.flatten(2).any(2) if entries and mask.dim() > 2 else mask
        items = factor * counts.double()
    return items.sum(tuple(range(1, items.dim()))) if items.dim() > 1 else items
