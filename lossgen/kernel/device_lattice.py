"""What surrounds the steps of an item with recurrences on CUDA: a block of threads for an item, its tables, what is checked.

A block takes one item after the other. Its tables are in memory that the launch gives each block; a kernel's function
`…_scratch` says how much. Lengths and labels are checked here, since nobody waits for the device: an item with a wrong one
is not read, and all that is written for it is NaN.
"""

from collections.abc import Iterator, Sequence

from lossgen.formula import Axis
from lossgen.formula.symbols import Argument

from .device_checks import checked_sequences
from .frames import given
from .lattice_frame import ROWS, LatticeFrame
from .names import full_size, size_name
from .spelling import factor, place_of, product_of, steps_of
from .thread_loops import ThreadLowering


class DeviceLatticeFrame(LatticeFrame):
    """A kernel over all items. `rank`, `own_group` and `member` say who a thread is: in its group, its group, in its block."""

    lowering = ThreadLowering

    def arguments(self) -> Iterator[str]:
        program = self.program
        yield "items: Size"
        yield from (f"{full_size(axis)}: Size" for axis in program.sizes)
        for argument in program.variant.arguments:
            yield from self._array(argument.name, argument)
        for p in program.variant.parameters:
            yield f"{p.name}: {'Whole' if p.role.domain == 'class-number' else 'Real'}"
        for argument, direction in program.directions.items():
            yield from self._array(direction.name, argument)
        yield from ("scale: Real", "multiplier: Factor | None", "item_scale: Scales | None", "values: Reals | None")
        yield from ("totals: Sums", "faults: Wholes")
        for argument in program.wrt:
            name, layout = program.output(argument), argument.role.layout
            # A grid's entries are added to: they are not rounded to half precision on the way.
            kind = {"grid": "Scales", "table": "Wides", "shared": "Wides"}.get(layout, "Reals")
            yield f"{name}: {kind} | None"
            yield from (f"{step}: Size" for step in steps_of(name, argument))
        if self._tables:
            yield from ("cells: Cells", "cells_size: Size")
        if self.layout.whole_tables:
            yield from ("places: Places", "places_size: Size")

    def _array(self, name: str, argument: Argument) -> Iterator[str]:
        match argument.role.layout:
            case "length":
                yield f"{name}: Wholes"
            case "sequence":
                yield from (f"{name}: Wholes", f"{name}_starts: Wholes", f"{name}_size: Size")
            case _:
                absent = " | None" if self.program.defaults.get(argument.name) is not None else ""
                yield f"{name}: Reals{absent}"
                yield from (f"{step}: Size" for step in steps_of(name, argument))

    @property
    def _tables(self) -> list[tuple[str, str, str]]:
        """The parts of a block's memory: their names, how many numbers an item needs, and what they are filled with."""
        tables = self.layout.tables
        found = [(t.name, product_of(self.layout.sides(t)), self.printer.expression(t.outside)) for t in tables]
        rows = [a for a in self.program.wrt if a.role.layout in ROWS]
        return [*found, *((f"{self.program.output(a)}_row", self._width(a), "zero") for a in rows)]

    def scratch(self) -> Iterator[str]:
        """The body of the function that says how much memory a block needs."""
        yield from self._derived()
        cells = [product_of(self.layout.sides(table, full_size)) for table in self.layout.tables]
        cells += [self._width(a) for a in self.program.wrt if a.role.layout in ROWS]
        places = [full_size(whole.index.axis) for whole in self.layout.whole_tables.values()]
        yield f"cells = {' + '.join(cells) or '0'}"
        yield f"places = {' + '.join(places) or '0'}"
        yield "return cells, places"

    def lines(self) -> Iterator[str]:
        """The kernel's body."""
        yield from ("rank = rank_in_group()", "own_group = group_in_block()", "member = rank_in_block()")
        yield from given("multiplier", "scale = scale * multiplier[0]", True)
        yield from self._derived()
        for argument in self.program.arrays:
            if argument.role.layout == "sequence":
                yield f"{argument.name}_labels = {argument.name}"
        if self._tables:
            yield "cells = beyond(cells, block() * cells_size)"
        if self.layout.whole_tables:
            yield "places = beyond(places, block() * places_size)"
        yield from self._lanes()
        self.printer.expression.used.add("sum_with_lost")
        yield from ("total = zero", "total_lost = zero", "fault = np.int64(0)")
        yield "for i in range(block(), items, blocks()):"
        yield from (f"    {line}" for line in self._item())
        yield "finish(totals, faults, total, total_lost, fault)"

    def _lanes(self) -> Iterator[str]:
        """What all items add to has a row for each block."""
        for argument in self.program.wrt:
            if argument.role.layout in ("table", "shared"):
                name, count = self.program.output(argument), product_of(map(full_size, argument.role.axes))
                yield f"if {name} is not None:"
                yield f"    {name}_lane = beyond({name}, block() * {factor(count)})"
                yield f"    for at in range(member, {count}, THREADS):"
                yield f"        {name}_lane[at] = zero"

    def _item(self) -> Iterator[str]:
        yield "sync()"
        yield from self._sizes()
        yield "skipped = False"
        yield "if item_scale is not None:"
        yield "    skipped = item_scale[i] == zero"
        yield "filling = zero"
        yield from checked_sequences(self.program)
        yield from self._cleared()
        yield "if skipped:"
        yield from (f"    {line}" for line in self._skip())
        yield "    continue"
        yield from self._read()
        yield from self._prepared()
        yield "sync()"
        for _, lines in self.steps.before:
            yield from lines
        yield from self.steps.value
        yield from ("factor = scale", "if item_scale is not None:")
        yield from ("    value = real(item_scale[i]) * value", "    factor = scale * real(item_scale[i])")
        yield from ("if member == 0:", "    total, total_lost = sum_with_lost(total, total_lost, value)")
        yield from ("    if values is not None:", "        values[i] = value")
        for step, lines in self.steps.after:
            yield from self._guarded(step, lines)
        yield from self._rows_written()

    def row_of(self, argument: Argument) -> str:
        return f"beyond({argument.name}, i * {full_size(argument.role.axis)})"

    def grid_entry(self, name: str, places: Sequence[str]) -> str:
        return f"{name}[{place_of(name, places[:-1])} + {places[-1]}]"

    def shares(self, axes: Sequence[Axis]) -> list[str]:
        """One axis: the threads of the block; several: groups along the first, a group's threads along the last."""
        sizes = list(map(size_name, axes))
        if len(sizes) == 1:
            return [f"member, {sizes[0]}, THREADS"]
        return [f"own_group, {sizes[0]}, GROUPS", *sizes[1:-1], f"rank, {sizes[-1]}, LANES"] if sizes else []

    def _prepared(self) -> Iterator[str]:
        """The tables, filled with what is outside of them, and whole numbers that are looked up."""
        before = ("cells", "")
        for name, count, outside in self._tables:
            yield f"{name} = " + (f"beyond({before[0]}, {before[1]})" if before[1] else before[0])
            yield f"for at in range(member, {count}, THREADS):"
            yield f"    {name}[at] = {outside}"
            before = (name, count)
        before = ("places", "")
        for whole in self.layout.whole_tables.values():
            yield f"{whole.name} = " + (f"beyond({before[0]}, {before[1]})" if before[1] else before[0])
            size = size_name(whole.index.axis)
            yield f"for {whole.position} in range(member, {size}, THREADS):"
            yield f"    {whole.name}[{whole.position}] = {f'1 if ({whole.text}) else 0' if whole.boolean else whole.text}"
            before = (whole.name, size)

    def _skip(self) -> Iterator[str]:
        """What is written for an item that is skipped, besides the grids."""
        yield "if member == 0:"
        yield "    total = total + filling"
        yield "    if values is not None:"
        yield "        values[i] = filling"
        yield from self._written("filling")

    def _rows_written(self) -> Iterator[str]:
        """Outputs with a number or a row for each item: they are summed in a row of the block's, then stored."""
        yield from self._written("{name}_row[at]")

    def _written(self, value: str) -> Iterator[str]:
        for argument in self.program.wrt:
            if argument.role.layout in ROWS:
                name, width = self.program.output(argument), self._width(argument)
                yield f"if {name} is not None:"
                yield f"    for at in range(member, {width}, THREADS):"
                yield f"        {name}[i * {width} + at] = {value.format(name=name)}"

    def _cleared(self) -> Iterator[str]:
        """Grids are added to: first they are 0, where no step writes the whole of a row; NaN where nothing is computed."""
        for argument in self.program.wrt:
            if argument.role.layout != "grid":
                continue
            name, (first, *others, last) = self.program.output(argument), argument.role.axes
            places = [f"at_{n}" for n in range(1, len(argument.role.axes))]
            shares = [f"own_group, {full_size(first)}, GROUPS", *map(full_size, others)]
            lines = [f"if {name} is not None:"]
            lines += [f"for {place} in range({share}):" for place, share in zip(places, shares, strict=True)]
            if self._writes_whole(argument):
                pairs = zip(places, (first, *others), strict=True)
                lines.append(f"if {' or '.join(['skipped', *(f'{p} >= {size_name(a)}' for p, a in pairs)])}:")
            lines.append(f"for at in range(rank, {full_size(last)}, LANES):")
            lines.append(f"{name}[{place_of(name, places)} + at] = filling")
            yield from ("    " * depth + line for depth, line in enumerate(lines))
