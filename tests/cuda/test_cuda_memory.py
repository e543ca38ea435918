"""Reads and writes of 16 bytes at a time: the code that they generate, run on the CPU, where memory can be looked at."""

import operator
from importlib import import_module
from types import FunctionType

import numpy as np
import pytest
from numba import njit
from numba.extending import intrinsic, overload

pytest.importorskip("numba_cuda", reason="numba-cuda is not installed: pip install 'lossgen[cuda]'")
memory = import_module("lossgen.runtime.cuda.memory")
halves = import_module("lossgen.runtime.cuda.halves")
rows = import_module("lossgen.runtime.cuda.rows")
strided = import_module("lossgen.runtime.cuda.strided")
types = import_module("numba.cuda.types")
on_the_cpu = import_module("on_the_cpu").on_the_cpu

#: What the address of an array of this dtype is.
POINTERS = {
    "float32": types.CPointer(types.float32),
    "float64": types.CPointer(types.float64),
    "float16": halves.Halves("float16"),
}
WIDTHS = {"float32": 4, "float64": 2, "float16": 8}


read, read_near, write, row = map(on_the_cpu, (memory.read, memory.read_near, memory.write, memory.row))
moved, get, put = map(on_the_cpu, (rows.moved, strided.get, strided.put))


@overload(operator.getitem)
def _get_half(pointer, i):
    return (lambda pointer, i: get(pointer, i)) if isinstance(pointer, halves.Halves) else None


@overload(operator.setitem)
def _put_half(pointer, i, number):
    return (lambda pointer, i, number: put(pointer, i, number)) if isinstance(pointer, halves.Halves) else None


def on_rows(pointer, width):
    """The functions of rows, for the CPU: with entries of this type, and this many at a time."""
    found = {"WIDTH": width, "read": read, "read_near": read_near, "write": write, "moved": moved}
    for name in ("nearest", "whole", "load_row", "store_row", "keep", "load_kept"):
        function = getattr(rows, name)
        found[name] = njit(FunctionType(function.__code__, found, name))
    return found["load_row"], found["store_row"], found["keep"], found["load_kept"]


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
            found = read(source, start, width) if left >= width else read_near(source, start, items, width)
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
        return read_near(row(convert(source), start, 1), 0, left, width)

    source = np.array([*range(1, 20)], dtype)
    for left in range(1, width + 1):
        expected = [3.0 + min(k, left - 1) for k in range(width)]
        assert list(rest(source.ctypes.data, 2, left)) == expected


@pytest.mark.parametrize("dtype", POINTERS)
def test_rows_are_read_kept_and_written_whatever_they_begin_at(dtype):
    """Each row of a matrix is doubled, and its number added; what is not kept is read where it lies."""
    width, convert = WIDTHS[dtype], address_as(POINTERS[dtype])
    load_row, store_row, keep, load_kept = on_rows(POINTERS[dtype], width)
    computed = np.float64 if dtype == "float64" else np.float32

    @njit
    def doubled(source, target, memory, count, size, room):
        for i in range(count):
            own, other, kept = row(convert(source), i, size), row(convert(target), i, size), convert(memory)
            lead = i * size % width
            for start in range(-lead, min(size, room - lead), width):
                keep(kept, own, start, lead, size)
            for start in range(-lead, size, width):
                found = load_kept(kept, own, start, lead, size, room)
                again = load_row(own, start, size)
                block = np.empty(width, computed)
                for k in range(width):
                    block[k] = found[k] + again[k] + computed(i)
                store_row(other, start, size, block)

    for size in (1, 2, 5, 8, 19, 24):
        source, target = aligned(dtype, 9 * size), aligned(dtype, 9 * size + 16)
        source[: 9 * size] = np.arange(1, 9 * size + 1) / 4
        source[9 * size :] = np.nan
        for room in (0, width, (size // width + 2) * width):
            target[:], kept = -7, aligned(dtype, room + 16)
            kept[:] = -5
            doubled(source.ctypes.data, target.ctypes.data, kept.ctypes.data, 9, size, room)
            expected = 2 * source[: 9 * size] + np.arange(9 * size) // size
            np.testing.assert_array_equal(target[: 9 * size], expected)
            assert (target[9 * size :] == -7).all() and (kept[room:] == -5).all()
