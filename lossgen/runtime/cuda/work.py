"""The parts of a call on CUDA: operands, one kernel over all items, the sum of what its blocks left."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..dtypes import FLOAT64, INT64
from ..scaling import Scaling
from .driver import Array, Place
from .lattices import Arrays, Operands, operands_for
from .launching import Given, Grid, grid_of, kernel_of, lattice_grid, launch, run
from .layouts import Strided, has_rows_across
from .operands import operand
from .plan import CudaPlan
from .results import SHARED, Result, no_result, result_for
from .scales import Divisor, real_of, scratch
from .views import scalar

#: The memory that kernels need for tables, by the name of the argument, and what it holds.
TABLES = {"cells": FLOAT64, "places": INT64}


class Work:
    """What `lossgen.runtime.cuda.call.Call` is made of; the arguments are explained there."""

    def __init__(
        self,
        plan: CudaPlan,
        arrays: Arrays,
        parameters: tuple[float | int, ...],
        scaling: Scaling,
        empty: float,
        place: Place,
        denominator: Array | None = None,
    ) -> None:
        self.plan, self.arrays, self.scaling, self.empty, self.place = plan, arrays, scaling, empty, place
        self.parameters = (*parameters, 0) if plan.variant.numbered else parameters
        self._given = denominator
        self._divisor: Divisor | None = None
        self._operands: dict[int, Array | Strided | None] = {}
        self._item_scale: tuple[Array | Strided | None] | None = None
        self._whole: Operands | None = None
        self._shares: Array | None = None

    @property
    def operands(self) -> list[Given]:
        """The arguments as the kernels take them."""
        if self.plan.variant.whole:
            return [value for given in self.whole.given for value in given]
        return [self._operand(position) for position in range(len(self.arrays))]

    @property
    def whole(self) -> Operands:
        """The arguments of a loss over lattices, and what sizes its axes have."""
        if self._whole is None:
            self._whole = operands_for(self.plan, self.place, self.arrays, self.scaling.mask)
        return self._whole

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes of axes that the kernels take."""
        return self.whole.sizes if self.plan.variant.whole else self.plan.sizes

    def _operand(self, position: int) -> Array | Strided | None:
        if position not in self._operands:
            self._operands[position] = operand(self.plan, self.place, position, self.arrays[position])
        return self._operands[position]

    def _start(
        self,
        kernel: str,
        operands: Sequence[Given],
        directions: Sequence[Given],
        scale: float,
        factor: Array | None,
        items: Array | Strided | None,
        values: Array | None,
        outputs: Sequence[Given],
        grid: Grid | None = None,
    ) -> tuple[Array, Array]:
        """Start a kernel over all items, if there are any; the room for its blocks' sums and faults."""
        plan, place = self.plan, self.place
        grid = self._grid(kernel, (), ()) if grid is None else grid
        totals, faults = scratch(place, real_of(plan), grid.blocks)
        count = plan.geometry.items
        given = (count, *self.sizes, *operands, *self.parameters, *directions)
        given += (scale, factor, items, values, totals, faults, *outputs)
        if count:
            launch(place, plan.kernels, kernel, grid, (*given, *self._tables(kernel, grid.blocks)))
        return totals, faults

    def _room(self, kernel: str) -> dict[str, int]:
        """How many numbers a block needs for the tables of its item, by the names of a kernel's arguments."""
        if not self.plan.variant.whole:
            return {}
        found = getattr(self.plan.kernels, f"{kernel}_scratch")(*self.sizes)
        names = kernel_of(self.plan.kernels, kernel).names
        return {name: size for name, size in zip(TABLES, found, strict=True) if name in names}

    def _tables(self, kernel: str, blocks: int) -> list[Given]:
        """Memory for the tables of all blocks, from the caller's own allocator, and how much of it is a block's."""
        found: list[Given] = []
        for name, size in self._room(kernel).items():
            found += [self.place.memory.empty((blocks * size,), TABLES[name]), size]
        return found

    def _settle(
        self, found: tuple[Array, Array], blocks: int, divisor: Divisor, dtype: np.dtype, valued: bool
    ) -> Array | None:
        """The value from the sums of the blocks; what they complain about is reported."""
        plan, place = self.plan, self.place
        value = scalar(place, dtype) if valued else None
        given = (
            divisor.number,
            divisor.exact,
            self.empty,
            value,
            None,
            None,
            place.driver.reports.row(plan.schema, plan.variant),
        )
        run(place, "settle", (blocks if plan.geometry.items else 0, *found, *given))
        return value

    def _results(self, wrt: Sequence[str], rounded: bool, groups: int) -> dict[str, Result]:
        positions = [self.plan.positions[name] for name in wrt]
        found = [result_for(self.plan, self.place, p, self.arrays[p], rounded, groups) for p in positions]
        return dict(zip(wrt, found, strict=True))

    def _outputs(self, results: dict[str, Result], names: Sequence[str]) -> list[Given]:
        """Where a kernel writes its results, which belong to `names`."""
        given = [results[name].passed if name in results else no_result(self.plan, name) for name in names]
        return [value for output in given for value in output]

    def _grid(self, kernel: str, names: Sequence[str], wrt: Sequence[str]) -> Grid:
        """The division of the work; wide where element arrays may be, which `_start` finds out."""
        plan, place = self.plan, self.place
        shared = [n for n in wrt if plan.variant.arguments[plan.positions[n]].layout in SHARED]
        arrays = [self.arrays[plan.positions[n]] for n in shared]
        sizes = [x.size for x in arrays if x is not None]
        if plan.variant.whole:
            cells = 8 * sum(self._room(kernel).values())
            return lattice_grid(place, max(1, plan.geometry.items), cells, max(sizes, default=0))
        element = plan.kernels.SCHEDULE == "element"
        width = 16 // max(2, self._narrowest()) if element else 1
        across = not element and has_rows_across(self._first_rows())
        items, entries = max(1, plan.geometry.items), max(sizes, default=0)
        return grid_of(place, plan.kernels, items, plan.widest, width, entries, across)

    def _first_rows(self) -> Array | Strided | None:
        """The first argument that is an array of rows."""
        pairs = zip(self.plan.variant.arguments, self.plan.geometry.placements, strict=True)
        return next(
            (self._operand(n) for n, (a, p) in enumerate(pairs) if a.layout == "row" and p and not p.broadcast), None
        )

    def _narrowest(self) -> int:
        """The bytes of the smallest numbers among the real arguments."""
        pairs = zip(self.plan.variant.arguments, self.arrays, strict=True)
        return min(self.plan.dtype_for(a, x.dtype).itemsize for a, x in pairs if x is not None and not a.integer)
