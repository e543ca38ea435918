"""Directions, along which derivatives are taken, as kernels on CUDA take them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..dtypes import check_dtype
from ..errors import LossError
from ..schema import Argument
from .driver import Array, Place
from .lattices import grid, no_grid
from .launching import Given
from .operands import operand
from .plan import CudaPlan
from .views import filled


def directions_for(
    plan: CudaPlan,
    place: Place,
    arrays: Sequence[Array | None],
    names: Sequence[str],
    directions: Mapping[str, Array | None],
) -> list[Given]:
    """One operand for each of `names`, laid out as the argument, with its steps; zeros where there is no direction.

    Raises:
        LossError: a direction does not have its argument's shape; LossTypeError: its dtype is not real.
    """
    found = [_direction(plan, place, plan.positions[n], arrays[plan.positions[n]], directions.get(n)) for n in names]
    return [value for given in found for value in given]


def _direction(
    plan: CudaPlan, place: Place, position: int, array: Array | None, direction: Array | None
) -> tuple[Given, ...]:
    argument, placement = plan.variant.arguments[position], plan.geometry.placements[position]
    if array is None or placement is None or direction is None:
        if argument.layout == "grid":
            return no_grid(plan, place, argument)
        return (filled(place, _shape(plan, argument), plan.real, 0.0),)
    given = f"the direction for {argument.name}"
    check_dtype(plan.schema.name, given, direction.dtype)
    if direction.shape != array.shape:
        raise LossError(f"{plan.schema.name}: {given} has shape {direction.shape}, expected {array.shape}")
    if argument.layout == "grid":
        return grid(plan, place, position, direction, given)
    return (operand(plan, place, position, direction),)


def _shape(plan: CudaPlan, argument: Argument) -> tuple[int, ...]:
    """The shape in which the kernels take an argument."""
    items, sizes = plan.geometry.items, plan.geometry.sizes
    entries = tuple(sizes.get(axis, 0) for axis in argument.axes or (argument.axis or "",))
    return {"shared": entries, "table": entries, "row": (items, *entries)}.get(argument.layout, (items,))
