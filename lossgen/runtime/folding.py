"""Many calls of a loss as one call over more items: whether that can be, and where its axes then lie.

The items get one more dimension, in front, for the calls. The rest is for an adapter to do, in its library's own arrays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .axes import FrozenAxis
from .measure import axis_dimensions
from .schema import Schema, Variant

Shape = tuple[int, ...]
COMMON = ("shared", "table")  # the layouts of arguments that are the same for all items


def layouts(variant: Variant) -> list[str]:
    """The layout of each argument, "broadcast" for all that broadcast, and at the end that of sample_weight."""
    return ["broadcast" if a.broadcast else a.layout for a in variant.arguments] + ["broadcast"]


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
