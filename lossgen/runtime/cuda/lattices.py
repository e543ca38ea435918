"""The arguments of a loss over lattices as its kernels on CUDA take them: grids with their steps, labels, lengths.

The kernels check lengths and labels on the device: an item with a wrong one is NaN and reported. Lengths that lie in main
memory are checked here, at once. The host has to know the longest of sequences that are given one after another, since
tables are allocated for it: lengths of these that lie on the device are read back. Only then does anything wait, and where
a length in main memory is wrong and the mask has to say whether that matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..dtypes import INT64
from ..errors import LossError
from ..schema import Argument
from ..sequences import LengthSlot, total_length
from ..whole import Whole
from .driver import Array, Place, Sent
from .launching import Given, blocks_for, run
from .layouts import moved
from .operands import operand
from .plan import CudaPlan
from .views import BOOL, contiguous, downloaded, filled, rows_of, uploaded

Arrays = Sequence[Array | np.ndarray | None]
#: The layouts of arguments that may lie in main memory.
SMALL = frozenset(("length", "sequence"))


class Lengths(NamedTuple):
    """How many entries of an axis each item has, on the device, and in main memory where that is known there."""

    array: Array
    known: np.ndarray | None


class Operands(NamedTuple):
    """What kernels are given: for each argument what stands for it, and the sizes of axes."""

    given: list[tuple[Given, ...]]
    sizes: tuple[int, ...]


def check_numbers(plan: CudaPlan, numbers: Sequence[float | int]) -> None:
    """Raise LossError for a parameter that should be the number of a class and is not."""
    _whole(plan).check_numbers(numbers)


def _whole(plan: CudaPlan) -> Whole:
    return Whole(plan.schema, plan.variant, plan.geometry)


def operands_for(plan: CudaPlan, place: Place, arrays: Arrays, mask: Array | None) -> Operands:
    """The operands for these arguments; lengths and labels among them may be arrays of NumPy.

    mask: of the items; what is masked out may have any length.

    Raises:
        LossError: a length in main memory that is out of range; sequences one after another that do not make up the
            lengths.
    """
    lengths = _lengths(plan, place, arrays, mask)
    given: list[tuple[Given, ...]] = []
    for position, (argument, array) in enumerate(zip(plan.variant.arguments, arrays, strict=True)):
        if argument.layout == "length":
            given.append((lengths[argument.axis or ""].array,))
        elif argument.layout == "sequence":
            given.append(_sequence(plan, place, position, array, lengths.get(argument.axis or "")))
        elif argument.layout == "grid":
            assert isinstance(array, Array)
            given.append(grid(plan, place, position, array, argument.name))
        else:
            given.append((operand(plan, place, position, array),))
    known = [lengths[a.axis or ""].known if a.layout == "length" else None for a in plan.variant.arguments]
    return Operands(given, _whole(plan).sizes(known))


def grid(plan: CudaPlan, place: Place, position: int, array: Array, name: str) -> tuple[Given, ...]:
    """An argument with several axes, or a direction for it: rows, and the steps to the next item and along the axes.

    Its own memory is used where its last axis is contiguous, else a copy.
    """
    argument, placement = plan.variant.arguments[position], plan.geometry.placements[position]
    assert placement is not None
    lead, dtype = len(plan.geometry.item_shape), plan.dtype_for(argument, array.dtype)
    view = moved(array, placement, plan.geometry.item_shape)
    steps = rows_of(view, lead) if array.dtype == dtype else None
    if steps is None:
        view = contiguous(place, view, dtype)
        steps = rows_of(view, lead)
        assert steps is not None
    return view, *steps


def no_grid(plan: CudaPlan, place: Place, argument: Argument) -> tuple[Given, ...]:
    """A grid of zeros: a single row, which all items share."""
    zeros = filled(place, (plan.geometry.sizes[argument.axes[-1]],), plan.real, 0.0)
    return zeros, *[0] * len(argument.axes)


def _lengths(plan: CudaPlan, place: Place, arrays: Arrays, mask: Array | None) -> dict[str, Lengths]:
    joined = {a.axis for n, a in enumerate(plan.variant.arguments) if a.layout == "sequence" and _is_joined(plan, n)}
    found = {}
    for position, (argument, array) in enumerate(zip(plan.variant.arguments, arrays, strict=True)):
        if argument.layout == "length":
            found[argument.axis or ""] = _length(plan, place, position, array, argument.axis in joined, mask)
    return found


def _length(
    plan: CudaPlan, place: Place, position: int, array: Array | np.ndarray | None, needed: bool, mask: Array | None
) -> Lengths:
    argument, placement, geometry = plan.variant.arguments[position], plan.geometry.placements[position], plan.geometry
    if array is None or placement is None:
        return Lengths(filled(place, (geometry.items,), INT64, geometry.sizes[argument.axis or ""]), None)
    loss = plan.schema.name
    if isinstance(array, Array) and needed:
        array = downloaded(place, contiguous(place, array, array.dtype))
    if isinstance(array, np.ndarray):
        slot, size = LengthSlot(loss, argument, placement, array.shape), geometry.sizes.get(argument.axis or "")
        known = _known(plan, place, slot, array, mask)
        sent = Sent(position, lambda array: slot.lengths(array, geometry.item_shape, size, None))
        if known.size and common(array) is not None:  # then nothing is copied, and a graph can be captured
            return Lengths(filled(place, known.shape, INT64, int(known[0])), known)
        return Lengths(uploaded(place, known, sent), known)
    if placement.broadcast:  # one number for all
        array = array._replace(shape=(), strides=())
    view = moved(array, placement, geometry.item_shape)
    if len(placement.shape) == 1:
        return Lengths(contiguous(place, view, INT64), None)
    rows, lengths = contiguous(place, view, BOOL), place.memory.empty((geometry.items,), INT64)
    if geometry.items:
        given = geometry.items, placement.shape[1], rows, lengths
        run(place, "runs", given, blocks_for(place.driver, geometry.items))
    return Lengths(lengths, None)


def _known(plan: CudaPlan, place: Place, slot: LengthSlot, array: np.ndarray, mask: Array | None) -> np.ndarray:
    """Lengths in main memory. The mask is read back only where one is wrong, which matters where the item counts."""
    item_shape, size = plan.geometry.item_shape, plan.geometry.sizes.get(slot.argument.axis or "")
    try:
        return slot.lengths(array, item_shape, size, None)
    except LossError:
        if mask is None:
            raise
    counted = downloaded(place, contiguous(place, mask, BOOL))
    return slot.lengths(array, item_shape, size, ~counted.reshape(-1))


def common(array: np.ndarray) -> float | int | None:
    """The number that all entries of an array in main memory are, if they are one."""
    return array.flat[0].item() if array.size and (array == array.flat[0]).all() else None


def _sequence(
    plan: CudaPlan, place: Place, position: int, array: Array | np.ndarray | None, lengths: Lengths | None
) -> tuple[Given, ...]:
    """The labels one after another, where those of each item begin, and how many there are."""
    argument, placement, geometry = plan.variant.arguments[position], plan.geometry.placements[position], plan.geometry
    assert array is not None and placement is not None
    if isinstance(array, np.ndarray):
        sent = Sent(position, lambda array: np.ascontiguousarray(array, INT64))
        array = uploaded(place, sent.make(array), sent)
    view = moved(array, placement, geometry.item_shape)
    labels = contiguous(place, view, INT64)
    if _is_joined(plan, position):
        assert lengths is not None and lengths.known is not None
        if (total := total_length(lengths.known, labels.size)) != labels.size:
            named = next(a.name for a in plan.variant.arguments if a.layout == "length" and a.axis == argument.axis)
            words = f"{argument.name} has {labels.size} entries, expected {total}, the sum of {named}"
            raise LossError(f"{plan.schema.name}: {words}")
        return labels, uploaded(place, np.cumsum(lengths.known) - lengths.known), labels.size
    starts = place.memory.empty((geometry.items,), INT64)
    if geometry.items:
        run(place, "multiples", (geometry.items, placement.shape[1], starts), blocks_for(place.driver, geometry.items))
    return labels, starts, labels.size


def _is_joined(plan: CudaPlan, position: int) -> bool:
    """Whether sequences are given one after another, not in rows."""
    placement = plan.geometry.placements[position]
    return placement is not None and len(placement.shape) == 1
