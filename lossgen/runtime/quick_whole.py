"""Plain calls of losses over lattices: what `lossgen.runtime.quick` is for the others.

This is the engine's `evaluate` without its bookkeeping, which takes an eighth of a small call, and with the kernels' machine
code in the place of Numba's choice by type. What lengths and labels hold is read as everywhere (`lossgen.runtime.whole`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .execute import run_direct, total_of
from .faults import explain
from .memory import apart
from .outputs import outputs_for
from .plan import Plan
from .quick import Results, machine_code
from .scaling import Scaling


class QuickWhole:
    """`evaluate` for one plan, one reduction and one choice of gradients; the mean's divisor is known beforehand."""

    __slots__ = ("_divisor", "_divisor_kernel", "_kernel", "_names", "_plan", "_scale", "_scaling", "_spare", "_valued")

    def __init__(self, plan: Plan, names: Sequence[str], scaling: Scaling) -> None:
        self._plan, self._names, self._scaling = plan, names, scaling
        self._kernel: Callable[..., None] = self._first_evaluate
        self._divisor_kernel: Callable[..., None] | None = None
        if plan.variant.divided and scaling.reduction == "mean":
            self._divisor_kernel = self._first_divisor
        self._valued = scaling.reduction == "none"
        self._divisor = scaling.divisor(plan, lambda _: 1.0)
        self._scale = scaling.scales(plan, self._divisor, 1.0, None)[0]
        self._spare: list[tuple[np.ndarray, ...]] = []  # a list's pop and append are atomic

    def _first_evaluate(self, *given: object) -> None:
        """The first call of the kernel: a plan settles the types of all that it is given, so the next go straight on."""
        self._kernel = machine_code(self._plan.kernels.evaluate, given)
        self._kernel(*given)

    def _first_divisor(self, *given: object) -> None:
        """The same for the kernel that says what each item is divided by."""
        self._divisor_kernel = machine_code(self._plan.kernels.divisor, given)
        self._divisor_kernel(*given)

    def step(self, arrays: Sequence[np.ndarray | None], parameters: tuple[float | int, ...]) -> Results:
        """`run` for the upstream gradient 1, with the value as an array."""
        value, gradients = self.run(arrays, parameters, 1.0)
        return np.asarray(value), gradients

    def run(self, arrays: Sequence[np.ndarray | None], parameters: tuple[float | int, ...], upstream: float) -> Results:
        """Value and gradients.

        Raises:
            LossError: a length, a label, the number of a class, or an entry that is out of range.
        """
        plan, division = self._plan, self._plan.division
        operands = plan.operands(arrays, parameters)
        given = *operands, *parameters, *plan.sizes(operands)
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
        outputs = outputs_for(plan, arrays, plan.variant.differentiable, self._names)
        rest = *given, scale, item_scale, values, totals, faults, *outputs.operands
        run_direct(self._kernel, division, division.threaded, *rest)
        total = total_of(totals)
        if any(faults.tolist()):
            explain(plan, arrays, parameters, item_scale, faults)
        self._spare.append((totals, faults, shares))
        gradients = outputs.finish(self._names)
        if values is not None:
            return values.reshape(plan.geometry.item_shape), gradients
        return self._scaling.reduce(plan, total, self._divisor, 0.0), gradients
