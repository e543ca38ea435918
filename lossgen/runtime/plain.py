"""Plain calls, which have no weights and nothing to convert: which they are, and what evaluates them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from .dtypes import gradient_dtype
from .plan import Plan
from .quick import Quick, Results
from .quick_whole import QuickWhole
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
    """What evaluates such calls; False if there are no items, or gradients that are to be rounded."""
    if plan.division.items == 0 or plan.variant.numbered or not all(_is_direct(plan, arrays, name) for name in names):
        return False
    if plan.whole is not None:
        known = plan.each is not None or scaling.reduction != "mean"
        return QuickWhole(plan, names, scaling) if known else False
    layouts = {argument.name: argument.layout for argument in plan.variant.arguments}
    summed = any(layouts[name] == "shared" for name in names)
    return Quick(plan, names, scaling) if plan.reshapes is not None and not summed else False


def _is_direct(plan: Plan, arrays: Sequence[np.ndarray | None], name: str) -> bool:
    """True if there is such a gradient, and it has the dtype of the arithmetic."""
    array = arrays[plan.positions[name]] if name in plan.variant.differentiable else None
    return array is not None and gradient_dtype(array.dtype, plan.real) == plan.real
