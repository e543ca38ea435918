"""Arguments as kernels on CUDA take them."""

from __future__ import annotations

from ..schema import Argument
from .driver import Array, Place
from .launching import blocks_for, run
from .layouts import Strided, moved, strides_like
from .plan import CudaPlan
from .views import contiguous, copied


def operand(plan: CudaPlan, place: Place, position: int, array: Array | None) -> Array | Strided | None:
    """An argument: its own memory, wherever its entries lie; a copy where they are of a dtype that kernels do not read."""
    placement = plan.geometry.placements[position]
    if array is None or placement is None:
        return None
    argument = plan.variant.arguments[position]
    dtype = plan.dtype_for(argument, array.dtype)
    if plan.variant.whole:
        return contiguous(place, moved(array, placement, plan.geometry.item_shape), dtype)
    if array.dtype != dtype:
        array = copied(place, array, dtype, strides_like(array))
    found = plan.operand(position, array)
    return _tally(plan, place, argument, found) if argument.listed else found


def _tally(plan: CudaPlan, place: Place, argument: Argument, labels: Array | Strided) -> Array:
    """How often each list of labels names each class."""
    items, size = plan.geometry.items, plan.geometry.sizes[argument.axis or ""]
    counts = place.memory.empty((items, size), plan.real)
    if items:
        run(place, "tally", (items, size, labels, counts), blocks_for(place.driver, items))
    return counts
