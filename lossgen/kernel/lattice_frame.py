"""What surrounds the steps of an item with recurrences: its sizes, the tables, the sum of the values, the outputs."""

from collections.abc import Iterator

from sympy import Symbol

from lossgen.derive.sweeps import Table, Write
from lossgen.formula import Axis
from lossgen.formula.symbols import Argument

from .ir import Branch, Let, Statement, Store
from .lattice_program import LatticeProgram
from .names import size_name
from .statement_printer import StatementPrinter
from .sweep_lowering import SweepLowering


class LatticeFrame:
    """The lines of one kernel."""

    def __init__(self, program: LatticeProgram, printer: StatementPrinter) -> None:
        self.program = program
        self.printer = printer
        self.lowering = SweepLowering(program)
        self.up = self.lowering.before(program.sweeps)
        self.down = list(self._down())
        if self.lowering.whole.reads_labels:
            printer.expression.used.add("label_at")
        derived = {index.axis for table in self.lowering.tables for index in table.indices}
        derived |= {axis for axis in program.variant.axes if axis.base is not None}
        self.derived = sorted((a for a in derived if a.length is not None or a.base is not None), key=lambda a: a.name)

    def lines(self) -> Iterator[str]:
        yield from self._prologue()
        yield "for lane in range(first, last):"
        yield from (f"    {line}" for line in self._lane())

    def _down(self) -> Iterator[Statement]:
        """The steps after the value: tables where any output is wanted, each output where it is."""
        outputs = [self.lowering.output(a) for a in self.program.wrt]
        wanted = " or ".join(f"{name} is not None" for name in outputs)
        for step in self.program.sweeps.after:
            statements = self.lowering.step(step)
            condition = f"{self.lowering.output(step.argument)} is not None" if isinstance(step, Write) else wanted
            yield Branch(condition, statements)

    def _grids(self) -> list[str]:
        names = [a.name for a in self.program.arrays if a.role.layout == "grid"]
        return names

    def _prologue(self) -> Iterator[str]:
        for parameter in self.program.variant.parameters:
            if parameter.role.domain != "class-number":
                yield f"{parameter.name} = real({parameter.name})"
        yield "scale = real(scale)"
        for argument in self.program.arrays:
            if argument.role.layout == "grid":
                yield from _steps(argument.name, argument)
            elif argument.role.layout == "sequence":
                yield f"{argument.name}_labels, {argument.name}_starts = {argument.name}"
        for argument in self.program.wrt:
            if argument.role.layout == "grid":
                name = self.lowering.output(argument)
                yield f"if {name} is not None:"
                yield from (f"    {line}" for line in _steps(name, argument))
        for axis in self.derived:
            yield f"size_{axis.name} = {self._extent(axis, 'size_')}"
        for table in self.lowering.tables:
            yield f"{table.name} = np.empty({self._shape(table, 'size_')})"
        for whole in self.lowering.whole_tables.values():
            kind = "bool_" if whole.boolean else "int64"
            yield f"{whole.name} = np.empty(size_{whole.index.axis.name}, np.{kind})"

    def _extent(self, axis: Axis, prefix: str) -> str:
        text = self.lowering.whole.bare(axis.extent)
        return text if prefix == "n_" else text.replace("n_", prefix)

    def _shape(self, table: Table, prefix: str) -> str:
        margins = self.lowering.margins[table]
        sizes = zip(table.indices, margins.before, margins.after, strict=True)
        sides = [f"{prefix}{index.axis.name} + {low + high}" for index, low, high in sizes]
        return f"({', '.join(sides)}{',' if len(sides) == 1 else ''})"

    def _lane(self) -> Iterator[str]:
        for argument in self.program.wrt:
            if argument.role.layout in ("table", "shared"):
                name = self.lowering.output(argument)
                yield f"if {name} is not None:"
                yield f"    {name}_lane = {name}[lane]"
                yield f"    {name}_lane[...] = 0.0"
        yield "total = 0.0"
        yield "for i in range(bounds[lane], bounds[lane + 1]):"
        yield from (f"    {line}" for line in self._item())
        yield "totals[lane] = total"
        yield "faults[lane] = 0"

    def _item(self) -> Iterator[str]:
        yield from self._sizes()
        yield from self._cleared()
        yield "if item_scale is not None:"
        yield "    s = item_scale[i]"
        yield "    if s == zero:"
        yield "        if values is not None:"
        yield "            values[i] = zero"
        yield "        continue"
        for argument in self.program.arrays:
            if argument.role.layout == "sequence":
                yield f"{argument.name}_start = {argument.name}_starts[i]"
            elif argument.role.layout == "row":
                yield f"{argument.name}_row = {argument.name}[i]"
        for whole in self.lowering.whole_tables.values():
            yield f"for {self.lowering.position(whole.index)} in range({size_name(whole.index.axis)}):"
            yield f"    {whole.name}[{self.lowering.position(whole.index)}] = {whole.text}"
        for table in self.lowering.tables:
            yield from self._outside(table)
        yield from self.printer.lines(self.up)
        yield from self.printer.lines(self._scaled())
        yield from self.printer.lines(self.down)

    def _sizes(self) -> Iterator[str]:
        lengths = {a.role.axis: a.name for a in self.program.variant.arguments if a.role.layout == "length"}
        for axis in self.program.sizes:
            text = f"{lengths[axis]}[i]" if axis in lengths else f"size_{axis.name}"
            yield f"{size_name(axis)} = {text}"
        for axis in self.derived:
            yield f"{size_name(axis)} = {self._extent(axis, 'n_')}"

    def _cleared(self) -> Iterator[str]:
        """Outputs are added to: first they are 0, where no step writes the whole of a row."""
        for argument in self.program.wrt:
            if argument.role.layout != "grid":
                continue
            name = self.lowering.output(argument)
            whole = any(isinstance(s, Write) and s.whole and s.argument == argument for s in self.program.sweeps.after)
            leading = argument.role.axes[:-1]
            places = [f"at_{n}" for n in range(1, len(leading) + 1)]
            yield f"if {name} is not None:"
            for depth, (place, axis) in enumerate(zip(places, leading, strict=True), 1):
                yield "    " * depth + f"for {place} in range(size_{axis.name}):"
            indent = "    " * (len(leading) + 1)
            row = " + ".join([f"i * {name}_step_0", *(f"{p} * {name}_step_{n}" for n, p in enumerate(places, 1))])
            if whole:
                beyond = " or ".join(f"{p} >= {size_name(a)}" for p, a in zip(places, leading, strict=True))
                yield f"{indent}if {beyond} or (item_scale is not None and item_scale[i] == zero):"
                indent += "    "
            yield f"{indent}{name}_rows[{row}][:] = zero"

    def _outside(self, table: Table) -> Iterator[str]:
        margins = self.lowering.margins[table]
        sizes = zip(table.indices, margins.before, margins.after, strict=True)
        region = ", ".join(f":n_{index.axis.name} + {low + high}" for index, low, high in sizes)
        yield f"{table.name}[{region}] = {self.printer.expression(table.outside)}"

    def _scaled(self) -> list[Statement]:
        masked = [Let("value", Symbol("s * value"))]
        statements: list[Statement] = [Let("factor", Symbol("scale"))]
        statements.append(Branch("item_scale is not None", [*masked, Let("factor", Symbol("scale * s"))]))
        statements.append(Let("total", Symbol("total + np.float64(value)")))
        statements.append(Branch("values is not None", [Store("values", "i", Symbol("value"))]))
        return statements


def _steps(name: str, argument: Argument) -> Iterator[str]:
    """A grid's rows, and how many rows lie between items and between entries of each axis but the last."""
    steps = [f"{name}_step_{n}" for n in range(len(argument.role.axes))]
    yield f"{name}_rows, ({', '.join(steps)}) = {name}"

