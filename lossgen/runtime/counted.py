"""The lengths and labels of plain calls, and what else but grids goes to the kernels of losses over lattices.

What `lossgen.runtime.whole` does, for arguments of known shapes, dtypes and flags, as long as nothing is wrong with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

import numpy as np

from .dtypes import INT64
from .grids import GridSlot
from .memory import writable
from .plan import Plan
from .sequences import LengthSlot, SequenceSlot
from .slots import Slot
from .staging import Operand


def counts_plainly(plan: Plan) -> bool:
    """Whether `Counted` can do it: lengths, where they are given, are one number for each item, not a mask."""
    lengths = [slot for slot in plan.slots if isinstance(slot, LengthSlot)]
    return not any(slot.placement.broadcast or len(slot.placement.shape) != 1 for slot in lengths)


@dataclass(frozen=True, slots=True)
class _Labels:
    """How an argument of sequences is read.

    Args:
        place: its position in the signature.
        order: the permutation that moves its items first; None where they are.
        lengths: the position of the argument that says their lengths, if there is one.
        every: the lengths if there is none.
        starts: where sequences begin; None where they are given one after another.
        classes: the number of classes.
        barred: the position of the parameter whose value no label may have, if there is one.
    """

    place: int
    order: tuple[int, ...] | None
    lengths: int | None
    every: np.ndarray | None
    starts: np.ndarray | None
    classes: int
    barred: int | None


class Counted:
    """The operands of a plan's kernels, but for grids."""

    __slots__ = (
        *("_class_numbers", "_fixed", "_item_shape", "_items", "_labels", "_lengths", "_longest", "_others", "_sizes"),
        *("_taken",),
    )

    def __init__(self, plan: Plan) -> None:
        self._taken = import_module(".taken", __package__)
        self._item_shape, self._items = plan.geometry.item_shape, plan.geometry.items
        items = self._items
        schema, variant, sizes = plan.schema, plan.variant, plan.geometry.sizes
        numbers = schema.numbers(variant)
        axes = {parameter.name: parameter.axis for parameter in schema.parameters}
        self._class_numbers = tuple([(numbers.index(name), sizes[axes[name]]) for name in numbers if axes[name]])
        #: What is the same in all calls: the lengths of items that have all entries, where no others are given.
        self._fixed: list[Operand] = [None] * len(variant.arguments)
        self._lengths: list[tuple[int, int]] = []
        self._labels: list[_Labels] = []
        self._others: list[tuple[int, Slot]] = []
        of_axis = {a.axis: place for place, a in enumerate(variant.arguments) if a.layout == "length"}
        for place, (argument, slot) in enumerate(zip(variant.arguments, plan.slots, strict=True)):
            size = sizes.get(argument.axis or "")
            if isinstance(slot, LengthSlot):
                self._lengths.append((place, np.iinfo(INT64).max if size is None else size))
            elif isinstance(slot, SequenceSlot):
                lengths = of_axis.get(argument.axis)
                every = None if lengths is not None else np.full(items, size, INT64)
                starts = None if slot.joined else np.arange(items) * slot.placement.shape[1]
                barred = numbers.index(argument.barred) if argument.barred else None
                known = slot.placement.order, lengths, every, starts, sizes[argument.points_to], barred
                self._labels.append(_Labels(place, *known))
            elif slot is None and argument.layout == "length":
                self._fixed[place] = np.full(items, size, INT64)
            elif slot is not None and not isinstance(slot, GridSlot):
                self._others.append((place, slot))
        self._sizes = tuple([sizes.get(axis, 0) for axis in variant.sizes])
        #: Axes of which only sequences one after another have entries: they are as long as the longest of these.
        self._longest = tuple([(n, of_axis[axis]) for n, axis in enumerate(variant.sizes) if axis not in sizes])

    def operands(
        self, arrays: Sequence[np.ndarray | None], parameters: Sequence[float | int]
    ) -> tuple[list[Operand], Sequence[int]] | None:
        """The operands, grids left out, and the sizes that the kernels take beside them.

        None where a length, a label or the number of a class is out of range, or the labels do not make up the lengths.
        """
        for number, size in self._class_numbers:
            if not 0 <= parameters[number] < size:
                return None
        found = self._fixed.copy()
        for place, most in self._lengths:
            taken = np.empty(self._items, INT64)
            given = writable(np.ascontiguousarray(arrays[place], INT64)).reshape(-1)
            if not self._taken.take_lengths(given, most, taken):
                return None
            found[place] = taken
        for labels in self._labels:
            operand = self._sequences(labels, arrays[labels.place], found, parameters)
            if operand is None:
                return None
            found[labels.place] = operand
        for place, slot in self._others:
            found[place] = slot.operand(arrays[place], self._item_shape)  # type: ignore[arg-type]
        sizes = self._sizes
        for number, place in self._longest:
            sizes = *sizes[:number], int(found[place].max()), *sizes[number + 1 :]  # type: ignore[union-attr]
        return found, sizes

    def _sequences(
        self, labels: _Labels, array: np.ndarray, found: Sequence[Operand], parameters: Sequence[float | int]
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """Labels that are known to be classes, and where each item's begin; None if some are not."""
        lengths = labels.every if labels.lengths is None else found[labels.lengths]
        moved = array if labels.order is None else array.transpose(labels.order)
        given = writable(np.ascontiguousarray(moved, INT64)).reshape(-1)
        starts = labels.starts
        if starts is None:
            starts = np.empty(self._items, INT64)
            if not self._taken.begin(lengths, given.size, starts):
                return None
        taken = np.empty(given.size, INT64)
        barred = -1 if labels.barred is None else int(parameters[labels.barred])
        fits = self._taken.take_labels(given, starts, lengths, labels.classes, barred, taken)
        return (taken, starts) if fits else None
