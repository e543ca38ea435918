"""Arguments as kernels on CUDA take them."""

from __future__ import annotations

from ..schema import Argument
from .driver import Array, Place
from .launching import blocks_for, run
from .plan import CudaPlan
from .views import contiguous, moved


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
        run(place, "tally", (items, size, labels, counts), blocks_for(place.driver, items))
    return counts
