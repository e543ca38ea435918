"""Losses on Dask arrays: value and gradient block by block, with the denominator of the whole."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from lossgen.runtime import Call, Loss, LossError, SeparableLoss
from lossgen.runtime.axes import AxisOption
from lossgen.runtime.domains import check_parameters
from lossgen.runtime.errors import choose

from .dask_blocks import Blocks, as_dask
from .dask_library import array as da
from .dask_tasks import Tasks

Array = da.Array
__all__ = ["Array", "BlockwiseLoss", "apply"]


class BlockwiseLoss:
    """A loss on Dask arrays. Subclasses spell out the signatures.

    Args:
        loss: the loss over NumPy arrays.
    """

    def __init__(self, loss: Loss | SeparableLoss) -> None:
        self._loss = loss

    def __repr__(self) -> str:
        return f"<loss {self._loss.schema.name} on Dask arrays>"

    def _value(self, *call: Any) -> Array:
        return apply(self._loss, False, *call)[0]

    def _value_and_grad(self, *call: Any) -> tuple[Array, Array | tuple[Array, ...]]:
        value, gradients = apply(self._loss, True, *call)
        found = tuple(gradients[name] for name in self._loss.schema.variants[0].predictions)
        return value, found[0] if len(found) == 1 else found


def apply(
    loss: Loss | SeparableLoss,
    sloped: bool,
    arguments: Sequence[Any],
    parameters: tuple,
    reduction: str,
    axis: AxisOption,
    sample_weight: Any,
    mask: Any,
    denominator: Any,
    empty: float,
) -> tuple[Array, dict[str, Array]]:
    """The loss and its gradient for the predictions, as Dask arrays of which nothing is computed yet.

    Each block of items is one task, which computes both in a single pass. Where the denominator of the mean depends on what
    targets and weights hold, a first pass over these (not over the predictions) adds it up.

    Args:
        loss: the loss over NumPy arrays.
        sloped: whether gradients are wanted.
        arguments: Dask arrays, or what `np.asarray` understands, in the order of the signature; None where not given.
        parameters: the parameters in the order of the signature.
        reduction, axis, sample_weight, mask, denominator, empty: as for NumPy arrays; arrays may be Dask's.

    Returns:
        The value, 0-dimensional or of the item shape, and the gradients by the predictions' names, in the items' blocks.

    Raises:
        LossError: as for NumPy arrays, as far as it follows from shapes and dtypes; a loss of lattices, or whose items
            depend on each other. What arrays hold is complained about when it is computed.
    """
    if reduction not in loss.schema.reductions:
        raise choose(loss.schema.name, "reduction", reduction, loss.schema.reductions)
    if isinstance(loss, SeparableLoss):
        shares = loss.shares(arguments, axis, sample_weight, mask, denominator)
        found = [apply(part, sloped, own, parameters, reduction, *rest, empty) for part, own, rest in shares]
        slopes = {name: slope for _, slopes in found for name, slope in slopes.items()}
        return loss.total([value for value, _ in found], reduction), slopes
    blocks = Blocks(loss.schema, check_parameters(loss.schema, parameters).choice, arguments, axis)
    weight = None if sample_weight is None else blocks.over_items(sample_weight)
    mask = None if mask is None else as_dask(blocks.name, mask)
    if mask is not None and (mask.dtype != np.bool_ or mask.shape != blocks.item_shape):
        words = f"mask has dtype {mask.dtype} and shape {mask.shape}, expected bool and {blocks.item_shape}"
        raise LossError(f"{blocks.name}: {words}")
    call = partial(_bind, loss, parameters, axis, "none" if reduction == "none" else _additive(loss))
    tasks = Tasks(blocks, call, weight, mask)
    divisor = _divisor(tasks, reduction, mask) if denominator is None else denominator
    wanted = blocks.variant.predictions if sloped else ()
    found, chunks = tasks.evaluate(divisor, wanted), tasks.chunks()
    gradients = {name: tasks.gradient(found, name, chunks) for name in wanted}
    if reduction == "none":
        return tasks.values(found, chunks), gradients
    total = tasks.total(found)
    return (total if divisor is None else da.where(da.asarray(divisor) == 0, total.dtype.type(empty), total)), gradients


def _additive(loss: Loss) -> str:
    """A reduction that adds up the items, given a denominator."""
    return "sum" if "sum" in loss.schema.reductions else "mean"


def _bind(
    loss: Loss, parameters: tuple, axis: AxisOption, reduction: str, arrays: list, weight: Any, mask: Any, divisor: Any
) -> Call:
    return loss.bind(arrays, parameters, reduction, axis, weight, mask, divisor)


def _divisor(tasks: Tasks, reduction: str, mask: Array | None) -> float | Array | None:
    """What the sum over all items is divided by; None if by nothing."""
    blocks = tasks.blocks
    rows = blocks.item_shape[0]
    if reduction == "batchmean":
        return float(rows) if mask is None else mask.reshape(rows, -1).any(axis=1).sum()
    if reduction != "mean":
        return None
    if blocks.each is None:
        return tasks.whole_normaliser()
    return blocks.each * (float(math.prod(blocks.item_shape)) if mask is None else mask.sum())
