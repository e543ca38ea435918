"""Arguments and directions as kernels on CUDA take them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..dtypes import check_dtype
from ..errors import LossError
from ..schema import Argument
from .driver import Array, Place
from .launching import blocks_for, run
from .plan import CudaPlan
from .views import contiguous, filled, moved


def operand(plan: CudaPlan, place: Place, position: int, array: Array | None) -> Array | None:
    """An argument: its own memory where kernels can read it, else a copy."""
    placement = plan.geometry.placements[position]
    if array is None or placement is None:
        return None
    argument = plan.variant.arguments[position]
    view = moved(array, placement, plan.geometry.item_shape)
    dtype = plan.dtype_for(argument, array.dtype)
    found = contiguous(plan.schema.name, argument.name, place, view, dtype)
    return _tally(plan, place, argument, found) if argument.listed else found


def _tally(plan: CudaPlan, place: Place, argument: Argument, labels: Array) -> Array:
    """How often each list of labels names each class."""
    items, size = plan.geometry.items, plan.geometry.sizes[argument.axis or ""]
    counts = place.memory.empty((items, size), plan.real)
    if items:
        run(place, "tally", (items, size, labels, counts), blocks_for(place, items))
    return counts


def directions_for(
    plan: CudaPlan,
    place: Place,
    arrays: Sequence[Array | None],
    names: Sequence[str],
    directions: Mapping[str, Array | None],
) -> list[Array]:
    """One operand for each of `names`, laid out as the argument; zeros where there is no direction.

    Raises:
        LossError: a direction does not have its argument's shape; LossTypeError: its dtype is not real.
    """
    return [_direction(plan, place, plan.positions[n], arrays[plan.positions[n]], directions.get(n)) for n in names]


def _direction(plan: CudaPlan, place: Place, position: int, array: Array | None, direction: Array | None) -> Array:
    argument, placement = plan.variant.arguments[position], plan.geometry.placements[position]
    if array is None or placement is None or direction is None:
        return filled(place, _shape(plan, argument), plan.real, 0.0)
    given = f"the direction for {argument.name}"
    check_dtype(plan.schema.name, given, direction.dtype)
    if direction.shape != array.shape:
        raise LossError(f"{plan.schema.name}: {given} has shape {direction.shape}, expected {array.shape}")
    view = moved(direction, placement, plan.geometry.item_shape)
    dtype = plan.dtype_for(argument, direction.dtype)
    return contiguous(plan.schema.name, given, place, view, dtype)


def _shape(plan: CudaPlan, argument: Argument) -> tuple[int, ...]:
    """The shape in which the kernels take an argument."""
    size = plan.geometry.sizes.get(argument.axis or "", 0)
    layouts = {"shared": (size,), "row": (plan.geometry.items, size)}
    return layouts.get(argument.layout, (plan.geometry.items,))
