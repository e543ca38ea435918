"""Arrays as kernels take them from callers that hold no NumPy array, only the place in memory where the entries lie.

Making a NumPy array for what another library holds takes longer than a kernel for 32 elements, and all that the kernel
reads of it is an address and a shape. So a kernel can be compiled for tuples (address, size, ...) in place of arrays. The
code is the same from there on: to the kernel they are arrays, of the same layout.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.datamodel import models
from numba.extending import NativeValue, register_model, unbox
from numba.np.arrayobj import populate_array
from numba.np.numpy_support import from_dtype


class Placed(types.Array):
    """A C-contiguous, aligned array that is given as a tuple: its address, then the sizes of its dimensions.

    Whoever calls keeps its memory alive.

    Args:
        dtype: of the entries, as Numba knows it.
        ndim: the number of dimensions.
    """

    def __init__(self, dtype: types.Type, ndim: int) -> None:
        super().__init__(dtype, ndim, "C", name=f"placed({dtype}, {ndim}d)")


register_model(Placed)(models.ArrayModel)


@unbox(Placed)
def _unbox(typ: Placed, place: ir.Value, c) -> NativeValue:
    """The structure that Numba has for an array, from the numbers of the tuple."""
    address, *sizes = [c.pyapi.tuple_getitem(place, position) for position in range(typ.ndim + 1)]
    shape = [c.pyapi.long_as_longlong(size) for size in sizes]
    itemsize = c.context.get_abi_sizeof(c.context.get_data_type(typ.dtype))
    strides = [c.context.get_constant(types.intp, itemsize)]
    for size in reversed(shape[1:]):
        strides.insert(0, c.builder.mul(strides[0], size))
    array = c.context.make_array(typ)(c.context, c.builder)
    data = c.builder.bitcast(c.pyapi.long_as_voidptr(address), array.data.type)
    populate_array(array, data, shape, strides, itemsize, None)
    return NativeValue(array._getvalue())


def placed(dtype: np.dtype, ndim: int) -> Placed:
    """The type of such a tuple for entries of this dtype."""
    return Placed(from_dtype(dtype), ndim)
