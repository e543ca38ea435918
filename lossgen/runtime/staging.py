"""Arrays that the kernels cannot take as they are, tile by tile through scratch buffers.

Kernels take C-contiguous arrays of their own dtype with the axis last. A class axis in dimension 1, a strided view, a
float16 array or a broadcast weight is copied a tile of items at a time, so that the memory in use beyond the arguments
and the results stays that of a few tiles per thread.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .memory import apart


@dataclass(frozen=True, slots=True)
class Staged:
    """An array with the item dimensions first that is copied tile by tile, into or out of the kernels' form.

    Args:
        view: item dimensions, then the dimensions of the axis, if any. Written to only where it is an output.
        dtype: the kernels' dtype.
        width: None for one number per item, else the size of the axis.
    """

    view: np.ndarray
    dtype: np.dtype
    width: int | None

    def scratch(self, items: int) -> np.ndarray:
        """A buffer for this many items."""
        return apart((items,) if self.width is None else (items, self.width), self.dtype)

    def load(self, index: tuple, buffer: np.ndarray) -> None:
        """Copy the items of a tile into a buffer of exactly that many items."""
        part = self.view[index]
        np.copyto(buffer.reshape(part.shape), part, casting="unsafe")

    def store(self, index: tuple, buffer: np.ndarray) -> None:
        """Copy a buffer out to the items of a tile, rounding to the view's dtype."""
        part = self.view[index]
        np.copyto(part, buffer.reshape(part.shape), casting="unsafe")


@dataclass(frozen=True, slots=True)
class StagedLabels(Staged):
    """Lists of class indices, of which the kernels are given how often each class is named; read only.

    A list ends with its first −1. The counts of a list with an entry that is no class are NaN, which no kernel accepts.
    """

    def load(self, index: tuple, buffer: np.ndarray) -> None:
        """Count the labels of a tile's items into a buffer of exactly that many items."""
        labels = self.view[index].reshape(buffer.shape).astype(np.int64)
        listed = before_end(labels)
        known = listed & (labels >= 0) & (labels < buffer.shape[1])
        items, places = np.nonzero(known)
        buffer[...] = 0
        np.add.at(buffer, (items, labels[items, places]), 1)
        buffer[(listed & ~known).any(axis=1)] = np.nan


def before_end(labels: np.ndarray) -> np.ndarray:
    """True for the entries of lists of labels (along the last dimension) that come before the first −1."""
    return np.logical_and.accumulate(labels != -1, axis=-1)


Operand = np.ndarray | Staged | tuple[np.ndarray, object] | None
"""What stands for an argument, a direction or an output: an array for the kernels, a staged one, the pair that a loss over
lattices takes for a grid or a sequence, or nothing."""


class Tiles:
    """The item shape cut into boxes of consecutive items.

    A box fixes the leading dimensions, takes a range of one dimension and all of those behind it; hence its items are a
    range in C order, and every array that has the item dimensions first can be sliced to it without a copy.
    """

    def __init__(self, item_shape: tuple[int, ...], items: int) -> None:
        """Cut `item_shape` into tiles of at most `items` items (at least one)."""
        depth = len(item_shape) - 1
        while depth > 0 and math.prod(item_shape[depth:]) <= items:
            depth -= 1
        self._outer = item_shape[:depth]
        self._length = item_shape[depth]
        self._behind = math.prod(item_shape[depth + 1 :])
        self._chunk = max(1, min(items // self._behind, self._length))
        self._per_row = -(-self._length // self._chunk)
        self.count = math.prod(self._outer) * self._per_row
        self.largest = self._chunk * self._behind

    def tile(self, number: int) -> tuple[tuple, int, int]:
        """The index of a tile into arrays with the item dimensions first, and its first and last + 1 item."""
        row, piece = divmod(number, self._per_row)
        start = piece * self._chunk
        stop = min(start + self._chunk, self._length)
        outer = tuple(int(i) for i in np.unravel_index(row, self._outer)) if self._outer else ()
        before = row * self._length
        return (*outer, slice(start, stop)), (before + start) * self._behind, (before + stop) * self._behind
