"""Arrays as kernels see them: items first, the axis last, contiguous. What is not so already is copied on the device."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..dtypes import FLOAT64
from ..errors import LossError
from ..layout import Placement
from .driver import Array, Place, Sent, contiguous_strides, is_contiguous
from .launching import blocks_for, run

Shape = tuple[int, ...]
#: The most dimensions that a copy takes, and that a sum takes of each kind.
MOST, MOST_SUMMED = 6, 4
BOOL = np.dtype(np.bool_)
#: A sum over broadcast dimensions has a group for as many entries of these.
PART = 4096


def moved(array: Array, placement: Placement, item_shape: Shape) -> Array:
    """The array with the item dimensions first and the axis last, broadcast as its placement says; nothing is copied."""
    shape, strides = array.shape, array.strides
    if placement.broadcast:
        if placement.lacks_last:
            shape, strides = (*shape, 1), (*strides, 0)
        full = placement.full or item_shape
        lead = len(full) - len(shape)
        strides = (0,) * lead + tuple(0 if n == 1 else s for n, s in zip(shape, strides, strict=True))
        shape = full
    if placement.order is not None:
        shape, strides = tuple(shape[d] for d in placement.order), tuple(strides[d] for d in placement.order)
    return array._replace(shape=shape, strides=strides)


def contiguous(loss: str, name: str, place: Place, view: Array, dtype: np.dtype) -> Array:
    """The entries of a view one after another: its own memory where it is so, else a copy in that dtype."""
    if view.dtype == dtype and is_contiguous(view.shape, view.strides):
        return view
    return copied(loss, name, place, view, dtype)


def copied(loss: str, name: str, place: Place, view: Array, dtype: np.dtype) -> Array:
    """A contiguous copy in that dtype."""
    found = place.memory.empty(view.shape, dtype)
    if view.size:
        sizes, strides = _padded(loss, name, *merged(view.shape, view.strides), MOST)
        run(place, "copy", (view.size, *sizes[1:], *strides, view, found), blocks_for(place.driver, view.size))
    return found


def merged(shape: Sequence[int], strides: Sequence[int]) -> tuple[Shape, Shape]:
    """The same entries in the same order by as few dimensions as possible."""
    sizes, steps = [], []
    for size, stride in zip(shape, strides, strict=True):
        if size == 1:
            continue
        if sizes and steps[-1] == size * stride:
            sizes[-1], steps[-1] = sizes[-1] * size, stride
        else:
            sizes.append(size)
            steps.append(stride)
    return tuple(sizes), tuple(steps)


def summed(
    loss: str, name: str, place: Place, whole: Array, given: Shape, placement: Placement, full: Shape, dtype: np.dtype
) -> Array:
    """The sums over the dimensions that an argument of the shape `given` was broadcast over, in that shape.

    whole: contiguous, in the kernels' order.  full: what the argument was broadcast to.
    """
    order = placement.order or tuple(range(len(full)))
    inner = contiguous_strides(tuple(full[d] for d in order))
    strides = [0] * len(full)
    for stride, d in zip(inner, order, strict=True):
        strides[d] = stride
    own = (*given, 1) if placement.lacks_last else given
    lead = len(full) - len(own)
    kept = [d for d in range(lead, len(full)) if own[d - lead] == full[d]]
    others = [d for d in range(len(full)) if d not in kept]
    entries, over = math.prod(own), math.prod(full[d] for d in others)
    found = place.memory.empty(given, dtype)
    if not entries:
        return found
    parts = max(1, min(-(-over // PART), 4 * place.driver.multiprocessors))
    wides = place.memory.empty((parts, entries), FLOAT64)
    k, s = _padded(loss, name, *merged([full[d] for d in kept], [strides[d] for d in kept]), MOST_SUMMED)
    r, t = _padded(loss, name, *merged([full[d] for d in others], [strides[d] for d in others]), MOST_SUMMED)
    blocks = min(entries * parts, 8 * place.driver.multiprocessors)
    run(place, "sums", (entries, *k[1:], over, *r[1:], *s, *t, parts, whole, wides), blocks)
    return folded(place, wides, found)


def folded(place: Place, wides: Array, out: Array) -> Array:
    """The sums of the rows of `wides`, in `out`."""
    rows, columns = wides.shape
    if columns:
        run(place, "fold", (rows, columns, wides, out), min(columns, 8 * place.driver.multiprocessors))
    return out


def filled(place: Place, shape: Shape, dtype: np.dtype, number: float) -> Array:
    """A new array that holds one number."""
    found = place.memory.empty(shape, dtype)
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


def _padded(loss: str, name: str, sizes: Shape, strides: Shape, most: int) -> tuple[Shape, Shape]:
    if len(sizes) > most:
        words = f"lies in memory in {len(sizes)} dimensions that are not one, expected at most {most}"
        raise LossError(f"{loss}: {name} {words}: give a contiguous copy")
    lacking = most - len(sizes)
    return (1,) * lacking + sizes, (0,) * lacking + strides
