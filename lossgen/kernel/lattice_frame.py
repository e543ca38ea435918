"""What surrounds the steps of an item with recurrences: its sizes, the tables, the sum of the values, the outputs."""

from collections.abc import Iterator

from lossgen.derive.sweeps import Fill, Keep, Step, Table, Write
from lossgen.formula import Axis
from lossgen.formula.symbols import Argument

from .lattice_layout import SPARE, LatticeLayout
from .lattice_program import LatticeProgram
from .names import across, size_name
from .narrow import NarrowPrinter
from .pool import Pool
from .statement_printer import DOMAIN_CHECKS, StatementPrinter
from .sweep_lowering import ITEMS, SweepLowering

#: The layouts whose outputs have a number, or a row, for each item.
ROWS = ("row", *ITEMS)


class LatticeFrame:
    """The lines of one kernel. Steps over cells are functions of their own, in the pool: short loops, with few arrays."""

    def __init__(
        self, program: LatticeProgram, printer: StatementPrinter, pool: Pool, narrow: NarrowPrinter | None
    ) -> None:
        self.program = program
        self.printer = printer
        self.pool = pool
        self.narrow = narrow
        self.layout = LatticeLayout(program)
        self.inline = inline = SweepLowering(self.layout)
        self.up = [line for step in program.sweeps.before for line in self._step(step, inline)]
        self.value = list(printer.lines(inline.value(program.sweeps.value)))
        self.down = [line for step in program.sweeps.after for line in self._guarded(step, inline)]
        if self.layout.reads_labels:
            printer.expression.used.add("label_at")
        self.derived = program.derived

    def lines(self) -> Iterator[str]:
        """The kernel's body."""
        yield from self._prologue()
        yield "for lane in range(first, last):"
        yield from (f"    {line}" for line in self._lane())

    def _step(self, step: Step, inline: SweepLowering) -> Iterator[str]:
        match step:
            case Fill():
                name, summary = f"fill_{step.table.name}", f"{step.table.name} for every cell of the item."
            case Keep():
                name, summary = "keep_rows", "What several steps need of each row."
            case Write() if step.over:
                name, summary = f"add_to_{self.program.output(step.argument)}", "What the cells add to the output."
            case _:
                yield from self.printer.lines(inline.step(step))
                return
        narrow = self.narrow if isinstance(step, Keep) or (isinstance(step, Write) and step.whole) else None
        statements = SweepLowering(self.layout, narrow is not None).step(step)
        yield self.pool.call(name, summary, (narrow or self.printer).lines(statements))

    def _guarded(self, step: Step, inline: SweepLowering) -> Iterator[str]:
        """The steps after the value: tables where any output is wanted, each output where it is."""
        lines = list(self._step(step, inline))
        names = [step.argument] if isinstance(step, Write) else self.program.wrt
        yield f"if {' or '.join(f'{self.program.output(a)} is not None' for a in names)}:"
        yield from (f"    {line}" for line in lines)

    def _prologue(self) -> Iterator[str]:
        for parameter in self.program.variant.parameters:
            if parameter.role.domain != "class-number":
                yield f"{parameter.name} = real({parameter.name})"
        yield "scale = real(scale)"
        for argument in self.program.arrays:
            if argument.role.layout == "grid":
                yield _unpacked(argument.name, argument)
            elif argument.role.layout == "sequence":
                yield f"{argument.name}_labels, {argument.name}_starts = {argument.name}"
        for argument in self.program.wrt:
            if argument.role.layout == "grid":
                yield f"if {self.program.output(argument)} is not None:"
                yield f"    {_unpacked(self.program.output(argument), argument)}"
            elif argument.role.layout in ROWS:
                yield f"if {self.program.output(argument)} is not None:"
                yield f"    {self.program.output(argument)}_row = np.empty({self._width(argument)})"
        for argument in self.layout.across:
            yield f"{across(argument)} = np.ascontiguousarray({argument.name}.T)"
        for axis in self.derived:
            yield f"size_{axis.name} = {self._extent(axis).replace('n_', 'size_')}"
        for table in self.layout.tables:
            yield f"{table.name} = np.empty(({self._region(table, 'size_')} + {SPARE},))"
        for whole in self.layout.whole_tables.values():
            kind = "bool_" if whole.boolean else "int64"
            yield f"{whole.name} = np.zeros(size_{whole.index.axis.name} + {SPARE}, np.{kind})"

    def _width(self, argument: Argument) -> str:
        return f"size_{argument.role.axis.name}" if argument.role.layout == "row" else "1"

    def _extent(self, axis: Axis) -> str:
        return self.layout.bare(axis.extent, str)

    def _region(self, table: Table, prefix: str) -> str:
        """The sides of a table with its margins."""
        margins = self.layout.margins[table]
        sides = zip(table.indices, margins.before, margins.after, strict=True)
        return ", ".join(f"{prefix}{index.axis.name} + {low + high}" for index, low, high in sides)

    def _lane(self) -> Iterator[str]:
        for argument in self.program.wrt:
            if argument.role.layout in ("table", "shared"):
                name = self.program.output(argument)
                yield f"if {name} is not None:"
                yield f"    {name}_lane = {name}[lane]"
                yield f"    {name}_lane[...] = 0.0"
        yield "total = 0.0"
        if self._checked:
            yield "fault = 0"
        yield "for i in range(bounds[lane], bounds[lane + 1]):"
        yield from (f"    {line}" for line in self._item())
        yield "totals[lane] = total"
        yield f"faults[lane] = {'fault' if self._checked else '0'}"

    def _item(self) -> Iterator[str]:
        yield from self._sizes()
        yield "masked = item_scale is not None and item_scale[i] == zero"
        yield from self._cleared()
        yield "if masked:"
        yield "    if values is not None:"
        yield "        values[i] = zero"
        yield from (f"    {line}" for line in self._rows_written())
        yield "    continue"
        for argument in self.program.arrays:
            if argument.role.layout == "sequence":
                yield f"{argument.name}_start = {argument.name}_starts[i]"
            elif argument.role.layout == "row":
                yield from _where_given(f"{argument.name}_row = {argument.name}[i]", argument, self.program)
        yield from self.printer.lines(self.inline.items())
        for position, argument in self._checked:
            yield from self._check(position, argument)
        for whole in self.layout.whole_tables.values():
            yield f"for {whole.position} in range({size_name(whole.index.axis)}):"
            yield f"    {whole.name}[{whole.position}] = {whole.text}"
        for table in self.layout.tables:
            region = ", ".join(f":{side}" for side in f"{self._region(table, 'n_')} + {SPARE}".split(", "))
            yield f"{table.name}[{region}] = {self.printer.expression(table.outside)}"
        yield from self.up
        yield from self.value
        yield "factor = scale"
        yield "if item_scale is not None:"
        yield "    value = item_scale[i] * value"
        yield "    factor = scale * item_scale[i]"
        yield "total += np.float64(value)"
        yield "if values is not None:"
        yield "    values[i] = value"
        yield from self.down
        yield from self._rows_written()

    @property
    def _checked(self) -> list[tuple[int, Argument]]:
        """The arguments that may hold what is outside their domain, and their positions."""
        pairs = enumerate(self.program.variant.arguments)
        return [(n, a) for n, a in pairs if a.role.domain in DOMAIN_CHECKS and a.role.layout in ("grid", *ROWS)]

    def _check(self, position: int, argument: Argument) -> Iterator[str]:
        """Raises the argument's bit where an entry within the item's lengths is outside the domain."""
        name, axes = argument.name, argument.role.axes
        places = [f"at_{n}" for n in range(1, len(axes) + 1)]
        steps = [f"i * {name}_step_0", *(f"{p} * {name}_step_{n}" for n, p in enumerate(places[:-1], 1))]
        entries = {"grid": f"{name}_rows[{' + '.join(steps)}, at_{len(axes)}]", "row": f"{name}_row[at_1]"}
        entry = entries.get(argument.role.layout, f"{name}_i")
        lines = [f"for {place} in range({size_name(axis)}):" for place, axis in zip(places, axes, strict=True)]
        lines += [f"if not ({DOMAIN_CHECKS[argument.role.domain].format(x=entry)}):", f"fault |= {1 << position}"]
        if self.program.defaults.get(name) is not None and argument.role.layout == "row":
            lines.insert(0, f"if {name} is not None:")
        yield from ("    " * depth + line for depth, line in enumerate(lines))

    def _rows_written(self) -> Iterator[str]:
        """Outputs with a number or a row for each item: they are summed in double precision, then stored."""
        for argument in self.program.wrt:
            name = self.program.output(argument)
            if argument.role.layout in ROWS:
                place = "i, at" if argument.role.layout == "row" else "i"
                yield f"if {name} is not None:"
                yield f"    for at in range({self._width(argument)}):"
                yield f"        {name}[{place}] = {name}_row[at]"

    def _sizes(self) -> Iterator[str]:
        lengths = {a.role.axis: a.name for a in self.program.variant.arguments if a.role.layout == "length"}
        for axis in self.program.sizes:
            yield f"{size_name(axis)} = {f'{lengths[axis]}[i]' if axis in lengths else f'size_{axis.name}'}"
        for axis in self.derived:
            yield f"{size_name(axis)} = {self._extent(axis)}"

    def _cleared(self) -> Iterator[str]:
        """Outputs are added to: first they are 0, where no step writes the whole of a row."""
        for argument in self.program.wrt:
            if argument.role.layout in ROWS:
                yield f"if {self.program.output(argument)} is not None:"
                yield f"    {self.program.output(argument)}_row[:] = zero"
            if argument.role.layout != "grid":
                continue
            name, leading = self.program.output(argument), argument.role.axes[:-1]
            whole = any(isinstance(s, Write) and s.whole and s.argument == argument for s in self.program.sweeps.after)
            places = [f"at_{n}" for n in range(1, len(leading) + 1)]
            yield f"if {name} is not None:"
            for depth, (place, axis) in enumerate(zip(places, leading, strict=True), 1):
                yield "    " * depth + f"for {place} in range(size_{axis.name}):"
            indent = "    " * (len(leading) + 1)
            if whole:
                beyond = " or ".join(f"{p} >= {size_name(a)}" for p, a in zip(places, leading, strict=True))
                yield f"{indent}if masked or {beyond}:"
                indent += "    "
            row = " + ".join([f"i * {name}_step_0", *(f"{p} * {name}_step_{n}" for n, p in enumerate(places, 1))])
            yield f"{indent}{name}_rows[{row}][:] = zero"


def _unpacked(name: str, argument: Argument) -> str:
    """A grid's rows, and how many rows lie between items and between entries of each axis but the last."""
    steps = [f"{name}_step_{n}" for n in range(len(argument.role.axes))]
    return f"{name}_rows, ({', '.join(steps)}{',' if len(steps) == 1 else ''}) = {name}"


def _where_given(line: str, argument: Argument, program: LatticeProgram) -> Iterator[str]:
    """A line that reads an argument which may be absent."""
    if program.defaults.get(argument.name) is None:
        yield line
    else:
        yield f"if {argument.name} is not None:"
        yield f"    {line}"
        yield "else:"
        yield f"    {line.partition(' = ')[0]} = None"
