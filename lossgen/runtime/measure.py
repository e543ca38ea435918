"""The geometry of a call: that of rows, and that of arguments with several axes, of sequences and of lengths."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .axes import FrozenAxis, dimensions_of, entry_dimensions
from .errors import LossError
from .layout import Geometry, Measurement, Placement
from .schema import Argument, Schema, Variant

Shape = tuple[int, ...]


def measure(schema: Schema, variant: Variant, arrays: Sequence[np.ndarray | None], option: FrozenAxis) -> Geometry:
    """Check the shapes of all arguments against each other and find their geometry.

    Raises:
        LossError: shapes that do not agree, or an `axis` that does not fit.
    """
    kind = WholeMeasurement if variant.whole else Measurement
    return kind(schema, variant, arrays, option).geometry()


def axis_dimensions(schema: Schema, argument: Argument, option: FrozenAxis, shape: Shape) -> dict[str, Shape]:
    """The dimensions of each axis in an argument with items that has this shape.

    Raises:
        LossError: an `axis` that does not fit.
    """
    axes = {axis.name: axis for axis in schema.axes}
    if argument.layout == "grid":
        own = [axes[name] for name in argument.axes]
        found = entry_dimensions(schema.name, own, option, argument.name, shape)
        return {name: (dimension,) for name, dimension in zip(argument.axes, found, strict=True)}
    if argument.layout in ("row", "sequence"):
        name = argument.axis or ""
        return {name: dimensions_of(schema.name, axes[name], option, argument.name, shape)}
    return {}


class WholeMeasurement(Measurement):
    """Grids and rows say what the items and the sizes of the axes are; sequences, tables and lengths have to agree.

    The size of an axis that only sequences one after another have is left open: it is the largest of their lengths.
    """

    def geometry(self) -> Geometry:
        """The geometry, every shape checked."""
        placements: dict[str, Placement] = {}
        for argument, array in self._of("grid"):
            placements[argument.name] = self._grid(argument, array.shape)
        for argument, array in self._of("row"):
            if not argument.broadcast:
                self._row(argument, array.shape)
        for argument, array in self._of("item"):
            self._item(argument, array.shape)
        for argument, array in self._of("table"):
            placements[argument.name] = self._table(argument, array.shape)
        for argument, array in self._of("sequence"):
            placements[argument.name] = self._sequence(argument, array.shape)
        for argument, array in self._of("length"):
            placements[argument.name] = self._length(argument, array)
        self._relate()
        assert self.item_shape is not None, "a loss has at least one argument with items"
        items = math.prod(self.item_shape)
        sizes = {name: math.prod(shape) for name, (shape, _) in self.axis_shapes.items()}
        self._check_entries(items, sizes)
        for argument, array in self._of("row", "item", "shared", "broadcast"):
            placements[argument.name] = self._placement(argument, array, items, sizes)
        return Geometry(self.item_shape, items, sizes, tuple(placements.get(a.name) for a in self.arguments))

    def _of(self, *layouts: str) -> list[tuple[Argument, np.ndarray]]:
        return [(argument, array) for argument, array in self.given if argument.layout in layouts]

    def _grid(self, argument: Argument, shape: Shape) -> Placement:
        axes = [self.axes[name] for name in argument.axes]
        return self._entries(argument, shape, entry_dimensions(self.loss, axes, self.option, argument.name, shape))

    def _table(self, argument: Argument, shape: Shape) -> Placement:
        if len(shape) != len(argument.axes):
            words = f"{len(argument.axes)} dimensions, for axes {_words(argument.axes)}"
            raise LossError(f"{self._given(argument, shape)}, expected {words}")
        for name, size in zip(argument.axes, shape, strict=True):
            self._fix(argument, shape, name, size)
        return Placement(None, shape)

    def _sequence(self, argument: Argument, shape: Shape) -> Placement:
        if self.item_shape is None:
            self.item_shape = self._items_of_sequences(argument, shape)
        item_shape = self.item_shape
        if len(shape) == 1 and item_shape:
            self._check_joined(argument, shape)
            return Placement(None, shape)
        if not item_shape and len(shape) == 2 and shape[0] == 1:  # the one item in a batch of its own
            self._fix(argument, shape, argument.axis or "", shape[1])
            return Placement(None, shape)
        if len(shape) != len(item_shape) + 1:
            expected = f"items of shape {item_shape} and axis {argument.axis!r}" if item_shape else "one dimension"
            joined = ", or one dimension: all sequences one after another" if item_shape else ""
            raise LossError(f"{self._given(argument, shape)}, expected {expected}{joined}")
        dimensions = dimensions_of(self.loss, self.axes[argument.axis or ""], self.option, argument.name, shape)
        return self._entries(argument, shape, dimensions)

    def _items_of_sequences(self, argument: Argument, shape: Shape) -> Shape:
        """The items where no argument but sequences has any: as many as lengths, or as there are sequences."""
        lengths = [(a, x) for a, x in self._of("length") if a.axis == argument.axis and x.dtype.kind != "b" and x.ndim]
        if len(shape) == 1 and lengths:
            length, array = lengths[0]
            self.lead = f"{length.name} has shape {array.shape}"
            return tuple(array.shape)
        if not shape:
            raise LossError(f"{self._given(argument, shape)}, expected items and axis {argument.axis!r}")
        dimensions = dimensions_of(self.loss, self.axes[argument.axis or ""], self.option, argument.name, shape)
        self.lead = f"{argument.name} has shape {shape} and its {argument.axis!r} at axis {dimensions[0]}"
        return tuple(size for d, size in enumerate(shape) if d not in dimensions)

    def _length(self, argument: Argument, array: np.ndarray) -> Placement:
        shape, item_shape = tuple(array.shape), self.item_shape or ()
        items = math.prod(item_shape)
        if shape == item_shape:
            return Placement(None, (items,))
        if array.dtype.kind == "b" and len(shape) == len(item_shape) + 1:
            dimensions = dimensions_of(self.loss, self.axes[argument.axis or ""], self.option, argument.name, shape)
            return self._entries(argument, shape, dimensions)
        if shape not in ((), (1,)):
            expected = f"{item_shape}, one length for each item, or one number, or a mask of booleans"
            raise LossError(f"{self._given(argument, shape)}, expected {expected}")
        return Placement(None, (items,), broadcast=True)

    def _entries(self, argument: Argument, shape: Shape, dimensions: Shape) -> Placement:
        """The placement of an argument with items, of which these dimensions are its axes; they fix or fit all others."""
        names = argument.axes or (argument.axis or "",)
        order = tuple(d for d in range(len(shape)) if d not in dimensions) + dimensions
        item_shape = tuple(shape[d] for d in order[: len(shape) - len(names)])
        if self.item_shape is None:
            self.item_shape = item_shape
            axes = "axis" if len(names) == 1 else "axes"
            self.lead = (
                f"{argument.name} has shape {shape} and its {_words(names)} at {axes} {', '.join(map(str, dimensions))}"
            )
        elif item_shape != self.item_shape:
            raise LossError(
                f"{self._given(argument, shape)}, expected items of shape {self.item_shape}, since {self.lead}"
            )
        for name, dimension in zip(names, dimensions, strict=True):
            self._fix(argument, shape, name, shape[dimension])
        kernel = (math.prod(item_shape), *(shape[d] for d in dimensions))
        return Placement(None if order == tuple(range(len(shape))) else order, kernel)

    def _fix(self, argument: Argument, shape: Shape, axis: str, size: int) -> None:
        """Say that an axis has this size, or find that it has another."""
        found, first = self.axis_shapes.setdefault(axis, ((size,), argument.name))
        known = math.prod(found)
        if known != size:
            expected = f"{known}, as {first} of shape {self._shape_of(first)} has"
            raise LossError(
                f"{self._given(argument, shape)}, with {size} entries on axis {axis!r}, expected {expected}"
            )

    def _relate(self) -> None:
        """Axes that are longer than others by a number."""
        for name, ((size,), first) in list(self.axis_shapes.items()):
            base, longer = self.axes[name].base, self.axes[name].longer
            if not base:
                continue
            (known,), other = self.axis_shapes.setdefault(base, ((size - longer,), first))
            given = f"{self.loss}: {first} has shape {self._shape_of(first)}, with {size} entries on axis {name!r}"
            if known < 0:
                raise LossError(f"{given}, expected at least {longer}")
            if known + longer != size:
                than = f"{longer} more than on axis {base!r} of {other} of shape {self._shape_of(other)}"
                raise LossError(f"{given}, expected {known + longer}, {than}")

    def _check_joined(self, argument: Argument, shape: Shape) -> None:
        """Sequences one after another need the argument that says where each ends."""
        lengths = [a.name for a in self.arguments if a.layout == "length" and a.axis == argument.axis]
        if not any(a.name in lengths for a, _ in self.given):
            also = f", or all sequences one after another and {lengths[0]}" if lengths else ""
            expected = f"items of shape {self.item_shape} and axis {argument.axis!r}{also}"
            raise LossError(f"{self._given(argument, shape)}, expected {expected}")

    def _check_entries(self, items: int, sizes: dict[str, int]) -> None:
        """Classes to point to: without any there is no label."""
        for argument, _ in self.given:
            if argument.points_to and items and not sizes[argument.points_to]:
                first = self.axis_shapes[argument.points_to][1]
                where = f"expected at least one entry on axis {argument.points_to!r}"
                raise LossError(f"{self.loss}: {first} has shape {self._shape_of(first)}, {where}")

    def _given(self, argument: Argument, shape: Shape) -> str:
        return f"{self.loss}: {argument.name} has shape {tuple(shape)}"


def _words(axes: Sequence[str]) -> str:
    return " and ".join(map(repr, axes))
