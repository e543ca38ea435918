"""Losses on arrays of a CUDA device that are not tensors: CuPy's, and any with `__cuda_array_interface__` or DLPack.

Results are CuPy arrays where the first argument is one, else `Owned` arrays, which have both protocols themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..axes import freeze
from ..elsewhere import lies_on_cuda
from ..errors import LossError
from ..loss import Loss, remember
from . import moving
from .call import Call
from .driver import Array
from .lattices import SMALL, common
from .lent import Reader, place_of
from .prepare import bind
from .replay import Given, recorded

#: What a function computes of a call, and of arrays that are directions.
Compute = Callable[[Call, Sequence[Array]], Sequence[Array]]


def value(loss: Loss, *given: Any) -> Any:
    """The value; arguments as for `Loss._value`."""
    return _calculated(loss, "value", lambda call, _: (call.value(),), (), *given)[0]


def value_and_grad(loss: Loss, arguments: Sequence[object], parameters: tuple, wrt: Any, *options: Any) -> tuple:
    """Value and gradients; arguments as for `Loss._value_and_grad`."""

    def compute(call: Call, _: Sequence[Array]) -> Sequence[Array]:
        names = call.plan.variant.predictions if wrt is None else (wrt,) if isinstance(wrt, str) else tuple(wrt)
        found, gradients = moving.evaluate(call, names)
        return found, *gradients

    value, *slopes = _calculated(loss, ("gradients", wrt), compute, (), arguments, parameters, *options)
    single = isinstance(wrt, str) or (wrt is None and len(slopes) == 1)
    return value, slopes[0] if single else tuple(slopes)


def hvp(loss: Loss, arguments: Sequence[object], parameters: tuple, directions: object, *options: Any) -> Any:
    """The product of the Hessian over the predictions with a direction; arguments as for `Loss._hvp`."""
    given = directions if isinstance(directions, tuple) else (directions,)

    def compute(call: Call, ways: Sequence[Array]) -> Sequence[Array]:
        names = call.plan.variant.predictions
        if len(ways) != len(names):
            expected = f"{len(names)} arrays, one for each of {', '.join(names)}"
            raise LossError(f"{loss.name}: direction has {len(ways)} arrays, expected {expected}")
        return call.products(dict(zip(names, ways, strict=True)), names)[1]

    return _one_or_all(_calculated(loss, "hvp", compute, given, arguments, parameters, *options))


def hessian_diagonal(loss: Loss, *given: Any) -> Any:
    """The diagonal of the Hessian for the predictions; arguments as for `Loss._hessian_diagonal`."""
    return _one_or_all(_calculated(loss, "diagonal", lambda call, _: call.hessian_diagonal(), (), *given))


def _one_or_all(found: tuple) -> Any:
    return found[0] if len(found) == 1 else found


def _calculated(
    loss: Loss,
    what: object,
    compute: Compute,
    directions: Sequence[object],
    arguments: Sequence[object],
    parameters: tuple,
    reduction: str,
    *options: Any,
) -> tuple:
    """What `compute` has of a call, as arrays of their library; options: axis, sample_weight, mask, denominator, empty.

    The kernels of a call of a known kind are started again, see `lossgen.runtime.cuda.replay`.
    """
    axis, weight, mask, denominator, empty = options
    place = place_of(loss.name, arguments[0])
    reader = Reader(loss.name, place)
    own = [_argument(loss, reader, position, given) for position, given in enumerate(arguments)]
    extra = [None if x is None else reader.array(n, x) for n, x in (("sample_weight", weight), ("mask", mask))]
    number = reader.array("denominator", denominator) if lies_on_cuda(denominator) else denominator
    ways = [reader.array(f"direction {n}" if n else "direction", x) for n, x in enumerate(directions)]
    # A number may be another one in each call, and what a call starts depends on it.
    on_device = number if isinstance(number, Array) else None
    arrays = [*own, *extra, on_device, *ways]
    option = None if axis is None else freeze(loss.schema, axis)
    options = what, parameters, reduction, option, empty
    kind = _kind(options, place.driver, arrays) if number is on_device else None
    given = [x.address if isinstance(x, Array) else x for x in arrays]
    known = None if kind is None else loss.recipes.get(kind)
    found = None if known is None else known.again(place, given)
    if found is None:
        call = bind(loss, own, parameters, reduction, axis, *extra, number, empty, place)
        found = _first(loss, call, kind, given, lambda call: compute(call, ways))
    return tuple([array.owner for array in found])


def _first(
    loss: Loss, call: Call, kind: tuple | None, given: Given, compute: Callable[[Call], Sequence[Array]]
) -> Sequence[Array]:
    """The same by the long way, which is written down for the calls to come."""
    if kind is None:
        found = compute(call)
    else:
        found, known = recorded(call, given, compute)
        if known is not None:
            remember(loss.recipes, kind, known)
    call.wait_if_told()
    return found


def _kind(options: tuple, driver: object, arrays: Sequence[Array | np.ndarray | None]) -> tuple | None:
    """All that what a call starts depends on; None for options that cannot be compared."""
    parts = [options, driver]
    for array in arrays:
        if isinstance(array, Array):
            parts += (array.shape, array.strides, array.dtype, array.address % 16)
        else:
            parts += (None,) if array is None else (array.shape, array.dtype, common(array))
    try:
        hash(kind := tuple(parts))
        return kind
    except TypeError:
        return None


def _argument(loss: Loss, reader: Reader, position: int, given: object) -> Array | np.ndarray | None:
    """An argument as an array of the device; lengths and labels may be whatever NumPy makes an array of."""
    if given is None:
        return None
    if loss.schema.variants[0].arguments[position].layout in SMALL and not lies_on_cuda(given):
        return loss._array(given, position)
    return reader.array(loss.argument_names[position], given)
