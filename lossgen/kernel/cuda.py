"""The CUDA target: the module that holds a variant's kernels, in plain Python. The runtime compiles them."""

from collections.abc import Iterable, Sequence

from lossgen.formula import Axis

from .cuda_frames import CudaElementFrame, CudaFrame
from .cuda_printer import BlockPrinter
from .cuda_rows import CudaRowFrame, rows_of
from .device_lattice import DeviceLatticeFrame
from .lattice_program import lattice_programs
from .lower import Lowering
from .math import library
from .names import DEVICE, ELEMENT, LATTICE, ROW, TYPES, full_size
from .narrow import NarrowPrinter
from .pool import Pool
from .printed import Arithmetic, Kernel, Source, print_kernel, templates
from .program import Program
from .row_printer import RowPrinter
from .statement_printer import StatementPrinter

#: numba-cuda compiles no NumPy function of a single number.
SPELLINGS = {"np.sqrt(": "math.sqrt(", "np.floor(": "floor("}


def cuda_module(source: Source, dtype: str) -> str:
    """The text of the module with all kernels of a variant for one dtype."""
    return _lattice_module(source, dtype) if source.variant.filled else _module(source, dtype)


def _module(source: Source, dtype: str) -> str:
    """The module of a loss without recurrences."""
    numbers = source.arithmetic(dtype)
    found = source.programs(numbers)
    rows = any(program.has_rows for program in found)
    # Entries are converted when they are loaded, since the same text serves half precision. Nothing is kept in an output:
    # it would be rounded there, and an exponential costs less than the memory's time.
    names = {name: axis for program in found for name, axis in rows_of(program).items()}
    printer = RowPrinter(names) if rows else StatementPrinter(widen=True)
    kernels = [print_kernel(program, printer, _frame, keeps=False) for program in found]
    return _rendered(
        source, numbers, kernels, _functions(numbers.real, printer.expression.used), ROW if rows else ELEMENT
    )


def _lattice_module(source: Source, dtype: str) -> str:
    """The module of a loss with recurrences."""
    numbers = source.arithmetic(dtype)
    printer = BlockPrinter(widen=True)
    narrow = NarrowPrinter(BlockPrinter(widen=True)) if numbers.wide else None
    pool = Pool({*library(numbers.real).defined, *DEVICE, *(narrow.names if narrow else ())})
    found = lattice_programs(source.loss, source.variant, numbers.lower)
    frames = [DeviceLatticeFrame(program, printer, pool, narrow) for program in found]
    kernels = [
        Kernel(f.program.name, f.program.summary, tuple(f.arguments()), tuple(f.lines()), tuple(f.scratch()))
        for f in frames
    ]
    library_text = _functions(numbers.real, printer.expression.used)
    if narrow:
        library_text += "\n\n" + _spelt(narrow.source(decorator=""))
    return _rendered(source, numbers, kernels, library_text, LATTICE, pool, found[0].sizes)


def _rendered(
    source: Source,
    numbers: Arithmetic,
    kernels: Sequence[Kernel],
    functions: str,
    primitives: Iterable[str],
    pool: Pool | None = None,
    sizes: Sequence[Axis] = (),
) -> str:
    types = {name for name in TYPES if any(name in _words(k.arguments) for k in kernels)}
    schedule = {ELEMENT: "element", ROW: "row", LATTICE: "lattice"}[primitives]
    return (
        templates()
        .get_template("cuda.py.jinja")
        .render(
            source=source.file,
            title=source.title,
            dtype=numbers.dtype,
            real=numbers.real,
            integer=numbers.integer,
            formula=source.variant.expression,
            primitives=sorted({*types, *primitives}),
            schedule=schedule,
            kernels=kernels,
            library=functions.rstrip() + "\n" if functions.strip() else "",
            functions=pool.functions if pool else (),
            sizes=[full_size(axis) for axis in sizes],
        )
    )


def _functions(real: str, used: Iterable[str]) -> str:
    """The math functions, spelt as numba-cuda knows them."""
    return _spelt(library(real).source(used, decorator=""))


def _spelt(text: str) -> str:
    for ours, theirs in SPELLINGS.items():
        text = text.replace(ours, theirs)
    return text


def _frame(program: Program, lowering: Lowering) -> CudaFrame:
    return CudaRowFrame(program, lowering) if program.has_rows else CudaElementFrame(program, lowering)


def _words(arguments: tuple[str, ...]) -> set[str]:
    return {word for argument in arguments for word in argument.partition(": ")[2].split()}
