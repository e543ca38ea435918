"""Losses on arrays of a CUDA device that are not tensors: CuPy's, and any with `__cuda_array_interface__` or DLPack.

Results are CuPy arrays where the first argument is one, else `Owned` arrays, which have both protocols themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..elsewhere import lies_on_cuda
from ..errors import LossError
from ..loss import Loss
from . import moving
from .call import Call
from .driver import Array
from .lattices import SMALL
from .lent import Reader, place_of
from .prepare import bind


def prepared(loss: Loss, arguments: Sequence[object], parameters: tuple, reduction: str, *options: Any) -> Call:
    """A prepared call; options: axis, sample_weight, mask, denominator, empty."""
    axis, weight, mask, denominator, empty = options
    place = place_of(loss.name, arguments[0])
    reader = Reader(loss.name, place)
    own = [_argument(loss, reader, position, given) for position, given in enumerate(arguments)]
    extra = [None if x is None else reader.array(n, x) for n, x in (("sample_weight", weight), ("mask", mask))]
    number = reader.array("denominator", denominator) if lies_on_cuda(denominator) else denominator
    return bind(loss, own, parameters, reduction, axis, *extra, number, empty, place)


def _argument(loss: Loss, reader: Reader, position: int, given: object) -> Array | np.ndarray | None:
    """An argument as an array of the device; lengths and labels may be whatever NumPy makes an array of."""
    if given is None:
        return None
    if loss.schema.variants[0].arguments[position].layout in SMALL and not lies_on_cuda(given):
        return loss._array(given, position)
    return reader.array(loss.argument_names[position], given)


def value(loss: Loss, *given: Any) -> Any:
    """The value; arguments as for `Loss._value`."""
    call = prepared(loss, *given)
    return _done(call, (call.value(),))[0]


def value_and_grad(loss: Loss, arguments: Sequence[object], parameters: tuple, wrt: Any, *options: Any) -> tuple:
    """Value and gradients; arguments as for `Loss._value_and_grad`."""
    call = prepared(loss, arguments, parameters, *options)
    names = call.plan.variant.predictions if wrt is None else (wrt,) if isinstance(wrt, str) else tuple(wrt)
    found, gradients = moving.evaluate(call, names)
    value, *slopes = _done(call, (found, *gradients))
    single = isinstance(wrt, str) or (wrt is None and len(names) == 1)
    return value, slopes[0] if single else tuple(slopes)


def hvp(loss: Loss, arguments: Sequence[object], parameters: tuple, directions: object, *options: Any) -> Any:
    """The product of the Hessian over the predictions with a direction; arguments as for `Loss._hvp`."""
    call = prepared(loss, arguments, parameters, *options)
    names = call.plan.variant.predictions
    given = directions if isinstance(directions, tuple) else (directions,)
    if len(given) != len(names):
        expected = f"{len(names)} arrays, one for each of {', '.join(names)}"
        raise LossError(f"{loss.name}: direction has {len(given)} arrays, expected {expected}")
    reader = Reader(loss.name, call.place)
    ways = {n: reader.array(f"the direction for {n}", d) for n, d in zip(names, given, strict=True)}
    return _one_or_all(_done(call, call.products(ways, names)[1]))


def hessian_diagonal(loss: Loss, *given: Any) -> Any:
    """The diagonal of the Hessian for the predictions; arguments as for `Loss._hessian_diagonal`."""
    call = prepared(loss, *given)
    return _one_or_all(_done(call, call.hessian_diagonal()))


def _one_or_all(found: tuple) -> Any:
    return found[0] if len(found) == 1 else found


def _done(call: Call, found: Sequence[Array]) -> tuple:
    """The results, as arrays of their library."""
    call.wait_if_told()
    return tuple(array.owner for array in found)
