"""Holds generated kernels against the raw formula in many digits: values, gradients, curvature."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from mpmath import frexp, isfinite, mpf

from lossgen.formula import Loss, Variant

from . import oracle
from .oracle import Truth
from .sampling import Arrays, counted
from .surfaces import Surface

#: The kinds of quantities, with their titles.
TITLES = {
    "value": "value",
    "gradient": "gradient of {}",
    "product": "Hessian · direction, {}",
    "diagonal": "Hessian diagonal, {}",
}

#: Domains of targets that have no neighbours.
EXACT = ("binary", "sign", "class-index")

HALF = mpf(1) / 2

#: What an entry may be off by: so many units in its last place, and what moving every input by so many roundings does to it.
ULP, MOVES = {"value": 8, "gradient": 8, "product": 16, "diagonal": 16}, 2


@dataclass(frozen=True)
class Figure:
    """How far one quantity is from the truth.

    surface, kind : of what the loss was called on ("NumPy", …), and of quantities (a key of TITLES).
    worst : the largest error of an entry that is held to units in the last place of the truth, in such units.
    entries, moved : how many were compared; how many of them were held to what moving the inputs does, as in `allowed`.
    excess : the largest error, over what is allowed for the entry (`allowed`).
    relative : the largest error, over the largest entry of the quantity in the same item.
    place : where the excess is largest.
    nonfinite : entries that are not finite though the truth is, and lies in the dtype's range.
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


class Batch:
    """A batch of items with what is exact for each, and how far rounding the inputs of an item moves that."""

    def __init__(self, variant: Variant, given: Arrays, parameters: Mapping[str, Any], directions: Arrays) -> None:
        self.variant, self.parameters, self.dtype = variant, parameters, next(iter(directions.values())).dtype
        self.wrt = [a.name for a in variant.differentiable]
        self.items = list(environments(variant, given, parameters))
        self.directions = [{n: _numbers(row[i]) for n, row in directions.items()} for i in range(len(self.items))]
        self.exact = [
            oracle.truths(variant.expression, item, self.wrt, along)
            for item, along in zip(self.items, self.directions, strict=True)
        ]
        self._slack: dict[int, Truth] = {}

    def allowed(self, items: Sequence[int], kind: str, name: str, entry: int, exact: mpf, largest: mpf) -> mpf:
        """The error that an entry, the sum over these items, may have.

        A few units in its last place. Where the function itself is ill-conditioned more cannot be asked than what is right
        for inputs a little beside the given ones: there, what moving each of them by MOVES roundings does is added.
        Nothing is where logits meet hard labels, for the value and the gradient. An entry of the curvature may besides be off
        by roundings of the largest entry in its row, and may underflow: it is a sum of products of shares below 1.
        """
        limits = np.finfo(self.dtype)
        floor = mpf(float(limits.tiny)) + MOVES * mpf(float(limits.eps)) * largest
        floor = floor if kind in ("product", "diagonal") else mpf(0)
        for i in items:
            if not (kind in ("value", "gradient") and self.is_hard(i)):
                share = HALF / MOVES if self.is_hard(i) else mpf(1)
                floor += share * _part(self._moves(i), kind, name)[entry]
        return ULP[kind] * unit(exact, self.dtype) + floor

    def is_hard(self, i: int) -> bool:
        """Whether logits in single precision meet labels that are 0, 1 or the number of a class, which no fraction smooths."""
        smoothed = any(p.role.domain == "unit" and 0 < self.parameters[p.name] < 1 for p in self.variant.parameters)
        entries = (self.items[i][a.name] for a in self.variant.arguments if a.role.kind == "target")
        targets = [x for row in entries for x in (row if isinstance(row, list) else [row])]
        logits = all(a.role.name == "Logit" for a in self.variant.predictions)
        return self.dtype == np.float32 and logits and not smoothed and all(x in (0, 1) for x in targets)

    def _moves(self, i: int) -> Truth:
        if i not in self._slack:
            item, eps = self.items[i], mpf(float(np.finfo(self.dtype).eps))
            exact = {a.name for a in self.variant.arguments if a.role.domain in EXACT or a.role.kind == "label"}
            unit_targets = {
                a.name for a in self.variant.arguments if a.role.domain == "unit" and a.role.kind == "target"
            }
            names = [a.name for a in (*self.variant.arguments, *self.variant.parameters) if a.name not in exact]
            entries = {(n, k): item[n] if k is None else item[n][k] for n in names for k in oracle.positions(item, n)}
            steps = {
                leaf: MOVES * eps * abs(x)
                for leaf, x in entries.items()
                if x != 0 and not (leaf[0] in unit_targets and x == 1)
            }
            self._slack[i] = oracle.sensitivity(self.variant.expression, item, self.wrt, self.directions[i], steps)
        return self._slack[i]


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
    batch = Batch(variant, given, parameters, directions)
    for surface in surfaces:
        found = surface.found(loss, variant, given, parameters, directions)
        for kind, title in TITLES.items():
            for name, entries in found.get(kind, {}).items():
                yield _figure(surface.name, title.format(name), batch, kind, name, entries)


def environments(variant: Variant, arrays: Arrays, parameters: Mapping[str, float]) -> Iterator[dict[str, Any]]:
    """Each item as the oracle takes it: exact images of the floating-point inputs."""
    arrays = counted(variant, arrays)
    sizes = {
        a.role.axis.name: arrays[a.name].shape[-1] for a in variant.arguments if a.role.axis and not a.role.integer
    }
    items = next(len(arrays[a.name]) for a in variant.arguments if a.role.layout != "shared")
    for i in range(items):
        item: dict[str, Any] = {**sizes, "item": i, **{p.name: mpf(parameters[p.name]) for p in variant.parameters}}
        for a in variant.arguments:
            entry = arrays[a.name] if a.role.layout == "shared" else arrays[a.name][i]
            item[a.name] = int(entry) if a.role.integer else _numbers(entry)
        yield item


def _in(array: np.ndarray, dtype: type) -> np.ndarray:
    """Numbers in the dtype, labels as they are."""
    return array if array.dtype.kind == "i" else array.astype(dtype)


def _numbers(entries: Any) -> Any:
    """The exact image of a row, or of one number."""
    return [mpf(float(x)) for x in entries] if np.ndim(entries) else mpf(float(entries))


def unit(number: mpf, dtype: Any) -> mpf:
    """One unit in the last place of a number, as the dtype holds it."""
    limits = np.finfo(dtype)
    size = max(abs(number), mpf(float(limits.tiny)))
    return mpf(float(limits.eps)) * mpf(2) ** (frexp(size)[1] - 1)


def _part(truth: Truth, kind: str, name: str) -> list[mpf]:
    """The entries of one quantity."""
    return [truth.value] if kind == "value" else getattr(truth, kind)[name]


def _figure(surface: str, quantity: str, batch: Batch, kind: str, name: str, found: np.ndarray) -> Figure:
    """Compares the entries of all items with their truth, or at a kink with all that lies between its sides."""
    limits = np.finfo(batch.dtype)
    tiny, most = mpf(float(limits.tiny)), mpf(float(limits.max))
    worst, compared, moved, excess, relative, place, nonfinite = 0.0, 0, 0, 0.0, 0.0, "", 0
    for i, entries in _rows(batch, kind, name, found):
        largest = max((abs(t) for _, true in entries for t in true if isfinite(t)), default=mpf(0))
        for k, (x, true) in enumerate(entries):
            if not all(isfinite(t) and abs(t) <= most for t in true):
                continue
            compared += 1
            if not np.isfinite(x):
                nonfinite += 1
                continue
            number, low, high = mpf(float(x)), min(true), max(true)
            error, nearest = (low - number, low) if number < low else (max(number - high, mpf(0)), high)
            units = error / unit(nearest, batch.dtype)
            relative, share = max(relative, float(error / max(largest, tiny))), units / ULP[kind]
            if share > 1:
                share = error / batch.allowed(i, kind, name, k, nearest, largest)
            if units <= ULP[kind] or share > 1:
                worst = max(worst, float(units))
            else:
                moved += 1
            if share > excess:
                excess, place = float(share), f"item {i[0]}, entry {k}: {float(x):.9g}, exactly {float(nearest):.9g}"
    return Figure(surface, kind, quantity, batch.dtype.name, worst, compared, moved, excess, relative, place, nonfinite)


def _rows(
    batch: Batch, kind: str, name: str, found: np.ndarray
) -> Iterator[tuple[Sequence[int], list[tuple[float, list[mpf]]]]]:
    """The entries found, each with its truths, item by item; the gradient of what all items share is their gradients' sum."""
    items = [[_part(truth, kind, name) for truth in sides] for sides in batch.exact]
    if any(a.name == name and a.role.layout == "shared" for a in batch.variant.arguments):
        sums = [[sum(column) for column in zip(*(s[min(n, len(s) - 1)] for s in items), strict=True)] for n in range(3)]
        yield range(len(items)), [(x, list(true)) for x, *true in zip(np.ravel(found), *sums, strict=True)]
        return
    for i, (row, sides) in enumerate(zip(np.reshape(found, (len(items), -1)), items, strict=True)):
        yield [i], [(x, list(true)) for x, *true in zip(row, *sides, strict=True)]
