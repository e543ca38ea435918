"""How arrays lie in memory, and how kernels are told: nothing is copied because of its strides.

Items are counted in the order in which the first of the arguments has them in memory, so that arguments which all lie in
the same way, such as images with their channels last, are one long run of numbers to the kernels. What lies otherwise comes
with its strides, and results lie as the arguments that they belong to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..layout import Placement
from .driver import Array, contiguous_strides, is_contiguous

Shape = tuple[int, ...]


class Strided(NamedTuple):
    """An array as kernels take it whose entries do not follow each other in the order in which they are counted.

    Args:
        address: where its first entry lies.
        dtype: of its entries.
        parts: for an item's number, and for rows also for the position within one, the sizes and strides of the
            dimensions that it is split into.
        owner: what keeps the memory.
    """

    address: int
    dtype: np.dtype
    parts: tuple[tuple[Shape, Shape], ...]
    owner: Any = None

    @property
    def ranks(self) -> Shape:
        """How many dimensions each of the parts has."""
        return tuple([len(strides) for _, strides in self.parts])

    @property
    def numbers(self) -> list[int]:
        """What kernels are given besides the address: strides, and how to divide by the sizes of inner dimensions."""
        found: list[int] = []
        for sizes, strides in self.parts:
            found += strides
            for size in sizes[1:]:
                found += (size, *reciprocal(size))
        return found


def reciprocal(size: int) -> tuple[int, int]:
    """(m, s) such that n // size is (m·n / 2^64 + n) >> s in whole numbers, for n in 0 ... 2^63 − 1; m as a signed number.

    The smallest s with 2^s >= size, and m = 2^64 (2^s − size) / size + 1 (Granlund and Montgomery 1994, figure 4.1).
    """
    shift = (size - 1).bit_length()
    factor = (((1 << shift) - size) << 64) // size + 1
    return factor - (1 << 64) if factor >> 63 else factor, shift


def moved(array: Array, placement: Placement, item_shape: Shape) -> Array:
    """The array with the item dimensions first and the axis last, broadcast as its placement says; nothing is copied."""
    shape, strides = array.shape, array.strides
    if placement.broadcast:
        if placement.lacks_last:
            shape, strides = (*shape, 1), (*strides, 0)
        full = placement.full or item_shape
        lead = len(full) - len(shape)
        strides = (0,) * lead + tuple(0 if n == 1 else s for n, s in zip(shape, strides, strict=True))
        shape = full
    if placement.order is not None:
        shape, strides = tuple(shape[d] for d in placement.order), tuple(strides[d] for d in placement.order)
    return array._replace(shape=shape, strides=strides)


def merged(shape: Sequence[int], strides: Sequence[int]) -> tuple[Shape, Shape]:
    """The same entries in the same order by as few dimensions as possible."""
    sizes, steps = [], []
    for size, stride in zip(shape, strides, strict=True):
        if size == 1:
            continue
        if sizes and steps[-1] == size * stride:
            sizes[-1], steps[-1] = sizes[-1] * size, stride
        else:
            sizes.append(size)
            steps.append(stride)
    return tuple(sizes), tuple(steps)


def laid(view: Array, lead: int | None = None) -> Array | Strided:
    """A view as kernels take it: its first `lead` dimensions count items, the others a row's entries; None: no rows."""
    if is_contiguous(view.shape, view.strides):
        return view
    cuts = [slice(None)] if lead is None else [slice(lead), slice(lead, None)]
    found = [merged(view.shape[cut], view.strides[cut]) for cut in cuts]
    parts = tuple([(sizes, strides) if sizes else ((1,), (0,)) for sizes, strides in found])
    return Strided(view.address, view.dtype, parts, view.owner)


def has_rows_across(operand: object) -> bool:
    """Whether neighbouring items of an array of rows lie closer together than neighbouring entries of a row."""
    if not isinstance(operand, Strided) or len(operand.parts) < 2:
        return False
    (_, items), (_, entries) = operand.parts
    return 0 < abs(items[-1]) < abs(entries[-1])


def order_by(strides: Sequence[int], shape: Sequence[int]) -> Shape | None:
    """The dimensions from the largest stride to the smallest one; None where they have this order, or none."""
    real = [d for d, size in enumerate(shape) if size > 1]
    inward = sorted(real, key=lambda d: -abs(strides[d]))
    if inward == real or not all(strides[d] for d in real):
        return None
    places = dict(zip(real, inward, strict=True))
    return tuple([places.get(d, d) for d in range(len(shape))])


def back(order: Shape) -> Shape:
    """The order that undoes another one."""
    return tuple([order.index(d) for d in range(len(order))])


def dense_strides(shape: Shape, order: Shape | None) -> Shape:
    """The strides of an array without gaps whose dimensions lie in memory in this order."""
    if order is None:
        return contiguous_strides(shape)
    inner = contiguous_strides(tuple([shape[d] for d in order]))
    return tuple([inner[d] for d in back(order)])


def strides_like(array: Array) -> Shape:
    """Those of a new array that lies as another one, without its gaps, as PyTorch's preserve_format has it."""
    found = dense_strides(array.shape, order_by(array.strides, array.shape))
    own = [stride for stride, size in zip(array.strides, array.shape, strict=True) if size > 1]
    kept = [stride for stride, size in zip(found, array.shape, strict=True) if size > 1]
    return array.strides if own == kept and array.size else found
