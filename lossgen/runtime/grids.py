"""Grids: arguments with several axes, such as (T, N, C), as rows of memory and the steps between them.

The kernels find entry (item i, a, …, c) of a grid at rows[i * steps[0] + a * steps[1] + …, c]. So time may come first or
the batch: either is read, and its gradient written, without a copy and in the same order of memory.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from .layout import Placement
from .memory import empty, writable
from .schema import Argument

Rows = tuple[np.ndarray, tuple[int, ...]]
"""Rows, 2-D and C-contiguous, and how many rows it is from one entry to the next: for the items, then for every axis but
the last."""


@dataclass(frozen=True, slots=True)
class GridSlot:
    """How a grid reaches the kernels; the fields are those of `lossgen.runtime.slots.Slot`, and `flags` and `rows`: the
    flags of a contiguous array of the kernels' dtype, and its rows, known beforehand: what nearly all grids are."""

    argument: Argument
    placement: Placement
    given: tuple[int, ...]
    dtype: np.dtype
    flags: int | None = None
    rows: tuple[tuple[int, int], tuple[int, ...]] | None = None

    @classmethod
    def of(
        cls, argument: Argument, placement: Placement, array: np.ndarray, real: np.dtype, item_shape: tuple[int, ...]
    ) -> GridSlot:
        """The slot for arrays of this one's shape, dtype and flags."""
        slot = cls(argument, placement, array.shape, real)
        if not array.flags.carray or not array.size:
            return slot
        found = _in_place(slot.moved(array, item_shape), len(item_shape), real)
        return slot if found is None else replace(slot, flags=array.flags.num, rows=(found[0].shape, found[1]))

    def moved(self, array: np.ndarray, item_shape: tuple[int, ...]) -> np.ndarray:
        """A view with the item dimensions first and the axes last."""
        return array if self.placement.order is None else array.transpose(self.placement.order)

    def operand(self, array: np.ndarray, item_shape: tuple[int, ...]) -> Rows:
        """The array's own memory where its last axis is contiguous and the others are whole rows apart, else a copy."""
        if self.rows is not None and array.flags.num == self.flags and array.dtype == self.dtype:
            return array.reshape(self.rows[0]), self.rows[1]
        view = self.moved(array, item_shape)
        return _in_place(view, len(item_shape), self.dtype) or self._of(view.astype(self.dtype, order="C"))

    def zeros(self) -> Rows:
        """A grid of zeros."""
        return self._of(np.zeros(self.placement.shape, self.dtype))

    def output(self, array: np.ndarray, item_shape: tuple[int, ...]) -> tuple[Rows, np.ndarray]:
        """New rows for the kernels to write to, and the same memory as an array of the argument's own shape.

        It lies in memory as `array` does, but for the last axis, which is contiguous.
        """
        if self.rows is not None:
            whole = empty(self.given, self.dtype)
            return (whole.reshape(self.rows[0]), self.rows[1]), whole
        view = self.moved(array, item_shape)
        lead = len(item_shape)
        last = view.ndim - 1
        inside = _ordered(view.shape, (*sorted(range(last), key=lambda d: -abs(view.strides[d])), last), self.dtype)
        rows = _in_place(inside, lead, self.dtype)
        if rows is None:  # items of several dimensions with an axis between them, or nothing at all
            inside = empty(view.shape, self.dtype)
            rows = _in_place(inside, lead, self.dtype) or self._of(inside)
        order = self.placement.order
        return rows, inside if order is None else inside.transpose(np.argsort(order))

    def _of(self, whole: np.ndarray) -> Rows:
        """The rows of a contiguous array; of one without entries a single row, which kernels read but do not use."""
        *outer, width = self.placement.shape
        steps = tuple(math.prod(outer[place + 1 :]) for place in range(len(outer)))
        if not whole.size:
            return np.zeros((1, max(width, 1)), whole.dtype), (0,) * len(outer)
        return whole.reshape(math.prod(outer), width), steps


def _ordered(shape: tuple[int, ...], order: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An uninitialised array of which the memory has the dimensions in this order, outermost first."""
    return empty(tuple(shape[d] for d in order), dtype).transpose(np.argsort(order))


def _in_place(view: np.ndarray, lead: int, dtype: np.dtype) -> Rows | None:
    """The rows of an array's own memory, with `lead` dimensions of items in front; None if it does not lie in rows."""
    if view.dtype != dtype or not view.dtype.isnative or not view.flags.aligned or not view.size:
        return None
    width, size = view.shape[-1], view.itemsize
    if width > 1 and view.strides[-1] != size:
        return None
    outer = [(n, 0 if n == 1 else stride) for n, stride in zip(view.shape[:-1], view.strides[:-1], strict=True)]
    item = _item_stride(outer[:lead])
    if item is None or any(stride < 0 or stride % (width * size) for _, stride in outer):
        return None
    count = 1 + sum((n - 1) * (stride // (width * size)) for n, stride in outer)
    rows = np.lib.stride_tricks.as_strided(view, (count, width), (width * size, size))
    return writable(rows), tuple(stride // (width * size) for stride in (item, *(s for _, s in outer[lead:])))


def _item_stride(dimensions: list[tuple[int, int]]) -> int | None:
    """The stride from item to item for the item dimensions' sizes and strides; None if there is no single one."""
    long = [(n, stride) for n, stride in dimensions if n != 1]
    if any(stride != n * inner for (_, stride), (n, inner) in pairwise(long)):
        return None
    return long[-1][1] if long else 0
