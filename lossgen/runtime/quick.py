"""Plain calls: nothing to copy, no weights. All that can be decided beforehand is, to keep a call cheap.

This is the engine's `evaluate` for the calls where its own bookkeeping would take longer than the kernel. It settles
nothing itself: the divisor and the scale come from `lossgen.runtime.scaling`, messages from `lossgen.runtime.faults`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .execute import run_direct, total_of
from .faults import FAULTS, explain
from .memory import apart, empty, room
from .plan import Plan, count_unless_ignored
from .scaling import Scaling

Results = tuple[np.floating | np.ndarray, tuple[np.ndarray, ...]]


class Quick:
    """`evaluate` for one plan, one reduction and one choice of gradients."""

    __slots__ = (
        *("_after", "_as_is", "_before", "_bounds", "_count", "_divisor", "_empty", "_kernel", "_normalizer", "_plan"),
        *("_real", "_scaling", "_short", "_single", "_spare", "_targets", "_usual", "_valued"),
    )

    def __init__(self, plan: Plan, names: Sequence[str], scaling: Scaling) -> None:
        differentiable = plan.variant.differentiable
        self._plan = plan
        self._scaling = scaling
        self._kernel: Callable[..., None] = self._first_evaluate
        self._normalizer: Callable[..., None] = self._first_normalizer
        self._empty = apart if plan.division.lanes == 1 else empty
        self._count = len(differentiable)
        self._targets = tuple((differentiable.index(name), *self._shapes(plan, name)) for name in names)
        first = self._targets[0][0] if names else 0
        self._before, self._after = (None,) * first, (None,) * (self._count - first - 1)
        self._single = self._room(plan.real)
        self._valued = scaling.reduction == "none"
        self._short = plan.division.lanes == 1 and not self._valued
        self._as_is, self._bounds, self._real = plan.as_is, plan.division.bounds, plan.real
        # The mean's divisor is known beforehand unless the kernel `normalizer` has to say.
        own = plan.each is None and scaling.reduction == "mean"
        self._divisor = None if own else scaling.divisor(plan, lambda _: 1.0)
        # What `step` divides by, and the scale: of all items, if that is all of them that are not ignored.
        likely = self._divisor if self._divisor is not None else count_unless_ignored(plan)
        self._usual = likely, 0.0 if likely is None else scaling.scales(plan, likely, 1.0, None)[0]
        self._spare: list[tuple[np.ndarray, np.ndarray]] = []  # a list's pop and append are atomic

    def _first_evaluate(self, *given: object) -> None:
        """The first call of the kernel: a plan settles the types of all that it is given, so the next go straight on."""
        self._kernel = machine_code(self._plan.kernels.evaluate, given)
        self._kernel(*given)

    def _first_normalizer(self, *given: object) -> None:
        """The same for the kernel that says what the items count."""
        self._normalizer = machine_code(self._plan.kernels.normalizer, given)
        self._normalizer(*given)

    def _room(self, real: np.dtype) -> tuple[tuple[int, ...], slice] | None:
        """The memory of a single gradient that needs no reshaping, as `apart` finds it; None for any others."""
        if len(self._targets) != 1 or self._targets[0][2] is not None:
            return None
        shape = self._targets[0][1]
        whole, part = room(shape, real)
        return (whole, part) if len(whole) == len(shape) else None

    @staticmethod
    def _shapes(plan: Plan, name: str) -> tuple[tuple[int, ...], tuple[int, ...] | None]:
        """The shape of a gradient, and the shape in which the kernel takes it (None: the same)."""
        position = plan.positions[name]
        slot = plan.slots[position]
        assert slot is not None and plan.reshapes is not None
        flat = plan.reshapes[position]
        return slot.given, None if flat is None else slot.placement.shape

    def run(
        self,
        arrays: Sequence[np.ndarray | None],
        parameters: tuple[float | int, ...],
        upstream: float,
    ) -> Results | None:
        """Value and gradients, or None if the divisor is 0 (the engine knows what then)."""
        plan = self._plan
        operands = plan.operands(arrays)
        division = plan.division
        divisor = self._divisor
        try:
            totals, faults = self._spare.pop()
        except IndexError:
            totals, faults = np.empty(division.lanes), np.empty(division.lanes, np.int64)
        if divisor is not None and upstream == 1.0:
            scale = self._usual[1]
        elif divisor is not None:
            scale = self._scaling.scales(plan, divisor, upstream, None)[0]
        else:
            divisor = self._scaling.divisor(plan, self._normaliser(arrays, operands, parameters, totals, faults))
            if divisor == 0:
                return None
            scale = self._scaling.scales(plan, divisor, upstream, None)[0]
        gradients, outputs = self._outputs()
        values = apart((plan.division.items,), plan.real) if self._valued else None
        rest = (*operands, *parameters, scale, None, values, totals, faults, *outputs)
        if division.lanes == 1:  # what `run_direct` and `_sum` do, without the calls
            self._kernel(0, 1, division.bounds, *rest)
            total = totals.item()
            if faults.item():
                explain(plan, arrays, parameters, None, faults)
        else:
            run_direct(self._kernel, division, division.threaded, *rest)
            total = self._sum(arrays, parameters, None, totals, faults)
        self._spare.append((totals, faults))
        if values is not None:
            return values.reshape(plan.geometry.item_shape), gradients
        return self._scaling.reduce(plan, total, divisor, 0.0), gradients

    def _outputs(self) -> tuple[tuple[np.ndarray, ...], list[np.ndarray | None]]:
        """New arrays for the gradients, and how the kernel takes them."""
        outputs: list[np.ndarray | None] = [None] * self._count
        gradients = []
        for place, shape, flat in self._targets:
            gradient = self._empty(shape, self._plan.real)
            gradients.append(gradient)
            outputs[place] = gradient if flat is None else gradient.reshape(flat)
        return tuple(gradients), outputs

    def step(self, arrays: Sequence[np.ndarray | None], parameters: tuple[float | int, ...]) -> Results | None:
        """The same for the upstream gradient 1, with a reduced value as a 0-d array, and the fewest steps.

        At 32 elements each of these lines is a noticeable part of a call: only what cannot be done beforehand is here.
        """
        if not self._short:
            found = self.run(arrays, parameters, 1.0)
            return None if found is None else (np.asarray(found[0]), found[1])
        operands = arrays if self._as_is else self._plan.operands(arrays)
        try:
            totals, faults = self._spare.pop()
        except IndexError:
            totals, faults = np.empty(1), np.empty(1, np.int64)
        given = self._bounds, *operands, *parameters
        usual = divisor, scale = self._usual
        if divisor is None:
            self._normalizer(0, 1, *given, 1.0, None, None, totals, faults)
            divisor = totals.item()
            if divisor == 0 or faults.item() & FAULTS:
                return None  # the engine knows what then
            scale = 1.0 / divisor
        if self._single is not None:
            whole, part = self._single
            gradient = np.empty(whole, self._real)[part]
            gradients: tuple[np.ndarray, ...] = (gradient,)
            self._kernel(0, 1, *given, scale, None, None, totals, faults, *self._before, gradient, *self._after)
        else:
            gradients, outputs = self._outputs()
            self._kernel(0, 1, *given, scale, None, None, totals, faults, *outputs)
        if faults.item():
            explain(self._plan, arrays, parameters, None, faults)
            if self._divisor is None and usual[0] is not None:  # an item is ignored: from now on they are counted first
                self._usual = None, 0.0
                return self.step(arrays, parameters)
        value = np.array(totals.item() / divisor, self._real)
        self._spare.append((totals, faults))
        return value, gradients

    def _normaliser(
        self,
        arrays: Sequence[np.ndarray | None],
        operands: Sequence[np.ndarray | None],
        parameters: tuple[float | int, ...],
        totals: np.ndarray,
        faults: np.ndarray,
    ) -> Callable[[np.ndarray | None], float]:
        """What sums the loss's own normaliser over the items."""

        def total(item_scale: np.ndarray | None) -> float:
            plan = self._plan
            rest = (*operands, *parameters, 1.0, item_scale, None, totals, faults)
            run_direct(self._normalizer, plan.division, plan.division.threaded, *rest)
            return self._sum(arrays, parameters, item_scale, totals, faults)

        return total

    def _sum(
        self,
        arrays: Sequence[np.ndarray | None],
        parameters: tuple[float | int, ...],
        item_scale: np.ndarray | None,
        totals: np.ndarray,
        faults: np.ndarray,
    ) -> float:
        """The sum of the lanes' sums, if no lane complains."""
        single = faults.size == 1
        if faults.item() if single else faults.any():
            explain(self._plan, arrays, parameters, item_scale, faults)
        return totals.item() if single else total_of(totals)


def machine_code(kernel: Callable[..., None], given: Sequence[object]) -> Callable[..., None]:
    """A kernel for arguments of the types of these, without Numba's choice by type, which takes longer than 32 elements.

    Only for arguments of the very same types.
    """
    if not hasattr(kernel, "compile"):  # Numba is switched off (NUMBA_DISABLE_JIT)
        return kernel
    return kernel.compile(tuple(map(kernel.typeof_pyval, given)))
