"""The tasks of a loss on Dask arrays: what is done with one block of items, and how results become arrays."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from lossgen.runtime import Call

from .dask_blocks import Blocks
from .dask_library import array as da

Array = da.Array
#: A loss with all but its arrays, sample weights, mask and denominator.
Bind = Callable[..., Call]


class Tasks:
    """The computations on the blocks of one call.

    Args:
        blocks: the arguments.
        bind: makes a call of a block's arrays, sample weights, mask and denominator.
        weight, mask: of the items' shape, or None.
    """

    def __init__(self, blocks: Blocks, bind: Bind, weight: Array | None, mask: Array | None) -> None:
        self.blocks, self.bind = blocks, bind
        self.extras = [None if x is None else (x, blocks.items) for x in (weight, mask)]

    def whole_normaliser(self) -> Array:
        """What the items count together in the denominator of the mean. Predictions that it does not read are not computed."""
        variant = self.blocks.variant
        reads = variant.normalizer_reads
        unread = [n for n in variant.predictions if reads is not None and n not in reads]
        pairs = [
            (_nothing_like(array) if argument.name in unread else array, labels)
            for argument, array, labels in zip(variant.arguments, self.blocks.arrays, self.blocks.labels, strict=True)
        ]
        return self._blockwise(_normaliser, pairs, [None, self.extras[1], None], dtype=np.float64).sum()

    def evaluate(self, divisor: Array | float | None, wanted: tuple[str, ...]) -> Array:
        """For each block of items, as an object: the value and the gradients for the predictions that are wanted."""
        divisor = None if divisor is None else (da.asarray(divisor), ())
        pairs = list(zip(self.blocks.arrays, self.blocks.labels, strict=True))
        return self._blockwise(partial(_evaluate, wanted), pairs, [*self.extras, divisor], dtype=object)

    def total(self, found: Array) -> Array:
        """The sum of the blocks' values."""
        return found.map_blocks(_number, dtype=np.float64).sum().astype(self.blocks.real)

    def values(self, found: Array, chunks: tuple[tuple[int, ...], ...]) -> Array:
        """The values of all items, by blocks of these sizes."""
        return found.map_blocks(partial(_part, 0), chunks=chunks, dtype=self.blocks.real)

    def gradient(self, found: Array, name: str, chunks: tuple[tuple[int, ...], ...]) -> Array:
        """The gradient for a prediction, by blocks of these sizes over the items."""
        names = [argument.name for argument in self.blocks.variant.arguments]
        array, labels = ((xs[names.index(name)]) for xs in (self.blocks.arrays, self.blocks.labels))
        sizes = dict(zip(labels, array.shape, strict=True))
        return da.blockwise(
            *(partial(_part, 1 + self.blocks.variant.predictions.index(name)), labels, found, self.blocks.items),
            new_axes={label: size for label, size in sizes.items() if label not in self.blocks.items},
            adjust_chunks=dict(zip(self.blocks.items, chunks, strict=True)),
            dtype=array.dtype,
            meta=np.empty((0,) * len(labels), array.dtype),
        )

    def chunks(self) -> tuple[tuple[int, ...], ...]:
        """The sizes of the blocks of items, on which all arguments are brought."""
        pairs = [*zip(self.blocks.arrays, self.blocks.labels, strict=True), *filter(None, self.extras)]
        sizes, _ = da.core.unify_chunks(*[part for pair in pairs if pair[0] is not None for part in pair])
        return tuple(sizes[label] for label in self.blocks.items)

    def _blockwise(self, function: Callable, pairs: list, extras: list, dtype: Any) -> Array:
        """A function of the blocks' arrays, with None in the place of those that are not given; one entry for each block."""
        given = [pair for pair in [*((p if p[0] is not None else None) for p in pairs), *extras]]
        items = self.blocks.items
        return da.blockwise(
            *(partial(function, self.bind, tuple(pair is not None for pair in given)), items),
            *(part for pair in given if pair is not None for part in pair),
            adjust_chunks=dict.fromkeys(items, _one),
            concatenate=True,
            dtype=dtype,
            meta=np.empty((0,) * len(items), dtype),
        )


def _one(size: int) -> int:
    return 1


def _nothing_like(array: Array) -> Array:
    """Zeros that take no memory, in the blocks of an array."""
    return da.broadcast_to(da.zeros((), dtype=array.dtype), array.shape, chunks=array.chunks)


def _placed(present: tuple[bool, ...], given: tuple) -> list:
    """What is given, each in its place."""
    rest = iter(given)
    return [next(rest) if there else None for there in present]


def _normaliser(bind: Bind, present: tuple[bool, ...], *given: np.ndarray) -> np.ndarray:
    *arrays, _, mask, _ = _placed(present, given)
    counts = bind(arrays, None, mask, None).normalisers()
    return np.full((1,) * counts.ndim, counts.sum(dtype=np.float64))


def _evaluate(wanted: tuple[str, ...], bind: Bind, present: tuple[bool, ...], *given: np.ndarray) -> np.ndarray:
    *arrays, weight, mask, divisor = _placed(present, given)
    nothing = divisor is not None and divisor == 0
    call = bind(arrays, weight, mask, None if divisor is None or nothing else float(divisor))
    value, gradients = call.evaluate(wanted)
    if nothing:
        value, gradients = np.zeros_like(value), tuple(np.zeros_like(gradient) for gradient in gradients)
    found = np.empty((1,) * len(call.plan.geometry.item_shape), object)
    found[(0,) * found.ndim] = (value, *gradients)
    return found


def _number(found: np.ndarray) -> np.ndarray:
    return np.full(found.shape, found.item()[0], np.float64)


def _part(place: int, found: np.ndarray) -> np.ndarray:
    return found.item()[place]
