"""Batches of items with what is exact for each, and what the entries of a quantity may be off by."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from mpmath import frexp, inf, mpf

from lossgen.formula import Variant

from . import oracle
from .layouts import COMMON, numbers, own, own_sizes
from .oracle import Truth
from .sampling import Arrays, counted

#: Domains of targets that have no neighbours.
EXACT = ("binary", "sign", "class-index", "length")

HALF = mpf(1) / 2

#: What an entry may be off by: so many units in its last place, and what moving every input by so many roundings does to it.
ULP, MOVES = {"value": 8, "gradient": 8, "product": 16, "diagonal": 16}, 2

#: What a sum over paths may be off by; and one rounding of its cells, which kernels keep in double precision.
PATHS = {np.dtype(np.float32): mpf("1e-6"), np.dtype(np.float64): mpf("1e-12")}
DOUBLE = mpf(2) ** -52


class Batch:
    """A batch of items with what is exact for each, and how far rounding the inputs of an item moves that."""

    def __init__(self, variant: Variant, given: Arrays, parameters: Mapping[str, Any], directions: Arrays) -> None:
        self.variant, self.parameters, self.dtype = variant, parameters, next(iter(directions.values())).dtype
        self.wrt = [a.name for a in variant.differentiable]
        pairs = [(a, directions[a.name]) for a in variant.predictions]
        self.items = list(environments(variant, given, parameters))
        self.directions = [
            {a.name: numbers(row if a.role.layout in COMMON else row[i]) for a, row in pairs}
            for i in range(len(self.items))
        ]
        self.exact = [
            oracle.truths(variant.expression, item, self.wrt, along)
            for item, along in zip(self.items, self.directions, strict=True)
        ]
        self._slack: dict[int, Truth] = {}

    #: Whether an infinite number has to be met, too.
    infinite = False

    def measured(
        self, items: Sequence[int], kind: str, name: str, entry: int, error: mpf, exact: mpf, largest: mpf
    ) -> tuple[mpf, mpf, bool]:
        """The error of an entry in units, over what it may be, and whether that is what moving the inputs does."""
        units = error / unit(exact, self.dtype)
        share = units / ULP[kind]
        if share > 1:
            share = error / self.allowed(items, kind, name, entry, exact, largest)
        return units, share, units > ULP[kind] and share <= 1

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
                floor += share * part(self._moves(i), kind, name)[entry]
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


class PathBatch(Batch):
    """Items of a loss with a recurrence: a sum over paths, or a minimum over them.

    Units in the last place of an entry are no measure for it. An entry of its gradient is a share: what all paths through a
    cell are of all paths. It is the quotient of two sums whose logarithms are kept, so that their roundings are those of
    the whole, which is 1, and a cell off the likely paths has a share as near to 0 as the inputs please. So the gradient and
    the curvature are held to absolute errors, or relative to the largest entry where that is above 1, and the value to a
    relative one, or to roundings of its terms where it is a difference of such sums. Without any path a value is infinite:
    it has to be so, and nothing may move then.
    """

    infinite = True

    def measured(
        self, items: Sequence[int], kind: str, name: str, entry: int, error: mpf, exact: mpf, largest: mpf
    ) -> tuple[mpf, mpf, bool]:
        """The error in roundings of the whole, and over what it may be."""
        if error == 0:
            return mpf(0), mpf(0), False
        whole = max(len(items), largest)
        if kind == "value":
            whole = abs(exact) if error <= PATHS[self.dtype] * abs(exact) else abs(exact) + self._of_terms(items)
        units = error / (mpf(float(np.finfo(self.dtype).eps)) * (whole or 1))
        return units, inf if self._still(items) or not whole else error / (PATHS[self.dtype] * whole), False

    def _of_terms(self, items: Sequence[int]) -> mpf:
        """What a value that is a difference counts besides: its terms are sums over paths, each with roundings of its own."""
        found = [oracle.terms(self.variant.expression, self.items[i]) for i in items]
        sizes = [abs(term) for terms in found for term in terms if len(terms) > 1]
        return ULP["value"] * DOUBLE / PATHS[self.dtype] * sum(sizes, mpf(0))

    def _still(self, items: Sequence[int]) -> bool:
        """Whether nothing moves any of these items."""
        rows = (row for i in items for truth in self.exact[i] for row in truth.gradient.values())
        return all(x == 0 for row in rows for x in row)


def batch_of(variant: Variant, given: Arrays, parameters: Mapping[str, Any], directions: Arrays) -> Batch:
    """The items with their truths, held to the measure for the kind of loss."""
    return (PathBatch if variant.filled else Batch)(variant, given, parameters, directions)


def environments(variant: Variant, arrays: Arrays, parameters: Mapping[str, float]) -> Iterator[dict[str, Any]]:
    """Each item as the oracle takes it: exact images of the floating-point inputs."""
    arrays = counted(variant, arrays)
    items = next(len(arrays[a.name]) for a in variant.arguments if a.role.layout not in COMMON)
    for i in range(items):
        sizes = own_sizes(variant, arrays, i)
        item: dict[str, Any] = {**sizes, "item": i, **{p.name: mpf(parameters[p.name]) for p in variant.parameters}}
        for a in variant.arguments:
            entry = own(a, arrays[a.name], i, sizes)
            item[a.name] = entry.tolist() if a.role.integer else numbers(entry)
        yield item


def unit(number: mpf, dtype: Any) -> mpf:
    """One unit in the last place of a number, as the dtype holds it."""
    limits = np.finfo(dtype)
    size = max(abs(number), mpf(float(limits.tiny)))
    return mpf(float(limits.eps)) * mpf(2) ** (frexp(size)[1] - 1)


def part(truth: Truth, kind: str, name: str) -> list[mpf]:
    """The entries of one quantity."""
    return [truth.value] if kind == "value" else getattr(truth, kind)[name]
