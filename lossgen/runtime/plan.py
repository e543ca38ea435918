"""Plans: all that follows from the shapes, dtypes and flags of a call's arguments, worked out once and kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import ModuleType

import numpy as np

from .axes import FrozenAxis
from .division import Division
from .dtypes import arithmetic_dtype
from .layout import Geometry, check_numbered
from .measure import measure
from .schema import Schema, Variant
from .slots import Slot, tiled_slots, whole_slots
from .staging import Operand, Staged
from .variants import Choice, KernelModules, select
from .whole import Whole


@dataclass(frozen=True, slots=True)
class Plan:
    """The variant, its kernels and the division of the work for one combination of shapes, dtypes and array
    flags (contiguous, aligned, writable).

    Args:
        schema: the loss.
        variant: the variant that the dtypes and options choose.
        kernels: its module of kernels.
        real: the dtype of the arithmetic.
        geometry: item shape, axis sizes and placements.
        slots: one for each argument; None where it was not given.
        positions: where in the signature an argument stands.
        division: lanes, tiles and threads.
        each: what every item counts in the mean's denominator; None where the kernel `normalizer` has to say.
        reshapes: where every argument can be passed as it is, what to reshape it to (None: nothing); else None.
        as_is: True if nothing at all has to be done to pass them.
        whole: for a loss over lattices, what its arguments say about each other.
        quick: what `lossgen.runtime.plain` keeps for plain calls.
        notes: what an adapter keeps.
    """

    schema: Schema
    variant: Variant
    kernels: ModuleType
    real: np.dtype
    geometry: Geometry
    slots: tuple[Slot | None, ...]
    positions: dict[str, int]
    division: Division
    each: float | None
    reshapes: tuple[tuple[int, ...] | None, ...] | None
    as_is: bool
    whole: Whole | None = None
    quick: dict = field(default_factory=dict)
    notes: dict = field(default_factory=dict)

    def operands(
        self, arrays: Sequence[np.ndarray | None], numbers: Sequence[float | int] = (), idle: np.ndarray | None = None
    ) -> Sequence[Operand]:
        """The kernels' operands for arrays that this plan was made for.

        Args:
            arrays: the arguments.
            numbers: the parameters as the kernels take them.
            idle: for each item whether it is masked out; None if none is. What such items hold is not complained about.

        Raises:
            LossError: lengths, labels or numbers of classes that are out of range, in a loss over lattices.
        """
        if self.whole is not None:
            return self.whole.operands(self.slots, arrays, numbers, idle)
        if self.as_is:
            return arrays
        if self.reshapes is not None:
            pairs = zip(arrays, self.reshapes, strict=True)
            return [array if shape is None else array.reshape(shape) for array, shape in pairs]  # type: ignore[union-attr]
        item_shape = self.geometry.item_shape
        pairs_of = zip(self.slots, arrays, strict=True)
        return [None if slot is None else slot.operand(array, item_shape) for slot, array in pairs_of]  # type: ignore[arg-type]

    def sizes(self, operands: Sequence[Operand]) -> tuple[int, ...]:
        """The sizes of axes that the kernels take beside these operands."""
        return () if self.whole is None else self.whole.sizes(operands)

    def normaliser_operands(self, operands: Sequence[Operand]) -> Sequence[Operand]:
        """The operands for the kernel `normalizer`.

        Arguments that it does not read, but that would have to be staged, are replaced by zeros: their sizes are all that
        counts.
        """
        reads = self.variant.normalizer_reads
        if reads is None:
            return operands
        pairs = zip(operands, self.slots, strict=True)
        return [
            np.zeros(slot.placement.shape, slot.dtype)
            if isinstance(operand, Staged) and slot is not None and slot.argument.name not in reads
            else operand
            for operand, slot in pairs
        ]


def make_plan(
    schema: Schema, modules: KernelModules, arrays: Sequence[np.ndarray | None], option: FrozenAxis, choice: Choice = ()
) -> Plan:
    """Choose the variant, check dtypes and shapes, and prepare the call.

    Raises:
        LossError: arguments that are missing or do not fit the loss or each other.
    """
    variant = select(schema, arrays, choice)
    real = arithmetic_dtype(schema.name, variant, arrays)
    geometry = measure(schema, variant, arrays, option)
    if variant.numbered:
        check_numbered(schema.name, variant, geometry)
    whole = Whole(schema, variant, geometry) if variant.whole else None
    slots, division = (whole_slots if whole else tiled_slots)(schema.name, variant, geometry, arrays, real)
    reshapes = None if whole else _reshapes(slots, arrays, geometry.item_shape)
    return Plan(
        schema,
        variant,
        modules.load(variant, real),
        real,
        geometry,
        slots,
        {argument.name: position for position, argument in enumerate(variant.arguments)},
        division,
        each_counts(variant, arrays),
        reshapes,
        reshapes is not None and all(shape is None for shape in reshapes),
        whole,
    )


def each_counts(variant: Variant, arrays: Sequence[np.ndarray | None]) -> float | None:
    """What every item counts in the mean's denominator, if that follows from which arguments are given."""
    if not variant.normalized:
        return 1.0
    reads = variant.normalizer_reads
    pairs = zip(variant.arguments, arrays, strict=True)
    if reads is None or any(array is not None and argument.name in reads for argument, array in pairs):
        return None
    return variant.normalizer_default


def count_unless_ignored(plan: Plan) -> float | None:
    """What the items count together if none of them is ignored; None if that depends on what the arguments hold."""
    variant, slots = plan.variant, [slot for slot in plan.slots if slot is not None]
    each, reads = variant.normalizer_default, variant.normalizer_reads or ()
    weighing = any(slot.argument.name in reads and slot.argument.domain != "class-index" for slot in slots)
    # A whole number: the sum of the items' shares is then the very product.
    return None if each is None or weighing or not each.is_integer() else each * plan.division.items


def _reshapes(
    slots: Sequence[Slot | None], arrays: Sequence[np.ndarray | None], item_shape: tuple[int, ...]
) -> tuple[tuple[int, ...] | None, ...] | None:
    """The shapes for passing all arrays as they are; None if one of them needs more than that."""
    shapes: list[tuple[int, ...] | None] = []
    for slot, array in zip(slots, arrays, strict=True):
        if slot is None or array is None:
            shapes.append(None)
            continue
        view = slot.moved(array, item_shape)
        if view is not array or not slot.fits(view) or not view.flags.writeable:
            return None
        shapes.append(None if array.shape == slot.placement.shape else slot.placement.shape)
    return tuple(shapes)
