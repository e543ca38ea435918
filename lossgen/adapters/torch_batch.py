"""torch.func.vmap: many calls at once as one call over more items.

A batch of calls is one call whose items have one more dimension, in front; what is left is to sum the items of each
call and to divide by its own denominator. Where one evaluation cannot give the same (a weight that is shared by the
items of a call, but differs between calls or needs a gradient for each; a formula that reads an item's number), the
calls run one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from lossgen.runtime.axes import dimensions_of, freeze

from .torch_library import torch
from .torch_task import EXTRA, ITEMS, Form, Task

Tensor = torch.Tensor
Dims = Sequence[int | None]
Function = Callable[..., Tensor]
Batched = tuple[tuple[Tensor, ...], tuple[int, ...]]


@dataclass(frozen=True)
class Folded:
    """A batch of calls as one.

    Args:
        given: the task of one call.
        form: what follows from its shapes.
        task: the task of the whole, with reduction `ITEMS`.
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
    arguments = form.variant.arguments
    layouts = {place: "broadcast" if a.broadcast else a.layout for place, a in enumerate(arguments)}
    layouts[len(arguments)] = "broadcast"  # sample_weight
    if form.variant.numbered:  # an item's number in its own call is part of the formula
        return None
    if any(layouts[place] in ("shared", "broadcast") for place in task.wanted):
        return None
    denominator, places, folded = None, [], []
    for place, tensor, dim in zip(task.places, tensors, dims, strict=True):
        if place == len(task.names) - 1:
            denominator = tensor if dim is None else tensor.movedim(dim, 0)
            continue
        if layouts.get(place) == "shared" and dim is not None:
            return None
        places.append(place)
        predicted = place < len(arguments) and arguments[place].name in form.variant.predictions
        placement = form.geometry.placements[place] if place < len(arguments) else None
        full = placement.full if placement and placement.full else form.geometry.item_shape
        folded.append(_front(tensor, dim, batch, layouts.get(place, "item"), full, predicted))
    axis = _shifted(task, form, one)
    whole = replace(task, places=tuple(places), reduction=ITEMS, axis=axis, wanted=())
    divisor = denominator
    if task.reduction in ("mean", "batchmean") and denominator is None:
        divisor = _counted(normalisers, whole, form, folded, task.reduction == "batchmean")
        if divisor is None:
            return None
    return Folded(task, form, whole, folded, divisor)


def _front(tensor: Tensor, dim: int | None, batch: int, layout: str, full: tuple[int, ...], predicted: bool) -> Tensor:
    """A tensor with the dimension of the calls in front, where its layout has one; `full` is what it broadcasts to in a call."""
    if dim is None and (layout == "shared" or (layout == "broadcast" and not predicted)):
        return tensor
    moved = tensor.expand(batch, *tensor.shape) if dim is None else tensor.movedim(dim, 0)
    if layout != "broadcast":
        return moved
    own = tuple(moved.shape[1:])
    if predicted and own and own == full[:-1]:  # one prediction for the items of the last dimension
        return moved.unsqueeze(-1)
    return moved.reshape(batch, *[1] * (len(full) - len(own)), *own)


def _shifted(task: Task, form: Form, tensors: Sequence[Tensor]) -> dict[str, tuple[int, ...]] | None:
    """The dimensions of all axes, one further than in a single call."""
    option = None if task.axis is None else freeze(task.schema, task.axis)
    given = task.place(tensors)
    found: dict[str, tuple[int, ...]] = {}
    for axis in task.schema.axes:
        for argument, tensor in zip(form.variant.arguments, given[: -len(EXTRA)], strict=True):
            own = argument.layout == "row" and not argument.broadcast
            if own and argument.axis == axis.name and tensor is not None:
                dimensions = dimensions_of(task.schema.name, axis, option, argument.name, tuple(tensor.shape))
                found[axis.name] = tuple(d + 1 for d in dimensions)
    return found or None


def _counted(normalisers: Function, whole: Task, form: Form, tensors: list[Tensor], entries: bool) -> Tensor | None:
    """The mean's own denominators, or those of `batchmean`; None if they may depend on an argument with a gradient."""
    variant, item_shape, mask = form.variant, form.geometry.item_shape, whole.place(tensors)[-2]
    factor = 1.0 if entries else form.each
    if factor is None:
        reads = variant.differentiable if variant.normalizer_reads is None else variant.normalizer_reads
        moving = set(reads).intersection(variant.differentiable).difference(variant.predictions)
        if any(whole.names[place] in moving for place in whole.places):
            return None
        items = normalisers(whole, *tensors).double()
    elif mask is None:
        number = form.geometry.items if not entries else item_shape[0] if item_shape else 1
        return torch.full((), factor * number, dtype=torch.float64)
    else:
        counts = mask.flatten(2).any(2) if entries and mask.dim() > 2 else mask
        items = factor * counts.double()
    return items.sum(tuple(range(1, items.dim()))) if items.dim() > 1 else items


def one_by_one(function: Function, batch: int, dims: Dims, settings: tuple, tensors: Sequence[Tensor]) -> Batched:
    """Each call for itself: correct for every loss and every option."""
    results = []
    for number in range(batch):
        one = [t if d is None else t.select(d, number) for t, d in zip(tensors, dims, strict=True)]
        results.append(function(*settings, *one))
    stacked = tuple(torch.stack(entries) for entries in zip(*results, strict=True))
    return stacked, (0,) * len(stacked)


def value(
    functions: tuple[Function, Function, Function], batch: int, dims: Dims, task: Task, tensors: Sequence[Tensor]
) -> Batched:
    """The values of a batch of calls and the gradients that the task wants; `functions` are those of the nodes."""
    evaluate, differentiate, normalisers = functions
    folded = fold(normalisers, batch, dims, task, tensors)
    if folded is None:
        return one_by_one(evaluate, batch, dims, (task,), tensors)
    values = evaluate(folded.task, *folded.tensors)[0]
    found = [folded.reduce(values)]
    if task.wanted:
        ones = values.new_ones(batch, *(folded.form.geometry.item_shape if task.per_item else ()))
        found += differentiate(_wanting(folded, task), folded.spread(ones, batch), *folded.tensors)
    return tuple(found), (0,) * len(found)


def gradients(
    functions: tuple[Function, Function], batch: int, dims: Dims, task: Task, tensors: Sequence[Tensor]
) -> Batched:
    """The gradients of a batch of calls; the first of the tensors is the upstream gradient."""
    differentiate, normalisers = functions
    folded = fold(normalisers, batch, dims[1:], task, tensors[1:])
    if folded is None:
        return one_by_one(differentiate, batch, dims, (task,), tensors)
    upstream = _upstream(folded, tensors[0], dims[0], batch)
    found = tuple(differentiate(_wanting(folded, task), upstream, *folded.tensors))
    return found, (0,) * len(found)


def products(
    functions: tuple[Function, Function], batch: int, dims: Dims, settings: tuple, tensors: Sequence[Tensor]
) -> Batched:
    """The products of a batch of calls; `settings` and tensors are those of the node."""
    multiply, normalisers = functions
    task, moving, slope = settings
    first = 1 + len(moving)
    asked = task.wanting({*task.wanted, *moving})
    folded = fold(normalisers, batch, dims[first:], asked, tensors[first:])
    if folded is None:
        return one_by_one(multiply, batch, dims, settings, tensors)
    directions = _directions(tensors[1:first], dims[1:first], batch)
    upstream = _upstream(folded, tensors[0], dims[0], batch)
    found = list(multiply(_wanting(folded, task), moving, slope, upstream, *directions, *folded.tensors))
    if slope:
        found[0] = folded.reduce(found[0])
    return tuple(found), (0,) * len(found)


def slope(
    functions: tuple[Function, Function], batch: int, dims: Dims, task: Task, tensors: Sequence[Tensor]
) -> Batched:
    """The slopes of a batch of calls along the first of the tensors, which are for what the task wants."""
    along, normalisers = functions
    count = len(task.wanted)
    folded = fold(normalisers, batch, dims[count:], task, tensors[count:])
    if folded is None:
        found, places = one_by_one(lambda *given: (along(*given),), batch, dims, (task,), tensors)
        return found[0], places[0]
    directions = _directions(tensors[:count], dims[:count], batch)
    return folded.reduce(along(_wanting(folded, task), *directions, *folded.tensors)), 0


def normalisers(function: Function, batch: int, dims: Dims, task: Task, tensors: Sequence[Tensor]):
    """What the items of a batch of calls add to the denominators."""
    folded = fold(function, batch, dims, replace(task, reduction="sum"), tensors)
    if folded is None:
        found, places = one_by_one(lambda *given: (function(*given),), batch, dims, (task,), tensors)
        return found[0], places[0]
    return function(folded.task, *folded.tensors), 0


def _wanting(folded: Folded, task: Task) -> Task:
    return folded.task.wanting(task.wanted)


def _upstream(folded: Folded, upstream: Tensor, dim: int | None, batch: int) -> Tensor:
    return folded.spread(upstream if dim is None else upstream.movedim(dim, 0), batch)


def _directions(tensors: Sequence[Tensor], dims: Dims, batch: int) -> list[Tensor]:
    return [_front(t, dim, batch, "item", (), False) for t, dim in zip(tensors, dims, strict=True)]
