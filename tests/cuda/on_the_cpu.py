"""The code that numba-cuda generates for memory of a device, compiled for the CPU, where memory can be looked at."""

from llvmlite import ir
from numba.core.datamodel import models
from numba.extending import intrinsic, register_model

from lossgen.runtime.cuda import halves, strided


@register_model(halves.Halves)
class _Halves(models.PrimitiveModel):
    def __init__(self, manager, fe_type):
        super().__init__(manager, fe_type, ir.IntType(16).as_pointer())


@register_model(strided.Strided)
class _Strided(models.StructModel):
    def __init__(self, manager, fe_type):
        super().__init__(manager, fe_type, [("address", fe_type.pointer), *strided.members(fe_type.ranks)])


def on_the_cpu(function):
    """What numba-cuda makes of the function."""
    return intrinsic(function._defn)
