"""Plain calls of losses over lattices: what `lossgen.runtime.quick` is for the others.

Shapes, dtypes and flags have decided all that they can. Of the entries only lengths and labels are looked at, by compiled
code; where there is anything to say about them, the engine does the call and says it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .counted import Counted, counts_plainly
from .execute import run_direct, total_of
from .faults import explain
from .grids import GridSlot
from .memory import apart
from .plan import Plan
from .quick import Results, machine_code
from .scaling import Scaling
from .staging import Operand


def takes_whole(plan: Plan, scaling: Scaling, names: Sequence[str]) -> bool:
    """Whether `QuickWhole` can do calls of this plan, a loss over lattices, with gradients for `names`."""
    if plan.each is None and scaling.reduction == "mean":
        return False
    if any(isinstance(slot, GridSlot) and slot.rows is None for slot in plan.slots):
        return False  # it would have to be copied, or its rows found
    return counts_plainly(plan) and all(isinstance(plan.slots[plan.positions[name]], GridSlot) for name in names)


class QuickWhole:
    """`evaluate` for one plan, one reduction and one choice of gradients."""

    __slots__ = (
        *("_counted", "_divisor", "_divisor_kernel", "_grids", "_kernel", "_outputs", "_plan", "_scale"),
        *("_scaling", "_spare", "_targets", "_valued"),
    )

    def __init__(self, plan: Plan, names: Sequence[str], scaling: Scaling) -> None:
        self._plan, self._scaling = plan, scaling
        self._kernel: Callable[..., None] = self._first_evaluate
        self._divisor_kernel: Callable[..., None] | None = None
        if plan.variant.divided and scaling.reduction == "mean":
            self._divisor_kernel = self._first_divisor
        self._valued = scaling.reduction == "none"
        self._divisor = scaling.divisor(plan, lambda _: 1.0)
        self._scale = scaling.scales(plan, self._divisor, 1.0, None)[0]
        self._spare: list[tuple[np.ndarray, ...]] = []  # a list's pop and append are atomic
        places = enumerate(plan.slots)
        self._grids = tuple([(place, *slot.rows) for place, slot in places if isinstance(slot, GridSlot) and slot.rows])
        self._counted = Counted(plan)
        differentiable = plan.variant.differentiable
        self._outputs: list[Operand] = [None] * len(differentiable)
        pairs = [(name, plan.positions[name]) for name in names]
        self._targets = tuple([(differentiable.index(name), place, plan.slots[place]) for name, place in pairs])

    def _first_evaluate(self, *given: object) -> None:
        """The first call of the kernel: a plan settles the types of all that it is given, so the next go straight on."""
        self._kernel = machine_code(self._plan.kernels.evaluate, given)
        self._kernel(*given)

    def _first_divisor(self, *given: object) -> None:
        """The same for the kernel that says what each item is divided by."""
        self._divisor_kernel = machine_code(self._plan.kernels.divisor, given)
        self._divisor_kernel(*given)

    def step(self, arrays: Sequence[np.ndarray | None], parameters: tuple[float | int, ...]) -> Results | None:
        """`run` for the upstream gradient 1, with the value as an array."""
        found = self.run(arrays, parameters, 1.0)
        return None if found is None else (np.asarray(found[0]), found[1])

    def run(
        self, arrays: Sequence[np.ndarray | None], parameters: tuple[float | int, ...], upstream: float
    ) -> Results | None:
        """Value and gradients, or None if lengths, labels or parameters are not what they usually are."""
        plan, division = self._plan, self._plan.division
        found = self._counted.operands(arrays, parameters)
        if found is None:
            return None
        operands, sizes = found
        for place, shape, steps in self._grids:
            operands[place] = arrays[place].reshape(shape), steps  # type: ignore[union-attr]
        given = *operands, *parameters, *sizes
        try:
            totals, faults, shares = self._spare.pop()
        except IndexError:
            totals, faults = np.empty(division.lanes), np.empty(division.lanes, np.int64)
            shares = apart((division.items,), plan.real)
        item_scale = None
        if self._divisor_kernel is not None:
            rest = *given, 1.0, None, shares, totals, faults
            run_direct(self._divisor_kernel, division, division.many_items, *rest)
            item_scale = np.reciprocal(shares, out=shares)
        scale = self._scale if upstream == 1.0 else self._scaling.scales(plan, self._divisor, upstream, None)[0]
        values = apart((division.items,), plan.real) if self._valued else None
        outputs, gradients = self._new_gradients(arrays)
        rest = *given, scale, item_scale, values, totals, faults, *outputs
        run_direct(self._kernel, division, division.threaded, *rest)
        total = total_of(totals)
        if any(faults.tolist()):
            explain(plan, arrays, parameters, item_scale, faults)
        self._spare.append((totals, faults, shares))
        if values is not None:
            return values.reshape(plan.geometry.item_shape), gradients
        return self._scaling.reduce(plan, total, self._divisor, 0.0), gradients

    def _new_gradients(self, arrays: Sequence[np.ndarray | None]) -> tuple[list[Operand], tuple[np.ndarray, ...]]:
        """New arrays for the gradients, as the kernel takes them, and in the arguments' own shapes."""
        outputs, gradients = self._outputs.copy(), []
        for number, place, slot in self._targets:
            outputs[number], gradient = slot.output(arrays[place], self._plan.geometry.item_shape)
            gradients.append(gradient)
        return outputs, tuple(gradients)
