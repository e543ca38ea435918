"""Where kernels on CUDA write gradients, and how these become arrays of the arguments' own shapes and dtypes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..dtypes import gradient_dtype
from .driver import Array, Place, contiguous_strides, is_contiguous
from .plan import CudaPlan
from .views import FLOAT64, copied, folded, moved, summed


@dataclass(frozen=True, slots=True)
class Result:
    """One wanted result.

    Args:
        position: the argument's, in the signature.
        written: what the kernel writes to.
        result: the result, if that is the same memory; else None.
        given: the argument's shape.
        dtype: the result's dtype.
    """

    position: int
    written: Array
    result: Array | None
    given: tuple[int, ...]
    dtype: np.dtype

    def finish(self, plan: CudaPlan, place: Place) -> Array:
        """The result, once the kernel has been started."""
        if self.result is not None:
            return self.result
        loss, argument = plan.schema.name, plan.variant.arguments[self.position]
        placement = plan.geometry.placements[self.position]
        assert placement is not None
        if argument.layout == "shared":
            return folded(place, self.written, place.memory.empty(self.given, self.dtype))
        if placement.broadcast:
            full = placement.full or plan.geometry.item_shape
            return summed(loss, argument.name, place, self.written, self.given, placement, full, self.dtype)
        order = placement.order or tuple(range(len(self.given)))
        shape = tuple(self.given[d] for d in order)
        inner = contiguous_strides(shape)
        back = [order.index(d) for d in range(len(order))]
        view = self.written._replace(shape=self.given, strides=tuple(inner[d] for d in back))
        return copied(loss, argument.name, place, view, self.dtype)


def result_for(plan: CudaPlan, place: Place, position: int, array: Array, rounded: bool, groups: int) -> Result:
    """A result for the argument at a position, which was given as `array`, in its dtype or (not rounded) the arithmetic's."""
    argument, placement = plan.variant.arguments[position], plan.geometry.placements[position]
    assert placement is not None
    dtype = gradient_dtype(array.dtype, plan.real) if rounded else plan.real
    if argument.layout == "shared":
        written = place.memory.empty((groups, *array.shape), FLOAT64)
        return Result(position, written, None, array.shape, dtype)
    if placement.broadcast:
        return Result(position, place.memory.empty(placement.shape, plan.real), None, array.shape, dtype)
    own = Array(0, array.shape, contiguous_strides(array.shape), dtype)
    view = moved(own, placement, plan.geometry.item_shape)
    if is_contiguous(view.shape, view.strides):
        found = place.memory.empty(array.shape, dtype)
        return Result(position, found, found, array.shape, dtype)
    return Result(position, place.memory.empty(placement.shape, dtype), None, array.shape, dtype)
