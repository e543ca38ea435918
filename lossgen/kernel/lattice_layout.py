"""Where the tables of a lattice hold its cells: margins around them, and whole numbers that are looked up.

A table has a margin on every side, filled with what is outside, as wide as the largest offset at which it is read, and one
at least: reads need no test. Where a position may be anything it is moved into the margin.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sympy import Expr

from lossgen.derive.sweeps import Step, Table, TableEntry
from lossgen.formula import Axis, Index
from lossgen.formula.nodes import LabelEntry
from lossgen.formula.symbols import Argument

from .kept import kept_parts
from .lattice_program import TAKEN, LatticeProgram
from .names import Names, family, size_name
from .single_rows import SingleRow
from .whole import WholePrinter, is_whole_condition, shifted


@dataclass(frozen=True)
class Margins:
    """How wide a table's margins are, before and after, for each of its indices."""

    before: tuple[int, ...]
    after: tuple[int, ...]


@dataclass(frozen=True)
class WholeTable:
    """Whole numbers or conditions that depend on one index, computed once for an item; `position` is the index's variable."""

    name: str
    index: Index
    position: str
    text: str
    boolean: bool


class LatticeLayout:
    """What all steps of a kernel share. `across` are the arguments of which a transposed copy is read."""

    def __init__(self, program: LatticeProgram) -> None:
        self.program = program
        self.tables = program.tables
        self.margins = {table: _margins(table, program.steps) for table in self.tables}
        self.whole_tables: dict[tuple[Expr, str], WholeTable] = {}
        self.reads_labels = False
        self.across: dict[Argument, None] = {}
        self.kept = kept_parts(program.sweeps.before)
        taken = {name for a in program.arrays for name in family(a.name)} | set(program.parameters)
        taken |= {name for axis in program.axes for name in (axis.name, size_name(axis))}
        self.taken = taken | {table.name for table in self.tables}
        self._names = self.names()
        self._places: dict[Index, str] = {}

    def names(self) -> Names:
        """Names for one function, or for the kernel itself."""
        return Names(self.taken, self.program.hints, TAKEN)

    def whole(self, node: Expr, position: Callable[[Expr], str]) -> str:
        """A whole number or condition as text; what reads labels and depends on one index is looked up in a table."""
        free = [s for s in node.free_symbols if isinstance(s, Index)]
        if not node.has(LabelEntry) or len(free) != 1:
            return self.bare(node, position)
        own = free[0].axis.index()
        key = (node.xreplace({free[0]: own}), own.axis.name)
        if key not in self.whole_tables:
            boolean = is_whole_condition(node)
            name = self._names.new("holds" if boolean else "label")
            self.taken.add(name)
            place = self._places[own] if own in self._places else self._names.new(own.name)
            self._places[own] = place
            text = self.bare(key[0], lambda index: place)
            self.whole_tables[key] = WholeTable(name, own, place, text, boolean)
        return f"{self.whole_tables[key].name}[{position(free[0])}]"

    def bare(self, node: Expr, position: Callable[[Expr], str]) -> str:
        """A whole number or condition as text."""
        self.reads_labels |= node.has(LabelEntry)
        return WholePrinter(position).bare(node)

    def sides(self, table: Table, size: Callable[[Axis], str] = size_name) -> list[str]:
        """How many entries a table has along each of its indices, with the margins. `size` names the size of an axis."""
        margins = self.margins[table]
        sides = zip(table.indices, margins.before, margins.after, strict=True)
        found = [f"{size(index.axis)} + {low + high}" for index, low, high in sides]
        return ["1", *found[1:]] if isinstance(table, SingleRow) else found

    def place(self, table: Table, n: int, position: Expr, loops: set[Index], name: Callable[[Expr], str]) -> str:
        """Where a position lies in a table: shifted by the margin, and moved into it unless it is near a loop's index."""
        if isinstance(table, SingleRow) and n == 0:
            return "0"
        low, high = self.margins[table].before[n], self.margins[table].after[n]
        index, offset = shifted(position)
        if index in loops and index.axis == table.indices[n].axis and -low <= offset <= high:
            return self.bare(position + low, name)
        size = size_name(table.indices[n].axis)
        return f"max(min({self.bare(position + low, name)}, {size} + {low}), 0)"


def _margins(table: Table, steps: Iterable[Step]) -> Margins:
    before, after = [1] * len(table.indices), [1] * len(table.indices)
    values = [own for step in steps for own in step.expressions]
    for entry in {e for value in values for e in value.atoms(TableEntry) if e.table == table}:
        for n, position in enumerate(entry.positions):
            offset = int(shifted(position)[1])
            before[n], after[n] = max(before[n], -offset), max(after[n], offset)
    return Margins(tuple(before), tuple(after))
