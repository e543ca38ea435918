"""Losses on JAX arrays: what the generated functions for JAX are made of.

A call is a foreign function of XLA that runs the compiled kernels on XLA's own memory; JAX can compile, differentiate (twice),
batch and shard it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from lossgen.runtime import Loss, LossTypeError
from lossgen.runtime.axes import AxisOption, freeze

from .jax_library import jax
from .jax_rules import evaluate
from .jax_task import EXTRA, Task, form

jnp = jax.numpy
Array = jax.Array
ArrayLike = jax.typing.ArrayLike
__all__ = ["Array", "ArrayLike", "apply"]


def apply(
    loss: Loss,
    arguments: Sequence[ArrayLike | None],
    parameters: tuple,
    reduction: str,
    axis: AxisOption = None,
    sample_weight: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    denominator: float | Array | None = None,
    empty: float = float("nan"),
) -> Array:
    """The loss of arrays, differentiable twice for every argument that the loss is differentiable in.

    Args:
        loss: the loss over NumPy arrays.
        arguments: arrays in the order of the signature; None where not given.
        parameters: the parameters in the order of the signature, Python's numbers: constants of a compiled function.
        reduction: "none", "mean", "batchmean" or "sum", if the loss has it.
        axis: dimensions in place of the axes' default ones.
        sample_weight: a constant factor for each item, broadcast to the items.
        mask: booleans of the item shape; items where it is False contribute exactly 0.
        denominator: a positive number (a constant of a compiled function) or a 0-d array that `mean` divides by in place of
            its own; `sum` is divided by it too.
        empty: the `mean` of no items.

    Returns:
        An array without dimensions, or for reduction "none" one of the item shape, of the dtype to which JAX promotes the
        real arguments. Half precision is computed in float32 and rounded at the end. Gradients have the dtypes of their
        arguments.

    Raises:
        LossError: one line that names the loss, the argument, what was given and what is expected (LossTypeError, a TypeError
            as well, for what is not an array). Entries outside an argument's domain are found when the program runs:
            JAX raises its own error then, with that line.
    """
    _check_settings(loss, parameters, empty)
    given = [None if x is None else _array(loss, n, x) for n, x in zip(loss.argument_names, arguments, strict=True)]
    number = denominator if isinstance(denominator, (int, float, np.number)) else None
    extra = (sample_weight, mask, None if number is not None else denominator)
    given += [None if x is None else _array(loss, n, x) for n, x in zip(EXTRA, extra, strict=True)]
    common = _common_dtype(given[: len(loss.argument_names)])
    arrays = [None if x is None else _widened(x, common, place in loss.predictions) for place, x in enumerate(given)]
    places = tuple([place for place, x in enumerate(arrays) if x is not None])
    task = Task(
        *(loss.location, places, parameters, reduction, None if axis is None else freeze(loss.schema, axis)),
        *(None if math.isnan(empty) else float(empty), number),
    )
    present = _alike([x for x in arrays if x is not None])
    form(task, tuple([(x.shape, x.dtype) for x in present]))  # errors of shapes and dtypes, before JAX's own
    return evaluate(task, *present)[0].astype(common)


def _check_settings(loss: Loss, parameters: tuple, empty: float) -> None:
    """Parameters are constants: they choose and compile what runs."""
    names = [parameter.name for parameter in loss.schema.parameters]
    for name, value in (*zip(names, parameters, strict=True), ("empty", empty)):
        if isinstance(value, Array):
            words = "expected a Python number, which is a constant of a compiled function"
            raise LossTypeError(f"{loss.name}: {name} is a jax.Array, {words}")


def _array(loss: Loss, name: str, given: ArrayLike) -> Array:
    try:
        return jnp.asarray(given)
    except (TypeError, ValueError):
        words = f"{name} is a {type(given).__name__}, expected a jax.Array, or what jax.numpy.asarray understands"
        raise LossTypeError(f"{loss.name}: {words}") from None


def _common_dtype(arrays: Sequence[Array | None]) -> np.dtype:
    """What JAX promotes the real arrays to; its default where there are none."""
    real = [x for x in arrays if x is not None and jnp.issubdtype(x.dtype, jnp.floating)]
    return jnp.result_type(*real) if real else jnp.result_type(float)


def _widened(array: Array, common: np.dtype, predicted: bool) -> Array:
    """An array as it is computed with: predictions in the dtype of the arithmetic, no half precision."""
    real = jnp.issubdtype(array.dtype, jnp.floating)
    if predicted and (real or jnp.issubdtype(array.dtype, jnp.integer)):
        return array.astype(jnp.promote_types(common, jnp.float32))
    return array.astype(jnp.float32) if array.dtype in (jnp.float16, jnp.bfloat16) else array


def _alike(arrays: Sequence[Array]) -> list[Array]:
    """The arrays, varying over the same manual axes of a mesh, as a primitive's operands have to."""
    axes = [_varying(x) for x in arrays]
    every = frozenset().union(*axes)
    pairs = zip(arrays, axes, strict=True)
    return [jax.lax.pcast(x, tuple(sorted(every - own)), to="varying") if own != every else x for x, own in pairs]


def _varying(array: Array) -> frozenset:
    return jax.typeof(array).manual_axis_type.varying
