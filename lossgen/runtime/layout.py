"""Shapes: how the dimensions of every argument split into items and axes, and whether the arguments agree."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .axes import FrozenAxis, dimensions_of
from .errors import LossError
from .hints import broadcasts, shape_hint
from .schema import Argument, Axis, Schema, Variant


@dataclass(frozen=True, slots=True)
class Placement:
    """How one argument is laid out for the kernels.

    Args:
        order: the permutation that moves the item dimensions first and the axis last; None where nothing moves.
        shape: the kernels' shape: (items,), (items, size) or (size,).
        broadcast: True if the array has to be broadcast first: to the item shape, or to `full`.
        lacks_last: True if the array has a last dimension of 1 added before that.
        full: for a row, the shape of the other rows over its axis, in which they are given.
    """

    order: tuple[int, ...] | None
    shape: tuple[int, ...]
    broadcast: bool = False
    lacks_last: bool = False
    full: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Geometry:
    """The shapes of one call: items, sizes of the axes, and the placement of every argument (None: not given)."""

    item_shape: tuple[int, ...]
    items: int
    sizes: dict[str, int]
    placements: tuple[Placement | None, ...]


class Measurement:
    """The item shape and the axes as found so far, with the argument that fixed each, for the messages."""

    def __init__(
        self, schema: Schema, variant: Variant, arrays: Sequence[np.ndarray | None], option: FrozenAxis
    ) -> None:
        self.loss = schema.name
        self.axes: dict[str, Axis] = {axis.name: axis for axis in schema.axes}
        self.given = [(a, x) for a, x in zip(variant.arguments, arrays, strict=True) if x is not None]
        self.arguments = variant.arguments
        self.predictions = variant.predictions
        self.label = variant.label
        usual = schema.variants[0].arguments
        self.deciding = {a.name for other in schema.variants[1:] for a in other.arguments if a not in usual}
        self.option = option
        self.item_shape: tuple[int, ...] | None = None
        self.lead = ""  # what fixed the item shape, in words
        self.axis_shapes: dict[str, tuple[tuple[int, ...], str]] = {}
        self.orders: dict[str, tuple[int, ...]] = {}

    def geometry(self) -> Geometry:
        """The geometry of arguments with one axis at most, every shape checked."""
        for argument, array in self.given:
            if argument.layout == "row" and not argument.broadcast:
                self._row(argument, array.shape)
        for argument, array in self.given:
            if argument.layout == "item":
                self._item(argument, array.shape)
        assert self.item_shape is not None, "a loss has at least one argument with items"
        items = math.prod(self.item_shape)
        sizes = {name: math.prod(shape) for name, (shape, _) in self.axis_shapes.items()}
        self._check_classes(items, sizes)
        placements = {argument.name: self._placement(argument, array, items, sizes) for argument, array in self.given}
        ordered = tuple(placements.get(argument.name) for argument in self.arguments)
        return Geometry(self.item_shape, items, sizes, ordered)

    def _row(self, argument: Argument, shape: tuple[int, ...]) -> None:
        axis = self.axes[argument.axis or ""]
        dimensions = dimensions_of(self.loss, axis, self.option, argument.name, shape)
        others = tuple(d for d in range(len(shape)) if d not in dimensions)
        self.orders[argument.name] = others + dimensions
        item_shape = tuple(shape[d] for d in others)
        axis_shape = tuple(shape[d] for d in dimensions)
        known, first = self.axis_shapes.setdefault(axis.name, (axis_shape, argument.name))
        if self.item_shape is None:
            self.item_shape = item_shape
            words = f"axis {dimensions[0]}" if len(dimensions) == 1 else f"axes {dimensions}"
            self.lead = f"{argument.name} has shape {shape} and its {axis.name!r} is {words}"
        if item_shape != self.item_shape or axis_shape != known:
            expected = self._like(first, argument.name)
            if first != argument.name:
                expected += shape_hint(argument.name, shape, self._shape_of(first), first)
            raise LossError(f"{self.loss}: {self._words(argument)} has shape {shape}, expected {expected}")

    def _like(self, first: str, name: str) -> str:
        if first == name:
            return f"items of shape {self.item_shape}, since {self.lead}"
        return f"{self._shape_of(first)}, the shape of {first}"

    def _shape_of(self, name: str) -> tuple[int, ...]:
        return next(array.shape for argument, array in self.given if argument.name == name)

    def _item(self, argument: Argument, shape: tuple[int, ...]) -> None:
        if self.item_shape is None:
            self.item_shape, self.lead = shape, f"the shape of {argument.name}"
        elif shape != self.item_shape:
            alike = self.lead.startswith("the shape of ")
            expected = f"{self.item_shape}, {self.lead if alike else f'since {self.lead}'}"
            expected += shape_hint(
                argument.name, shape, self.item_shape, self.lead.removeprefix("the shape of ") if alike else ""
            )
            raise LossError(f"{self.loss}: {self._words(argument)} has shape {shape}, expected {expected}")

    def _words(self, argument: Argument) -> str:
        """The argument's name, with the variant's label where its dtype has chosen the variant."""
        return f"{argument.name} ({self.label})" if argument.name in self.deciding else argument.name

    def _check_classes(self, items: int, sizes: dict[str, int]) -> None:
        for name, size in sizes.items():
            if items and not size and self.axes[name].place == "class":
                first = self.axis_shapes[name][1]
                shape = self._shape_of(first)
                raise LossError(f"{self.loss}: {first} has shape {shape}, expected at least one class on axis {name!r}")

    def _placement(self, argument: Argument, array: np.ndarray, items: int, sizes: dict[str, int]) -> Placement:
        shape = array.shape
        if argument.layout == "row" and argument.broadcast:
            return self._broadcast_row(argument, shape, items, sizes)
        if argument.layout == "row":
            order = self.orders[argument.name]
            moved = None if order == tuple(range(len(shape))) else order
            return Placement(moved, (items, sizes[argument.axis or ""]))
        if argument.layout == "shared":
            size = sizes[argument.axis or ""]
            if shape != (size,):
                first = self.axis_shapes[argument.axis or ""][1]
                raise LossError(
                    f"{self.loss}: {argument.name} has shape {shape}, expected ({size},), one entry for each entry of"
                    f" axis {argument.axis!r} of {first} of shape {self._shape_of(first)}"
                )
            return Placement(None, shape)
        if argument.layout == "broadcast" and argument.name in self.predictions:
            return self._broadcast_prediction(argument, shape, items)
        if argument.layout == "broadcast":
            check_broadcast(self.loss, argument.name, shape, self.item_shape or ())
        return Placement(None, (items,), shape != self.item_shape)

    def _broadcast_row(
        self, argument: Argument, shape: tuple[int, ...], items: int, sizes: dict[str, int]
    ) -> Placement:
        """Anything that broadcasts to the shape of the rows over its axis, as these are given."""
        axis = argument.axis or ""
        first = self.axis_shapes[axis][1]
        full, order = self._shape_of(first), self.orders[first]
        if not broadcasts(shape, full):
            expected = f"a shape that broadcasts to {full}, the shape of {first}"
            raise LossError(f"{self.loss}: {argument.name} has shape {shape}, expected {expected}")
        moved = None if order == tuple(range(len(full))) else order
        return Placement(moved, (items, sizes[axis]), shape != full, False, full)

    def _broadcast_prediction(self, argument: Argument, shape: tuple[int, ...], items: int) -> Placement:
        """One number for several items: the items' shape with ones in it, or without its last dimension (as in PyTorch)."""
        item_shape = self.item_shape or ()
        if shape and shape == item_shape[:-1]:
            return Placement(None, (items,), True, True)
        fits = len(shape) == len(item_shape) and all(n in (1, m) for n, m in zip(shape, item_shape, strict=True))
        if shape and not fits:
            raise LossError(
                f"{self.loss}: {argument.name} has shape {shape}, expected {item_shape}, the same with ones in it,"
                f" or {item_shape[:-1]}"
            )
        return Placement(None, (items,), shape != item_shape)


def check_numbered(loss: str, variant: Variant, geometry: Geometry) -> None:
    """Raise LossError unless the items have numbers, and the axes that each reads at its own number are long enough."""
    if len(geometry.item_shape) > 1:
        words = "expected one dimension of items, which the formula numbers"
        raise LossError(f"{loss}: the items have shape {geometry.item_shape}, {words}")
    for axis in variant.diagonal:
        if geometry.sizes[axis] < geometry.items:
            raise LossError(
                f"{loss}: axis {axis!r} has {geometry.sizes[axis]} entries, expected at least {geometry.items}, one for each item"
            )


def check_broadcast(loss: str, name: str, shape: tuple[int, ...], item_shape: tuple[int, ...]) -> None:
    """Raise LossError unless an array of this shape broadcasts to the items."""
    if not broadcasts(shape, item_shape):
        raise LossError(f"{loss}: {name} has shape {shape}, expected a shape that broadcasts to the items {item_shape}")
