"""Where kernels write gradients: arrays of the arguments' own shapes and dtypes, and what is left to do afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .dtypes import gradient_dtype
from .errors import LossError, choose
from .execute import Operand
from .grids import GridSlot
from .layout import Placement
from .memory import apart, empty
from .plan import Plan
from .slots import Slot


@dataclass(frozen=True, slots=True)
class Output:
    """One wanted result: the kernels' operand, and the way from it to the result."""

    operand: Operand
    result: np.ndarray

    def finish(self) -> np.ndarray:
        """The result, in the argument's shape and dtype. Called once, when the kernel is done."""
        return self.result


@dataclass(frozen=True, slots=True)
class _Summed(Output):
    """A result that is a sum over items: over the lanes' rows of a shared argument, or over broadcast dimensions.

    Args:
        full: the shape that the argument has been broadcast to; None for a shared one.
        placement: its layout.
    """

    full: tuple[int, ...] | None
    placement: Placement

    def finish(self) -> np.ndarray:
        whole, result = self.operand, self.result
        assert isinstance(whole, np.ndarray)
        if self.full is not None:
            result = result[..., np.newaxis] if self.placement.lacks_last else result
            whole = _as_given(whole, self.full, self.placement.order)
            lead = whole.ndim - result.ndim
            ones = tuple(d + lead for d, n in enumerate(result.shape) if n == 1 and whole.shape[d + lead] != 1)
            total = whole.sum(axis=(*range(lead), *ones), dtype=np.float64).reshape(result.shape)
        else:
            total = whole.sum(axis=0)  # row by row, in the order of the lanes
        with np.errstate(over="ignore"):
            result[...] = total
        return self.result


@dataclass(frozen=True, slots=True)
class _Copied(Output):
    """A result that is copied out of an array that the kernels write to, rounded once."""

    written: np.ndarray

    def finish(self) -> np.ndarray:
        with np.errstate(over="ignore"):
            np.copyto(self.result, self.written, casting="unsafe")
        return self.result


def allocate(plan: Plan, position: int, array: np.ndarray, rounded: bool = True) -> Output:
    """An output for the argument at a position of the signature, which was given as `array`.

    It has the argument's dtype if `rounded`, else that of the arithmetic.
    """
    slot = plan.slots[position]
    assert slot is not None
    dtype = gradient_dtype(array.dtype, plan.real) if rounded else plan.real
    if isinstance(slot, GridSlot):
        return _grid(plan, slot, array, dtype)
    if slot.argument.layout in ("shared", "table"):
        whole = apart((plan.division.lanes, *array.shape), np.dtype(np.float64))
        whole[...] = 0
        return _Summed(whole, np.empty(array.shape, dtype), None, slot.placement)
    if slot.placement.broadcast:
        whole = apart(slot.placement.shape, plan.real)
        full = slot.placement.full or plan.geometry.item_shape
        return _Summed(whole, np.empty(array.shape, dtype), full, slot.placement)
    return _own(plan, slot, array, dtype)


def _grid(plan: Plan, slot: GridSlot, array: np.ndarray, dtype: np.dtype) -> Output:
    """An output for a grid, in the argument's own order of memory."""
    rows, whole = slot.output(array, plan.geometry.item_shape)
    return Output(rows, whole) if dtype == plan.real else _Copied(rows, np.empty_like(whole, dtype), whole)


def _as_given(whole: np.ndarray, full: tuple[int, ...], order: tuple[int, ...] | None) -> np.ndarray:
    """What a kernel has written for an array of the shape `full` whose dimensions it takes in another order."""
    if order is None:
        return whole.reshape(full)
    return whole.reshape([full[d] for d in order]).transpose(np.argsort(order))


def _own(plan: Plan, slot: Slot, array: np.ndarray, dtype: np.dtype) -> Output:
    """An output with one entry for each entry of the argument, laid out as the argument is where that is direct."""
    order = slot.placement.order
    item_shape = plan.geometry.item_shape
    if order is not None and slot.moved(array, item_shape).flags.c_contiguous:
        inverse = np.argsort(order)
        result = empty(tuple(array.shape[d] for d in order), dtype).transpose(inverse)
    else:
        result = empty(array.shape, dtype)
    view = slot.moved(result, item_shape)
    if dtype == plan.real and view.flags.c_contiguous:
        return Output(view.reshape(slot.placement.shape), result)
    if plan.whole is not None:
        whole = apart(slot.placement.shape, plan.real)
        return _Copied(whole, result, whole.reshape(view.shape).transpose(np.argsort(order or range(view.ndim))))
    return Output(slot.stage(view, item_shape), result)


@dataclass(frozen=True, slots=True)
class Outputs:
    """The outputs of one run: by name, and as the kernels take them (None where one is not wanted)."""

    by_name: dict[str, Output]
    operands: list[Operand]

    def finish(self, wrt: Sequence[str]) -> tuple[np.ndarray, ...]:
        """The results in the order of `wrt`."""
        return tuple(self.by_name[name].finish() for name in wrt)


def check_wrt(plan: Plan, arrays: Sequence[np.ndarray | None], names: Sequence[str]) -> None:
    """Raise LossError unless these are names of differentiable arguments that are given."""
    loss = plan.schema.name
    for name in names:
        if name not in plan.variant.differentiable:
            raise choose(loss, "wrt", name, plan.variant.differentiable)
        if arrays[plan.positions[name]] is None:
            raise LossError(f"{loss}: wrt is {name!r}, expected an argument that is given (got None)")


def outputs_for(
    plan: Plan, arrays: Sequence[np.ndarray | None], names: Sequence[str], wrt: Sequence[str], rounded: bool = True
) -> Outputs:
    """Outputs for the arguments of `wrt`, which are given; the kernels' operands are in the order of `names`."""
    by_name = {}
    for name in wrt:
        position = plan.positions[name]
        array = arrays[position]
        assert array is not None
        by_name[name] = allocate(plan, position, array, rounded)
    operands = [by_name[name].operand if name in by_name else None for name in names]
    return Outputs(by_name, operands)
