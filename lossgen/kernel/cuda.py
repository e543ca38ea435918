"""The CUDA target: the module that holds a variant's kernels, in plain Python. The runtime compiles them."""

from collections.abc import Iterable

from lossgen.formula import Variant

from .cuda_frames import CudaElementFrame, CudaFrame, CudaRowFrame
from .cuda_printer import GroupPrinter
from .lower import Lowering
from .math import library
from .names import ELEMENT, ROW, TYPES
from .printed import Source, print_kernel, templates
from .program import Program
from .statement_printer import StatementPrinter

#: numba-cuda compiles no NumPy function of a single number.
SPELLINGS = {"np.sqrt(": "math.sqrt("}


def has_cuda(variant: Variant) -> bool:
    """Whether there are CUDA kernels for the variant: not yet for recurrences."""
    return not variant.filled


def cuda_module(source: Source, dtype: str) -> str:
    """The text of the module with all kernels of a variant for one dtype."""
    numbers = source.arithmetic(dtype)
    found = source.programs(numbers)
    rows = any(program.has_rows for program in found)
    # Entries are converted when they are loaded, since the same text serves half precision. Nothing is kept in an output:
    # it would be rounded there, and an exponential costs less than the memory's time.
    printer = (GroupPrinter if rows else StatementPrinter)(widen=True)
    kernels = [print_kernel(program, printer, _frame, keeps=False) for program in found]
    functions = _functions(numbers.real, printer.expression.used)
    types = sorted(name for name in TYPES if any(name in _words(k.arguments) for k in kernels))
    return (
        templates()
        .get_template("cuda.py.jinja")
        .render(
            source=source.file,
            title=source.title,
            dtype=dtype,
            real=numbers.real,
            integer=numbers.integer,
            formula=source.variant.expression,
            primitives=sorted({*types, *(ROW if rows else ELEMENT)}),
            schedule="row" if rows else "element",
            kernels=kernels,
            library=functions.rstrip() + "\n" if functions else "",
        )
    )


def _functions(real: str, used: Iterable[str]) -> str:
    """The math functions, spelt as numba-cuda knows them."""
    text = library(real).source(used, decorator="")
    for ours, theirs in SPELLINGS.items():
        text = text.replace(ours, theirs)
    return text


def _frame(program: Program, lowering: Lowering) -> CudaFrame:
    return CudaRowFrame(program, lowering) if program.has_rows else CudaElementFrame(program, lowering)


def _words(arguments: tuple[str, ...]) -> set[str]:
    return {word for argument in arguments for word in argument.partition(": ")[2].split()}
