"""Reads and writes of 16 bytes at a time, and rows, for pointers of `numba.cuda`."""

from typing import Any

from llvmlite import ir
from numba.cuda import cgutils, types
from numba.cuda.extending import intrinsic

from .halves import WORD, Halves, packed, rounded, unpacked
from .strided import Strided, entry, numbers_at, one, own_row, row_of

#: How many bytes one instruction moves at most.
BYTES = 16

WIDTH = 4


def vectors(context: Any, pointer: types.Type, width: int) -> tuple[ir.VectorType, int]:
    """The vector of one instruction, and how many of them hold `width` entries. Two halves are moved as one word."""
    halves = isinstance(pointer, Halves)
    element, size = (WORD, 4) if halves else (context.get_data_type(pointer.dtype), pointer.dtype.bitwidth // 8)
    elements = width // 2 if halves else width
    count = min(elements, BYTES // size)
    return ir.VectorType(element, count), elements // count


@intrinsic
def read(typingctx, pointer, start, width):
    """The numbers from `start` on, `width` of them; their address is a multiple of 16 bytes, or they have strides."""
    if not isinstance(width, types.IntegerLiteral):
        return None  # numba-cuda then asks again with the number
    count = width.literal_value

    def codegen(context, builder, signature, args):
        if isinstance(pointer, Strided):
            numbers = [builder.add(args[1], args[1].type(k)) for k in range(count)]
            found = [one(context, builder, pointer, args[0], number) for number in numbers]
            return context.make_tuple(builder, signature.return_type, found)
        vector, number = vectors(context, pointer, count)
        address = builder.bitcast(builder.gep(args[0], [args[1]]), vector.as_pointer())
        entries = []
        for part in range(number):
            found = builder.load(builder.gep(address, [WORD(part)]), align=BYTES)
            for k in range(vector.count):
                entries += unpacked(builder, pointer, builder.extract_element(found, WORD(k)))
        return context.make_tuple(builder, signature.return_type, entries)

    return types.UniTuple(pointer.dtype, count)(pointer, types.int64, width), codegen


@intrinsic
def read_near(typingctx, pointer, start, size, width):
    """The numbers from `start` on, one by one, of which `size` exist; in the place of the others the nearest ones."""
    if not isinstance(width, types.IntegerLiteral):
        return None  # numba-cuda then asks again with the number
    count = width.literal_value

    def codegen(context, builder, signature, args):
        address, start, size, _ = args
        last, first = builder.sub(size, size.type(1)), size.type(0)
        entries = []
        for k in range(count):
            position = builder.add(start, start.type(k))
            position = builder.select(builder.icmp_signed("<", position, last), position, last)
            position = builder.select(builder.icmp_signed(">", position, first), position, first)
            entries.append(one(context, builder, pointer, address, position))
        return context.make_tuple(builder, signature.return_type, entries)

    return types.UniTuple(pointer.dtype, count)(pointer, types.int64, types.int64, width), codegen


@intrinsic
def write(typingctx, pointer, start, block, width):
    """The inverse of `read`: the numbers of a local array, converted to what the pointer points to."""
    if not isinstance(width, types.IntegerLiteral):
        return None  # numba-cuda then asks again with the number

    def codegen(context, builder, signature, args):
        data = context.make_array(block)(context, builder, args[2]).data
        numbers = [builder.load(builder.gep(data, [WORD(k)])) for k in range(width.literal_value)]
        found = [rounded(context, builder, numbers_at(pointer), number, block.dtype) for number in numbers]
        if isinstance(pointer, Strided):
            for k, number in enumerate(found):
                place = builder.add(args[1], args[1].type(k))
                builder.store(number, entry(context, builder, pointer, args[0], place))
            return context.get_dummy_value()
        entries = iter(found)
        vector, number = vectors(context, pointer, width.literal_value)
        address = builder.bitcast(builder.gep(args[0], [args[1]]), vector.as_pointer())
        for part in range(number):
            filled = ir.Constant(vector, ir.Undefined)
            for k in range(vector.count):
                filled = builder.insert_element(filled, packed(builder, entries, pointer), WORD(k))
            builder.store(filled, builder.gep(address, [WORD(part)]), align=BYTES)
        return context.get_dummy_value()

    return types.none(pointer, types.int64, block, width), codegen


@intrinsic
def row(typingctx, pointer, i, size):
    """Row i of an array."""

    def codegen(context, builder, signature, args):
        if isinstance(pointer, Strided):
            return row_of(context, builder, pointer, args[0], args[1])
        return builder.gep(args[0], [builder.mul(args[1], args[2])])

    return own_row(pointer)(pointer, types.int64, types.int64), codegen


@intrinsic
def beyond(typingctx, pointer, offset):
    """The address that many entries further on."""

    def codegen(context, builder, signature, args):
        return builder.gep(args[0], [args[1]])

    return pointer(pointer, types.int64), codegen


@intrinsic
def floor(typingctx, number):
    """One instruction, for what Python and NumPy spell as a function that has a whole number as its result, or none here."""

    def codegen(context, builder, signature, args):
        kind = args[0].type
        name = f"llvm.floor.f{number.bitwidth}"
        function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind]), name)
        return builder.call(function, args)

    return number(number), codegen


def load(pointer, start, left):
    return read(pointer, start, WIDTH) if left >= WIDTH else read_near(pointer, start, start + left, WIDTH)


def store(pointer, start, left, block):
    if left >= WIDTH:
        write(pointer, start, block, WIDTH)
    else:
        for k in range(WIDTH):
            if k < left:
                pointer[start + k] = block[k]


def load_one(pointer, start, left):
    return (pointer[start],)


def store_one(pointer, start, left, block):
    pointer[start] = block[0]
