"""What surrounds the statements of an item: the loops over lanes and items, the checks, and the sum of the values."""

from collections.abc import Iterator

from sympy import Expr, Integer, Symbol

from lossgen.formula import Axis
from lossgen.formula.symbols import Argument, ItemNumber, is_label

from .ir import Branch, Check, Let, Load, Loop, Statement, Store
from .lower import Lowering
from .names import size_name
from .program import Program
from .statement_printer import DOMAIN_CHECKS, StatementPrinter

IGNORED = 62  # the bit among the faults that says that an item was ignored; an argument's bit is its position


class Frame:
    """What surrounds the statements of an item, whatever its shape."""

    values = "values"
    accumulate = Let("total", Symbol("total + np.float64(value)"))

    def __init__(self, program: Program, lowering: Lowering) -> None:
        self.program, self.lowering = program, lowering
        self.kept: dict[Axis, list[Argument]] = {}
        self.checked = [
            (position, a) for position, a in enumerate(program.variant.arguments) if a.role.domain in DOMAIN_CHECKS
        ]

    def arguments(self) -> Iterator[str]:
        """The kernel's signature."""
        program = self.program
        yield from ("first", "last", "bounds")
        yield from (a.name for a in program.variant.arguments)
        yield from program.parameters
        yield from (d.name for d in program.directions.values())
        yield from ("scale", "item_scale", "values", "totals", "faults")
        yield from (o.name for o in program.outputs)

    def lines(self, printer: StatementPrinter, body: list[Statement]) -> Iterator[str]:
        """The kernel's text around the statements of an item."""
        yield from self.prologue()
        yield "for lane in range(first, last):"
        yield from (f"    {line}" for line in self.lane(printer, body))

    def lane(self, printer: StatementPrinter, body: list[Statement]) -> Iterator[str]:
        """The text of one lane."""
        raise NotImplementedError

    def before(self, item: list[Statement]) -> list[Statement]:
        """The statements of an item with those that check what was loaded."""
        return item

    def prologue(self) -> Iterator[str]:
        for name in self.program.parameters:
            if name not in ("ignore_index", "first_item"):
                yield f"{name} = real({name})"
        yield "scale = real(scale)"
        for axis, argument in self.sized().items():
            yield f"{size_name(axis)} = {argument.name}.shape[{int(argument.role.layout == 'row')}]"
            yield f"{axis.name} = real({size_name(axis)})"

    def sized(self) -> dict[Axis, Argument]:
        """The axes that items have, each with the first argument that is always given and shows its length."""
        found: dict[Axis, Argument] = {}
        for argument in self.program.arrays:
            axis = argument.role.axis
            if axis and argument.role.layout in ("row", "shared") and not self.optional(argument):
                found.setdefault(axis, argument)
        return found

    def optional(self, argument: Argument) -> bool:
        return self.program.defaults.get(argument.name) is not None

    def faults(self) -> Iterator[str]:
        """After a lane: one bit for each argument that held something outside its domain."""
        if self.checked:
            yield "fault |= bad"
        yield "totals[lane] = total"
        yield "faults[lane] = fault"

    def start(self) -> Iterator[str]:
        yield "total = 0.0"
        yield "fault = 0"
        if self.checked:
            yield "bad = integer(0)"

    def scaled_value(self) -> list[Statement]:
        """The item's scale reaches the value and, with the common scale, every output. An item of scale 0 is exactly 0."""
        value = self.program.value is not None
        masked = [Let("value", Symbol("(zero if s == zero else s * value)"))] if value else []
        statements: list[Statement] = [Let("factor", Symbol("scale"))]
        statements.append(Branch("item_scale is not None", [*masked, Let("factor", Symbol("scale * s"))]))
        if value:
            statements.append(self.accumulate)
            statements.append(Branch("values is not None", [Store(self.values, "i", Symbol("value"))]))
        return statements


class ElementFrame(Frame):
    """One number per item everywhere: the items themselves are the vectorised loop, over slices of the arrays.

    A block is summed in the kernel's own type, in as many interleaved partial sums as fit the vector registers, and
    the blocks in double precision: the vector loop stays at full width and the sum keeps its digits.
    """

    values = "values_block"
    accumulate = Let("part", Symbol("add(part, value)"))

    def lane(self, printer: StatementPrinter, body: list[Statement]) -> Iterator[str]:
        yield from self.start()
        yield "for start in range(bounds[lane], bounds[lane + 1], BLOCK):"
        yield from (f"    {line}" for line in self.block(printer, body))
        yield from self.faults()

    def block(self, printer: StatementPrinter, body: list[Statement]) -> Iterator[str]:
        yield "stop = min(start + BLOCK, bounds[lane + 1])"
        for argument in self.program.arrays:
            yield from given(argument.name, _slice(argument.name), self.optional(argument))
        for name in ("item_scale", "values", *(o.name for o in self.program.outputs)):
            yield from given(name, _slice(name), True)
        yield "part = zero"
        yield "for i in range(stop - start):"
        yield "    if item_scale is not None:"
        yield "        s = item_scale_block[i]"
        yield from (f"    {line}" for line in printer.lines(body))
        yield "total += np.float64(part)"

    def before(self, item: list[Statement]) -> list[Statement]:
        loads = len(self.lowering.scalars)
        checks = [Check(position, self.lowering.scalars[a], a.role.domain) for position, a in self.checked]
        return [*item[:loads], *checks, *item[loads:]]


class RowFrame(Frame):
    """Items with loops of their own, one after the other."""

    def lane(self, printer: StatementPrinter, body: list[Statement]) -> Iterator[str]:
        shared = [o for o in self.program.outputs if o.result.argument.role.layout == "shared"]
        for output in shared:
            yield f"if {output.name} is not None:"
            yield f"    {output.name}_lane = {output.name}[lane]"
            yield f"    {output.name}_lane[:] = 0.0"
        yield from self.start()
        yield "for i in range(bounds[lane], bounds[lane + 1]):"
        yield from (f"    {line}" for line in self.item(printer, body))
        yield from self.faults()

    def item(self, printer: StatementPrinter, body: list[Statement]) -> Iterator[str]:
        for output in self.program.outputs:
            argument = output.result.argument
            if argument.role.layout == "row":
                yield f"if {output.name} is not None:"
                yield f"    {output.name}_row = {self.row(output.name, argument.role.axis)}"
        yield from self.skip(printer)
        for argument in self.program.arrays:
            if argument.role.layout == "row":
                row = f"{argument.name}_row = {self.row(argument.name, argument.role.axis)}"
                yield from given(argument.name, row, self.optional(argument))
        if any(e.has(ItemNumber) for e in self.program.expressions()):
            yield "item = i + first_item"
        yield from self.statements(printer, [*self.row_checks(), *body])

    def statements(self, printer: StatementPrinter, body: list[Statement]) -> Iterator[str]:
        """The text of what an item computes."""
        yield from printer.lines(body)

    def row(self, array: str, axis: Axis) -> str:
        """The row of the item."""
        return f"{array}[i]"

    def filling(self) -> Expr:
        """What stands in the outputs of an item that is skipped."""
        return Integer(0)

    def skip(self, printer: StatementPrinter) -> Iterator[str]:
        """Items that are not read: zeros are written for them."""
        yield "skipped = False"
        yield from self.reasons()
        yield "if skipped:"
        yield from (f"    {line}" for line in printer.lines(self.zeros()))
        yield "    continue"

    def reasons(self) -> Iterator[str]:
        """What an item is skipped for: its label is to be ignored or out of range, its scale is 0."""
        yield from self.label_reasons()
        yield from self.scale_reason()

    def scale_reason(self) -> Iterator[str]:
        yield "if item_scale is not None:"
        yield "    s = item_scale[i]"
        yield "    if s == zero:"
        yield "        skipped = True"

    def label_reasons(self) -> Iterator[str]:
        for position, argument in enumerate(self.program.variant.arguments):
            if is_label(argument):
                name = self.lowering.scalars[argument]
                yield f"{name} = {argument.name}[i]"
                yield f"if {name} == ignore_index:"
                yield f"    fault |= 1 << {IGNORED}"
                yield "    skipped = True"
                yield f"elif ({name} < 0) | ({name} >= {size_name(argument.role.axis)}):"
                yield from (f"    {line}" for line in self.out_of_range(position))
                yield "    skipped = True"

    def out_of_range(self, position: int) -> Iterator[str]:
        """What is noted of a label that is out of range; `position` is the argument's."""
        yield f"fault |= {1 << position}"

    def zeros(self) -> list[Statement]:
        statements: list[Statement] = []
        if self.program.value is not None:
            statements.append(Branch("values is not None", [Store("values", "i", self.filling())]))
        for output in self.program.outputs:
            argument = output.result.argument
            if argument.role.layout == "row":
                loop = Loop("j", size_name(argument.role.axis), [Store(f"{output.name}_row", "j", self.filling())])
                statements.append(Branch(f"{output.name} is not None", [loop]))
            elif argument.role.layout != "shared":
                statements.append(Branch(f"{output.name} is not None", [Store(output.name, "i", self.filling())]))
        return statements

    def row_checks(self) -> list[Statement]:
        checks: list[Statement] = []
        for position, argument in self.checked:
            if argument.role.layout == "row":
                entry = Load("entry", f"{argument.name}_row", "j")
                check = Loop(
                    "j", size_name(argument.role.axis), [entry, Check(position, "entry", argument.role.domain)]
                )
            else:
                check = Check(position, f"{argument.name}[i]", argument.role.domain)
            checks.append(Branch(f"{argument.name} is not None", [check]) if self.optional(argument) else check)
        return checks


def given(name: str, line: str, optional: bool) -> Iterator[str]:
    """The line, for an array that may be absent under the condition that it is there."""
    if optional:
        yield f"if {name} is not None:"
        yield f"    {line}"
    else:
        yield line


def _slice(name: str) -> str:
    return f"{name}_block = {name}[start:stop]"
