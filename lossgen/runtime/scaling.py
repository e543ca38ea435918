"""The one place that turns reduction, sample weights, mask, denominator, normaliser and upstream gradient into scales.

    value    = sum_i s_i * l_i / D        (`none`: the array s_i * l_i)
    gradient = sum_i u_i * s_i * dl_i / D

with s_i the sample weight (1 without) where the mask holds (everywhere without), and 0 elsewhere; u the upstream
gradient; D = 1 for `sum` and `none`, and for `mean` the sum of the normalisers of the items where the mask holds, or
the number of those items for a loss without a normaliser. For `batchmean` D is the size of dimension 0 of the items, less
those of its entries that are masked out altogether (1 for a single item without dimensions). Sample weights do not enter
D; a given `denominator` is D. For the mean of a loss with a divisor of its own for each item, s_i is divided by that.

The kernels know two numbers only: `item_scale` multiplies an item's value and derivatives, `scale` its derivatives.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .dtypes import check_dtype
from .errors import LossError, LossTypeError, choose
from .layout import check_broadcast
from .plan import Plan
from .schema import Reduction

REDUCTIONS: tuple[Reduction, ...] = ("none", "mean", "batchmean", "sum")


@dataclass(frozen=True, slots=True)
class Scaling:
    """The reduction of one call and all that weighs its items; `plain` where that is nothing."""

    reduction: Reduction
    sample_weight: np.ndarray | None = None
    mask: np.ndarray | None = None
    denominator: float | None = None
    shares: bool = False  # items are divided by their own divisors, as for the mean, whatever the reduction
    plain: bool = field(init=False)

    def __post_init__(self) -> None:
        weights = self.sample_weight, self.mask, self.denominator
        object.__setattr__(self, "plain", not self.shares and all(weight is None for weight in weights))

    def one_by_one(self, divided: bool) -> Scaling:
        """The same weights for a value of each item, which is divided by its own divisor if `divided`."""
        return replace(self, reduction="none", shares=divided)

    def scales(
        self,
        plan: Plan,
        divisor: float,
        upstream: float,
        per_item: np.ndarray | None,
        shares: np.ndarray | None = None,
    ) -> tuple[float, np.ndarray | None]:
        """The kernels' `scale` and `item_scale` for D and an upstream gradient: a number times one number per item.

        Where D is 0 every derivative is exactly 0. `shares` is what each item is divided by beforehand, if anything.
        """
        if divisor == 0:
            return 0.0, np.zeros(plan.geometry.items, plan.real)
        if shares is not None:
            weights = self._item_scale(plan, per_item)
            if weights is None:
                return upstream / divisor, plan.real.type(1) / shares
            return upstream / divisor, np.divide(weights, shares, out=np.zeros_like(weights), where=weights != 0)
        return upstream / divisor, None if self.plain and per_item is None else self._item_scale(plan, per_item)

    def _item_scale(self, plan: Plan, upstream: np.ndarray | None) -> np.ndarray | None:
        """s_i * u_i for all items, in the dtype of the arithmetic; None where all are 1. Exactly 0 where masked out."""
        shape = plan.geometry.item_shape
        factors = [x for x in (self.sample_weight, upstream) if x is not None]
        if not factors and self.mask is None:
            return None
        if not factors:
            return np.ascontiguousarray(self.mask, plan.real).reshape(-1)
        if len(factors) == 1:
            found = np.broadcast_to(factors[0], shape).astype(plan.real, order="C", copy=False)
        else:
            found = np.multiply(*factors, dtype=plan.real, casting="unsafe")
        if self.mask is not None:
            found = np.where(self.mask, found, plan.real.type(0))
        found = np.ascontiguousarray(found).reshape(-1)
        return found if found.flags.writeable else found.copy()

    def idle(self) -> np.ndarray | None:
        """For each item whether it is masked out; None if none is."""
        return None if self.mask is None or self.mask.all() else ~self.mask.reshape(-1)

    def divisor(self, plan: Plan, normaliser: Callable[[np.ndarray | None], float]) -> float:
        """D. `normaliser(item_scale)` sums the loss's own normaliser over the items; asked only where it is needed."""
        if self.denominator is not None:
            return self.denominator
        if self.reduction == "batchmean":
            return self._batch(plan.geometry.item_shape)
        if self.reduction != "mean":
            return 1.0
        if plan.each is None:
            return normaliser(None if self.mask is None else self.mask.astype(plan.real, order="C").reshape(-1))
        return plan.each * float(plan.geometry.items if self.mask is None else np.count_nonzero(self.mask))

    def _batch(self, item_shape: tuple[int, ...]) -> float:
        """The number of entries of dimension 0 that count."""
        size = item_shape[0] if item_shape else 1
        if self.mask is None:
            return float(size)
        return float(np.count_nonzero(self.mask.reshape(size, math.prod(item_shape[1:])).any(axis=1)))

    def reduce(self, plan: Plan, total: float, divisor: float, empty: float) -> np.floating:
        """The reduced value from the sum over all items, rounded once; `empty` for the mean of nothing."""
        return plan.real.type(empty if divisor == 0 else total / divisor)

    def check_upstream(self, plan: Plan, upstream: np.ndarray) -> np.ndarray:
        """The upstream gradient, if it has the value's shape and is real; else LossError."""
        loss, shape = plan.schema.name, plan.geometry.item_shape
        expected = shape if self.reduction == "none" else ()
        if upstream.shape != expected:
            raise LossError(f"{loss}: the upstream gradient has shape {upstream.shape}, expected {expected}")
        check_dtype(loss, "the upstream gradient", upstream.dtype)
        return upstream


PLAIN = {reduction: Scaling(reduction) for reduction in REDUCTIONS}
"""The scalings without weights, mask or denominator."""


def make_scaling(
    plan: Plan,
    reduction: str,
    sample_weight: object,
    mask: object,
    denominator: object,
    as_array: Callable[[object], Any] = np.asarray,
) -> Scaling:
    """Check the reduction options of a call. `as_array` makes an array of what is given as one.

    Raises:
        LossError: an unknown reduction, shapes that do not fit the items, a denominator that is not a positive number;
            LossTypeError: a mask that is not boolean, sample weights that are not real.
    """
    plain = PLAIN.get(reduction) if isinstance(reduction, str) else None
    if plain is None or reduction not in plan.schema.reductions:
        raise choose(plan.schema.name, "reduction", reduction, plan.schema.reductions)
    if sample_weight is None and mask is None and denominator is None:
        return plain
    loss = plan.schema.name
    item_shape = plan.geometry.item_shape
    return Scaling(
        plain.reduction,
        None if sample_weight is None else _sample_weight(loss, as_array(sample_weight), item_shape),
        None if mask is None else _mask(loss, as_array(mask), item_shape),
        None if denominator is None else _denominator(loss, plain.reduction, denominator),
    )


def _sample_weight(loss: str, weight: np.ndarray, item_shape: tuple[int, ...]) -> np.ndarray:
    check_dtype(loss, "sample_weight", weight.dtype)
    check_broadcast(loss, "sample_weight", weight.shape, item_shape)
    return weight


def _mask(loss: str, mask: np.ndarray, item_shape: tuple[int, ...]) -> np.ndarray:
    if mask.dtype != np.bool_:
        raise LossTypeError(f"{loss}: mask has dtype {mask.dtype}, expected bool")
    if mask.shape != item_shape:
        raise LossError(f"{loss}: mask has shape {mask.shape}, expected {item_shape}, the shape of the items")
    return mask


def _denominator(loss: str, reduction: str, given: object) -> float:
    if reduction == "none":
        raise LossError(f"{loss}: denominator is {given!r}, expected None with reduction='none'")
    if isinstance(given, np.ndarray) and given.ndim == 0:
        given = given.item()
    if isinstance(given, (bool, np.bool_)) or not isinstance(given, (int, float, np.integer, np.floating)):
        raise LossTypeError(f"{loss}: denominator is {given!r}, expected a positive number")
    number = float(given)
    if not 0 < number < math.inf:
        raise LossError(f"{loss}: denominator is {given!r}, expected a positive number")
    return number
