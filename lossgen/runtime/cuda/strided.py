"""Arrays with any strides for `numba.cuda`: where an entry lies is found from its number, so that nothing has to be copied.

A number is split by the sizes of the dimensions that it counts, the innermost first; each quotient is a product with a
reciprocal that the host has worked out, since a division takes a hundred instructions. The types of arguments say how many
dimensions there are: kernels are the same text for all layouts. `array[i]` is defined here for halves too, of which Numba knows nothing.
"""

import operator
from typing import Any

from llvmlite import ir
from numba.cuda import cgutils, types
from numba.cuda.extending import intrinsic, models, overload, register_model

from .halves import Halves, loaded, rounded

LONG = ir.IntType(64)


class Strided(types.Type):
    """The address of numbers of the type `pointer`, with strides.

    ranks: into how many dimensions an item's number is split, and, where items are rows, the position within one.
    """

    def __init__(self, pointer: types.Type, ranks: tuple[int, ...]) -> None:
        self.pointer, self.ranks, self.dtype = pointer, ranks, pointer.dtype
        super().__init__(name=f"Strided({pointer}, {ranks})")


def names_of(number: int, rank: int) -> list[str]:
    """What is known of dimensions by which a number is split: all strides; of all but the outermost how to divide by them."""
    inner = [f"{name}_{number}_{d}" for d in range(1, rank) for name in ("size", "reciprocal", "shift")]
    return [*(f"stride_{number}_{d}" for d in range(rank)), *inner]


@register_model(Strided)
class _StridedModel(models.StructModel):
    def __init__(self, manager: Any, fe_type: Strided) -> None:
        super().__init__(manager, fe_type, [("address", fe_type.pointer), *members(fe_type.ranks)])


def members(ranks: tuple[int, ...]) -> list[tuple[str, types.Type]]:
    """The numbers behind the address, as `lossgen.runtime.cuda.layouts.Strided.numbers` has them."""
    return [(name, types.int64) for number, rank in enumerate(ranks) for name in names_of(number, rank)]


def _quotient(builder: ir.IRBuilder, number: ir.Value, reciprocal: ir.Value, shift: ir.Value) -> ir.Value:
    """number // size: the upper half of a product, and the number, shifted (Granlund and Montgomery 1994, figure 4.1)."""
    wide = ir.IntType(128)
    product = builder.mul(builder.zext(number, wide), builder.zext(reciprocal, wide))
    upper = builder.trunc(builder.lshr(product, wide(64)), LONG)
    return builder.lshr(builder.add(upper, number), shift)


def _offset(builder: ir.IRBuilder, array: Any, part: int, rank: int, number: ir.Value) -> ir.Value:
    """How many numbers behind the address the one with this number lies."""
    offset = LONG(0)
    for d in reversed(range(1, rank)):
        size, reciprocal, shift = (getattr(array, f"{n}_{part}_{d}") for n in ("size", "reciprocal", "shift"))
        quotient = _quotient(builder, number, reciprocal, shift)
        rest = builder.sub(number, builder.mul(quotient, size))
        offset = builder.add(offset, builder.mul(rest, getattr(array, f"stride_{part}_{d}")))
        number = quotient
    return builder.add(offset, builder.mul(number, getattr(array, f"stride_{part}_0")))


def entry(context: Any, builder: ir.IRBuilder, kind: types.Type, array: ir.Value, number: ir.Value) -> ir.Value:
    """The address of an entry of an array, strided or not."""
    if not isinstance(kind, Strided):
        return builder.gep(array, [number])
    found = cgutils.create_struct_proxy(kind)(context, builder, array)
    return builder.gep(found.address, [_offset(builder, found, 0, kind.ranks[0], number)])


def row_of(context: Any, builder: ir.IRBuilder, kind: Strided, array: ir.Value, number: ir.Value) -> ir.Value:
    """Row `number` of an array of rows."""
    found = cgutils.create_struct_proxy(kind)(context, builder, array)
    inner = cgutils.create_struct_proxy(own_row(kind))(context, builder)
    inner.address = entry(context, builder, kind, array, number)
    for name in names_of(0, kind.ranks[1]):
        setattr(inner, name, getattr(found, name.replace("_0", "_1", 1)))
    return inner._getvalue()


def own_row(kind: types.Type) -> types.Type:
    """What a row of such an array is."""
    return Strided(kind.pointer, kind.ranks[1:]) if isinstance(kind, Strided) else kind


def numbers_at(kind: types.Type) -> types.Type:
    """The type of the address of one entry."""
    return kind.pointer if isinstance(kind, Strided) else kind


def one(context: Any, builder: ir.IRBuilder, kind: types.Type, array: ir.Value, number: ir.Value) -> ir.Value:
    """One entry of an array."""
    return loaded(builder, numbers_at(kind), builder.load(entry(context, builder, kind, array, number)))


@intrinsic
def get(typingctx, array, i):
    def codegen(context, builder, signature, args):
        return one(context, builder, array, *args)

    return array.dtype(array, types.int64), codegen


@intrinsic
def put(typingctx, array, i, number):
    def codegen(context, builder, signature, args):
        found = rounded(context, builder, numbers_at(array), args[2], number)
        builder.store(found, entry(context, builder, array, args[0], args[1]))
        return context.get_dummy_value()

    return types.none(array, types.int64, number), codegen


@overload(operator.getitem)
def _get_entry(array, i):
    if isinstance(array, Halves | Strided):
        return lambda array, i: get(array, i)
    return None


@overload(operator.setitem)
def _set_entry(array, i, number):
    if isinstance(array, Halves | Strided):
        return lambda array, i, number: put(array, i, number)
    return None
