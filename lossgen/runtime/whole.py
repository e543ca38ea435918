"""The arguments of a loss over lattices as its kernels take them: whole, with the lengths of every item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .dtypes import INT64
from .errors import LossError
from .grids import GridSlot, Rows
from .layout import Geometry, Placement
from .schema import Argument, Schema, Variant
from .sequences import Idle, LengthSlot, Sequences, SequenceSlot

WholeOperand = np.ndarray | Rows | Sequences | None


@dataclass(frozen=True)
class Whole:
    """What the arguments of one call say about each other: lengths about sequences, sizes about parameters.

    Args:
        schema: the loss.
        variant: one whose kernels take their arguments whole.
        geometry: item shape, axis sizes and placements.
    """

    schema: Schema
    variant: Variant
    geometry: Geometry

    def operands(
        self, slots: Sequence, arrays: Sequence[np.ndarray | None], numbers: Sequence[float | int], idle: Idle
    ) -> list[WholeOperand]:
        """The kernels' operands.

        Args:
            slots: how each argument reaches the kernels.
            arrays: the arguments.
            numbers: the parameters as the kernels take them.
            idle: for each item whether it is masked out; None if none is.

        Raises:
            LossError: a length, a label or the number of a class that is out of range.
        """
        self.check_numbers(numbers)
        lengths = self.lengths(slots, arrays, idle)
        sizes, item_shape = self.geometry.sizes, self.geometry.item_shape
        found: list[WholeOperand] = []
        for argument, slot, array in zip(self.variant.arguments, slots, arrays, strict=True):
            axis = argument.axis or ""
            if argument.layout == "length":
                found.append(lengths[axis])
            elif slot is None or array is None:
                found.append(None)
            elif argument.layout == "sequence":
                own = lengths[axis] if axis in lengths else self._all(axis)
                barred = int(numbers[self._numbers.index(argument.barred)]) if argument.barred else None
                found.append(slot.sequences(array, own, idle, sizes[argument.points_to], barred, self._named(axis)))
            else:
                found.append(slot.operand(array, item_shape))
        return found

    def lengths(self, slots: Sequence, arrays: Sequence[np.ndarray | None], idle: Idle) -> Mapping[str, np.ndarray]:
        """The lengths of every item on the axes that have them.

        Raises:
            LossError: a length that is out of range.
        """
        sizes, item_shape = self.geometry.sizes, self.geometry.item_shape
        found = {}
        for axis, (place, _) in self._lengths.items():
            slot, array = slots[place], arrays[place]
            given = slot is not None and array is not None
            found[axis] = slot.lengths(array, item_shape, sizes.get(axis), idle) if given else self._all(axis)
        return found

    def sizes(self, operands: Sequence[WholeOperand]) -> tuple[int, ...]:
        """The sizes that the kernels take; of an axis that only sequences one after another have, the longest one's."""
        known = self.geometry.sizes
        return tuple([known[axis] if axis in known else self._longest(axis, operands) for axis in self.variant.sizes])

    def inside(self, argument: Argument, lengths: Mapping[str, np.ndarray]) -> np.ndarray:
        """True for the entries within the lengths, with dimensions for the items and for each axis of the argument."""
        axes = {axis.name: axis for axis in self.schema.axes}
        names = argument.axes or (argument.axis or "",)
        item_shape = self.geometry.item_shape
        found = np.ones((*item_shape, *[1] * len(names)), bool)
        for place, name in enumerate(names):
            base, longer = (name, 0) if name in lengths else (axes[name].base, axes[name].longer)
            if base in lengths:
                size = self.geometry.sizes[name]
                ends = (lengths[base] + longer).reshape(*item_shape, *[1] * len(names))
                steps = np.arange(size).reshape(size, *[1] * (len(names) - 1 - place))
                found = found & (steps < ends)
        return found

    def _all(self, axis: str) -> np.ndarray:
        """The lengths of items that have all entries of an axis."""
        return np.full(self.geometry.items, self.geometry.sizes[axis], INT64)

    def _longest(self, axis: str, operands: Sequence[WholeOperand]) -> int:
        lengths = operands[self._lengths[axis][0]]
        assert isinstance(lengths, np.ndarray), "sequences one after another need known lengths"
        return int(lengths.max(initial=0))

    @cached_property
    def _lengths(self) -> dict[str, tuple[int, str]]:
        """By the axis: the position of the argument that says the lengths on it, and its name."""
        pairs = enumerate(self.variant.arguments)
        return {a.axis or "": (place, a.name) for place, a in pairs if a.layout == "length"}

    def _named(self, axis: str) -> str:
        """The argument that says the lengths on an axis, for a message."""
        return self._lengths[axis][1] if axis in self._lengths else ""

    @cached_property
    def _numbers(self) -> tuple[str, ...]:
        """The names of the parameters that the kernels take."""
        return self.schema.numbers(self.variant)

    @cached_property
    def _class_numbers(self) -> tuple[tuple[int, str, str], ...]:
        """The positions of those that are the number of a class, their names and axes."""
        axes = {parameter.name: parameter.axis for parameter in self.schema.parameters}
        return tuple((place, name, axes[name]) for place, name in enumerate(self._numbers) if axes[name])

    def check_numbers(self, numbers: Sequence[float | int]) -> None:
        """LossError if a parameter that is the number of a class is out of range."""
        for place, name, axis in self._class_numbers:
            number = numbers[place]
            if not 0 <= number < self.geometry.sizes[axis]:
                expected = f"an integer in 0 ... {self.geometry.sizes[axis] - 1}, a number on axis {axis!r}"
                raise LossError(f"{self.schema.name}: {name} is {number}, expected {expected}")


def whole_slot(
    loss: str, argument: Argument, placement: Placement, array: np.ndarray, real: np.dtype, item_shape: tuple[int, ...]
) -> GridSlot | LengthSlot | SequenceSlot | None:
    """How an argument of one of the layouts with lengths or several axes reaches the kernels; None for other layouts."""
    if argument.layout == "grid":
        return GridSlot.of(argument, placement, array, real, item_shape)
    kinds = {"length": LengthSlot, "sequence": SequenceSlot}
    kind = kinds.get(argument.layout)
    return kind(loss, argument, placement, array.shape) if kind else None
