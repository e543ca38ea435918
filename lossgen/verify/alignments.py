"""Inputs for losses with recurrences: grids, tables, sequences of labels and lengths, ordinary and hard."""

from collections.abc import Iterator, Mapping
from itertools import product

import numpy as np
from numpy.random import Generator

from lossgen.formula import Axis, Variant
from lossgen.formula.symbols import Argument

Arrays = dict[str, np.ndarray]

#: The sizes of axes that numbers lie along, from this on; of those that labels alone lie along.
SIZE, LABELS = 4, 2
#: The most items of a hard batch.
MOST = 36
PEAKED = 30.0


def sizes(variant: Variant) -> dict[str, int]:
    """Sizes of the axes: different ones, with room for every label and its repetition."""
    grids = {axis for a in variant.arguments if not a.role.integer for axis in a.role.axes}
    free = [axis for axis in variant.axes if axis.base is None]
    found = {axis.name: SIZE + k if axis in grids else LABELS for k, axis in enumerate(free)}
    return found | {axis.name: found[axis.base.name] + axis.longer for axis in variant.axes if axis.base}


def random_items(variant: Variant, rng: Generator, count: int, size: Mapping[str, int]) -> Arrays:
    """Ordinary items: all entries of an axis or one less, labels of any class, nothing said beyond the lengths."""
    lengths = {axis: rng.integers(max(1, n - 1), n + 1, count) for axis, n in size.items()}
    return {a.name: _random(a, rng, count, size, lengths) for a in variant.arguments}


def with_allowed_labels(variant: Variant, arrays: Mapping[str, np.ndarray], parameters: Mapping[str, float]) -> Arrays:
    """The arrays with the next class in the place of one that a sequence may not have for these hyperparameters."""
    found = dict(arrays)
    for a in variant.arguments:
        if a.role.barred:
            barred = int(parameters[a.role.barred])
            classes = sizes(variant)[a.role.points_to.name]
            found[a.name] = np.where(found[a.name] == barred, (barred + 1) % classes, found[a.name])
    return found


def _random(argument: Argument, rng: Generator, count: int, size: Mapping[str, int], lengths: Arrays) -> np.ndarray:
    role = argument.role
    shape = tuple(size[axis.name] for axis in role.axes)
    if role.layout == "length":
        return lengths[role.axis.name]
    if role.layout == "sequence":
        return rng.integers(0, size[role.points_to.name], (count, *shape))
    numbers = 2 * rng.normal(size=shape if role.same else (count, *shape))
    return _normalised(numbers) if role.name == "LogProbability" else numbers


def _normalised(numbers: np.ndarray) -> np.ndarray:
    """Logarithms of probabilities that sum to 1 along the last axis."""
    shifted = numbers - numbers.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def hard_items(variant: Variant, rng: Generator, size: Mapping[str, int]) -> Arrays:
    """Hard items: peaked, level and forbidden entries, with repeated labels, and with few entries or none.

    What lies beyond an item's lengths is NaN in a grid and no class in a sequence. A table has a forbidden entry, too.
    """
    pointed = {a.role.points_to for a in variant.arguments if a.role.layout == "sequence"}
    choices = [_hard(a, rng, size, pointed) for a in variant.arguments if a.role.layout in ("grid", "sequence")]
    lengths = [
        dict(zip(size, n, strict=True)) for n in product(*(_lengths(variant, name, n) for name, n in size.items()))
    ]
    items = list(product(*choices, lengths))
    if len(items) > MOST:
        items = [items[k] for k in sorted(rng.choice(len(items), MOST, replace=False))]
    found = {a.name: _shared(a, rng, size, pointed) for a in variant.arguments if a.role.same}
    rows = list(_items(variant, items))
    return {
        a.name: found[a.name] if a.role.same else np.array([row[a.name] for row in rows]) for a in variant.arguments
    }


def _items(variant: Variant, items: list) -> Iterator[dict[str, np.ndarray | int]]:
    """Each choice as an item, with what lies beyond its lengths marked."""
    chosen = [a for a in variant.arguments if a.role.layout in ("grid", "sequence")]
    limited = {a.role.axis for a in variant.arguments if a.role.layout == "length"}
    for *arrays, lengths in items:
        found = {a.name: lengths[a.role.axis.name] for a in variant.arguments if a.role.layout == "length"}
        for a, array in zip(chosen, arrays, strict=True):
            marked = np.full_like(array, -1 if a.role.integer else np.nan)
            inside = tuple(
                slice(0, _inside(axis, lengths, limited, n)) for axis, n in zip(a.role.axes, array.shape, strict=True)
            )
            marked[inside] = array[inside]
            found[a.name] = marked
        yield found


def _inside(axis: Axis, lengths: Mapping[str, int], limited: set[Axis], size: int) -> int:
    """How many entries of an axis an item has."""
    if axis.base is not None and axis.base in limited:
        return lengths[axis.base.name] + axis.longer
    return lengths[axis.name] if axis in limited else size


def _lengths(variant: Variant, name: str, size: int) -> tuple[int, ...]:
    """Lengths to try along an axis: all entries, one, none."""
    limited = {a.role.axis.name for a in variant.arguments if a.role.layout == "length"}
    return (size, 1, 0) if name in limited else (size,)


def _hard(argument: Argument, rng: Generator, size: Mapping[str, int], pointed: set[Axis]) -> list[np.ndarray]:
    role = argument.role
    shape = tuple(size[axis.name] for axis in role.axes)
    if role.layout == "sequence":
        classes = size[role.points_to.name]
        return [rng.integers(0, classes, shape), np.full(shape, 1), np.full(shape, classes - 1)]
    ordinary = rng.normal(size=shape)
    forbidden = ordinary.copy()
    if role.axes[-1] in pointed:
        forbidden[..., 1] = -np.inf
    certain = np.broadcast_to(PEAKED * (np.arange(shape[-1]) == 1), shape)
    found = [PEAKED * ordinary, np.zeros(shape), forbidden, -PEAKED * np.abs(ordinary), certain]
    return [_normalised(numbers) for numbers in found] if role.name == "LogProbability" else found


def _shared(argument: Argument, rng: Generator, size: Mapping[str, int], pointed: set[Axis]) -> np.ndarray:
    numbers = PEAKED / 3 * rng.normal(size=tuple(size[axis.name] for axis in argument.role.axes))
    if argument.role.layout == "table" and argument.role.axes[-1] in pointed:
        numbers[0, -1] = -np.inf
    return numbers
