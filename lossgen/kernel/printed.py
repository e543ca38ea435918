"""What the targets have in common: what a template is given of a kernel, the arithmetic of a module, and how an item is lowered."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property

from jinja2 import Environment, PackageLoader, StrictUndefined
from sympy import Expr

from lossgen.derive import Derivation
from lossgen.formula import Loss, Variant

from .expand import expand
from .frames import Frame
from .functions import has_curved_exponents
from .ir import Branch, Statement
from .lengths import measures_lengths, without_scaling
from .lower import Lowering
from .program import Output, Program, programs
from .statement_printer import StatementPrinter
from .tidy import tidy


@dataclass(frozen=True)
class Kernel:
    """What a template prints of one kernel.

    scratch: the lines of the function that says how much memory a block needs.  kept: by the name of an axis, the arrays
    whose rows are kept while an item is computed.
    """

    name: str
    summary: str
    arguments: tuple[str, ...]
    lines: tuple[str, ...]
    scratch: tuple[str, ...] = ()
    kept: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Arithmetic:
    """What a module for entries of `dtype` computes in. `wide`: in float64 although its entries are float32."""

    dtype: str
    wide: bool

    @property
    def real(self) -> str:
        """The type of the numbers between load and store."""
        return "float64" if self.wide else self.dtype

    @property
    def integer(self) -> str:
        """The integer of the same size."""
        return self.real.replace("float", "int")

    @property
    def lower(self) -> Callable[[Expr], Expr]:
        """What brings an expression into kernel functions."""
        return lower_wide if self.wide else lower


class Source:
    """What the modules of one variant are made from, on every target and for every dtype. `file` is the formula's, for the banner."""

    def __init__(self, loss: Loss, variant: Variant, file: str) -> None:
        self.loss, self.variant, self.file = loss, variant, file
        self._programs: dict[bool, tuple[Program, ...]] = {}

    @property
    def title(self) -> str:
        """The name of the variant in a module's docstring."""
        return self.loss.name + (f" ({self.variant.label})" if self.variant.label else "")

    @cached_property
    def needs_width(self) -> bool:
        """Whether float32 is too narrow to compute in: for lengths, for functions within exponentials, for sums over paths."""
        if self.variant.filled:
            return True
        value = Derivation(self.loss.name, self.variant).value
        return measures_lengths(value) or has_curved_exponents(value)

    def arithmetic(self, dtype: str) -> Arithmetic:
        """The arithmetic of the module for one dtype."""
        return Arithmetic(dtype, dtype == "float32" and self.needs_width)

    def programs(self, numbers: Arithmetic) -> tuple[Program, ...]:
        """The kernels, derived once for all that compute alike."""
        if numbers.wide not in self._programs:
            self._programs[numbers.wide] = programs(self.loss, self.variant, numbers.lower)
        return self._programs[numbers.wide]


def lower(node: Expr) -> Expr:
    """The expression in kernel functions."""
    return tidy(expand(node))


def lower_wide(node: Expr) -> Expr:
    """The same where the arithmetic is wider than the entries."""
    return lower(without_scaling(node))


@cache
def templates() -> Environment:
    """The kernel templates; a name that a template is not given is an error."""
    return Environment(
        loader=PackageLoader("lossgen.kernel"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def print_kernel(
    program: Program, printer: StatementPrinter, frame_of: Callable[[Program, Lowering], Frame], keeps: bool = True
) -> Kernel:
    """One kernel's text: the target's frame around the item's own statements. `keeps` is as in `Lowering`."""
    lowering = Lowering(program, not program.has_rows, keeps)
    item = lowering.run()
    stores = [(output, lowering.store(output)) for output in program.outputs]
    frame = frame_of(program, lowering)
    body = [*frame.before(item), *frame.scaled_value(), *_guarded(stores)]
    lines = tuple(frame.lines(printer, body))  # they say what the kernel needs
    kept = {axis.name: tuple(a.name for a in arguments) for axis, arguments in frame.kept.items()}
    return Kernel(program.name, program.summary, tuple(frame.arguments()), lines, kept=kept)


def _guarded(stores: Sequence[tuple[Output, list[Statement]]]) -> Iterable[Statement]:
    """An output that is not wanted is None; Numba prunes its branch."""
    return [Branch(f"{output.name} is not None", statements) for output, statements in stores if statements]
