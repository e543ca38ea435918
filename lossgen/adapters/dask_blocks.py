"""How the arguments of a loss lie over the blocks of its items, as `dask.array.blockwise` is told it.

Each dimension has a label: "item 0", "item 1", … those of the items, and others those of axes, whose
blocks are put together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lossgen.runtime import Argument, LossError, Schema, Variant
from lossgen.runtime.axes import AxisOption, freeze
from lossgen.runtime.dtypes import arithmetic_dtype
from lossgen.runtime.layout import Placement
from lossgen.runtime.measure import measure
from lossgen.runtime.plan import each_counts
from lossgen.runtime.variants import Choice, select

from .dask_library import array as da

Labels = tuple[str, ...]


class Blocks:
    """The arguments of one call: Dask arrays, the labels of their dimensions, and what follows from shapes and dtypes.

    Args:
        schema: the loss.
        choice: the options.
        arguments: arrays in the order of the signature; None where not given.
        axis: dimensions in place of the axes' default ones.

    Raises:
        LossError: a loss whose items depend on each other or on their number; unknown sizes; what the loss itself raises
            for these shapes and dtypes.
    """

    def __init__(self, schema: Schema, choice: Choice, arguments: Sequence[Any], axis: AxisOption) -> None:
        self.name = schema.name
        arrays = [None if x is None else as_dask(self.name, x) for x in arguments]
        self.variant = self._check(schema, select(schema, [_empty(x) for x in arrays], choice))
        stands_for = [_empty(x) for x in arrays]
        self.real = arithmetic_dtype(self.name, self.variant, stands_for)
        geometry = measure(schema, self.variant, stands_for, freeze(schema, axis))
        self.item_shape, self.each = geometry.item_shape, each_counts(self.variant, stands_for)
        if not self.item_shape:
            raise LossError(f"{self.name}: there is a single item, expected several, in one or more dimensions")
        self.labels: list[Labels] = []
        self.arrays: list[Any] = []
        for argument, array, placement in zip(self.variant.arguments, arrays, geometry.placements, strict=True):
            labels, laid = ((), None) if array is None else self._lay(argument, array, placement)
            self.labels.append(labels)
            self.arrays.append(laid)

    @property
    def items(self) -> tuple[int, ...]:
        """The labels of the items' dimensions."""
        return tuple(f"item {n}" for n in range(len(self.item_shape)))

    def over_items(self, given: Any) -> Any:
        """An array that broadcasts to the items, in their shape."""
        return da.broadcast_to(as_dask(self.name, given), self.item_shape)

    def _check(self, schema: Schema, variant: Variant) -> Variant:
        if variant.whole or variant.numbered:
            words = "its items are lattices" if variant.whole else "its items depend on each other"
            raise LossError(f"{self.name}: {words}, expected a loss of items that are computed block by block")
        return variant

    def _lay(self, argument: Argument, array: Any, placement: Placement | None) -> tuple[Labels, Any]:
        """The labels of an argument, and the argument in the shape that they are for."""
        assert placement is not None
        if argument.layout == "shared":
            return (f"{argument.name} of all",), array
        if argument.layout != "row":
            spread = argument.layout == "broadcast" and argument.name not in self.variant.predictions
            if not spread and array.shape != self.item_shape:
                words = f"{argument.name} has shape {array.shape}, expected {self.item_shape}, one number for each item"
                raise LossError(f"{self.name}: {words}")
            return self.items, da.broadcast_to(array, self.item_shape)
        if argument.broadcast:
            array = da.broadcast_to(array, placement.full)
        order = placement.order or tuple(range(array.ndim))
        labels = dict(zip(order, [*self.items, *(f"{argument.axis} {n}" for n in range(array.ndim))], strict=False))
        return tuple(labels[dimension] for dimension in range(array.ndim)), array


def as_dask(loss: str, given: Any) -> Any:
    """A Dask array; anything else becomes one of a single block. Raises LossError where its sizes are not known."""
    array = given if isinstance(given, da.Array) else da.from_array(np.asarray(given), chunks=-1)
    if any(np.isnan(size) for size in array.shape):
        raise LossError(
            f"{loss}: an array has a shape that is not known, {array.shape}; call its compute_chunk_sizes()"
        )
    return array


def _empty(array: Any) -> np.ndarray | None:
    """What has the shape and dtype of an array, and takes no memory."""
    return None if array is None else np.broadcast_to(np.zeros((), array.dtype), array.shape)
