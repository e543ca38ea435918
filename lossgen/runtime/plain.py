"""Plain calls, which have no weights and nothing to convert: which they are, and what evaluates them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from .dtypes import gradient_dtype
from .plan import Plan
from .quick import Quick, Results
from .quick_whole import QuickWhole, takes_whole
from .scaling import Scaling


def quick_evaluate(
    plan: Plan,
    arrays: Sequence[np.ndarray | None],
    parameters: tuple[float | int, ...],
    scaling: Scaling,
    names: tuple[str, ...],
    upstream: float,
) -> Results | None:
    """Value and gradients for `names` if this is a plain call, else None. Unknown names are left to the engine."""
    quick = find_quick(plan, arrays, scaling, names)
    return quick.run(arrays, parameters, upstream) if quick else None


def find_quick(
    plan: Plan, arrays: Sequence[np.ndarray | None], scaling: Scaling, names: tuple[str, ...]
) -> Quick | QuickWhole | Literal[False] | None:
    """What evaluates calls of this plan with gradients for `names`, if they are plain calls."""
    if not scaling.plain:
        return None
    key = (names, scaling.reduction)
    quick = plan.quick.get(key)
    if quick is None:
        quick = plan.quick[key] = _make(plan, arrays, scaling, names)
    return quick


def _make(
    plan: Plan, arrays: Sequence[np.ndarray | None], scaling: Scaling, names: tuple[str, ...]
) -> Quick | QuickWhole | Literal[False]:
    """What evaluates such calls; False if there are no items, or gradients that the kernel cannot write in place."""
    if plan.division.items == 0 or plan.variant.numbered or not all(_in_place(plan, arrays, name) for name in names):
        return False
    if plan.whole is None:
        return Quick(plan, names, scaling) if plan.reshapes is not None else False
    return QuickWhole(plan, names, scaling) if takes_whole(plan, scaling, names) else False


def _in_place(plan: Plan, arrays: Sequence[np.ndarray | None], name: str) -> bool:
    """True if the kernel can write this gradient where it is to be, in the dtype that it has."""
    array = arrays[plan.positions[name]] if name in plan.variant.differentiable else None
    slot = plan.slots[plan.positions[name]] if array is not None else None
    if array is None or slot is None or slot.argument.layout == "shared":
        return False
    return gradient_dtype(array.dtype, plan.real) == plan.real
