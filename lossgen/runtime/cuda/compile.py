"""Compiles kernels for one schedule, given types of arguments and one generation of devices."""

import re
from dataclasses import dataclass
from functools import cache
from types import FunctionType, ModuleType
from typing import Any

from cuda.core import Linker, LinkerOptions, ObjectCode
from numba import cuda
from numba.cuda import types

from .bind import bind
from .driver import Program
from .groups import INLINED
from .halves import FROM, Halves
from .schedules import Schedule, schedules
from .strided import Strided

#: What the assembler is told. At its own level, 5, it fills registers beyond what there are for sm_80: kernels of lattices
#: kept up to 1 kB in memory there, 160 bytes at most at this one, and a row's cross entropy takes 106 registers, not 152.
#: For sm_90 nothing changes.
ASSEMBLER = ["--register-usage-level=4"]

ENTRY = re.compile(r"\.visible \.entry (\S+)\(")


@dataclass(frozen=True)
class Assembly:
    """A kernel in PTX, and the name by which its entry is found."""

    text: str
    entry: str


@dataclass(frozen=True)
class Binary:
    """A kernel in machine code, and the name by which its entry is found."""

    code: bytes
    entry: str


def assemble(program: Program, capability: tuple[int, int]) -> Assembly:
    """The program's PTX for devices of a generation, such as (9, 0)."""
    function = _bound(program.module, program.schedule, program.itemsize)[program.kernel]
    signature = tuple(map(type_named, program.types))
    text, _ = cuda.compile(function, signature, device=False, abi="numba", cc=capability, output="ptx")
    return Assembly(text, ENTRY.search(text)[1])


def translate(program: Program, capability: tuple[int, int]) -> Binary:
    """The program's machine code. The linker of the toolkit makes it, since the driver may be older than its PTX."""
    assembly = assemble(program, capability)
    options = LinkerOptions(arch=f"sm_{capability[0]}{capability[1]}", ptxas_options=ASSEMBLER)
    linked = Linker(ObjectCode.from_ptx(assembly.text.encode()), options=options).link("cubin")
    return Binary(bytes(linked.code), assembly.entry)


def type_named(name: str) -> Any:
    """The type of an argument by its name in a `Program`."""
    if name == "none":
        return types.none
    if name[0] != "*":
        return getattr(types, name)
    dtype, *ranks = name[1:].split("/")
    pointer = Halves(dtype) if dtype in FROM else types.CPointer(getattr(types, dtype))
    return Strided(pointer, tuple(map(int, ranks))) if ranks else pointer


@cache
def _bound(module: ModuleType, schedule: str, itemsize: int) -> dict[str, FunctionType]:
    chosen: Schedule = schedules(itemsize)[schedule]
    return bind(module, chosen.device, _device_function)


def _device_function(function: FunctionType) -> Any:
    if function.__name__ in INLINED:
        return cuda.jit(device=True, inline="always")(function)
    return cuda.jit(device=True, forceinline=True)(function)
