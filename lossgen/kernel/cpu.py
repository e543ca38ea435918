"""The CPU target: the module that holds a variant's kernels."""

from .frames import ElementFrame, Frame, RowFrame
from .host_lattice import HostLatticeFrame
from .lattice_program import lattice_programs
from .lower import Lowering
from .math import MATH_FLAGS, library
from .narrow import NarrowPrinter
from .pool import Pool
from .printed import Kernel, Source, print_kernel, templates
from .program import Program
from .statement_printer import StatementPrinter


def cpu_module(source: Source, dtype: str) -> str:
    """The text of the module with all kernels of a variant for one dtype."""
    variant, numbers = source.variant, source.arithmetic(dtype)
    printer = StatementPrinter(widen=numbers.wide)
    narrow = NarrowPrinter(StatementPrinter()) if variant.filled and numbers.wide else None
    pool = Pool({*library(numbers.real).defined, *(narrow.names if narrow else ())})
    if variant.filled:
        found = lattice_programs(source.loss, variant, numbers.lower, sequential=True)
        frames = [HostLatticeFrame(program, printer, pool, narrow) for program in found]
        kernels = [Kernel(f.program.name, f.program.summary, tuple(f.arguments()), tuple(f.lines())) for f in frames]
    else:
        kernels = [render_kernel(p, printer) for p in source.programs(numbers)]
    functions = library(numbers.real).source(printer.expression.used)
    return (
        templates()
        .get_template("cpu.py.jinja")
        .render(
            source=source.file,
            title=source.title,
            dtype=dtype,
            real=numbers.real,
            integer=numbers.integer,
            formula=variant.expression,
            math_flags=MATH_FLAGS,
            kernels=kernels,
            functions=pool.functions,
            library=functions + "\n\n" if functions else "",
            narrow=narrow.source() if narrow else "",
        )
    )


def render_kernel(program: Program, printer: StatementPrinter) -> Kernel:
    """One kernel's text: lanes around items around the item's own statements."""
    return print_kernel(program, printer, _frame)


def _frame(program: Program, lowering: Lowering) -> Frame:
    return RowFrame(program, lowering) if program.has_rows else ElementFrame(program, lowering)
