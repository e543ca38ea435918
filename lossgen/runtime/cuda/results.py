"""Where kernels on CUDA write gradients, and how these become arrays of the arguments' own shapes and dtypes."""

from __future__ import annotations

from dataclasses import dataclass

from ..dtypes import FLOAT64, gradient_dtype
from .driver import Array, Place, contiguous_strides
from .launching import Given
from .layouts import dense_strides, moved, strides_like
from .plan import CudaPlan
from .views import copied, folded, rows_of, summed

#: The layouts of arguments that are the same for all items.
SHARED = frozenset(("shared", "table"))


@dataclass(frozen=True, slots=True)
class Result:
    """One wanted result, which lies in memory as its argument does.

    Args:
        position: the argument's, in the signature.
        passed: what kernels are given: where they write, of a grid with its steps.
        result: the result, if that is the same memory; else None.
        written: what they write to, if that is other memory; in their order and contiguous.
        like: the shape, strides and dtype of the result.
    """

    position: int
    passed: tuple[Given, ...]
    result: Array | None
    written: Array | None
    like: Array

    def finish(self, plan: CudaPlan, place: Place) -> Array:
        """The result, once the kernel has been started."""
        if self.result is not None:
            return self.result
        argument, placement = plan.variant.arguments[self.position], plan.geometry.placements[self.position]
        _, shape, strides, dtype, _ = self.like
        assert placement is not None and self.written is not None
        if argument.layout in SHARED:
            return folded(place, self.written, place.memory.empty(shape, dtype, strides))
        if placement.broadcast:
            full = placement.full or plan.geometry.item_shape
            return summed(place, self.written, place.memory.empty(shape, dtype, strides), placement, full)
        view = self.written._replace(shape=shape, strides=dense_strides(shape, placement.order))
        return copied(place, view, dtype, strides)


def result_for(plan: CudaPlan, place: Place, position: int, array: Array, rounded: bool, groups: int) -> Result:
    """A result for the argument at a position, which was given as `array`, in its dtype or (not rounded) the arithmetic's."""
    argument, placement = plan.variant.arguments[position], plan.geometry.placements[position]
    assert placement is not None
    dtype = gradient_dtype(array.dtype, plan.real) if rounded else plan.real
    like = Array(0, array.shape, strides_like(array), dtype)
    if argument.layout == "grid":
        return _grid(plan, place, position, like)
    if argument.layout in SHARED or placement.broadcast:
        shared = argument.layout in SHARED
        written = place.memory.empty(
            (groups, array.size) if shared else placement.shape, FLOAT64 if shared else plan.real
        )
        return Result(position, (written,), None, written, like)
    found = place.memory.empty(like.shape, dtype, like.strides)
    return Result(position, (plan.operand(position, found),), found, None, like)


def no_result(plan: CudaPlan, name: str) -> tuple[Given, ...]:
    """What a kernel is given for a result that is not wanted."""
    argument = plan.variant.arguments[plan.positions[name]]
    return None, *[0] * len(argument.axes if argument.layout == "grid" else ())


def _grid(plan: CudaPlan, place: Place, position: int, like: Array) -> Result:
    """A result with several axes. Kernels add to it in the dtype of the arithmetic, in the argument's own layout if they can."""
    placement, item_shape = plan.geometry.placements[position], plan.geometry.item_shape
    assert placement is not None
    steps = rows_of(moved(like, placement, item_shape), len(item_shape)) if like.dtype == plan.real else None
    if steps is not None:
        found = place.memory.empty(like.shape, like.dtype, like.strides)
        return Result(position, (found, *steps), found, None, like)
    written = place.memory.empty(placement.shape, plan.real)
    return Result(position, (written, *contiguous_strides(placement.shape)[:-1]), None, written, like)
