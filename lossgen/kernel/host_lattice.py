"""What surrounds the steps of an item with recurrences on the CPU: lanes of items, tables of NumPy, the sum of the values."""

from collections.abc import Iterator, Sequence
from functools import cached_property

from lossgen.derive.sweeps import Fill, Step, Table, Write
from lossgen.formula import Axis
from lossgen.formula.symbols import Argument

from .host_forms import OneForm, TwoForms
from .host_loops import SPARE, HostLowering
from .lattice_frame import ROWS, LatticeFrame
from .lattice_program import tables_in
from .names import across, full_size, size_name
from .one_loop import in_one_loop
from .rounds import Clear, Rounds
from .single_rows import SingleRow
from .sweep_lowering import SweepLowering


class HostLatticeFrame(LatticeFrame):
    """A kernel that works on some lanes of items, one after the other."""

    lowering = HostLowering

    def _named(self, step: Step | Rounds) -> tuple[str, str] | None:
        if not isinstance(step, Rounds):
            return super()._named(step)
        tables = list(dict.fromkeys(own.table.name for own in step.steps if isinstance(own, Fill)))
        writes = [own for own in step.steps if isinstance(own, Write)]
        if not tables:
            return super()._named(writes[0])
        filled = f"Row by row: {', '.join(tables)}"
        if not writes:
            return f"fill_{tables[-1]}", f"{filled}."
        return f"add_to_{self.program.output(writes[0].argument)}", f"{filled}, and what the cells add to the output."

    def _lines_of(self, step: Step | Rounds | Clear, lowering: SweepLowering) -> list[str]:
        if not isinstance(step, Rounds):
            return super()._lines_of(step, lowering)
        head = next(iter(self.printer.lines([lowering.loop(step.row, step.reverse)])))
        return in_one_loop(head, [self._lines_of(own, lowering) for own in step.steps])

    def arguments(self) -> Iterator[str]:
        program = self.program
        yield from ("first", "last", "bounds")
        yield from (a.name for a in program.variant.arguments)
        yield from program.parameters
        yield from map(full_size, program.sizes)
        yield from (d.name for d in program.directions.values())
        yield from ("scale", "item_scale", "values", "totals", "faults")
        yield from (program.output(a) for a in program.wrt)

    def lines(self) -> Iterator[str]:
        """The kernel's body."""
        yield from self._prologue()
        yield "for lane in range(first, last):"
        yield from (f"    {line}" for line in self._lane())

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
        yield from self._derived()
        for table in self.layout.tables:
            yield f"{table.name} = np.empty(({self._region(table, 'size_')} + {SPARE},))"
        for whole in self.layout.whole_tables.values():
            kind = "bool_" if whole.boolean else "int64"
            yield f"{whole.name} = np.zeros(size_{whole.index.axis.name} + {SPARE}, np.{kind})"

    def _region(self, table: Table, prefix: str) -> str:
        """The sides of a table with its margins."""
        return ", ".join(self.layout.sides(table, lambda axis: prefix + axis.name))

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
        yield from self._read()
        for whole in self.layout.whole_tables.values():
            yield f"for {whole.position} in range({size_name(whole.index.axis)}):"
            yield f"    {whole.name}[{whole.position}] = {whole.text}"
        for table in self._first_tables:
            yield self._emptied(table)
        yield "factor = scale if item_scale is None else scale * item_scale[i]"
        yield from self._forms.before()
        yield "if item_scale is not None:"
        yield "    value = item_scale[i] * value"
        yield "total += np.float64(value)"
        yield "if values is not None:"
        yield "    values[i] = value"
        yield from self._forms.after(self._guarded)
        yield from self._rows_written()

    def _emptied(self, table: Table) -> str:
        """Fills a table, or what is around its cells where a step fills these, with what is outside of it."""
        sides = f"{self._region(table, 'n_')} + {SPARE}".split(", ")
        outside = self.printer.expression(table.outside)
        if table not in self._filled:
            return f"{table.name}[{', '.join(f':{side}' for side in sides)}] = {outside}"
        lines = [f"{table.name}[{region}] = {outside}" for region in self._around(table, sides)]
        return self.pool.call(
            f"clear_around_{table.name}", f"What is outside, around the cells of {table.name}.", lines
        )

    def _around(self, table: Table, sides: Sequence[str]) -> Iterator[str]:
        """The parts of a table before and behind its cells, along each of its indices."""
        for n, (index, low) in enumerate(zip(table.indices, self.layout.margins[table].before, strict=True)):
            for part in (f":{low}", f"{size_name(index.axis)} + {low} : {sides[n]}"):
                yield ", ".join([*(f":{side}" for side in sides[:n]), part, *(f":{side}" for side in sides[n + 1 :])])

    @cached_property
    def _filled(self) -> frozenset[Table]:
        """The tables of several indices of which a step gives every cell its value."""
        fills = (step for step in self.program.steps if isinstance(step, Fill) and not step.add)
        pairs = ((step.table.indices, table) for step in fills for table in (step.table, *dict(step.kept)))
        return frozenset(table for indices, table in pairs if len(indices) > 1 and not isinstance(table, SingleRow))

    @cached_property
    def _first_tables(self) -> list[Table]:
        """The tables of the form that an item is tried in first, as they are filled there."""
        return list(tables_in(self.program.scaled or self.program.sweeps))

    @cached_property
    def _forms(self) -> OneForm:
        """The steps, in plain numbers too where the program has that form."""
        program = self.program
        if program.scaled is None:
            return OneForm(self.steps)
        self.printer.expression.used.add("fits_factor")
        fast = self.written(program.scaled, self.lowering(self.layout))
        first = {table: table.outside for table in self._first_tables}
        other = [table for table in tables_in(program.sweeps) if first.get(table) != table.outside]
        return TwoForms(self.steps, fast, list(map(self._emptied, other)), self._least_value)

    @property
    def _least_value(self) -> str:
        """What a thousand roundings leave all digits of the entries' type in, for float64 as many as in path numbers."""
        return f"real({2**-20 if self.printer.widen else 0.5})"

    def row_of(self, argument: Argument) -> str:
        return f"{argument.name}[i]"

    def grid_entry(self, name: str, places: Sequence[str]) -> str:
        steps = [f"i * {name}_step_0", *(f"{p} * {name}_step_{n}" for n, p in enumerate(places[:-1], 1))]
        return f"{name}_rows[{' + '.join(steps)}, {places[-1]}]"

    def shares(self, axes: Sequence[Axis]) -> list[str]:
        return list(map(size_name, axes))

    def _rows_written(self) -> Iterator[str]:
        """Outputs with a number or a row for each item: they are summed in double precision, then stored."""
        for argument in self.program.wrt:
            name = self.program.output(argument)
            if argument.role.layout in ROWS:
                place = "i, at" if argument.role.layout == "row" else "i"
                yield f"if {name} is not None:"
                yield f"    for at in range({self._width(argument)}):"
                yield f"        {name}[{place}] = {name}_row[at]"

    def _cleared(self) -> Iterator[str]:
        """Outputs are added to: first they are 0, where no step writes the whole of a row."""
        for argument in self.program.wrt:
            if argument.role.layout in ROWS:
                yield f"if {self.program.output(argument)} is not None:"
                yield f"    {self.program.output(argument)}_row[:] = zero"
            if argument.role.layout != "grid":
                continue
            name, leading = self.program.output(argument), argument.role.axes[:-1]
            places = [f"at_{n}" for n in range(1, len(leading) + 1)]
            yield f"if {name} is not None:"
            for depth, (place, axis) in enumerate(zip(places, leading, strict=True), 1):
                yield "    " * depth + f"for {place} in range(size_{axis.name}):"
            indent = "    " * (len(leading) + 1)
            if self._writes_whole(argument):
                beyond = " or ".join(f"{p} >= {size_name(a)}" for p, a in zip(places, leading, strict=True))
                yield f"{indent}if masked or {beyond}:"
                indent += "    "
            row = " + ".join([f"i * {name}_step_0", *(f"{p} * {name}_step_{n}" for n, p in enumerate(places, 1))])
            yield f"{indent}{name}_rows[{row}][:] = zero"


def _unpacked(name: str, argument: Argument) -> str:
    """A grid's rows, and how many rows lie between items and between entries of each axis but the last."""
    steps = [f"{name}_step_{n}" for n in range(len(argument.role.axes))]
    return f"{name}_rows, ({', '.join(steps)}{',' if len(steps) == 1 else ''}) = {name}"
