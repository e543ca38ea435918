"""Plans of calls on CUDA: what follows from shapes, strides and dtypes, worked out once and kept."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from ..axes import AxisOption, FrozenAxis, freeze
from ..device import Size
from ..dtypes import INT64, arithmetic_dtype, is_real
from ..layout import Geometry, check_numbered
from ..loss import Loss, remember
from ..measure import measure
from ..plan import each_counts
from ..schema import Argument, Schema, Variant
from ..variants import Choice, select
from .bind import kinds
from .driver import Array

#: What kernels read as labels without a copy.
LABELS = frozenset(map(np.dtype, ("int32", "int64")))


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
    return plan


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
