"""Lengths, and sequences of class indices, as the kernels take them: checked here, once, since the kernels do not.

Only what counts is checked: entries within the lengths, of items that are not masked out. What does not count may hold
anything, and the kernels are given 0 in its place wherever they would go astray otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import import_module
from types import ModuleType
from typing import SupportsInt

import numpy as np

from .dtypes import INT64
from .errors import LossError
from .layout import Placement
from .memory import writable
from .schema import Argument

Sequences = tuple[np.ndarray, np.ndarray]
"""All labels one after another, and for each item where its own begin."""
Idle = np.ndarray | None
"""For each item whether it counts nothing; None if all count."""


@dataclass(frozen=True, slots=True)
class LengthSlot:
    """How an argument of lengths reaches the kernels: one int64 per item."""

    loss: str
    argument: Argument
    placement: Placement
    given: tuple[int, ...]

    def lengths(self, array: np.ndarray, item_shape: tuple[int, ...], size: int | None, idle: Idle) -> np.ndarray:
        """The length of every item.

        Args:
            array: the argument: a number, one for each item, or a mask that is True first and then False.
            item_shape: the shape of the items.
            size: the size of the axis, if it is known.
            idle: the items that count nothing.

        Raises:
            LossError: a length below 0 or above `size`, or a mask with a hole.
        """
        if len(self.placement.shape) == 2:
            return self._counted(array, item_shape, idle)
        if self.placement.broadcast:
            array = np.broadcast_to(array.reshape(()), item_shape)
        lengths = np.array(array, INT64).reshape(-1)
        most = np.iinfo(INT64).max if size is None else size
        if not lengths.size or int(lengths.view(np.uint64).max()) <= most:  # a negative one is a large one there
            return lengths
        bad = (lengths < 0) | (lengths > most)
        wrong = bad if idle is None else bad & ~idle
        if wrong.any():
            item = int(np.argmax(wrong))
            where = "" if not self.given else _index(np.unravel_index(item, item_shape))
            words = "a length at least 0"
            if size is not None:
                words = f"a length in 0 ... {size}, the size of axis {self.argument.axis!r}"
            raise LossError(f"{self.loss}: {self.argument.name}{where} is {lengths[item]}, expected {words}")
        lengths[bad] = 0
        return lengths

    def _counted(self, mask: np.ndarray, item_shape: tuple[int, ...], idle: Idle) -> np.ndarray:
        """The lengths that a mask says."""
        order = self.placement.order
        rows = (mask if order is None else mask.transpose(order)).reshape(self.placement.shape)
        holes = (rows[:, 1:] & ~rows[:, :-1]).any(axis=1)
        wrong = holes if idle is None else holes & ~idle
        if wrong.any():
            item = int(np.argmax(wrong))
            entry = int(np.argmax(rows[item, 1:] & ~rows[item, :-1])) + 1
            where = f" of item {_index(np.unravel_index(item, item_shape))}" if item_shape else ""
            raise LossError(
                f"{self.loss}: {self.argument.name} is True at entry {entry}{where} after a False, expected a mask that"
                " is True first and then False"
            )
        return rows.sum(axis=1, dtype=INT64)


@dataclass(frozen=True)
class SequenceSlot:
    """How sequences of class indices reach the kernels."""

    loss: str
    argument: Argument
    placement: Placement
    given: tuple[int, ...]

    @property
    def joined(self) -> bool:
        """Whether they are given one after another, not in rows."""
        return len(self.placement.shape) == 1

    @cached_property
    def starts(self) -> np.ndarray | None:
        """Where the rows begin; None where they are given one after another."""
        return None if self.joined else np.arange(self.placement.shape[0]) * self.placement.shape[1]

    def sequences(
        self, array: np.ndarray, lengths: np.ndarray, idle: Idle, classes: int, barred: int | None, named: str
    ) -> Sequences:
        """The labels, 0 in the place of those that are no class, and where those of each item begin.

        Args:
            array: the argument.
            lengths: how many labels each item has.
            idle: the items that count nothing.
            classes: the number of classes.
            barred: the class that none of them may be, if there is one.
            named: the argument that says the lengths, for a message.

        Raises:
            LossError: a label that is no class, or this one; sequences one after another that do not make up the lengths.
        """
        order = self.placement.order
        given = np.ascontiguousarray(array if order is None else array.transpose(order), INT64).reshape(-1)
        starts = self.starts
        if starts is None:
            if (total := total_length(lengths, given.size)) != given.size:
                expected = f"{total}, the sum of {named}"
                raise LossError(f"{self.loss}: {self.argument.name} has {given.size} entries, expected {expected}")
            starts = np.cumsum(lengths) - lengths
        taken = np.empty(given.size, INT64)
        fine = _compiled().take_labels(
            writable(given), starts, lengths, classes, -1 if barred is None else barred, taken
        )
        if not fine:  # but of items that count nothing nobody minds
            self._check_known(given, starts, lengths, idle, classes)
            if barred is not None:
                self._check_barred(given, starts, lengths, idle, barred)
        return taken, starts

    def _check_barred(
        self, labels: np.ndarray, starts: np.ndarray, lengths: np.ndarray, idle: Idle, barred: int
    ) -> None:
        """LossError if a label that counts is this class; padding may be."""
        wrong = (labels == barred) & _counted(labels.size, starts, lengths, idle)
        if wrong.any():
            place = int(np.argmax(wrong))
            raise LossError(
                f"{self.loss}: {self.argument.name}{self._where(place, starts)} is {barred}, expected a label other than"
                f" {self.argument.barred}, which is {barred}"
            )

    def _check_known(
        self, labels: np.ndarray, starts: np.ndarray, lengths: np.ndarray, idle: Idle, classes: int
    ) -> None:
        """LossError if a label that counts is no class."""
        wrong = ((labels < 0) | (labels >= classes)) & _counted(labels.size, starts, lengths, idle)
        if wrong.any():
            place = int(np.argmax(wrong))
            raise LossError(
                f"{self.loss}: {self.argument.name}{self._where(place, starts)} is {labels[place]}, expected a label in"
                f" 0 ... {classes - 1}"
            )

    def _where(self, place: int, starts: np.ndarray) -> str:
        """The index of a label in the argument as it was given."""
        if self.joined:
            item = int(np.searchsorted(starts, place, side="right")) - 1
            return f"[{place}] (entry {place - starts[item]} of item {item})"
        order = self.placement.order
        if order is None:
            return _index(np.unravel_index(place, self.given))
        moved = np.unravel_index(place, tuple(self.given[d] for d in order))
        return _index(moved[order.index(d)] for d in range(len(order)))


@cache
def _compiled() -> ModuleType:
    return import_module(".taken", __package__)


def total_length(lengths: np.ndarray, expected: int) -> int:
    """The sum of lengths, exactly: they may be so large that a sum of 64 bits comes to what is expected of it."""
    most = int(lengths.max(initial=0))
    return int(lengths.sum()) if most <= expected else sum(lengths.tolist())


def _counted(size: int, starts: np.ndarray, lengths: np.ndarray, idle: Idle) -> np.ndarray:
    """For each of this many labels whether it counts: within the length of an item that does."""
    steps = np.zeros(size + 1, np.int8)  # +1 where a sequence begins, -1 where it has ended
    used = lengths if idle is None else np.where(idle, 0, lengths)
    np.add.at(steps, starts[used > 0], 1)
    np.add.at(steps, (starts + used)[used > 0], -1)
    return np.cumsum(steps[:-1], dtype=np.int8) > 0


def _index(numbers: Iterable[SupportsInt]) -> str:
    """An index in brackets."""
    return f"[{', '.join(str(int(number)) for number in numbers)}]"
