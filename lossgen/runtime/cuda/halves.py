"""Numbers in half precision for `numba.cuda`: how they lie in memory, and how they become float32 and float32 becomes them."""

from collections.abc import Callable, Iterator
from typing import Any

from llvmlite import ir
from numba.cuda import types
from numba.cuda.extending import models, register_model

HALF, WORD, SINGLE = ir.IntType(16), ir.IntType(32), ir.FloatType()


class Halves(types.Type):
    """The address of numbers in half precision, "float16" or "bfloat16", that are float32 where they are computed with."""

    dtype = types.float32

    def __init__(self, kind: str) -> None:
        self.kind = kind
        super().__init__(name=f"Halves({kind})")


@register_model(Halves)
class _HalvesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, fe_type: Halves) -> None:
        super().__init__(manager, fe_type, HALF.as_pointer())


def _from_float16(builder: ir.IRBuilder, bits: ir.Value) -> ir.Value:
    return builder.fpext(builder.bitcast(bits, ir.HalfType()), SINGLE)


def _to_float16(builder: ir.IRBuilder, number: ir.Value) -> ir.Value:
    return builder.bitcast(builder.fptrunc(number, ir.HalfType()), HALF)


def _from_bfloat16(builder: ir.IRBuilder, bits: ir.Value) -> ir.Value:
    """A bfloat16 is the upper half of a float32."""
    return builder.bitcast(builder.shl(builder.zext(bits, WORD), WORD(16)), SINGLE)


def _to_bfloat16(builder: ir.IRBuilder, number: ir.Value) -> ir.Value:
    """Rounded to nearest, ties to even, as the device does it."""
    convert = ir.InlineAsm(ir.FunctionType(HALF, [SINGLE]), "cvt.rn.bf16.f32 $0, $1;", "=h,f")
    return builder.call(convert, [number])


FROM: dict[str, Callable] = {"float16": _from_float16, "bfloat16": _from_bfloat16}
TO: dict[str, Callable] = {"float16": _to_float16, "bfloat16": _to_bfloat16}


def loaded(builder: ir.IRBuilder, pointer: types.Type, entry: ir.Value) -> ir.Value:
    return FROM[pointer.kind](builder, entry) if isinstance(pointer, Halves) else entry


def rounded(context: Any, builder: ir.IRBuilder, pointer: types.Type, number: ir.Value, kind: types.Type) -> ir.Value:
    number = context.cast(builder, number, kind, pointer.dtype)
    return TO[pointer.kind](builder, number) if isinstance(pointer, Halves) else number


def unpacked(builder: ir.IRBuilder, pointer: types.Type, element: ir.Value) -> list[ir.Value]:
    """The numbers in an element of a vector."""
    if not isinstance(pointer, Halves):
        return [element]
    parts = [builder.trunc(part, HALF) for part in (element, builder.lshr(element, WORD(16)))]
    return [FROM[pointer.kind](builder, part) for part in parts]


def packed(builder: ir.IRBuilder, entries: Iterator[ir.Value], pointer: types.Type) -> ir.Value:
    """The next element of a vector, of entries as they lie in memory."""
    if not isinstance(pointer, Halves):
        return next(entries)
    low, high = (builder.zext(next(entries), WORD) for _ in range(2))
    return builder.or_(low, builder.shl(high, WORD(16)))
