"""Compiles CUDA kernels without a GPU, and says what came out: registers, stack, spills; and what is allowed of each."""

import inspect
import re
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple
from unittest.mock import patch

import numpy as np
from kernels import OnSimulatedCuda, lattice_variants, variants

from lossgen.build.schema import module_name
from lossgen.formula.load import load_losses
from lossgen.kernel import DTYPES
from lossgen.runtime.cuda.bind import kinds, optional
from lossgen.runtime.cuda.driver import Program
from lossgen.runtime.cuda.launching import MOST_KEPT
from lossgen.runtime.cuda.packing import Packing
from lossgen.runtime.device import (
    Cells,
    Factor,
    Places,
    Real,
    Reals,
    Room,
    Rows,
    Scales,
    Size,
    Sums,
    Whole,
    Wholes,
    Wides,
)

core = import_module("cuda.core")
compiling = import_module("lossgen.runtime.cuda.compile")
KINDS = import_module("lossgen.runtime.cuda.schedules").KINDS

LOSSES = load_losses(Path(__file__).parents[2] / "spec")
#: How PTX spells the types of what is passed; an address is a whole number of 64 bits.
SPELT = {"int64": "u64", "float32": "f32", "float64": "f64"}
CAPABILITIES = [(8, 0), (9, 0)]
MODULES, LATTICES = (
    [(loss, v, dtype) for loss, v in found(LOSSES) for dtype in DTYPES] for found in (variants, lattice_variants)
)
REGISTERS = re.compile(r"Used (\d+) registers")
STACK = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
WIDE_LOAD, WIDE_STORE = re.compile(r"ld\.global\.v\d"), re.compile(r"st\.global\.v\d")
#: The memory of a block whose size the kernel says, beside that for kept rows; together blocks may have 48 KiB unasked.
STATIC, UNASKED = re.compile(r"\.shared .*\[(\d+)\];"), 48 << 10
KEPT_LOAD = re.compile(r"ld\.shared\.v\d")
DOUBLE = re.compile(r"^\s*(?:@!?%p\d+\s+)?[a-z]\S*\.f64\b.*$", re.MULTILINE)


class Compiled(NamedTuple):
    """Registers of a thread, bytes of its stack, and bytes that are stored for want of registers and loaded again."""

    registers: int
    stack: int
    spilled: int


def cases(modules):
    """(loss, variant, dtype, kernel, schedule, capability), all of them."""
    for loss, variant, dtype in modules:
        module = OnSimulatedCuda().module(loss, variant, dtype)
        for kernel in module.KERNELS:
            for schedule in KINDS[module.SCHEDULE]:
                yield from ((loss, variant, dtype, kernel, schedule, capability) for capability in CAPABILITIES)


def title(case):
    loss, variant, dtype, kernel, schedule, (major, minor) = case
    return f"{module_name(loss, variant)}-{dtype}-{kernel}-{schedule}-sm_{major}{minor}"


#: Elements whose step is so long: the bytes of eight numbers in half precision, or of two in double precision and their
#: results, by the kernel and the dtype of arrays where that is not the module's.
STACKED = {("poisson_nll_loss_full-float32-evaluate-wide-sm_80", dtype): 96 for dtype in ("float16", "bfloat16")}
STACKED |= {(f"poisson_nll_loss_full-float64-evaluate-wide-sm_{generation}", None): 48 for generation in (80, 90)}
#: Second derivatives of rows in double precision, of three rows or of two with their lengths: sm_80's 255 registers, two for
#: each number, are too few. The bytes that are stored and loaded again; "strides" for arrays that have them.
SPILLED = {
    "triplet_margin_loss_p_swap-float64-hvp-warp-sm_80": 100,
    "triplet_margin_loss_p_swap-float64-hvp-short-sm_80": 240,
    "triplet_margin_loss_p2_swap-float64-hvp-short-sm_80": 188,
    "triplet_margin_loss_p2_swap-float64-hessian_diagonal-narrow_warp-sm_80": 136,
    "triplet_margin_loss_p2_swap-float64-hessian_diagonal-narrow_warp-sm_80 strides": 156,
    "triplet_margin_loss_p2_swap-float64-hessian_diagonal-narrow_block-sm_80 strides": 172,
    "cosine_embedding_loss-float64-hvp-narrow_block-sm_80 strides": 136,
}


def compiled(case, storage=None, ranks=""):
    """What becomes of a kernel, after all checks of it.

    storage: the dtype of arrays where it is not the module's.
    ranks: how many dimensions the first array of the loss has, and its result, where they have strides.
    """
    loss, variant, dtype, kernel, schedule, capability = case
    module = OnSimulatedCuda().module(loss, variant, dtype)
    function = getattr(module, kernel)
    absent = [n for n in optional(function) if kinds(function)[n] is Wides]
    program = program_of(module, kernel, schedule, storage or np.dtype(module.storage).name, absent)
    if ranks:
        program = program._replace(types=with_strides(function, program.types, ranks))
    with no_device_asked():
        assembly = compiling.assemble(program, capability)
    assert parameters_in(assembly) == [SPELT[name] for name in Packing(program.types).passed]
    assert re.search(rf"\.target sm_{''.join(map(str, capability))}\b", assembly.text)
    found = machine_code(assembly, capability)
    check_limits(case, found, storage, ranks)
    if "float64" not in Path(module.__file__).read_text():
        assert not DOUBLE.findall(assembly.text)
    check_text(case, assembly.text, function, absent, ranks)
    return found


def check_limits(case, found, storage=None, ranks=""):
    """Elements spill nothing; what others may is named."""
    *_, schedule, capability = case
    # sm_80 has no registers left for all of a lattice's steps, nor for some products of rows that are read by single entries.
    few = {"lattice": 256, "narrow_warp": 128, "narrow_block": 128}.get(schedule, 0) if capability == (8, 0) else 0
    few = SPILLED.get(f"{title(case)} strides" if ranks else title(case), few)
    assert found.registers * 256 <= 65536 and found.spilled <= few
    # Long steps are not written out for each entry of a tile, which then waits in memory: of rows, and of these elements.
    of_rows = schedule in KINDS["row"]
    assert found.stack <= (256 if of_rows else few or STACKED.get((title(case), storage), 0))


def check_text(case, text, function, absent, ranks):
    """How the kernel in PTX reads and writes: 16 bytes at a time wherever the schedule says so, and nowhere else."""
    loss, variant, dtype, kernel, schedule, _ = case
    module = OnSimulatedCuda().module(loss, variant, dtype)
    assert sum(map(int, STATIC.findall(text))) + MOST_KEPT <= UNASKED
    given = [n for n, kind in kinds(function).items() if kind is Reals and n not in absent]
    if schedule == "wide":
        assert ranks or WIDE_LOAD.search(text) or not any(uses(function, name) for name in given), given
    if schedule in ("warp", "block", "short") and kernel in module.KEPT and kernel != "normalizer":
        tiles = "load_row(" in inspect.getsource(function) or module.KEPT[kernel]
        assert not tiles or WIDE_LOAD.search(text)
        assert "store_row(" not in inspect.getsource(function) or WIDE_STORE.search(text)
        assert not module.KEPT[kernel] or (schedule == "short") != bool(KEPT_LOAD.search(text))
    if schedule.startswith("narrow"):
        assert not WIDE_LOAD.search(text) and not WIDE_STORE.search(text)


def uses(function, name):
    """Whether the kernel needs the entries of an argument: the compiler leaves out loads of what it does not."""
    return len(re.findall(rf"\b{name}_i\b", inspect.getsource(function))) > 1


def program_of(module, kernel, schedule, storage, absent):
    """The program for arrays of one dtype."""
    real, own = np.dtype(module.real).name, np.dtype(module.storage).name
    named = {
        Size: "int64",
        Room: "int64",
        Whole: "int64",
        Real: real,
        Wholes: "*int64",
        Wides: "*float64",
        Scales: f"*{own}",
    }
    named |= {
        Reals: f"*{storage}",
        Rows: f"*{storage}",
        Sums: f"*{real}",
        Factor: f"*{real}",
        Cells: "*float64",
        Places: "*int64",
    }
    found = kinds(getattr(module, kernel))
    size = {"float64": 8, "float32": 4}.get(storage, 2)
    types = tuple("none" if name in absent else named[kind] for name, kind in found.items())
    return Program(module, kernel, schedule, size, types)


def with_strides(function, types, ranks):
    """The same types, of which the first array's and those of its direction and result have strides."""
    found = dict(zip(kinds(function), types, strict=True))
    first = next(name for name, kind in kinds(function).items() if kind in (Reals, Rows))
    chosen = {name for name in found if name == first or name.endswith(f"_{first}")}
    return tuple(t + ranks if name in chosen and t != "none" else t for name, t in found.items())


def parameters_in(assembly):
    """The types of the parameters in PTX."""
    entry = assembly.text.split(f".visible .entry {assembly.entry}(")[1].split(")")[0]
    return re.findall(r"\.param \.(\w+) ", entry)


def machine_code(assembly, capability):
    """The kernel linked for the device."""
    arch = f"sm_{capability[0]}{capability[1]}"
    linker = core.Linker(
        core.ObjectCode.from_ptx(assembly.text.encode()),
        options=core.LinkerOptions(arch=arch, ptxas_options=[*compiling.ASSEMBLER, "-v"], verbose=True),
    )
    assert len(linker.link("cubin").code) > 1000
    log = linker.get_info_log()
    stack, stores, loads = map(int, STACK.search(log).groups())
    return Compiled(int(REGISTERS.search(log)[1]), stack, stores + loads)


def no_device_asked():
    """numba-cuda asks the current device for its generation where a function calls another, even if it is told one."""
    device = SimpleNamespace(compute_capability=CAPABILITIES[0])
    return patch("numba.cuda.dispatcher.get_current_device", lambda: device)
