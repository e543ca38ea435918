"""torch.func.vmap: many calls at once as one call over more items (see `torch_fold`).

Where one evaluation cannot give the same (a weight that is shared by the items of a call, but differs between calls or
needs a gradient for each; a formula that reads an item's number; sequences one after another), the calls run one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lossgen.runtime.folding import Lying

from .torch_fold import Dims, Folded, Function, fold, to_front
from .torch_library import torch
from .torch_task import Task

Tensor = torch.Tensor
DIRECTION = Lying("item", (), False)
Batched = tuple[tuple[Tensor, ...], tuple[int, ...]]


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
    return [to_front(t, dim, batch, DIRECTION) for t, dim in zip(tensors, dims, strict=True)]
