"""What surrounds the steps of an item with recurrences, on every target: the steps as functions, sizes, what is checked."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lossgen.derive.sweeps import Fill, Keep, Step, Sweeps, Write
from lossgen.formula import Axis
from lossgen.formula.symbols import Argument

from .lattice_layout import LatticeLayout
from .lattice_program import LatticeProgram
from .names import full_size, size_name
from .narrow import NarrowPrinter
from .pool import Pool
from .rounds import Clear, Rounds, single_steps
from .statement_printer import DOMAIN_CHECKS, StatementPrinter
from .sweep_lowering import ITEMS, SweepLowering

#: The layouts whose outputs have a number, or a row, for each item.
ROWS = ("row", *ITEMS)


@dataclass(frozen=True)
class WrittenSteps:
    """The lines of each step, or of the rounds of several, up to the value, of the value, and of each step after it."""

    before: list[tuple[Step | Rounds, list[str]]]
    value: list[str]
    after: list[tuple[Step | Rounds, list[str]]]


class LatticeFrame:
    """The lines of one kernel. Steps over cells are functions of their own, in the pool: short loops, with few arrays."""

    lowering: type[SweepLowering]

    def __init__(
        self, program: LatticeProgram, printer: StatementPrinter, pool: Pool, narrow: NarrowPrinter | None
    ) -> None:
        self.program = program
        self.printer = printer
        self.pool = pool
        self.narrow = narrow
        self.layout = LatticeLayout(program)
        self.inline = self.lowering(self.layout)
        self.steps = self.written(program.sweeps, self.inline)
        if self.layout.reads_labels:
            printer.expression.used.add("label_at")
        self.derived = program.derived

    def written(self, sweeps: Sweeps, inline: SweepLowering) -> "WrittenSteps":
        """The steps as lines."""
        before = [(step, self._done(step, inline)) for step in sweeps.before]
        value = list(self.printer.lines(inline.value(sweeps.value)))
        after = []
        for step in sweeps.after:
            with inline.where(frozenset(self._outputs_for(step))):
                after.append((step, self._done(step, inline)))
        return WrittenSteps(before, value, after)

    @abstractmethod
    def arguments(self) -> Iterator[str]:
        """The kernel's arguments."""

    @abstractmethod
    def lines(self) -> Iterator[str]:
        """The kernel's body."""

    def _done(self, step: Step | Rounds, inline: SweepLowering) -> list[str]:
        """What the step does: the call of a function, or the lines themselves where there is no loop over cells."""
        named = self._named(step)
        if named is None:
            return list(self.printer.lines(inline.step(step)))
        return [self.pool.call(*named, self._lines_of(step, self.lowering(self.layout)))]

    def _named(self, step: Step | Rounds) -> tuple[str, str] | None:
        """The name of the function for a step over cells, and what it does."""
        match step:
            case Fill():
                return f"fill_{step.table.name}", f"{step.table.name} for every cell of the item."
            case Keep():
                return "keep_rows", "What several steps need of each row."
            case Write() if step.over:
                return f"add_to_{self.program.output(step.argument)}", "What the cells add to the output."
        return None

    def _lines_of(self, step: Step | Rounds | Clear, lowering: SweepLowering) -> list[str]:
        of_rows = (isinstance(step, Keep) and not step.functions) or (isinstance(step, Write) and step.whole)
        narrow = self.narrow if of_rows else None
        return list((narrow or self.printer).lines(lowering.step(step, narrow is not None)))

    def _guarded(self, step: Step | Rounds, lines: Sequence[str]) -> Iterator[str]:
        """A step after the value, where it is wanted."""
        outputs = self._outputs_for(step)
        yield f"if {' or '.join(f'{self.program.output(a)} is not None' for a in outputs)}:"
        yield from (f"    {line}" for line in lines)

    def _outputs_for(self, step: Step | Rounds) -> Sequence[Argument]:
        """The outputs of which one has to be wanted: any for tables, for an output itself."""
        first = next(single_steps([step]))
        return [first.argument] if isinstance(first, Write) else self.program.wrt

    def _width(self, argument: Argument) -> str:
        return full_size(argument.role.axis) if argument.role.layout == "row" else "1"

    def _extent(self, axis: Axis) -> str:
        return self.layout.bare(axis.extent, str)

    def _writes_whole(self, argument: Argument) -> bool:
        """Whether a step writes whole rows of the argument's output, of all that are within the item's lengths."""
        after = single_steps(self.program.sweeps.after)
        writes = any(isinstance(s, Write) and s.whole and s.argument == argument for s in after)
        limited = {a.role.axis for a in self.program.variant.arguments if a.role.layout == "length"}
        last = argument.role.axes[-1]
        return writes and last in self.program.sizes and last not in limited

    @property
    def _checked(self) -> list[tuple[int, Argument]]:
        """The arguments that may hold what is outside their domain, and their positions."""
        pairs = enumerate(self.program.variant.arguments)
        return [(n, a) for n, a in pairs if a.role.domain in DOMAIN_CHECKS and a.role.layout in ("grid", *ROWS)]

    def _sizes(self) -> Iterator[str]:
        lengths = {a.role.axis: a.name for a in self.program.variant.arguments if a.role.layout == "length"}
        for axis in self.program.sizes:
            yield f"{size_name(axis)} = {f'{lengths[axis]}[i]' if axis in lengths else full_size(axis)}"
        for axis in self.derived:
            yield f"{size_name(axis)} = {self._extent(axis)}"

    def _derived(self) -> Iterator[str]:
        """The full sizes that follow from those of others."""
        for axis in self.derived:
            yield f"{full_size(axis)} = {self._extent(axis).replace('n_', 'size_')}"

    def _read(self) -> Iterator[str]:
        """Where the item's own rows and labels are, its own numbers, and the entries that are checked."""
        for argument in self.program.arrays:
            if argument.role.layout == "sequence":
                yield f"{argument.name}_start = {argument.name}_starts[i]"
            elif argument.role.layout == "row":
                yield from where_given(f"{argument.name}_row = {self.row_of(argument)}", argument, self.program)
        yield from self.printer.lines(self.inline.items())
        for position, argument in self._checked:
            yield from self._check(position, argument)

    def _check(self, position: int, argument: Argument) -> Iterator[str]:
        """Raises the argument's bit where an entry within the item's lengths is outside the domain."""
        name, axes = argument.name, argument.role.axes
        places = [f"at_{n}" for n in range(1, len(axes) + 1)]
        entries = {"grid": self.grid_entry, "row": lambda name, places: f"{name}_row[{places[0]}]"}
        entry = entries.get(argument.role.layout, lambda name, places: f"{name}_i")(name, places)
        lines = [f"for {place} in range({share}):" for place, share in zip(places, self.shares(axes), strict=True)]
        lines += [f"if not ({DOMAIN_CHECKS[argument.role.domain].format(x=entry)}):", f"fault |= {1 << position}"]
        if self.program.defaults.get(name) is not None and argument.role.layout == "row":
            lines.insert(0, f"if {name} is not None:")
        yield from ("    " * depth + line for depth, line in enumerate(lines))

    @abstractmethod
    def row_of(self, argument: Argument) -> str:
        """The item's row of an argument."""

    @abstractmethod
    def grid_entry(self, name: str, places: Sequence[str]) -> str:
        """The item's entry of a grid."""

    @abstractmethod
    def shares(self, axes: Sequence[Axis]) -> list[str]:
        """What loops over the positions along these axes go through, nested."""


def where_given(line: str, argument: Argument, program: LatticeProgram) -> Iterator[str]:
    """A line that reads an argument which may be absent."""
    if program.defaults.get(argument.name) is None:
        yield line
    else:
        yield f"if {argument.name} is not None:"
        yield f"    {line}"
        yield "else:"
        yield f"    {line.partition(' = ')[0]} = None"
