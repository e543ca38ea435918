"""The CPU target: the module that holds a variant's kernels."""

from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined
from sympy import Expr

from lossgen.derive import Derivation
from lossgen.formula import Loss, Variant

from .expand import expand
from .frames import ElementFrame, RowFrame
from .functions import has_curved_exponents
from .ir import Branch, Statement
from .lattice_frame import LatticeFrame
from .lattice_program import lattice_programs
from .lengths import measures_lengths, without_scaling
from .lower import Lowering
from .math import MATH_FLAGS, library
from .narrow import NarrowPrinter
from .pool import Pool
from .program import Output, Program, programs
from .statement_printer import StatementPrinter
from .tidy import tidy

INTEGERS = {"float32": "int32", "float64": "int64"}


@dataclass(frozen=True)
class Kernel:
    """What the template prints of one kernel."""

    name: str
    summary: str
    arguments: tuple[str, ...]
    lines: tuple[str, ...]


def render_module(loss: Loss, variant: Variant, dtype: str, source: str) -> str:
    """The text of the module with all kernels of one variant for one dtype. `source` is the formula's file, for the banner."""
    wide = dtype == "float32" and needs_width(loss, variant)
    arithmetic = "float64" if wide else dtype
    printer = StatementPrinter(widen=wide)
    in_kernel = lower_wide if wide else lower
    narrow = NarrowPrinter() if variant.filled and wide else None
    pool = Pool({*library(arithmetic).defined, *(narrow.names if narrow else ())})
    if variant.filled:
        frames = [LatticeFrame(p, printer, pool, narrow) for p in lattice_programs(loss, variant, in_kernel)]
        kernels = [render_lattice_kernel(frame) for frame in frames]
    else:
        kernels = [render_kernel(p, printer) for p in programs(loss, variant, in_kernel)]
    environment = Environment(
        loader=PackageLoader("lossgen.kernel"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    functions = library(arithmetic).source(printer.expression.used)
    return environment.get_template("cpu.py.jinja").render(
        source=source,
        title=loss.name + (f" ({variant.label})" if variant.label else ""),
        dtype=dtype,
        real=arithmetic,
        integer=INTEGERS[arithmetic],
        formula=variant.expression,
        math_flags=MATH_FLAGS,
        kernels=kernels,
        functions=pool.functions,
        library=functions + "\n\n" if functions else "",
        narrow=narrow.source() if narrow else "",
    )


def needs_width(loss: Loss, variant: Variant) -> bool:
    """Whether float32 is too narrow to compute in: for lengths, for functions within exponentials, for sums over paths."""
    if variant.filled:
        return True
    value = Derivation(loss.name, variant).value
    return measures_lengths(value) or has_curved_exponents(value)


def lower(node: Expr) -> Expr:
    """The expression in kernel functions."""
    return tidy(expand(node))


def lower_wide(node: Expr) -> Expr:
    """The same where the arithmetic is wider than the entries."""
    return lower(without_scaling(node))


def render_kernel(program: Program, printer: StatementPrinter) -> Kernel:
    """One kernel's text: lanes around items around the item's own statements."""
    element = not program.has_rows
    lowering = Lowering(program, element)
    item = lowering.run()
    stores = [(output, lowering.store(output)) for output in program.outputs]
    frame = ElementFrame(program, lowering) if element else RowFrame(program, lowering)
    body = [*frame.before(item), *frame.scaled_value(), *_guarded(stores)]
    lines = [
        *frame.prologue(),
        "for lane in range(first, last):",
        *(f"    {line}" for line in frame.lane(printer, body)),
    ]
    return Kernel(program.name, program.summary, _signature(program), tuple(lines))


def render_lattice_kernel(frame: LatticeFrame) -> Kernel:
    """One kernel's text, of a loss with recurrences; its steps over cells are in the pool."""
    program = frame.program
    arguments = (
        *("first", "last", "bounds"),
        *(a.name for a in program.variant.arguments),
        *program.parameters,
        *(f"size_{axis.name}" for axis in program.sizes),
        *(d.name for d in program.directions.values()),
        *("scale", "item_scale", "values", "totals", "faults"),
        *(program.output(a) for a in program.wrt),
    )
    return Kernel(program.name, program.summary, arguments, tuple(frame.lines()))


def _signature(program: Program) -> tuple[str, ...]:
    return (
        "first",
        "last",
        "bounds",
        *(a.name for a in program.variant.arguments),
        *program.parameters,
        *(d.name for d in program.directions.values()),
        "scale",
        "item_scale",
        "values",
        "totals",
        "faults",
        *(o.name for o in program.outputs),
    )


def _guarded(stores: Sequence[tuple[Output, list[Statement]]]) -> list[Statement]:
    """An output that is not wanted is None; Numba prunes its branch."""
    return [Branch(f"{output.name} is not None", statements) for output, statements in stores if statements]
