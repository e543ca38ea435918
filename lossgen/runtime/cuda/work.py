"""The parts of a call on CUDA: operands, one kernel over all items, the sum of what its blocks left."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..scaling import Scaling
from .driver import Array, Place
from .launching import Grid, grid_of, launch, run
from .operands import operand
from .plan import CudaPlan
from .results import Result, result_for
from .scales import Divisor, real_of, scratch
from .views import scalar


class Work:
    """What `lossgen.runtime.cuda.call.Call` is made of; the arguments are explained there."""

    def __init__(
        self,
        plan: CudaPlan,
        arrays: Sequence[Array | None],
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
        self._operands: dict[int, Array | None] = {}
        self._item_scale: tuple[Array | None] | None = None

    @property
    def operands(self) -> list[Array | None]:
        """The arguments as the kernels take them."""
        return [self._operand(position) for position in range(len(self.arrays))]

    def _operand(self, position: int) -> Array | None:
        if position not in self._operands:
            self._operands[position] = operand(self.plan, self.place, position, self.arrays[position])
        return self._operands[position]

    def _start(
        self,
        kernel: str,
        operands: Sequence[Array | None],
        directions: Sequence[Array],
        scale: float,
        factor: Array | None,
        items: Array | None,
        values: Array | None,
        outputs: Sequence[Array | None],
        grid: Grid | None = None,
    ) -> tuple[Array, Array]:
        """Start a kernel over all items, if there are any; the room for its blocks' sums and faults."""
        plan, place = self.plan, self.place
        grid = self._grid(kernel, (), ()) if grid is None else grid
        totals, faults = scratch(place, real_of(plan), grid.blocks)
        count = plan.geometry.items
        given = (count, *plan.sizes, *operands, *self.parameters, *directions)
        given += (scale, factor, items, values, totals, faults, *outputs)
        if count:
            launch(place, plan.kernels, kernel, grid, given)
        return totals, faults

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

    def _unread(self) -> list[Array | None]:
        """The operands for the kernel `normalizer`, without copies of what it does not read."""
        reads, arguments = self.plan.variant.normalizer_reads, self.plan.variant.arguments
        return [
            array if reads is not None and a.name not in reads and a.layout == "row" else self._operand(position)
            for position, (a, array) in enumerate(zip(arguments, self.arrays, strict=True))
        ]

    def _results(self, wrt: Sequence[str], rounded: bool, groups: int) -> dict[str, Result]:
        positions = [self.plan.positions[name] for name in wrt]
        found = [result_for(self.plan, self.place, p, self.arrays[p], rounded, groups) for p in positions]
        return dict(zip(wrt, found, strict=True))

    def _grid(self, kernel: str, names: Sequence[str], wrt: Sequence[str]) -> Grid:
        """The division of the work; wide where element arrays may be, which `_start` finds out."""
        plan, place = self.plan, self.place
        shared = [n for n in wrt if plan.variant.arguments[plan.positions[n]].layout == "shared"]
        sizes = [plan.geometry.sizes[plan.variant.arguments[plan.positions[n]].axis or ""] for n in shared]
        width = 16 // max(2, self._narrowest()) if plan.kernels.SCHEDULE == "element" else 1
        return grid_of(place, plan.kernels, max(1, plan.geometry.items), plan.widest, width, max(sizes, default=0))

    def _narrowest(self) -> int:
        """The bytes of the smallest numbers among the real arguments."""
        pairs = zip(self.plan.variant.arguments, self.arrays, strict=True)
        return min(self.plan.dtype_for(a, x.dtype).itemsize for a, x in pairs if x is not None and not a.integer)
