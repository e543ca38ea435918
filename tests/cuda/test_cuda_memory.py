"""Reads and writes of 16 bytes at a time: the code that they generate, run on the CPU, where memory can be looked at."""

from importlib import import_module

import numpy as np
import pytest
from numba import njit
from numba.extending import intrinsic

pytest.importorskip("numba_cuda", reason="numba-cuda is not installed: pip install 'lossgen[cuda]'")
memory = import_module("lossgen.runtime.cuda.memory")
halves = import_module("lossgen.runtime.cuda.halves")
types = import_module("numba.cuda.types")
on_the_cpu = import_module("on_the_cpu").on_the_cpu

#: What the address of an array of this dtype is.
POINTERS = {
    "float32": types.CPointer(types.float32),
    "float64": types.CPointer(types.float64),
    "float16": halves.Halves("float16"),
}
WIDTHS = {"float32": 4, "float64": 2, "float16": 8}


read, read_left, write, row = map(on_the_cpu, (memory.read, memory.read_left, memory.write, memory.row))


def address_as(pointer):
    """A function that makes a pointer of a number."""

    @intrinsic
    def convert(typingctx, number):
        return pointer(types.uintp), lambda context, builder, signature, args: builder.inttoptr(
            args[0], context.get_value_type(pointer)
        )

    return convert


def aligned(dtype, count):
    """Zeros at a multiple of 16 bytes, with as many behind them that must not change."""
    room = np.zeros(2 * count + 16, dtype)
    first = (-room.ctypes.data % 16) // room.itemsize
    return room[first : first + 2 * count]


@pytest.mark.parametrize("dtype", POINTERS)
@pytest.mark.parametrize("items", [1, 7, 8, 9, 16])
def test_numbers_are_read_and_written_in_their_order(dtype, items):
    width, convert = WIDTHS[dtype], address_as(POINTERS[dtype])
    computed = np.float64 if dtype == "float64" else np.float32

    @njit
    def copy(source, target, items):
        source, target = convert(source), convert(target)
        for start in range(0, items, width):
            left = items - start
            found = read(source, start, width) if left >= width else read_left(source, start, left, width)
            block = np.empty(width, computed)
            for k in range(width):
                block[k] = found[k] * computed(2)
            if left >= width:
                write(target, start, block, width)

    source, target = aligned(dtype, items + 16), aligned(dtype, items + 16)
    source[:items] = np.arange(1, items + 1) / 3
    copy(source.ctypes.data, target.ctypes.data, items)
    whole = items // width * width
    np.testing.assert_array_equal(target[:whole], 2 * source[:whole])
    assert not target[whole:].any()


@pytest.mark.parametrize("dtype", POINTERS)
def test_beyond_the_end_the_last_number_is_repeated(dtype):
    width, convert = WIDTHS[dtype], address_as(POINTERS[dtype])

    @njit
    def rest(source, start, left):
        return read_left(row(convert(source), start, 1), 0, left, width)

    source = np.array([*range(1, 20)], dtype)
    for left in range(1, width + 1):
        expected = [3.0 + min(k, left - 1) for k in range(width)]
        assert list(rest(source.ctypes.data, 2, left)) == expected
