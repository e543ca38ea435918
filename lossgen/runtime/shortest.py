"""Calls like an earlier one, on arrays that are given by their places in memory: a kernel, and next to nothing else.

What `lossgen.runtime.quick` does for the upstream gradient 1, where all but the entries has been seen before: one lane,
a value that is reduced by a divisor known beforehand, and one gradient at most. The results have the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module

import numpy as np

from .memory import room
from .plan import Plan, count_unless_ignored
from .quick import Results
from .scaling import Scaling

#: Where entries lie: their address, then the sizes of the dimensions.
Place = tuple[int, ...]


class Shortest:
    """`Quick.step` for arguments in memory that somebody else holds.

    Args:
        plan: of an earlier call.
        numbers: its parameters.
        name: the argument whose gradient is wanted, if any is.
        divisor: what the value is divided by.
        scale: what the kernel multiplies the gradient by.
    """

    __slots__ = (
        *("shapes", "_after", "_before", "_bounds", "_divisor", "_flat", "_given", "_kernel", "_numbers", "_part"),
        *("_plan", "_real", "_spare", "_whole"),
    )

    def __init__(
        self, plan: Plan, numbers: Sequence[float | int], name: str | None, divisor: float, scale: float
    ) -> None:
        #: The shapes in which the kernel takes the arguments; None where one is not given.
        self.shapes = tuple(None if slot is None else slot.placement.shape for slot in plan.slots)
        self._plan, self._bounds, self._real = plan, plan.division.bounds, plan.real
        self._kernel: Callable[..., None] = self._first
        self._divisor = divisor
        self._numbers = (*numbers, scale, None, None)
        self._spare: list[tuple[np.ndarray, np.ndarray]] = []  # a list's pop and append are atomic
        differentiable = plan.variant.differentiable
        if name is None:
            self._whole = None
            self._before, self._after = (), (None,) * len(differentiable)
            return
        first = differentiable.index(name)
        self._before, self._after = (None,) * first, (None,) * (len(differentiable) - first - 1)
        slot = plan.slots[plan.positions[name]]
        assert slot is not None
        flat = slot.placement.shape
        self._whole, self._part = room(flat, plan.real)
        self._flat = flat if len(self._whole) != len(flat) else None
        self._given = slot.given if slot.given != flat else None

    def _first(self, *given: object) -> None:
        """The first call of the kernel: a plan settles the types of all that it is given, so the next go straight on."""
        placed = import_module(".addressed", __package__).placed  # loads Numba, which the kernel has done already
        kernel = self._plan.kernels.evaluate
        signature = [kernel.typeof_pyval(value) for value in given]
        for position, slot in enumerate(self._plan.slots, 3):  # behind the lanes and their bounds
            if slot is not None:
                signature[position] = placed(slot.dtype, len(slot.placement.shape))
        self._kernel = kernel.compile(tuple(signature))
        self._kernel(*given)

    def step(self, places: Sequence[Place | None]) -> Results | None:
        """Value, as a 0-d array, and gradients for the arguments at these places.

        None if the kernel met an item that is ignored, or an entry outside its domain: `Quick` knows what then.
        """
        try:
            totals, faults = self._spare.pop()
        except IndexError:
            totals, faults = np.empty(1), np.empty(1, np.int64)
        given = self._bounds, *places, *self._numbers, totals, faults, *self._before
        gradients: tuple[np.ndarray, ...] = ()
        if self._whole is None:
            self._kernel(0, 1, *given, *self._after)
        else:
            gradient = np.empty(self._whole, self._real)[self._part]
            if self._flat is not None:
                gradient = gradient.reshape(self._flat)
            self._kernel(0, 1, *given, gradient, *self._after)
            gradients = (gradient if self._given is None else gradient.reshape(self._given),)
        if faults.item():
            return None
        value = np.empty((), self._real)
        value[()] = totals.item() / self._divisor
        self._spare.append((totals, faults))
        return value, gradients


def find_shortest(
    plan: Plan, numbers: Sequence[float | int], scaling: Scaling, names: Sequence[str]
) -> Shortest | None:
    """What evaluates calls like this one, which `Quick` can do, with gradients for `names`; None if more is to be done."""
    if plan.whole is not None or plan.division.lanes != 1 or scaling.reduction == "none" or len(names) > 1:
        return None
    known = scaling.reduction != "mean" or plan.each is not None
    divisor = scaling.divisor(plan, lambda _: 1.0) if known else count_unless_ignored(plan)
    if not divisor or not hasattr(plan.kernels.evaluate, "compile"):  # Numba is switched off (NUMBA_DISABLE_JIT)
        return None
    return Shortest(plan, numbers, names[0] if names else None, divisor, scaling.scales(plan, divisor, 1.0, None)[0])
