"""The cells of a recurrence for a small item: which cells each of them reads, which the loss reads, and what each counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import numpy as np
from sympy import Expr

from lossgen.derive.paths import sums_over_paths
from lossgen.formula import Variant
from lossgen.formula.axes import Axis, Index
from lossgen.formula.nodes import Entry, LabelEntry
from lossgen.formula.recurrence import Filled, Lattice
from lossgen.formula.symbols import Argument

from .domains import LOG_SHARES
from .evaluate import Cells, Scope, evaluate
from .readings import Numbers, Reading

#: The sizes of a lattice's first axis and of its others, of the axis of labels, of axes that have no cells.
FIRST, SECOND, LABELS, OTHER = 6, 4, 3, 4
#: The size of the others where there are several.
FEW = 3
#: The classes of a sequence of labels: two are the same.
CLASSES = (1, 2, 2, 3, 1)
STEP = 1e-5

Position = tuple[int, ...]


@dataclass(frozen=True)
class Picture:
    """A filled lattice. `arrows` are pairs of a cell that is read and the one that reads it.

    first : the cells that read no other one; final : those that the loss reads. dead : those that no path goes through.
    weight : how much the loss moves with each cell; with its logarithm, where the recurrence is a sum over `paths`.
    rows : what each position of the second index is called. wanted : cells that a sequence of labels names.
    """

    reading: Reading
    lattice: Lattice
    sizes: tuple[int, ...]
    arrows: tuple[tuple[Position, Position], ...]
    first: frozenset[Position]
    final: frozenset[Position]
    dead: frozenset[Position]
    weight: Mapping[Position, float]
    paths: bool
    rows: tuple[str, ...]
    wanted: frozenset[Position]

    @property
    def shares(self) -> bool:
        """Whether the weights are shares of all paths: those of a loss that reads each path once."""
        return self.paths and max(self.weight.values()) < 1 + 10 * STEP


def pictures(reading: Reading) -> list[Picture]:
    """A picture for each recurrence of the formula."""
    variant = reading.variant
    numbers = _numbers(reading)
    scope = Scope(numbers)
    evaluate(variant.expression, scope)
    return [_picture(reading, numbers, cells) for cells in scope.lattices.values()]


def _picture(reading: Reading, numbers: Numbers, cells: Cells) -> Picture:
    lattice = cells.lattice
    outside = cells.outside
    dead = frozenset(p for p, number in cells.filled.items() if number == outside and outside in (0, np.inf))
    arrows = tuple((read, p) for p, reads in cells.reads.items() for read in reads if not {read, p} & dead)
    first = frozenset(p for p, reads in cells.reads.items() if not reads and p not in dead)
    final = frozenset(p for p in cells.final if p not in dead)
    paths = sums_over_paths(lattice)
    return Picture(
        reading,
        lattice,
        cells.sizes,
        arrows,
        first,
        final,
        dead,
        _weights(reading.variant, numbers, cells, paths),
        paths,
        _rows(reading.variant, lattice, numbers, cells.sizes),
        _wanted(reading.variant, lattice, numbers, cells.sizes),
    )


def _weights(variant: Variant, numbers: Numbers, cells: Cells, paths: bool) -> dict[Position, float]:
    """|∂ℓ/∂cell|, or |∂ℓ/∂log cell|, by differences of the raw formula: each point moves a cell of its own."""
    order = {p: k for k, p in enumerate(cells.positions())}
    found = []
    for step in (STEP, -STEP):

        def moved(lattice: Lattice, position: Position, number: np.ndarray, step: float = step) -> np.ndarray:
            if lattice != cells.lattice:
                return number
            own = np.arange(len(order)) == order[position]
            return number * np.where(own, 1 + step, 1) if paths else number + np.where(own, step, 0)

        found.append(evaluate(variant.expression, Scope(numbers, moved)))
    ahead, behind = (np.broadcast_to(f, len(order)) for f in found)
    with np.errstate(invalid="ignore"):
        slopes = np.abs(ahead - behind) / (2 * STEP)
    return {p: round(float(slopes[k]), 6) if np.isfinite(slopes[k]) else 0.0 for p, k in order.items()}


def _rows(variant: Variant, lattice: Lattice, numbers: Numbers, sizes: tuple[int, ...]) -> tuple[str, ...]:
    """The labels along the second index, where the formula of a cell reads an entry at a label that depends on it alone."""
    if len(sizes) != 2:
        return ()
    index = lattice.indices[1]
    found = [
        place
        for entry in lattice.cell.atoms(Entry)
        for place in entry.indices
        if not isinstance(entry, LabelEntry) and place.has(LabelEntry) and _indices(place) == {index}
    ]
    if not found:
        return ()
    place = min(found, key=str)
    named = {numbers[p.name]: p.name for p in variant.parameters if p.role.domain == "class-number"}
    return tuple(_label(evaluate(place, Scope({**numbers, index.name: k})), named) for k in range(sizes[1]))


def _label(number: float, named: Mapping[int, str]) -> str:
    return "" if np.isnan(number) else named.get(int(number), f"class {int(number)}")


def _indices(node: Expr) -> set[Index]:
    return {s for s in node.free_symbols if isinstance(s, Index)}


def _wanted(variant: Variant, lattice: Lattice, numbers: Numbers, sizes: tuple[int, ...]) -> frozenset[Position]:
    """The cells (t, y[t]) of a sequence of labels y along the first index that are numbers of the second."""
    if len(sizes) != 2:
        return frozenset()
    first, second = (index.axis for index in lattice.indices)
    return frozenset(
        (t, int(label))
        for a in variant.arguments
        if a.role.layout == "sequence" and a.role.axis == first and a.role.points_to == second
        for t, label in enumerate(numbers[a.name])
    )


def _numbers(reading: Reading) -> Numbers:
    """A small item with ordinary numbers."""
    variant = reading.variant
    sizes = _sizes(variant)
    found: Numbers = {**reading.numbers, **sizes}
    for lattice in variant.expression.atoms(Lattice):
        for index in lattice.indices:
            found.setdefault(index.axis.name, int(evaluate(index.axis.extent, Scope(found))))
    for rank, a in enumerate(variant.arguments):
        found[a.name] = _given(a, rank, sizes, found)
    return found


def _sizes(variant: Variant) -> dict[str, int]:
    lattices = sorted({f.lattice for f in variant.expression.atoms(Filled)}, key=str)
    outer, inner = (
        {axis for lattice in lattices for axis in _free(lattice, part)} for part in (slice(1), slice(1, None))
    )
    labelled = {a.role.axis for a in variant.arguments if a.role.layout == "sequence"}
    deep = any(len(lattice.indices) > 2 for lattice in lattices)
    found = {}
    for axis in variant.axes:
        if axis.base is None:
            inside = (FEW if deep else SECOND) if axis in inner else OTHER
            found[axis.name] = FIRST if axis in outer else LABELS if axis in labelled else inside
    return found | {axis.name: found[axis.base.name] + axis.longer for axis in variant.axes if axis.base}


def _free(lattice: Lattice, part: slice) -> list[Axis]:
    """The axes of some of a lattice's indices, an axis that follows another one as that one."""
    return [index.axis.base or index.axis for index in lattice.indices[part]]


def _given(argument: Argument, rank: int, sizes: Mapping[str, int], known: Numbers):
    role = argument.role
    shape = tuple(sizes[axis.name] for axis in role.axes)
    if role.layout == "length":
        return sizes[role.axis.name]
    if role.layout == "sequence":
        labels = np.resize(CLASSES, shape) % sizes[role.points_to.name]
        return np.where(labels == known.get(role.barred, -1), (labels + 1) % sizes[role.points_to.name], labels)
    if role.integer:
        return 0
    wave = np.sin(1.3 + rank + 2.4 * np.arange(prod(shape))).reshape(shape)
    if role.domain in ("real", "not-nan") and shape:
        return np.log(np.exp(wave) / np.exp(wave).sum(-1, keepdims=True)) if role.name == LOG_SHARES else wave
    return 0.5 + 0.3 * wave if shape else 0.5 + 0.3 * float(wave)
