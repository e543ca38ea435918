"""From a kernel's fault bits to the message: which entry of which argument is outside its domain."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .domains import ARRAYS, ArrayDomain, class_index_domain, label_list_domain
from .dtypes import INT64
from .errors import LossError
from .plan import Plan
from .slots import Slot

IGNORE = "ignore_index"
#: The bit by which kernels say that an item was ignored, which is no fault, and all bits below it: those of arguments.
IGNORED = 1 << 62
FAULTS = IGNORED - 1


def explain(
    plan: Plan,
    arrays: Sequence[np.ndarray | None],
    parameters: Sequence[float | int],
    item_scale: np.ndarray | None,
    faults: np.ndarray,
) -> None:
    """Raise LossError for the first offending entry of the first argument that the kernels complained about.

    Items that do not count (masked out, weight 0, ignored) may hold anything: if only they offend, nothing is raised.
    """
    bits = int(np.bitwise_or.reduce(faults)) & FAULTS
    if not bits:
        return
    ignore_index = _ignore_index(plan, parameters)
    idle = _idle_items(plan, arrays, item_scale, ignore_index)
    for position, (slot, array) in enumerate(zip(plan.slots, arrays, strict=True)):
        if bits >> position & 1 and slot is not None and array is not None:
            counted = _counted(plan, slot, arrays, idle)
            _explain_one(plan, slot, array, _domain(plan, slot, ignore_index), counted)


def _ignore_index(plan: Plan, parameters: Sequence[float | int]) -> int | None:
    named = dict(zip(plan.schema.numbers(plan.variant), parameters, strict=True))
    return int(named[IGNORE]) if IGNORE in named else None


def _domain(plan: Plan, slot: Slot, ignore_index: int | None) -> ArrayDomain:
    argument = slot.argument
    if not argument.integer:
        return ARRAYS[argument.domain]
    sizes = plan.geometry.sizes
    if argument.listed:
        return label_list_domain(sizes[argument.axis or ""])
    axis = argument.axis or next(axis.name for axis in plan.schema.axes if axis.name in sizes)
    return class_index_domain(sizes[axis], ignore_index)


def _idle_items(
    plan: Plan, arrays: Sequence[np.ndarray | None], item_scale: np.ndarray | None, ignore_index: int | None
) -> np.ndarray:
    """True for the items that contribute nothing."""
    shape = plan.geometry.item_shape
    idle = np.zeros(shape, bool) if item_scale is None else (item_scale == 0).reshape(shape)
    if ignore_index is not None:
        for argument, array in zip(plan.variant.arguments, arrays, strict=True):
            if array is not None and argument.domain == "class-index" and argument.layout == "item":
                idle = idle | (array == ignore_index)
    return idle


def _counted(plan: Plan, slot: Slot, arrays: Sequence[np.ndarray | None], idle: np.ndarray) -> np.ndarray | None:
    """True for the items, or for the entries of the items, that contribute; None if the argument is one for all items."""
    if slot.argument.layout in ("shared", "table"):
        return None
    if plan.whole is None or slot.argument.layout not in ("grid", "row"):
        return ~idle
    inside = plan.whole.inside(slot.argument, plan.whole.lengths(plan.slots, arrays, idle.reshape(-1)))
    return inside & ~idle.reshape(idle.shape + (1,) * (inside.ndim - idle.ndim))


def _explain_one(plan: Plan, slot: Slot, array: np.ndarray, domain: ArrayDomain, counted: np.ndarray | None) -> None:
    argument, order = slot.argument, slot.placement.order
    view = slot.moved(array, plan.geometry.item_shape)
    bad = domain.outside(view.astype(INT64 if argument.integer else slot.dtype))
    if counted is not None:
        bad = bad & counted.reshape(counted.shape + (1,) * (view.ndim - counted.ndim))
    if not bad.any():
        return
    index = [int(i) for i in np.unravel_index(int(np.argmax(bad)), bad.shape)]
    value = view[tuple(index)].item()
    if order is not None:
        index = [index[order.index(dimension)] for dimension in range(len(order))]
    where = f"[{', '.join(map(str, index))}]" if index else ""
    raise LossError(f"{plan.schema.name}: {argument.name}{where} is {value!r}, expected {domain.words}")
