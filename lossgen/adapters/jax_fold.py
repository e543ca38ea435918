"""Many calls of a loss as one call, whose items have one more dimension in front: the NumPy half of `jax_batch`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lossgen.runtime import Call, Loss
from lossgen.runtime.folding import Lying, lying, shifted_axes

from .jax_task import EXTRA, Task


@dataclass(frozen=True)
class Folded:
    """All calls as one.

    Args:
        call: its value is one for each item, whatever the reduction of a single call.
        divisors: what the sum over the items of each call is divided by.
    """

    call: Call
    divisors: np.ndarray

    @property
    def upstream(self) -> np.ndarray:
        """The upstream gradient of each item where that of each call is 1; 0 in a mean of nothing."""
        factors = _quotients(np.ones(len(self.divisors)), self.divisors).astype(self.call.plan.real)
        shape = self.call.plan.geometry.item_shape
        return np.broadcast_to(factors.reshape(-1, *[1] * (len(shape) - 1)), shape)

    def values(self, empty: float) -> np.ndarray:
        """The reduced values of the calls; `empty` for the mean of nothing."""
        totals = self.call.value().reshape(len(self.divisors), -1).sum(axis=1, dtype=np.float64)
        return np.where(self.divisors == 0, empty, _quotients(totals, self.divisors))


def fold(
    task: Task, loss: Loss, count: int, single: Call, own: Sequence[np.ndarray], common: Sequence[bool]
) -> Folded | None:
    """`count` calls as one; None if they cannot be.

    Args:
        task: of one call.
        loss: the loss.
        count: how many calls there are.
        single: the first of them.
        own: the loss's arrays, with the calls in front unless `common`.
        common: for each of them whether all calls share it.
    """
    plan = single.plan
    shapes = [None if x is None else x.shape for x in single.arrays]
    axes = shifted_axes(loss.schema, plan.variant, task.axis, len(plan.geometry.item_shape), shapes)
    if axes is None:
        return None
    number = len(loss.argument_names) + EXTRA.index("denominator")
    given = np.ones(1) if task.denominator is None else np.full(1, task.denominator)
    places, arrays = [], []
    for place, array, same in zip(task.places, own, common, strict=True):
        if place == number:
            given = array.reshape(-1).astype(np.float64)
            continue
        lies = lying(plan.variant, plan.geometry, place)
        if lies.common and not same:
            return None
        places.append(place)
        arrays.append(_in_front(lies, count, array, same))
    stated = task.denominator is not None or number in task.places
    if not np.all((given > 0) & (given < math.inf)):  # a call by itself says so
        return None
    asked = replace(
        task, places=tuple(places), reduction=loss.schema.reduction, axis=tuple(axes.items()) or None, denominator=None
    )
    call = asked.bind(loss, arrays)
    call.scaling = call.scaling.one_by_one(plan.variant.divided and task.reduction == "mean")
    divisors = given if stated else _own_divisors(task.reduction, single, call, count)
    return Folded(call, np.broadcast_to(divisors, (count,)))


def _in_front(lies: Lying, count: int, array: np.ndarray, same: bool) -> np.ndarray:
    """An array with the dimension of the calls in front, where its layout has one."""
    if same and lies.as_it_is:
        return array
    moved = np.broadcast_to(array, (count, *array.shape)) if same else array
    shape, spread = lies.behind(moved.shape[1:])
    return np.broadcast_to(moved.reshape(count, *shape), (count, *spread))


def _own_divisors(reduction: str, single: Call, whole: Call, count: int) -> np.ndarray:
    """What the sums over the items of the calls are divided by where no denominator is given."""
    plan, mask = single.plan, whole.scaling.mask
    shape = plan.geometry.item_shape
    if reduction == "batchmean":
        size = shape[0] if shape else 1
        if mask is None:
            return np.full(1, float(size))
        return mask.reshape(count, size, math.prod(shape[1:])).any(axis=2).sum(axis=1).astype(np.float64)
    if reduction != "mean":
        return np.ones(1)
    if plan.each is None:
        return whole.normalisers().reshape(count, -1).sum(axis=1, dtype=np.float64)
    if mask is None:
        return np.full(1, plan.each * plan.geometry.items)
    return plan.each * mask.reshape(count, -1).sum(axis=1).astype(np.float64)


def _quotients(numbers: np.ndarray, divisors: np.ndarray) -> np.ndarray:
    return np.divide(numbers, divisors, out=np.zeros(len(divisors)), where=divisors != 0)
