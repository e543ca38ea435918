"""Many calls of a loss as one call over more items: whether that can be, and where its axes then lie.

The items get one more dimension, in front, for the calls. The rest is for an adapter to do, in its library's own arrays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .axes import FrozenAxis
from .layout import Geometry
from .measure import axis_dimensions
from .schema import Schema, Variant

Shape = tuple[int, ...]
COMMON = ("shared", "table")  # the layouts of arguments that are the same for all items


def layouts(variant: Variant) -> list[str]:
    """The layout of each argument, "broadcast" for all that broadcast, and at the end that of sample_weight."""
    return ["broadcast" if a.broadcast else a.layout for a in variant.arguments] + ["broadcast"]


class Lying(NamedTuple):
    """How an array lies over the items of one call.

    layout: as in `layouts`.  full: the shape that it broadcasts to.  predicted: whether it is a prediction.
    """

    layout: str
    full: Shape
    predicted: bool

    @property
    def common(self) -> bool:
        """Whether it must be the same for all calls."""
        return self.layout in COMMON

    @property
    def as_it_is(self) -> bool:
        """Whether one that all calls share needs no dimension for them."""
        return self.common or (self.layout == "broadcast" and not self.predicted)

    def behind(self, own: Shape) -> tuple[Shape, Shape]:
        """The dimensions that follow that of the calls, for one of this shape in each call, and what they are spread to."""
        if self.layout == "length" and own in ((), (1,)):  # one for all items of a call
            return (1,) * len(self.full), self.full
        if self.layout != "broadcast":
            return own, own
        if self.predicted and own and own == self.full[:-1]:  # one prediction for the items of the last dimension
            return (*own, 1), (*own, 1)
        padded = (*[1] * (len(self.full) - len(own)), *own)
        return padded, padded


def lying(variant: Variant, geometry: Geometry, place: int) -> Lying:
    """How the argument at a place of the signature lies, or sample_weight, or else what has one number for each item."""
    known = layouts(variant)
    layout = known[place] if place < len(known) else "item"
    if place >= len(variant.arguments):
        return Lying(layout, geometry.item_shape, False)
    placement = geometry.placements[place]
    full = placement.full if placement and placement.full else geometry.item_shape
    return Lying(layout, full, variant.arguments[place].name in variant.predictions)


def apart_by_call(variant: Variant, wanted: Iterable[int]) -> bool:
    """Whether the gradients of the arguments at these places, taken over all items, are those of each call."""
    if variant.numbered:  # an item's number in its own call is part of the formula
        return False
    known = layouts(variant)
    return not any(known[place] in (*COMMON, "broadcast") for place in wanted)


def shifted_axes(
    schema: Schema, variant: Variant, option: FrozenAxis, items: int, shapes: Sequence[Shape | None]
) -> dict[str, Shape] | None:
    """The dimensions of all axes, one further than in a single call of arguments with these shapes.

    None where no option can say so: an axis in different dimensions of two arguments, sequences one after another.
    `items` is the number of dimensions that the items of a call have.
    """
    found: dict[str, Shape] = {}
    for argument, shape in zip(variant.arguments, shapes, strict=True):
        if shape is None or argument.broadcast:
            continue
        if argument.layout == "sequence" and len(shape) != items + 1:
            return None
        for name, dimensions in axis_dimensions(schema, argument, option, shape).items():
            shifted = tuple(d + 1 for d in dimensions)
            if found.setdefault(name, shifted) != shifted:
                return None
    return found


def moving_in_denominator(variant: Variant) -> frozenset[str]:
    """The arguments that the mean's own denominator reads and that may have a gradient through it."""
    reads = variant.differentiable if variant.normalizer_reads is None else variant.normalizer_reads
    return frozenset(reads).intersection(variant.differentiable).difference(variant.predictions)
