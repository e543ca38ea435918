"""How each argument of a call reaches the kernels, and how the work is divided."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .division import TILE, Division, divide, divide_whole
from .dtypes import INT64
from .layout import Geometry, Placement
from .memory import writable
from .schema import Argument, Variant
from .staging import Operand, Staged, StagedLabels
from .whole import whole_slot

COPY_SHARE = 8  # an argument with at most an eighth of the entries of the widest one is copied whole, not in tiles


@dataclass(frozen=True, slots=True)
class Slot:
    """How one given argument reaches the kernels.

    Args:
        argument: its schema.
        placement: its layout.
        given: the shape it was given in.
        dtype: the kernels' dtype.
        whole: True if it is copied whole where it has to be copied, not tile by tile.
    """

    argument: Argument
    placement: Placement
    given: tuple[int, ...]
    dtype: np.dtype
    whole: bool

    def moved(self, array: np.ndarray, item_shape: tuple[int, ...]) -> np.ndarray:
        """A view with the item dimensions first and the axis last."""
        if self.placement.broadcast:
            array = array[..., np.newaxis] if self.placement.lacks_last else array
            array = np.broadcast_to(array, self.placement.full or item_shape)
        return array if self.placement.order is None else array.transpose(self.placement.order)

    def fits(self, view: np.ndarray) -> bool:
        """True if the kernels can work on this view's own memory."""
        return view.dtype == self.dtype and view.dtype.isnative and view.flags.c_contiguous and view.flags.aligned

    def zeros(self) -> np.ndarray:
        """An operand of zeros."""
        return np.zeros(self.placement.shape, self.dtype)

    def operand(self, array: np.ndarray, item_shape: tuple[int, ...]) -> Operand:
        """The kernels' operand: a view, a small copy, or a staged view."""
        view = self.moved(array, item_shape)
        if self.fits(view):
            return writable(view).reshape(self.placement.shape)
        if self.whole:
            return view.astype(self.dtype, order="C").reshape(self.placement.shape)
        return self.stage(view, item_shape)

    def stage(self, view: np.ndarray, item_shape: tuple[int, ...]) -> Staged:
        """A moved view, to be copied tile by tile."""
        width = self.placement.shape[1] if self.argument.layout == "row" else None
        kind = StagedLabels if self.argument.listed else Staged
        return kind(view if item_shape else view[np.newaxis], self.dtype, width)


def tiled_slots(
    loss: str, variant: Variant, geometry: Geometry, arrays: Sequence[np.ndarray | None], real: np.dtype
) -> tuple[tuple[Slot | None, ...], Division]:
    """Slots and division where arrays that do not fit are copied tile by tile."""
    widest = max((p.shape[1] for p in geometry.placements if p and len(p.shape) == 2), default=1)
    work = geometry.items * max(1, widest)
    slots = tuple(
        None if placement is None or array is None else _slot(argument, placement, array.shape, real, work)
        for argument, placement, array in zip(variant.arguments, geometry.placements, arrays, strict=True)
    )
    return slots, divide(geometry.item_shape, geometry.items, widest)


def whole_slots(
    loss: str, variant: Variant, geometry: Geometry, arrays: Sequence[np.ndarray | None], real: np.dtype
) -> tuple[tuple[Slot | None, ...], Division]:
    """Slots and division of a loss over lattices: arrays that do not fit are copied whole."""
    slots = tuple(
        None
        if placement is None or array is None
        else whole_slot(loss, argument, placement, array, real, geometry.item_shape)
        or Slot(argument, placement, array.shape, INT64 if argument.integer else real, True)
        for argument, placement, array in zip(variant.arguments, geometry.placements, arrays, strict=True)
    )
    grids = [p.shape for a, p in zip(variant.arguments, geometry.placements, strict=True) if p and a.layout == "grid"]
    work = max((math.prod(shape) for shape in grids), default=geometry.items)
    return slots, divide_whole(geometry.item_shape, geometry.items, work)


def _slot(argument: Argument, placement: Placement, shape: tuple[int, ...], real: np.dtype, work: int) -> Slot:
    entries = math.prod(placement.shape)
    repeated = placement.broadcast and entries <= TILE  # one tile, which costs more to prepare than to copy
    small = entries * COPY_SHARE <= work or argument.layout == "shared" or repeated
    labels = argument.integer and not argument.listed
    return Slot(argument, placement, shape, INT64 if labels else real, small and not argument.listed)
