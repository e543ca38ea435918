"""What surrounds the statements of an item on CUDA where items are rows, which a group of threads computes together."""

from collections.abc import Iterator

from sympy import Expr, Symbol

from lossgen.formula import Axis
from lossgen.formula.symbols import Argument, is_label

from .cuda_frames import CudaFrame
from .frames import RowFrame, given
from .ir import Let, Statement
from .names import size_name
from .one_pass import in_one_pass
from .program import Program
from .row_printer import kept_in
from .statement_printer import StatementPrinter
from .tiles import Rows, tiled


class CudaRowFrame(CudaFrame, RowFrame):
    """Items with loops of their own: a group of threads takes one item after the other, and divides its loops.

    What an item's statements compute outside loops is the same in all threads of the group; the first one's total counts.
    A thread takes WIDTH neighbouring entries of a row at a time, from `first` on, so that what it reads begins at a multiple
    of 16 bytes: `lead` entries after one the row begins. Rows that several loops read are read once and kept, as far as
    there is room. An item with a label out of range is not read, and all that is written for it is NaN.
    """

    accumulate = Let("total, total_lost", Symbol("sum_with_lost(total, total_lost, value)"))

    def arguments(self) -> Iterator[str]:
        yield from super().arguments()
        yield from (f"room_{axis.name}: Room" for axis in self.kept)

    def lines(self, printer: StatementPrinter, body: list[Statement]) -> Iterator[str]:
        yield from self.scaling()
        yield from self.lengths()
        yield "rank = rank_in_group()"
        for output in self.program.outputs:
            if output.result.argument.role.layout == "shared":
                size = size_name(output.result.argument.role.axis)
                yield f"if {output.name} is not None:"
                yield f"    {output.name}_lane = row({output.name}, group(), {size})"
                yield f"    for j in range(rank, {size}, LANES):"
                yield f"        {output.name}_lane[j] = zero"
        yield from ("total = zero", "total_lost = zero", "fault = np.int64(0)")
        if self.checked:
            yield "bad = integer(0)"
        if self.program.value is not None:
            printer.expression.used.add("sum_with_lost")
        yield "for i in range(group(), items, groups()):"
        yield from (f"    {line}" for line in self.item(printer, body))
        yield "counted = rank == 0"
        fault = "fault | bad" if self.checked else "fault"
        yield f"finish(totals, faults, total if counted else zero, total_lost if counted else zero, {fault})"

    def item(self, printer: StatementPrinter, body: list[Statement]) -> Iterator[str]:
        for axis in dict.fromkeys(a.role.axis for a in self.program.arrays if a.role.layout == "row"):
            yield f"lead_{axis.name} = i * {size_name(axis)} % WIDTH"
            yield f"first_{axis.name} = WIDTH * rank - lead_{axis.name}"
        yield from super().item(printer, body)

    def statements(self, printer: StatementPrinter, body: list[Statement]) -> Iterator[str]:
        found = tiled(body, rows_of(self.program))
        names = kept_in(found)
        for argument in self.program.arrays:
            if f"{argument.name}_row" in names:
                self.kept.setdefault(argument.role.axis, []).append(argument)
        if self.kept:
            yield "place = 0"
        for axis, arguments in self.kept.items():
            yield from self._keep(axis, arguments)
        yield from printer.lines(in_one_pass(found))

    def _keep(self, axis: Axis, arguments: list[Argument]) -> Iterator[str]:
        """Reads the rows of an axis that are kept, as far as there is room for them."""
        n, room, lead, first = (f"{part}_{axis.name}" for part in ("n", "room", "lead", "first"))
        for a in arguments:
            memory = f"{a.name}_kept = kept_row({a.name}_row, place, {room}, {first}, {n})"
            yield from given(a.name, memory, self.optional(a))
            yield from given(a.name, f"place += {room} * bytes_of({a.name}_row)", self.optional(a))
        yield f"for start in range({first}, min({n}, {room} - {lead}), WIDTH * LANES):"
        for a in arguments:
            kept = f"keep({a.name}_kept, {a.name}_row, start, {lead}, {n})"
            yield from (f"    {line}" for line in given(a.name, kept, self.optional(a)))

    def skip(self, printer: StatementPrinter) -> Iterator[str]:
        if self.has_labels():
            yield "filling = zero"
        yield from super().skip(printer)

    def reasons(self) -> Iterator[str]:
        """An item of scale 0 may have any label: nobody looks at it again before it is complained about."""
        yield from self.scale_reason()
        yield from self.label_reasons()

    def out_of_range(self, position: int) -> Iterator[str]:
        yield "if not skipped:"
        yield from (f"    {line}" for line in (*super().out_of_range(position), "filling = nan"))

    def row(self, array: str, axis: Axis) -> str:
        return f"row({array}, i, {size_name(axis)})"

    def filling(self) -> Expr:
        return Symbol("filling") if self.has_labels() else super().filling()

    def zeros(self) -> list[Statement]:
        """A label out of range is seen in the sum of the values, too."""
        total = (
            [Let("total", Symbol("total + filling"))] if self.program.value is not None and self.has_labels() else []
        )
        return [*tiled(super().zeros(), rows_of(self.program)), *total]

    def has_labels(self) -> bool:
        return any(map(is_label, self.program.variant.arguments))


def rows_of(program: Program) -> Rows:
    """All rows that a kernel may read or write, by their names in it, with the names of their axes."""
    read = {f"{a.name}_row": a.role.axis.name for a in program.arrays if a.role.layout == "row"}
    outputs = [(o.name, o.result.argument.role) for o in program.outputs]
    return read | {f"{name}_row": role.axis.name for name, role in outputs if role.layout == "row"}
