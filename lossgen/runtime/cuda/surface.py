"""Losses on arrays of a CUDA device that are not tensors: CuPy's, and any with `__cuda_array_interface__`.

Results are CuPy arrays where the first argument is one, else `Owned` arrays, which have the interface themselves. Calls
run on the stream that the first argument's interface names (CuPy: its current one), and wait there for the others'.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..axes import AxisOption
from ..errors import LossError, LossTypeError
from ..loss import INTERFACE, Loss
from . import check_installed, devices, moving
from .call import Call
from .driver import Array, Place, contiguous_strides
from .lattices import SMALL
from .prepare import bind


class Owned:
    """An array on a device, with memory of its own; other libraries read it by `__cuda_array_interface__`."""

    def __init__(self, driver: Any, stream: int, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.shape, self.dtype = shape, dtype
        self._stream = stream
        size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        self._address = driver.allocate(size, stream)
        weakref.finalize(self, driver.free, self._address, stream)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {
            "shape": self.shape,
            "typestr": self.dtype.str,
            "data": (self._address, False),
            "strides": None,
            "stream": self._stream or 1,  # 0 is not allowed there: 1 is the default stream
            "version": 3,
        }


class OwnedMemory:
    """Memory of a device, for who brings none."""

    def __init__(self, driver: Any, stream: int) -> None:
        self._driver, self._stream = driver, stream

    def empty(self, shape: tuple[int, ...], dtype: np.dtype) -> Array:
        """A new contiguous array."""
        found = Owned(self._driver, self._stream, shape, dtype)
        return Array(found._address, shape, contiguous_strides(shape), dtype, found)


class CupyMemory:
    """CuPy's memory on one device."""

    def __init__(self, cupy: Any, number: int) -> None:
        self._cupy, self._number = cupy, number

    def empty(self, shape: tuple[int, ...], dtype: np.dtype) -> Array:
        """A new contiguous array."""
        with self._cupy.cuda.Device(self._number):
            found = self._cupy.empty(shape, dtype)
        return Array(found.data.ptr, shape, contiguous_strides(shape), dtype, found)


def array_of(loss: str, name: str, given: object) -> tuple[Array, int]:
    """An argument as an array, and the stream that its entries are written on.

    Raises:
        LossTypeError: it is not on a device.
    """
    interface = getattr(given, INTERFACE, None)
    if interface is None:
        words = f"expected an array on a CUDA device, as the first argument is (one with {INTERFACE})"
        raise LossTypeError(f"{loss}: {name} is a {type(given).__module__}.{type(given).__name__}, {words}")
    shape, dtype = tuple(interface["shape"]), np.dtype(interface["typestr"])
    strides = interface.get("strides")
    if strides is None:
        steps = contiguous_strides(shape)
    elif any(s % dtype.itemsize for s in strides):
        raise LossTypeError(
            f"{loss}: {name} has strides {strides}, expected multiples of its {dtype.itemsize} bytes an entry"
        )
    else:
        steps = tuple(s // dtype.itemsize for s in strides)
    return Array(interface["data"][0], shape, steps, dtype, given), interface.get("stream") or 0


def _given(loss: Loss, position: int, name: str, given: object) -> tuple[Array | np.ndarray, int | None]:
    """The same, where lengths and labels may be whatever NumPy makes an array of; that has no stream."""
    arguments = loss.schema.variants[0].arguments
    if position < len(arguments) and arguments[position].layout in SMALL and not hasattr(given, INTERFACE):
        return loss._array(given, position), None
    return array_of(loss.name, name, given)


def place_of(loss: str, first: Array, stream: int) -> Place:
    """The device of an array, a stream there, and memory of the array's library."""
    check_installed(loss)
    cupy = sys.modules.get("cupy")
    if cupy is not None and isinstance(first.owner, cupy.ndarray):
        number = first.owner.device.id
        stream = cupy.cuda.get_current_stream(number).ptr
        return Place(devices.driver_for(number), stream, CupyMemory(cupy, number))
    driver = devices.driver_for(devices.number_of(first.address) if first.address else 0)
    return Place(driver, stream, OwnedMemory(driver, stream))


def prepared(loss: Loss, arguments: Sequence[object], parameters: tuple, reduction: str, *options: Any) -> Call:
    """A prepared call; options: axis, sample_weight, mask, denominator, empty."""
    axis, weight, mask, denominator, empty = options
    names = (*loss.argument_names, "sample_weight", "mask")
    given = list(zip(names, (*arguments, weight, mask), strict=True))
    number = denominator
    if hasattr(denominator, INTERFACE):
        given.append(("denominator", denominator))
    found = [None if x is None else _given(loss, position, name, x) for position, (name, x) in enumerate(given)]
    first = next(pair for pair in found if pair is not None)
    place = place_of(loss.name, *first)
    for stream in {pair[1] for pair in found if pair is not None} - {place.stream, None}:
        place.driver.order(stream, place.stream)
    arrays = [None if pair is None else pair[0] for pair in found]
    if hasattr(denominator, INTERFACE):
        number = arrays.pop()
    return _bind(loss, arrays, parameters, reduction, axis, number, empty, place)


def _bind(
    loss: Loss,
    arrays: list[Array | np.ndarray | None],
    parameters: tuple,
    reduction: str,
    axis: AxisOption,
    denominator: Array | float | None,
    empty: float,
    place: Place,
) -> Call:
    *own, weight, mask = arrays
    return bind(loss, own, parameters, reduction, axis, weight, mask, denominator, empty, place)


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
    ways = {n: array_of(loss.name, f"the direction for {n}", d)[0] for n, d in zip(names, given, strict=True)}
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
