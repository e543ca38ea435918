"""Reads and writes of 16 bytes at a time, and rows, for pointers of `numba.cuda`; source for `lossgen.runtime.cuda_bind`."""

from llvmlite import ir
from numba.cuda import types
from numba.cuda.extending import intrinsic

#: How many bytes one instruction moves at most.
BYTES = 16

WIDTH = 4


def width(itemsize):
    """How many entries of this size are moved at a time."""
    return BYTES // itemsize


def _vector(context, pointer):
    """The vector type of what is moved at a time."""
    return ir.VectorType(context.get_data_type(pointer.dtype), width(pointer.dtype.bitwidth // 8))


def _place(number):
    return ir.Constant(ir.IntType(32), number)


@intrinsic
def read(typingctx, pointer, start):
    """The numbers from `start` on, as many as one read holds; the address is a multiple of 16 bytes."""

    def codegen(context, builder, signature, args):
        vector = _vector(context, pointer)
        address = builder.bitcast(builder.gep(args[0], [args[1]]), vector.as_pointer())
        numbers = builder.load(address, align=BYTES)
        entries = [builder.extract_element(numbers, _place(k)) for k in range(vector.count)]
        return context.make_tuple(builder, signature.return_type, entries)

    return types.UniTuple(pointer.dtype, width(pointer.dtype.bitwidth // 8))(pointer, types.int64), codegen


@intrinsic
def read_left(typingctx, pointer, start, left):
    """The same where only `left` numbers exist: one by one, and the last one again beyond it."""

    def codegen(context, builder, signature, args):
        address, start, left = args
        last = builder.sub(left, left.type(1))
        entries = []
        for k in range(width(pointer.dtype.bitwidth // 8)):
            inside = builder.icmp_signed("<", left.type(k), left)
            position = builder.add(start, builder.select(inside, left.type(k), last))
            entries.append(builder.load(builder.gep(address, [position])))
        return context.make_tuple(builder, signature.return_type, entries)

    number = width(pointer.dtype.bitwidth // 8)
    return types.UniTuple(pointer.dtype, number)(pointer, types.int64, types.int64), codegen


@intrinsic
def write(typingctx, pointer, start, block):
    """The inverse of `read`: the numbers of a local array, converted to what the pointer points to."""

    def codegen(context, builder, signature, args):
        vector = _vector(context, pointer)
        data = context.make_array(block)(context, builder, args[2]).data
        numbers = ir.Constant(vector, ir.Undefined)
        for k in range(vector.count):
            number = context.cast(builder, builder.load(builder.gep(data, [_place(k)])), block.dtype, pointer.dtype)
            numbers = builder.insert_element(numbers, number, _place(k))
        address = builder.bitcast(builder.gep(args[0], [args[1]]), vector.as_pointer())
        builder.store(numbers, address, align=BYTES)
        return context.get_dummy_value()

    return types.none(pointer, types.int64, block), codegen


@intrinsic
def row(typingctx, pointer, i, size):
    """Where row i begins."""

    def codegen(context, builder, signature, args):
        return builder.gep(args[0], [builder.mul(args[1], args[2])])

    return pointer(pointer, types.int64, types.int64), codegen


def load(pointer, start, left):
    return read(pointer, start) if left >= WIDTH else read_left(pointer, start, left)


def store(pointer, start, left, block):
    if left >= WIDTH:
        write(pointer, start, block)
    else:
        for k in range(WIDTH):
            if k < left:
                pointer[start + k] = block[k]


def load_one(pointer, start, left):
    return (pointer[start],)


def store_one(pointer, start, left, block):
    pointer[start] = block[0]
