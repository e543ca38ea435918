"""Arrays with strides as kernels on a GPU find their entries: the code that is generated for it, run on the CPU."""

from importlib import import_module

import numpy as np
import pytest
from llvmlite import ir
from numba import njit
from numba.core import cgutils
from numba.extending import intrinsic

from lossgen.runtime.cuda.driver import Array
from lossgen.runtime.cuda.layouts import Strided, laid

pytest.importorskip("numba_cuda", reason="numba-cuda is not installed: pip install 'lossgen[cuda]'")
memory, strided, halves, rows = (
    import_module(f"lossgen.runtime.cuda.{n}") for n in ("memory", "strided", "halves", "rows")
)
types = import_module("numba.cuda.types")
on_the_cpu = import_module("on_the_cpu").on_the_cpu


get, put, row = map(on_the_cpu, (strided.get, strided.put, memory.row))
read, read_near, write = map(on_the_cpu, (memory.read, memory.read_near, memory.write))


def made(kind):
    """A function that makes an array of this type of an address and what is told of its dimensions."""

    @intrinsic
    def convert(typingctx, address, numbers):
        def codegen(context, builder, signature, args):
            found = cgutils.create_struct_proxy(kind)(context, builder)
            found.address = builder.inttoptr(args[0], context.get_value_type(kind.pointer))
            for place, (name, _) in enumerate(strided.members(kind.ranks)):
                address = builder.gep(args[1], [ir.IntType(64)(place)])
                setattr(found, name, builder.load(address))
            return found._getvalue()

        return kind(types.uintp, types.CPointer(types.int64)), codegen

    @intrinsic
    def pointer(typingctx, address):
        return types.CPointer(types.int64)(types.uintp), lambda context, builder, signature, args: builder.inttoptr(
            args[0], context.get_value_type(types.CPointer(types.int64))
        )

    return lambda: (convert, pointer)


POINTERS = {
    "float32": types.CPointer(types.float32),
    "float64": types.CPointer(types.float64),
    "float16": halves.Halves("float16"),
    "uint8": types.CPointer(types.uint8),
}


def taken(view, lead):
    """The operand for a view of a NumPy array, its numbers in memory, and its type."""
    found = laid(Array(view.ctypes.data, view.shape, tuple(s // view.itemsize for s in view.strides), view.dtype), lead)
    assert isinstance(found, Strided)
    return found, np.array(found.numbers, np.int64), strided.Strided(POINTERS[view.dtype.name], found.ranks)


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
def test_entries_of_rows_are_found(dtype):
    """Rows (n, h, w) over classes of which some are left out, and rows of two dimensions."""
    whole = np.arange(2 * 7 * 3 * 5).astype(dtype).reshape(2, 7, 3, 5)
    for view, lead in ((whole[:, 1:6].transpose(0, 2, 3, 1), 3), (whole[:, :, ::2].transpose(0, 3, 2, 1), 2)):
        found, numbers, kind = taken(view, lead)
        convert, pointer = made(kind)()
        items, size = int(np.prod(view.shape[:lead])), int(np.prod(view.shape[lead:]))

        @njit
        def copy(address, numbers, out, convert=convert, pointer=pointer):
            rows = convert(address, pointer(numbers))
            for i in range(out.shape[0]):
                own = row(rows, i, 0)
                for c in range(out.shape[1]):
                    out[i, c] = get(own, c)
                    put(own, c, get(own, c) + 1)

        out, before = np.zeros((items, size), dtype), view.reshape(items, size).copy()
        copy(found.address, numbers.ctypes.data, out)
        np.testing.assert_array_equal(out, before)
        np.testing.assert_array_equal(view.reshape(items, size), before + np.ones((), dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_several_entries_are_read_and_written_one_by_one(dtype):
    whole = np.arange(6 * 4 * 10).astype(dtype).reshape(6, 4, 10)
    view = whole[::2, :, ::3].transpose(1, 0, 2)
    found, numbers, kind = taken(view, None)
    convert, pointer = made(kind)()
    width = 4

    @njit
    def move(address, numbers, size, out):
        array = convert(address, pointer(numbers))
        for start in range(0, size, width):
            left = size - start
            block = read(array, start, width) if left >= width else read_near(array, start, size, width)
            kept = np.empty(width, np.float64)
            for k in range(width):
                out[start + k] = kept[k] = block[k]
            if left >= width:
                write(array, start, kept, width)

    out, before = np.zeros(view.size + width), whole.copy()
    move(found.address, numbers.ctypes.data, view.size, out)
    np.testing.assert_array_equal(out[: view.size], view.reshape(-1))
    np.testing.assert_array_equal(whole, before)


def test_large_numbers_are_split():
    """Items beyond what 32 bits hold, in an array that is broadcast: nothing so large is in memory."""
    line = np.arange(10.0)
    view = np.lib.stride_tricks.as_strided(line, (2**33, 10, 3), (0, 8, 0))
    found, numbers, kind = taken(view, None)
    convert, pointer = made(kind)()

    @njit
    def one(address, numbers, i):
        return get(convert(address, pointer(numbers)), i)

    for i in (0, 2, 3, 29, 30, 30 * 2**33 - 1, 30 * 2**32 + 17):
        assert one(found.address, numbers.ctypes.data, i) == line[i // 3 % 10]


def test_columns_of_a_blocks_memory():
    """What a thread keeps of its row lies as far apart as there are threads."""
    every, kind = on_the_cpu(rows.every), POINTERS["float64"]

    @intrinsic
    def pointer(typingctx, address):
        return kind(types.uintp), lambda context, builder, signature, args: builder.inttoptr(
            args[0], context.get_value_type(kind)
        )

    @njit
    def keep(address, thread, threads, size):
        own = every(pointer(address + 8 * thread), threads)
        for k in range(size):
            put(own, k, 10.0 * thread + k)
        return get(own, size - 1)

    memory = np.zeros((5, 4))
    assert [keep(memory.ctypes.data, thread, 4, 5) for thread in range(4)] == [4.0, 14.0, 24.0, 34.0]
    np.testing.assert_array_equal(memory, 10 * np.arange(4) + np.arange(5)[:, None])
