"""Arrays as kernels see them: items first, the axis last. What kernels cannot read is copied on the device."""

from __future__ import annotations

import math

import numpy as np

from ..dtypes import FLOAT64
from ..layout import Placement
from .driver import Array, Place, Sent, is_contiguous
from .launching import blocks_for, run
from .layouts import Shape, dense_strides, laid, merged

BOOL = np.dtype(np.bool_)
#: A sum over broadcast dimensions has a group for as many entries of these.
PART = 4096


def contiguous(place: Place, view: Array, dtype: np.dtype) -> Array:
    """The entries of a view one after another: its own memory where it is so, else a copy in that dtype."""
    if view.dtype == dtype and is_contiguous(view.shape, view.strides):
        return view
    return copied(place, view, dtype)


def copied(place: Place, view: Array, dtype: np.dtype, strides: Shape | None = None) -> Array:
    """A copy in that dtype; `strides` as for `Memory.empty`."""
    found = place.memory.empty(view.shape, dtype, strides)
    if view.size:
        run(place, "copy", (view.size, laid(view), laid(found)), blocks_for(place.driver, view.size))
    return found


def summed(place: Place, whole: Array, found: Array, placement: Placement, full: Shape) -> Array:
    """The sums over the dimensions that an argument was broadcast over, in `found`, which has the argument's shape.

    whole: contiguous, in the kernels' order.  full: what the argument was broadcast to.
    """
    strides = dense_strides(full, placement.order)
    own = (*found.shape, 1) if placement.lacks_last else found.shape
    lead = len(full) - len(own)
    kept = [d for d in range(lead, len(full)) if own[d - lead] == full[d]]
    others = [d for d in range(len(full)) if d not in kept]
    entries, over = math.prod(own), math.prod(full[d] for d in others)
    if not entries:
        return found
    parts = max(1, min(-(-over // PART), 4 * place.driver.multiprocessors))
    wides = place.memory.empty((parts, entries), FLOAT64)
    dimensions = kept + others
    shape, strides = (tuple([numbers[d] for d in dimensions]) for numbers in (full, strides))
    blocks = min(entries * parts, 8 * place.driver.multiprocessors)
    rows = laid(whole._replace(shape=shape, strides=strides), len(kept))
    run(place, "sums", (entries, over, parts, rows, wides), blocks)
    return folded(place, wides, found)


def folded(place: Place, wides: Array, out: Array) -> Array:
    """The sums of the rows of `wides`, in `out`."""
    rows, columns = wides.shape
    if columns:
        run(place, "fold", (rows, columns, wides, laid(out)), min(columns, 8 * place.driver.multiprocessors))
    return out


def filled(place: Place, shape: Shape, dtype: np.dtype, number: float, strides: Shape | None = None) -> Array:
    """A new array that holds one number; `strides` as for `Memory.empty`."""
    found = place.memory.empty(shape, dtype, strides)
    if found.size:
        run(place, "fill", (found.size, number, found), blocks_for(place.driver, found.size))
    return found


def uploaded(place: Place, numbers: np.ndarray, sent: Sent | None = None) -> Array:
    """An array of main memory on the device; `sent` as in `Driver.upload`."""
    found = place.memory.empty(numbers.shape, numbers.dtype)
    if numbers.size:
        place.driver.upload(found.address, np.ascontiguousarray(numbers), place.stream, sent)
    return found


def downloaded(place: Place, array: Array) -> np.ndarray:
    """A contiguous array of the device in main memory; this waits for the device."""
    found = np.empty(array.shape, array.dtype)
    if found.size:
        place.driver.download(array.address, found, place.stream)
    return found


def rows_of(view: Array, lead: int) -> tuple[int, ...] | None:
    """How far it is from item to item, over `lead` dimensions, then along each axis but the last; None if the last one is
    not contiguous, or the items are not equally far apart."""
    shape, strides = view.shape, view.strides
    items = merged(shape[:lead], strides[:lead])[1]
    if len(items) > 1 or (shape[-1] > 1 and strides[-1] != 1):
        return None
    return items[0] if items else 0, *strides[lead:-1]


def scalar(place: Place, dtype: np.dtype = FLOAT64) -> Array:
    """Room for one number."""
    return place.memory.empty((), dtype)
