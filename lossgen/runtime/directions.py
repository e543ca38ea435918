"""Directions of Hessian-vector products as the kernels take them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .dtypes import check_dtype
from .errors import LossError
from .grids import GridSlot
from .layout import Placement
from .plan import Plan
from .staging import Operand


def direction_operands(
    plan: Plan, arrays: Sequence[np.ndarray | None], names: Sequence[str], directions: Mapping[str, np.ndarray | None]
) -> list[Operand]:
    """One operand for each of `names`, laid out as the argument; zeros where there is no direction.

    Raises:
        LossError: a direction does not have its argument's shape; LossTypeError: its dtype is not real.
    """
    return [_operand(plan, name, arrays[plan.positions[name]], directions.get(name)) for name in names]


def _operand(plan: Plan, name: str, array: np.ndarray | None, direction: np.ndarray | None) -> Operand:
    position = plan.positions[name]
    slot = plan.slots[position]
    if slot is None or array is None:
        return _absent(plan, position)
    if direction is None:
        return slot.zeros()
    given = f"the direction for {name}"
    check_dtype(plan.schema.name, given, direction.dtype)
    if direction.shape != array.shape:
        raise LossError(f"{plan.schema.name}: {given} has shape {direction.shape}, expected {array.shape}")
    return slot.operand(direction, plan.geometry.item_shape)


def _absent(plan: Plan, position: int) -> Operand:
    """Zeros for an argument that was not given."""
    argument = plan.variant.arguments[position]
    layout, items, sizes = argument.layout, plan.geometry.items, plan.geometry.sizes
    entries = tuple(sizes.get(axis, 0) for axis in argument.axes or (argument.axis or "",))
    if layout == "grid":
        return GridSlot(argument, Placement(None, (items, *entries)), (), plan.real).zeros()
    shape = {"shared": entries, "table": entries, "row": (items, *entries)}.get(layout, (items,))
    return np.zeros(shape, plan.real)
