"""Where kernels on CUDA write gradients, and how these become arrays of the arguments' own shapes and dtypes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..dtypes import FLOAT64, gradient_dtype
from .driver import Array, Place, contiguous_strides, is_contiguous
from .launching import Given
from .plan import CudaPlan
from .views import copied, folded, moved, rows_of, summed

#: The layouts of arguments that are the same for all items.
SHARED = frozenset(("shared", "table"))


@dataclass(frozen=True, slots=True)
class Result:
    """One wanted result.

    Args:
        position: the argument's, in the signature.
        written: what the kernel writes to.
        result: the result, if that is the same memory; else None.
        given: the argument's shape.
        dtype: the result's dtype.
        steps: of a grid, as kernels take them.
    """

    position: int
    written: Array
    result: Array | None
    given: tuple[int, ...]
    dtype: np.dtype
    steps: tuple[int, ...] = ()

    @property
    def passed(self) -> tuple[Given, ...]:
        """What the kernel is given."""
        return self.written, *self.steps

    def finish(self, plan: CudaPlan, place: Place) -> Array:
        """The result, once the kernel has been started."""
        if self.result is not None:
            return self.result
        loss, argument = plan.schema.name, plan.variant.arguments[self.position]
        placement = plan.geometry.placements[self.position]
        assert placement is not None
        if argument.layout in SHARED:
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
    if argument.layout in SHARED:
        written = place.memory.empty((groups, array.size), FLOAT64)
        return Result(position, written, None, array.shape, dtype)
    if argument.layout == "grid":
        return _grid(plan, place, position, array, dtype)
    if placement.broadcast:
        return Result(position, place.memory.empty(placement.shape, plan.real), None, array.shape, dtype)
    own = Array(0, array.shape, contiguous_strides(array.shape), dtype)
    view = moved(own, placement, plan.geometry.item_shape)
    if is_contiguous(view.shape, view.strides):
        found = place.memory.empty(array.shape, dtype)
        return Result(position, found, found, array.shape, dtype)
    return Result(position, place.memory.empty(placement.shape, dtype), None, array.shape, dtype)


def no_result(plan: CudaPlan, name: str) -> tuple[Given, ...]:
    """What a kernel is given for a result that is not wanted."""
    argument = plan.variant.arguments[plan.positions[name]]
    return None, *[0] * len(argument.axes if argument.layout == "grid" else ())


def _grid(plan: CudaPlan, place: Place, position: int, array: Array, dtype: np.dtype) -> Result:
    """A result with several axes. Kernels add to it in the dtype of the arithmetic, in the argument's own shape if they can."""
    placement, item_shape = plan.geometry.placements[position], plan.geometry.item_shape
    assert placement is not None
    own = Array(0, array.shape, contiguous_strides(array.shape), dtype)
    steps = rows_of(moved(own, placement, item_shape), len(item_shape)) if dtype == plan.real else None
    if steps is not None:
        found = place.memory.empty(array.shape, dtype)
        return Result(position, found, found, array.shape, dtype, steps)
    shape = placement.shape
    found = place.memory.empty(shape, plan.real)
    return Result(position, found, None, array.shape, dtype, contiguous_strides(shape)[:-1])
