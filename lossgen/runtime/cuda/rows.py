"""Rows on the device: reads and writes of 16 bytes along them, and memory of a block in which they are kept.

Functions are source for `lossgen.runtime.cuda.bind`, as those of `lossgen.runtime.cuda.groups` are. What they mean
`lossgen.runtime.device` says. An address that is a multiple of 16 bytes stays one after as many entries as WIDTH.
"""

from typing import Any

from llvmlite import ir
from numba.cuda import cgutils, types
from numba.cuda.extending import intrinsic

from .groups import rank_in_block, warp_in_block
from .halves import Halves
from .memory import BYTES, read, read_near, vectors, write
from .strided import Strided, numbers_at

WIDTH = 4
GROUPS = 1

#: The address space of a block's memory, and the name of that part of it whose size a launch says.
SHARED, NAME = 3, "kept_rows"


def nearest(position, size):
    return min(max(position, 0), size - 1)


def whole(start, size):
    """Whether all of WIDTH entries are in the row."""
    return (start >= 0) & (start + WIDTH <= size)


def load_row(row, start, size):
    return read(row, start, WIDTH) if whole(start, size) else read_near(row, start, size, WIDTH)


def store_row(row, start, size, block):
    if whole(start, size):
        write(row, start, block, WIDTH)
    else:
        for k in range(WIDTH):
            if (start + k >= 0) & (start + k < size):
                row[start + k] = block[k]


def load_one_of_row(row, start, size):
    return (row[start],)


def store_one_of_row(row, start, size, block):
    row[start] = block[0]


def kept_row(row, place, room, start, size):
    return memory_of_block(row, GROUPS * place + group_in_block() * room * bytes_of(row))


def kept_column(row, place, room, start, size):
    """For threads that have a row each: entries of neighbours lie side by side, so that no two are in one bank of memory."""
    return every(memory_of_block(row, GROUPS * place + rank_in_block() * bytes_of(row)), GROUPS)


def keep(kept, row, start, lead, size):
    if whole(start, size):
        moved(kept, start + lead, row, start, WIDTH)
    else:
        for k in range(WIDTH):
            kept[start + lead + k] = row[nearest(start + k, size)]


def load_kept(kept, row, start, lead, size, room):
    return read(kept, start + lead, WIDTH) if start + lead < room else load_row(row, start, size)


def keep_one(kept, row, start, lead, size):
    kept[start] = row[start]


def load_one_kept(kept, row, start, lead, size, room):
    return (kept[start],) if start < room else (row[start],)


def kept_by_thread(row, place, room, start, size):
    """Of a row that has one tile for each thread: what this thread reads of it, in its registers."""
    return load_row(row, start, size)


def keep_nothing(kept, row, start, lead, size):
    pass


def load_kept_by_thread(kept, row, start, lead, size, room):
    return kept


def group_in_block():
    return warp_in_block()


@intrinsic
def moved(typingctx, target, to, source, start, width):
    """Numbers as they lie in memory, `width` of them; both addresses are multiples of 16 bytes."""
    if not isinstance(width, types.IntegerLiteral):
        return None  # numba-cuda then asks again with the number

    def codegen(context, builder, signature, args):
        vector, number = vectors(context, source, width.literal_value)
        given, taken = (builder.bitcast(builder.gep(args[n], [args[n + 1]]), vector.as_pointer()) for n in (2, 0))
        for part in range(number):
            place = ir.IntType(32)(part)
            builder.store(
                builder.load(builder.gep(given, [place]), align=BYTES), builder.gep(taken, [place]), align=BYTES
            )
        return context.get_dummy_value()

    return types.none(target, types.int64, source, types.int64, width), codegen


def _size(context: Any, pointer: types.Type) -> int:
    return 2 if isinstance(numbers_at(pointer), Halves) else pointer.dtype.bitwidth // 8


@intrinsic
def bytes_of(typingctx, pointer):
    """The bytes of an entry."""

    def codegen(context, builder, signature, args):
        return ir.IntType(64)(_size(context, pointer))

    return types.int64(pointer), codegen


@intrinsic
def memory_of_block(typingctx, pointer, offset):
    """An address of such numbers in the memory whose size the launch says, that many bytes from its beginning."""

    def codegen(context, builder, signature, args):
        byte = ir.IntType(8)
        memory = builder.module.globals.get(NAME)
        if memory is None:
            memory = ir.GlobalVariable(builder.module, ir.ArrayType(byte, 0), NAME, addrspace=SHARED)
            memory.linkage, memory.align = "external", BYTES
        begin = builder.addrspacecast(memory, byte.as_pointer())
        kind = context.get_value_type(signature.return_type)
        return builder.bitcast(builder.gep(begin, [args[1]]), kind)

    return numbers_at(pointer)(pointer, types.int64), codegen


@intrinsic
def every(typingctx, pointer, step):
    """The numbers from an address on that are so many numbers apart."""
    kind = Strided(pointer, (1,))

    def codegen(context, builder, signature, args):
        found = cgutils.create_struct_proxy(kind)(context, builder)
        found.address, found.stride_0_0 = args
        return found._getvalue()

    return kind(pointer, types.int64), codegen
