"""Losses over several batches on JAX arrays: the loss of each batch by itself, and JAX's own sum of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lossgen.runtime import SeparableLoss
from lossgen.runtime.axes import AxisOption

from . import jax as single
from .jax import Array, ArrayLike

__all__ = ["apply"]


def apply(
    loss: SeparableLoss,
    arguments: Sequence[ArrayLike | None],
    parameters: tuple,
    reduction: str,
    axis: AxisOption = None,
    sample_weight: Mapping[str, ArrayLike] | None = None,
    mask: Mapping[str, ArrayLike] | None = None,
    denominator: float | Mapping[str, float] | None = None,
    empty: float = float("nan"),
) -> Array:
    """The loss of arrays, differentiable twice for every argument that the loss is differentiable in.

    Args and errors as for `lossgen.adapters.jax.apply`, with sample_weight and mask by batch, and denominator one number for
    all batches or numbers by batch. For reduction "none" the items of all batches must have one shape.
    """
    shares = loss.shares(arguments, axis, sample_weight, mask, denominator)
    values = [single.apply(part, own, parameters, reduction, *options, empty) for part, own, options in shares]
    return loss.total(values, reduction)
