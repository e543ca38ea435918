"""Plans of calls on CUDA: what follows from shapes, strides and dtypes, worked out once and kept."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import ModuleType

import numpy as np

from ..axes import AxisOption, FrozenAxis, freeze
from ..device import Size
from ..dtypes import INT64, arithmetic_dtype, is_real
from ..layout import Geometry, Placement, check_numbered
from ..loss import Loss, remember
from ..measure import measure
from ..plan import each_counts
from ..schema import Argument, Schema, Variant
from ..variants import Choice, select
from .bind import kinds
from .driver import Array
from .layouts import Shape, Strided, dense_strides, laid, moved, order_by

#: What kernels read as labels without a copy: what every int64 can be compared with.
LABELS = frozenset(map(np.dtype, ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32")))


@dataclass(frozen=True, slots=True)
class CudaPlan:
    """The variant and its kernels for one combination of shapes, strides and dtypes.

    Args:
        schema: the loss.
        variant: the variant that the dtypes and options choose.
        kernels: its module of CUDA kernels.
        real: the dtype of the arithmetic as the CPU has it: of values, and of gradients for what holds integers.
        geometry: item shape, axis sizes and placements.
        positions: where in the signature an argument stands.
        each: what every item counts in the mean's denominator; None where the kernel `normalizer` has to say.
        sizes: of the axes that the kernels take; of a loss over lattices they may depend on what lengths hold, see
            `lossgen.runtime.cuda.lattices`.
        widest: the entries of the longest row.
        faulty: whether arguments can hold something outside their domain.
        order: that in which the dimensions of the items are counted; None for C order. Placements have it in theirs.
    """

    schema: Schema
    variant: Variant
    kernels: ModuleType
    real: np.dtype
    geometry: Geometry
    positions: dict[str, int]
    each: float | None
    sizes: tuple[int, ...]
    widest: int
    faulty: bool
    order: Shape | None = None

    @property
    def item_strides(self) -> Shape:
        """The strides of an array of one number for each item, in the order in which kernels count them."""
        return dense_strides(self.geometry.item_shape, self.order)

    def operand(self, position: int, array: Array) -> Array | Strided:
        """An array laid out as the argument at a position, as kernels take it."""
        placement, item_shape = self.geometry.placements[position], self.geometry.item_shape
        assert placement is not None
        rows = self.variant.arguments[position].layout == "row"
        return laid(moved(array, placement, item_shape), len(item_shape) if rows else None)

    def dtype_for(self, argument: Argument, own: np.dtype) -> np.dtype:
        """The dtype in which the kernels are given an argument: its own where they read that."""
        if argument.integer:
            return own if own in LABELS and not argument.listed else INT64
        return own if is_real(own) else self.real


def plan_for(loss: Loss, arrays: Sequence[Array | None], choice: Choice, axis: AxisOption) -> CudaPlan:
    """The plan of a loss for arrays of these shapes and dtypes.

    Raises:
        LossError: as on the CPU.
    """
    option = None if axis is None else freeze(loss.schema, axis)
    key = ("cuda", option, choice, *[None if x is None else (x.shape, x.dtype) for x in arrays])
    plan = loss.on_devices.get(key)
    if plan is None:
        plan = _plan(loss, arrays, choice, option)
        remember(loss.on_devices, key, plan)
    order = item_order(plan.variant, plan.geometry, arrays)
    return plan if order is None else _ordered(loss, (key, order), plan, arrays, order)


def item_order(variant: Variant, geometry: Geometry, arrays: Sequence[Array | None]) -> Shape | None:
    """The order in which to count the dimensions of items: as the first argument that has them all lies in memory."""
    lead = len(geometry.item_shape)
    if variant.whole or lead < 2:
        return None
    for argument, placement, array in zip(variant.arguments, geometry.placements, arrays, strict=True):
        if array is not None and placement is not None and argument.layout != "shared" and not placement.broadcast:
            view = moved(array, placement, geometry.item_shape)
            return order_by(view.strides[:lead], geometry.item_shape)
    return None


def _ordered(loss: Loss, key: tuple, plan: CudaPlan, arrays: Sequence[Array | None], order: Shape) -> CudaPlan:
    """The plan with another order of the items."""
    found = loss.on_devices.get(key)
    if found is None:
        given = zip(plan.variant.arguments, plan.geometry.placements, arrays, strict=True)
        turned = tuple([p if p is None or a.layout == "shared" else _turned(p, x, order) for a, p, x in given])
        found = replace(plan, geometry=replace(plan.geometry, placements=turned), order=order)
        remember(loss.on_devices, key, found)
    return found


def _turned(placement: Placement, array: Array, order: Shape) -> Placement:
    """The placement of an argument with another order of the items."""
    count = len(placement.full or order) if placement.broadcast else len(array.shape)
    own = placement.order or tuple(range(count))
    return replace(placement, order=(*[own[d] for d in order], *own[len(order) :]))


def _plan(loss: Loss, arrays: Sequence[Array | None], choice: Choice, option: FrozenAxis | None) -> CudaPlan:
    schema = loss.schema
    variant = select(schema, arrays, choice)
    real = arithmetic_dtype(schema.name, variant, arrays)
    geometry = measure(schema, variant, arrays, option)
    if variant.numbered:
        check_numbered(schema.name, variant, geometry)
    kernels = importlib.import_module(f"..cuda.{variant.module}_{real.name}", loss.package)
    named = [] if variant.whole else [n for n, kind in kinds(kernels.evaluate).items() if kind is Size and n != "items"]
    checked = [a for a in variant.arguments if a.integer or a.domain != "real"]
    return CudaPlan(
        schema,
        variant,
        kernels,
        real,
        geometry,
        {argument.name: position for position, argument in enumerate(variant.arguments)},
        each_counts(variant, arrays),
        tuple(geometry.sizes[name.removeprefix("n_")] for name in named),
        max(geometry.sizes.values(), default=1),
        bool(checked),
    )
