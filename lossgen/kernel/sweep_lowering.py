"""Lowers the steps of a loss with recurrences: loops over cells in their order, tables padded by what lies outside.

A table has a margin on every side, filled with what is outside, as wide as the largest offset at which it is read, and one
at least: reads need no test. Where a position may be anything it is moved into the margin.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sympy import Add, Expr, Integer, Piecewise, Symbol, true
from sympy.logic.boolalg import And, Not

from lossgen.derive.sweeps import Fill, Put, Step, Sweeps, Table, TableEntry, Write
from lossgen.formula import Index
from lossgen.formula.nodes import Entry, LabelEntry
from lossgen.formula.symbols import Argument, is_whole

from .functions import as_real
from .ir import Branch, Let, Load, Loop, Statement, Store
from .lattice_program import LatticeProgram
from .lower import Lowering
from .names import size_name
from .share import shared_parts
from .whole import WholePrinter, is_whole_condition


@dataclass(frozen=True)
class Margins:
    """How wide a table's margins are, before and after, for each of its indices."""

    before: tuple[int, ...]
    after: tuple[int, ...]


@dataclass(frozen=True)
class WholeTable:
    """Whole numbers or conditions that depend on one index, computed once for an item."""

    name: str
    index: Index
    text: str
    boolean: bool


class SweepLowering(Lowering):
    """Builds the statements of one item of a loss with recurrences."""

    def __init__(self, program: LatticeProgram) -> None:
        super().__init__(program, element=False)
        self._guards = {}
        self.whole = WholePrinter(self.position)
        self.tables = program.sweeps_tables()
        self.margins = {table: _margins(table, program.sweeps) for table in self.tables}
        self.whole_tables: dict[tuple[Expr, str], WholeTable] = {}
        self._outer: list[Index] = []

    def before(self, sweeps: Sweeps) -> list[Statement]:
        """What leads up to the value, and the value."""
        self.scalars |= {a: f"{a.name}_i" for a in self.program.arrays if a.role.layout == "item"}
        for fill in sweeps.before:
            self.item += self._fill(fill)
        self._shared = shared_parts([sweeps.value])
        self.item.append(Let("value", self.bind(sweeps.value)))
        return self.take()

    def take(self) -> list[Statement]:
        """The statements made so far; the next ones go to a block of their own."""
        made, self.item[:] = list(self.item), []
        return made

    def step(self, step: Step) -> list[Statement]:
        """The statements of one step after the value."""
        match step:
            case Fill():
                own = self._fill(step)
            case Put():
                own = self._put(step)
            case Write():
                own = self._write(step)
        return [*self.take(), *own]

    def output(self, argument: Argument) -> str:
        return f"{self.program.prefix}_{argument.name}"

    # The steps

    def _fill(self, step: Fill) -> list[Statement]:
        self._shared = shared_parts([step.value])
        indices = step.table.indices
        return self._nested(indices, step, lambda value: [self._store_cell(step, value)])

    def _store_cell(self, step: Fill, value: Expr) -> Statement:
        *leading, last = step.table.indices
        array = self._slice(step.table, tuple(leading), Integer(0))
        return Store(array, self.position(last), self.bind(value), step.add)

    def _put(self, step: Put) -> list[Statement]:
        self._shared = shared_parts([step.value])

        def store(value: Expr) -> list[Statement]:
            within = self._within(step.positions, step.table.indices)
            places = ", ".join(self._place(step.table, n, p) for n, p in enumerate(step.positions))
            return [*_when(within, [Store(step.table.name, places, self.bind(value), True)])]

        return self._nested(step.over, step, store)

    def _write(self, step: Write) -> list[Statement]:
        self._shared = shared_parts([step.value])
        role = step.argument.role
        name = self.output(step.argument)

        def store(value: Expr) -> list[Statement]:
            if role.layout in ("table", "shared"):
                places = ", ".join(self._index_text(p) for p in step.positions)
                return [Store(f"{name}_lane", places, self.bind(value), True)]
            row = self._row(name, step.argument, step.positions[:-1], step.positions)
            within = self._within(step.positions[:-1], [axis.index() for axis in role.axes[:-1]])
            return _when(within, [Store(row, self._index_text(step.positions[-1]), self.bind(value), not step.whole)])

        return self._nested(step.over, step, store)

    def _nested(self, indices: Sequence[Index], step: Step, store) -> list[Statement]:
        """Loops over the indices around what is stored. A case that the outer indices decide has a loop of its own."""
        reverse = isinstance(step, Fill) and step.reverse
        if not indices:
            return store(step.value)
        *outer, last = indices
        if outer and not all(self._is_entered(index) for index in outer):
            first = next(index for index in outer if not self._is_entered(index))
            loop = self._loop(first, reverse)
            with self._inside(loop, first):
                self._outer.append(first)
                loop.body += self._nested(indices, step, store)
                self._outer.pop()
            return [loop]
        statements: list[Statement] = []
        for value, condition in self._cases(step.value, last):
            loop = self._loop(last, reverse and self._is_sequential(step))
            with self._inside(loop, last):
                loop.body += store(value)
            statements += [loop] if condition is true else [Branch(self.whole.bare(condition), [loop])]
        return statements

    def _is_entered(self, index: Index) -> bool:
        return index in self._outer

    def _cases(self, value: Expr, last: Index) -> list[tuple[Expr, Expr]]:
        """The pieces of a value whose conditions do not depend on the innermost index, each with when it holds."""
        if not isinstance(value, Piecewise) or not all(
            condition is true or (is_whole_condition(condition) and last not in condition.free_symbols)
            for _, condition in value.args
        ):
            return [(value, true)]
        cases, otherwise = [], true
        for piece, condition in value.args:
            cases.append((piece, And(otherwise, condition)))
            otherwise = And(otherwise, Not(condition))
        return cases

    def _loop(self, index: Index, reverse: bool) -> Loop:
        size = size_name(index.axis)
        return Loop(self.position(index), f"{size} - 1, -1, -1" if reverse else size)

    def _is_sequential(self, step: Step) -> bool:
        """Whether a cell of the innermost loop needs another one of it."""
        if not isinstance(step, Fill):
            return False
        leading = step.table.indices[:-1]
        return any(e.table == step.table and e.positions[:-1] == leading for e in step.value.atoms(TableEntry))

    # What expressions read

    def bind(self, node: Expr) -> Expr:
        if is_whole_condition(node) and node.free_symbols:
            return Symbol(self._whole_text(node))
        if isinstance(node, Expr) and node.free_symbols and is_whole(node) and not _is_indicator(node):
            return as_real(Symbol(self._whole_text(node)))
        return super().bind(node)

    def _entry(self, node: Entry | TableEntry) -> Symbol:
        scope = self._scope(node)
        if isinstance(node, TableEntry):
            name = self.names.new(f"{node.table.name}_at")
            statement = self._read_table(node, name)
        else:
            name = self.names.new(f"{node.base.name}_at")
            statement = self._read_argument(node, name)
        scope.block.append(statement)
        self._bound[node] = Symbol(name)
        return self._bound[node]

    def _read_table(self, node: TableEntry, name: str) -> Statement:
        *leading, last = node.positions
        index, offset = _shifted(last)
        if index is not None and index in self._indices_in_scope():
            array = self._slice(node.table, tuple(leading), offset)
            return Let(name, Symbol(f"{array}[{self.position(index)}]"))
        places = ", ".join(self._place(node.table, n, p) for n, p in enumerate(node.positions))
        return Let(name, Symbol(f"{node.table.name}[{places}]"))

    def _read_argument(self, node: Entry, name: str) -> Statement:
        role = node.base.role
        if role.layout == "grid":
            array = self._row(node.base.name, node.base, node.indices[:-1], node.indices)
            return Load(name, array, self._clamped(node.indices[-1], role.axes[-1]))
        if role.layout == "row":
            return Load(name, f"{node.base.name}_row", self._clamped(node.indices[0], role.axes[0]))
        return Load(name, node.base.name, ", ".join(self._index_text(p) for p in node.indices))

    def _slice(self, table: Table, leading: tuple[Expr, ...], offset: Expr) -> str:
        """The variable that holds a row of a table from an offset on: what the innermost loop reads at its own index."""
        key = TableEntry(table, *leading, Symbol(f"from {offset}"))
        if key not in self._bound:
            name = self.names.new(f"{table.name}_row")
            places = [self._place(table, n, p) for n, p in enumerate(leading)]
            first = self.margins[table].before[-1] + int(offset)
            text = f"{table.name}[{', '.join([*places, f'{first}:' if first else ':'])}]"
            self._scope(key).block.append(Let(name, Symbol(text)))
            self._bound[key] = Symbol(name)
        return str(self._bound[key])

    def _row(self, array: str, argument: Argument, leading: tuple[Expr, ...], positions: tuple[Expr, ...]) -> str:
        """The variable that holds the row of a grid's last axis."""
        key = Entry(Symbol(array), *leading)
        if key not in self._bound:
            name = self.names.new(f"{array}_row")
            terms = [f"i * {array}_step_0"]
            for n, (position, axis) in enumerate(zip(leading, argument.role.axes, strict=False), 1):
                place = self._clamped(position, axis)
                terms.append(f"{place if place.isidentifier() or place.endswith(')') else f'({place})'} * {array}_step_{n}")
            self._scope(key).block.append(Let(name, Symbol(f"{array}_rows[{' + '.join(terms)}]")))
            self._bound[key] = Symbol(name)
        return str(self._bound[key])

    def _place(self, table: Table, n: int, position: Expr) -> str:
        """Where a position lies in a table: shifted by the margin; one that may be anything is moved into the margin."""
        low, high = self.margins[table].before[n], self.margins[table].after[n]
        index, offset = _shifted(position)
        if index is not None and index in self._indices_in_scope() and -low <= offset <= high:
            return self.whole.bare(position + low)
        size = size_name(table.indices[n].axis)
        return f"max(min({self.whole.bare(position + low)}, {size} + {low}), 0)"

    def _clamped(self, position: Expr, axis) -> str:
        """A position of an argument; one beside the axis is moved to its end, where formulas read what they do not use."""
        index, offset = _shifted(position)
        if index is not None and index in self._indices_in_scope():
            if offset == 0:
                return self.position(index)
            text = self.whole.bare(position)
            return f"min({text}, {size_name(axis)} - 1)" if offset > 0 else f"max({text}, 0)"
        if not position.has(LabelEntry) and not _is_number_of_class(position):
            return f"max(min({self.whole.bare(position)}, {size_name(axis)} - 1), 0)"
        return self._index_text(position)

    def _within(self, positions: Sequence[Expr], indices: Sequence[Index]) -> str:
        """The condition that positions other than those of the loops lie within."""
        conditions = []
        for position, index in zip(positions, indices, strict=False):
            at, offset = _shifted(position)
            if at is not None and at in self._indices_in_scope() and offset == 0:
                continue
            text = self.whole(position)
            conditions.append(f"0 <= {text} < {size_name(index.axis)}")
        return " and ".join(conditions)

    def _index_text(self, position: Expr) -> str:
        return self._whole_text(position) if is_whole(position) else self.position(position)

    def _whole_text(self, node: Expr) -> str:
        """A whole number or condition; what reads labels and depends on one index is looked up in a table."""
        free = {s for s in node.free_symbols if isinstance(s, Index)}
        if not node.has(LabelEntry) or len(free) != 1:
            return self.whole.bare(node)
        (index,) = free
        own = index.axis.index()
        key = (node.xreplace({index: own}), index.axis.name)
        if key not in self.whole_tables:
            boolean = is_whole_condition(node)
            name = self.names.new("holds" if boolean else "label" if node.has(LabelEntry) else "number")
            self._positions.setdefault(own, self.names.new(own.name))
            self.whole_tables[key] = WholeTable(name, own, self.whole.bare(key[0]), boolean)
        return f"{self.whole_tables[key].name}[{self.position(index)}]"

    def _indices_in_scope(self) -> set[Index]:
        return {scope.index for scope in self._scopes if scope.index is not None}


def _is_indicator(node: Expr) -> bool:
    """Whether the node is one number or another, by a condition: a select of real numbers."""
    return isinstance(node, Piecewise) and all(value.is_number or _is_indicator(value) for value, _ in node.args)


def _when(condition: str, statements: list[Statement]) -> list[Statement]:
    return [Branch(condition, statements)] if condition else statements


def _shifted(position: Expr) -> tuple[Index | None, Expr]:
    """The index and the shift of a position such as t − 1; no index for any other."""
    for symbol in position.free_symbols:
        if isinstance(symbol, Index) and (position - symbol).is_Integer:
            return symbol, position - symbol
    return None, Integer(0)


def _is_number_of_class(position: Expr) -> bool:
    return getattr(getattr(position, "role", None), "domain", "") == "class-number"


def _margins(table: Table, sweeps: Sweeps) -> Margins:
    before, after = [1] * len(table.indices), [1] * len(table.indices)
    values = [step.value for step in (*sweeps.before, *sweeps.after)]
    for entry in {e for value in values for e in value.atoms(TableEntry) if e.table == table}:
        for n, position in enumerate(entry.positions):
            offset = int(_shifted(position)[1])
            before[n], after[n] = max(before[n], -offset), max(after[n], offset)
    return Margins(tuple(before), tuple(after))
