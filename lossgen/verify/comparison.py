"""Holds generated kernels against the raw formula in many digits: values, gradients, curvature."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from mpmath import isfinite, isinf, mpf

from lossgen.formula import Loss, Variant

from .exact import Batch, batch_of, part
from .layouts import COMMON
from .sampling import Arrays
from .surfaces import Surface

#: The kinds of quantities, with their titles.
TITLES = {
    "value": "value",
    "gradient": "gradient of {}",
    "product": "Hessian · direction, {}",
    "diagonal": "Hessian diagonal, {}",
}


@dataclass(frozen=True)
class Figure:
    """How far one quantity is from the truth.

    surface, kind : of what the loss was called on ("NumPy", …), and of quantities (a key of TITLES).
    worst : the largest error of an entry that is held to units in the last place of the truth, in such units.
    entries, moved : how many were compared; how many of them were held to what moving the inputs does, as in `allowed`.
    excess : the largest error, over what is allowed for the entry (`allowed`).
    relative : the largest error, over the largest entry of the quantity in the same item.
    place : where the excess is largest.
    nonfinite : entries that are not finite though the truth is, and lies in the dtype's range; or the other way round, where
        infinite losses are held to the truth, too.
    """

    surface: str
    kind: str
    quantity: str
    dtype: str
    worst: float
    entries: int
    moved: int
    excess: float
    relative: float
    place: str
    nonfinite: int


def compare(
    loss: Loss,
    variant: Variant,
    surfaces: Sequence[Surface],
    arrays: Arrays,
    parameters: Mapping[str, Any],
    dtype: type,
) -> Iterator[Figure]:
    """The figures for one batch on every surface."""
    given = {a.name: _in(arrays[a.name], dtype) for a in variant.arguments}
    rng = np.random.default_rng(11)
    directions = {a.name: rng.uniform(0.5, 1.5, given[a.name].shape).astype(dtype) for a in variant.predictions}
    batch = batch_of(variant, given, parameters, directions)
    for surface in surfaces:
        found = surface.found(loss, variant, given, parameters, directions)
        for kind, title in TITLES.items():
            for name, entries in found.get(kind, {}).items():
                yield _figure(surface, title.format(name), batch, kind, name, entries)


def _in(array: np.ndarray, dtype: type) -> np.ndarray:
    """Numbers in the dtype, labels as they are."""
    return array if array.dtype.kind == "i" else array.astype(dtype)


def _figure(surface: Surface, quantity: str, batch: Batch, kind: str, name: str, found: np.ndarray) -> Figure:
    """Compares the entries of all items with their truth, or at a kink with all that lies between its sides."""
    limits = np.finfo(batch.dtype)
    tiny, most = mpf(float(limits.tiny)), mpf(float(limits.max))
    worst, compared, moved, excess, relative, place, nonfinite = 0.0, 0, 0, 0.0, 0.0, "", 0
    for i, entries in _rows(batch, kind, name, found):
        largest = max((abs(t) for _, true in entries for t in true if isfinite(t)), default=mpf(0))
        for k, (x, true) in enumerate(entries):
            if batch.infinite and any(map(isinf, true)):
                compared, nonfinite = compared + 1, nonfinite + (x not in map(float, true))
                continue
            if not all(isfinite(t) and abs(t) <= most for t in true):
                continue
            compared += 1
            if surface.flushes and x == 0 and all(abs(t) < tiny for t in true):
                continue
            if not np.isfinite(x):
                nonfinite += 1
                continue
            number, low, high = mpf(float(x)), min(true), max(true)
            error, nearest = (low - number, low) if number < low else (max(number - high, mpf(0)), high)
            relative = max(relative, float(error / max(largest, tiny)))
            units, share, by_moving = batch.measured(i, kind, name, k, error, nearest, largest)
            moved, worst = moved + by_moving, worst if by_moving else max(worst, float(units))
            if share > excess:
                excess, place = float(share), f"item {i[0]}, entry {k}: {float(x):.9g}, exactly {float(nearest):.9g}"
    return Figure(
        surface.name, kind, quantity, batch.dtype.name, worst, compared, moved, excess, relative, place, nonfinite
    )


def _rows(
    batch: Batch, kind: str, name: str, found: np.ndarray
) -> Iterator[tuple[Sequence[int], list[tuple[float, list[mpf]]]]]:
    """The entries found, each with its truths, item by item; the gradient of what all items share is their gradients' sum."""
    items = [[part(truth, kind, name) for truth in sides] for sides in batch.exact]
    if any(a.name == name and a.role.layout in COMMON for a in batch.variant.arguments):
        sums = [[sum(column) for column in zip(*(s[min(n, len(s) - 1)] for s in items), strict=True)] for n in range(3)]
        yield range(len(items)), [(x, list(true)) for x, *true in zip(np.ravel(found), *sums, strict=True)]
        return
    for i, (row, sides) in enumerate(zip(np.reshape(found, (len(items), -1)), items, strict=True)):
        yield [i], [(x, list(true)) for x, *true in zip(row, *sides, strict=True)]
