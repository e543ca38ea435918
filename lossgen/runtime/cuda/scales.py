"""The scales of a call on CUDA: what the items count, what the sum is divided by. Nothing of it is read by the host.

The formulas are those of `lossgen.runtime.scaling`, which also checks the options.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..dtypes import FLOAT64, INT64
from ..layout import Placement
from ..scaling import Scaling
from .driver import Array, Place
from .launching import blocks_for, run
from .layouts import Shape, Strided, laid, moved
from .plan import CudaPlan
from .views import BOOL, copied, scalar


@dataclass(frozen=True, slots=True)
class Divisor:
    """What the sum over items is divided by: a number that is known, or one on the device.

    Args:
        number: the known number.
        exact: the number on the device, float64; None if it is known.
        inverse: 1 over it in the kernels' arithmetic, 0 where it is 0.
    """

    number: float = 1.0
    exact: Array | None = None
    inverse: Array | None = None


@dataclass(frozen=True, slots=True)
class Upstream:
    """What derivatives are multiplied by: a number, one number on the device, or (`per_item`) one for each item there."""

    number: float = 1.0
    single: Array | None = None
    per_item: Array | None = None


def item_scale(
    plan: CudaPlan, place: Place, scaling: Scaling, upstream: Array | None, shares: Array | None = None
) -> Array | Strided | None:
    """One factor for each item, of the dtype that the kernels take; None where all are 1.

    shares: what each item is divided by beforehand, if anything.
    """
    if scaling.mask is None and scaling.sample_weight is None and upstream is None and shares is None:
        return None
    shape, items = plan.geometry.item_shape, plan.geometry.items
    mask, weight, factor = (
        None if x is None else laid(_spread(plan, place, x, BOOL if x is scaling.mask else x.dtype, plan.order))
        for x in (scaling.mask, scaling.sample_weight, upstream)
    )
    if mask is None and weight is None and shares is None and factor is not None and factor.dtype == plan.real:
        return factor
    found = place.memory.empty(shape, plan.real, plan.item_strides)
    if items:
        run(place, "weigh", (items, mask, weight, factor, shares, found), blocks_for(place.driver, items))
    return found


def counted_divisor(plan: CudaPlan, place: Place, scaling: Scaling) -> Divisor | None:
    """The divisor where it follows from the shapes and the mask; None if the kernel `normalizer` has to say."""
    if scaling.denominator is not None:
        return Divisor(scaling.denominator)
    shape, items, mask = plan.geometry.item_shape, plan.geometry.items, scaling.mask
    batch = shape[0] if shape else 1
    if scaling.reduction == "batchmean":
        return Divisor(float(batch)) if mask is None else _count(plan, place, mask, batch, 1.0)
    if scaling.reduction != "mean":
        return Divisor()
    if plan.each is None:
        return None
    return Divisor(plan.each * float(items)) if mask is None else _count(plan, place, mask, items, plan.each)


def given_divisor(plan: CudaPlan, place: Place, given: Array) -> Divisor:
    """A denominator that lies on the device."""
    exact, inverse = scalar(place), scalar(place, real_of(plan))
    run(place, "ratio", (1.0, given, None, exact))
    run(place, "ratio", (1.0, None, exact, inverse))
    return Divisor(1.0, exact, inverse)


def multiplier(plan: CudaPlan, place: Place, divisor: Divisor, upstream: Upstream) -> tuple[float, Array | None]:
    """The kernels' `scale` and its factor on the device, for upstream / D."""
    if divisor.exact is None:
        scale = upstream.number / divisor.number if divisor.number else 0.0
        single = upstream.single
        return scale, None if single is None else as_real(plan, place, single)
    if upstream.single is None:
        return upstream.number, divisor.inverse
    found = scalar(place, real_of(plan))
    run(place, "ratio", (upstream.number, upstream.single, divisor.exact, found))
    return 1.0, found


def as_real(plan: CudaPlan, place: Place, number: Array) -> Array:
    """A number on the device in the kernels' arithmetic."""
    if number.dtype == real_of(plan):
        return number
    found = scalar(place, real_of(plan))
    run(place, "ratio", (1.0, number, None, found))
    return found


def real_of(plan: CudaPlan) -> np.dtype:
    """The kernels' arithmetic, which may be wider than that of the values."""
    return np.dtype(plan.kernels.real)


def scratch(place: Place, real: np.dtype, blocks: int) -> tuple[Array, Array]:
    """Room for the blocks' sums and faults."""
    whole = place.memory.empty((3 * max(blocks, 1),), FLOAT64)
    totals = whole._replace(shape=(2 * blocks,), dtype=real)
    return totals, whole._replace(address=whole.address + 16 * max(blocks, 1), shape=(blocks,), dtype=INT64)


def _count(plan: CudaPlan, place: Place, mask: Array, entries: int, each: float) -> Divisor:
    """How many of the entries of a mask, or of its dimension 0, count, times `each`."""
    mask = _spread(plan, place, mask, BOOL, None)
    blocks = blocks_for(place.driver, entries)
    totals, faults = scratch(place, FLOAT64, blocks)
    exact, inverse = scalar(place), scalar(place, real_of(plan))
    if entries:
        size = plan.geometry.items // entries
        rows = laid(mask, len(mask.shape) if size == 1 else 1)
        run(place, "count", (entries, size, rows, totals, faults), blocks)
    reports = place.driver.reports.row(plan.schema, plan.variant)
    run(place, "settle", (blocks if entries else 0, totals, faults, 1 / each, None, 0.0, None, exact, inverse, reports))
    return Divisor(1.0, exact, inverse)


def _spread(plan: CudaPlan, place: Place, array: Array, dtype: np.dtype, order: Shape | None) -> Array:
    """One entry for each item, the dimensions of the items in this order."""
    shape = plan.geometry.item_shape
    if array.dtype != dtype:
        array = copied(place, array, dtype)
    return moved(array, Placement(order, (plan.geometry.items,), array.shape != shape), shape)
