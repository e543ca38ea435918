"""What surrounds the statements of an item on CUDA: which thread has which items, and where the sum of the values goes."""

from collections.abc import Iterator

from sympy import Symbol

from lossgen.formula.symbols import Argument, is_label

from .frames import ElementFrame, Frame, given
from .ir import Branch, Let, Statement
from .names import size_name
from .statement_printer import StatementPrinter

#: The types of the hyperparameters that are whole numbers; the others are `Real`.
WHOLE = {"ignore_index": "Whole", "first_item": "Whole"}


#: The types of outputs by their layout; the others are `Reals`.
KINDS = {"row": "Rows", "shared": "Wides"}


class CudaFrame(Frame):
    """A kernel over all items. Pointers come without a shape: sizes are arguments, and all arguments have a type."""

    def arguments(self) -> Iterator[str]:
        program = self.program
        yield "items: Size"
        yield from (f"{size_name(axis)}: Size" for axis in self.sized())
        for argument in program.variant.arguments:
            yield f"{argument.name}: {self._type(argument)}"
        yield from (f"{name}: {WHOLE.get(name, 'Real')}" for name in program.parameters)
        yield from (f"{d.name}: {self._type(d)}" for d in program.directions.values())
        yield from (
            "scale: Real",
            "multiplier: Factor | None",
            "item_scale: Scales | None",
            "values: Reals | None",
            "totals: Sums",
            "faults: Wholes",
        )
        for output in program.outputs:
            layout = output.result.argument.role.layout
            yield f"{output.name}: {KINDS.get(layout, 'Reals')} | None"

    def _type(self, argument: Argument) -> str:
        absent = " | None" if self.optional(argument) else ""
        return ("Wholes" if is_label(argument) else "Rows" if argument.role.layout == "row" else "Reals") + absent

    def scaling(self) -> Iterator[str]:
        """The scale, with the factor that only the device knows."""
        yield from given("multiplier", "scale = scale * multiplier[0]", True)

    def lengths(self) -> Iterator[str]:
        """The lengths of the axes as numbers of the kernel's type."""
        yield from (f"{axis.name} = real({size_name(axis)})" for axis in self.sized())


class CudaElementFrame(CudaFrame, ElementFrame):
    """One number per item everywhere: a thread takes WIDTH items at a time, as many as one read or write may hold.

    Beyond the last item `load` repeats it, and `store` writes nothing. A thread adds what it took at a time in the
    kernel's own type, and these sums with what rounding loses.
    """

    accumulate = Let("part", Symbol("part + (value if i < left else zero)"))

    def lines(self, printer: StatementPrinter, body: list[Statement]) -> Iterator[str]:
        yield from self.scaling()
        yield from ("total = zero", "total_lost = zero")
        if self.checked:
            yield "bad = integer(0)"
        yield "for start in range(WIDTH * thread(), items, WIDTH * threads()):"
        yield from (f"    {line}" for line in self.block(printer, body))
        yield f"finish(totals, faults, total, total_lost, {'np.int64(bad)' if self.checked else 'np.int64(0)'})"

    def before(self, item: list[Statement]) -> list[Statement]:
        """An item of scale 0 may hold anything: nobody looks at it again before it is complained about."""
        loads = len(self.lowering.scalars)
        checked = super().before(item)
        if not self.checked:
            return checked
        checks = checked[loads : len(checked) - len(item) + loads]
        forgive = Branch("item_scale is not None", [Let("bad", Symbol("so_far if s == zero else bad"))])
        return [*item[:loads], Let("so_far", Symbol("bad")), *checks, forgive, *item[loads:]]

    def block(self, printer: StatementPrinter, body: list[Statement]) -> Iterator[str]:
        written = ["values"] if self.program.value is not None else []
        written += [o.name for o in self.program.outputs]
        yield "left = items - start"
        for argument in self.program.arrays:
            yield from given(argument.name, _loaded(argument.name), self.optional(argument))
        yield from given("item_scale", _loaded("item_scale"), True)
        for name in written:
            yield from given(name, f"{name}_block = cuda.local.array(WIDTH, real)", True)
        yield "part = zero"
        yield "for i in range(WIDTH):"
        yield "    if item_scale is not None:"
        yield "        s = item_scale_block[i]"
        yield from (f"    {line}" for line in printer.lines(body))
        for name in written:
            yield from given(name, f"store({name}, start, left, {name}_block)", True)
        if self.program.value is not None:
            printer.expression.used.add("sum_with_lost")
            yield "total, total_lost = sum_with_lost(total, total_lost, part)"


def _loaded(name: str) -> str:
    return f"{name}_block = load({name}, start, left)"
