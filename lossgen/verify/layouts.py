"""Arrays with several axes: how users lay them out, how a batch holds them, and how a formula reads them item by item.

A batch has the items along dimension 0 and the axes of an argument behind it, in the argument's order.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from mpmath import mpf

from lossgen.formula import Axis, Variant
from lossgen.formula.recurrence import Lattice
from lossgen.formula.symbols import Argument

#: Layouts of arguments that are the same for all items.
COMMON = ("shared", "table")


class Grid(list):
    """The entries of an array with several axes, one after another, the last axis innermost."""

    def __init__(self, entries: Iterable[Any], shape: Sequence[int]) -> None:
        super().__init__(entries)
        self.shape = tuple(shape)


def like(given: Sequence[Any], entries: Iterable[Any]) -> list[Any]:
    """Other entries in the shape of a row or of a grid."""
    return Grid(entries, given.shape) if isinstance(given, Grid) else list(entries)


def read(given: Sequence[Any], places: Sequence[int]) -> Any:
    """The entry at these places. Raises IndexError outside the array: no formula may need what is there."""
    shape = given.shape if isinstance(given, Grid) else (len(given),)
    if len(places) != len(shape) or not all(0 <= p < n for p, n in zip(places, shape, strict=True)):
        raise IndexError(f"entry {tuple(places)} of an array with the shape {shape}")
    position = 0  # np.ravel_multi_index took most of the time of a whole check
    for place, size in zip(places, shape, strict=True):
        position = position * size + place
    return given[position]


def numbers(entries: Any) -> Any:
    """The exact image of one number, of a row, or of a grid."""
    images = [mpf(float(x)) for x in np.ravel(entries)]
    return images[0] if np.ndim(entries) == 0 else images if np.ndim(entries) == 1 else Grid(images, np.shape(entries))


def sizes_of(variant: Variant, arrays: Mapping[str, np.ndarray]) -> dict[str, int]:
    """The sizes of the arguments' axes, by the axes' names."""
    found = {}
    for a in variant.arguments:
        if a.role.axes and not (a.role.integer and a.role.layout != "sequence"):
            last = arrays[a.name].shape[-len(a.role.axes) :]
            found |= {axis.name: size for axis, size in zip(a.role.axes, last, strict=True)}
    return found


def own_sizes(variant: Variant, arrays: Mapping[str, np.ndarray], i: int) -> dict[str, int]:
    """The sizes of an item's axes: its own lengths where it has some, and with them those of the axes that follow."""
    sizes = sizes_of(variant, arrays)
    sizes |= {a.role.axis.name: int(arrays[a.name][i]) for a in variant.arguments if a.role.layout == "length"}
    inner = [index.axis for lattice in variant.expression.atoms(Lattice) for index in lattice.indices]
    for axis in (*variant.axes, *inner):
        if all(symbol.name in sizes for symbol in axis.extent.free_symbols):
            sizes[axis.name] = extent(axis, sizes)
    return sizes


def extent(axis: Axis, sizes: Mapping[str, int]) -> int:
    """The size of an axis, from those of the axes it follows."""
    return int(axis.extent.xreplace({symbol: sizes[symbol.name] for symbol in axis.extent.free_symbols}))


def own(argument: Argument, array: np.ndarray, i: int, sizes: Mapping[str, int]) -> np.ndarray:
    """An item's part of an array: 0 beyond its lengths, which nothing may read; a sequence without what is beyond."""
    if argument.role.layout in COMMON:
        return array
    if argument.role.layout == "sequence":
        return array[i, : sizes[argument.role.axis.name]]
    if argument.role.layout != "grid":
        return array[i]
    inside = tuple(slice(0, sizes[axis.name]) for axis in argument.role.axes)
    kept = np.zeros_like(array[i])
    kept[inside] = array[i][inside]
    return kept


def as_given(variant: Variant, arrays: Mapping[str, np.ndarray], joined: bool = False) -> dict[str, np.ndarray]:
    """The arrays as users give them; `joined`: sequences that have lengths one after another."""
    by_name = {a.name: a for a in variant.arguments}
    lengths = {a.role.axis: arrays.get(a.name) for a in variant.arguments if a.role.layout == "length"}
    found = {}
    for name, array in arrays.items():
        role = by_name[name].role
        if joined and role.layout == "sequence" and role.axis in lengths:
            rows = [row[:n] for row, n in zip(array, lengths[role.axis], strict=True)]
            found[name] = np.concatenate(rows)
        else:
            found[name] = np.ascontiguousarray(array.transpose(_order(by_name[name], array.ndim)))
    return found


def as_batch(variant: Variant, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays as users are given them, with the items along dimension 0 again."""
    by_name = {a.name: a for a in variant.arguments}
    return {n: x.transpose(np.argsort(_order(by_name[n], x.ndim))) if n in by_name else x for n, x in arrays.items()}


def has_sequences(variant: Variant) -> bool:
    """Whether there are sequences that may be given one after another."""
    lengths = {a.role.axis for a in variant.arguments if a.role.layout == "length"}
    return any(a.role.layout == "sequence" and a.role.axis in lengths for a in variant.arguments)


def _order(argument: Argument, dimensions: int) -> tuple[int, ...]:
    """Where the dimensions of a batch's array go: axes that are placed first before the items."""
    if argument.role.layout not in ("grid", "sequence"):
        return tuple(range(dimensions))
    first = [1 + k for k, axis in enumerate(argument.role.axes) if axis.place == "first"]
    return (*first, *(d for d in range(dimensions) if d not in first))
