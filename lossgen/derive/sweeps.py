"""What a loss with recurrences computes, in order: tables that are filled, single cells and outputs that are added to.

Every step is an assignment with an expression on its right side, so that the derivative of the whole along a direction is
the same list of steps, each differentiated.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sympy import Expr, Integer, Symbol, Tuple

from lossgen.formula import Index
from lossgen.formula.symbols import Argument

ZERO = Integer(0)

#: What scales every derivative of the item: the upstream gradient, over the denominator of the mean.
FACTOR = Symbol("factor", real=True)


class Table(Symbol):
    """A number for each cell of a lattice: name, the indices it is filled over, and what it holds outside."""

    __slots__ = ("indices", "outside")

    def __new__(cls, name: str, indices: tuple[Index, ...], outside: Expr = ZERO) -> "Table":
        self = Symbol.__xnew__(cls, name, extended_real=True)
        self.indices, self.outside = indices, outside
        return self

    def __getnewargs_ex__(self):
        return (self.name, self.indices, self.outside), {}

    def _hashable_content(self):
        return (*super()._hashable_content(), Tuple(*self.indices))

    def __getitem__(self, positions: tuple[Expr, ...]) -> "TableEntry":
        return TableEntry(self, *positions)

    __iter__ = None


class TableEntry(Expr):
    """The entry of a table at positions."""

    is_commutative = True
    is_real = None
    is_extended_real = True

    def __new__(cls, table: Table, *positions: Expr) -> "TableEntry":
        return Expr.__new__(cls, table, *positions)

    @property
    def table(self) -> Table:
        return self.args[0]

    base = table

    @property
    def positions(self) -> tuple[Expr, ...]:
        return self.args[1:]

    indices = positions

    def _sympystr(self, printer) -> str:
        return f"{self.table}[{', '.join(map(printer.doprint, self.positions))}]"

    def _pretty(self, printer):
        return printer._print(Symbol(str(self)))


@dataclass(frozen=True)
class Fill:
    """For every cell, in order (or in the reverse order): table[cell] = value, or += value.

    `kept` are parts that have a table of their own, filled beforehand, cell by cell; the value, and later parts, read it.
    """

    table: Table
    value: Expr
    reverse: bool = False
    add: bool = False
    kept: tuple[tuple[Table, Expr], ...] = ()

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables that are filled."""
        return (self.table, *(table for table, _ in self.kept))

    @property
    def expressions(self) -> tuple[Expr, ...]:
        """What is computed for each cell."""
        return (self.value, *(part for _, part in self.kept))

    @property
    def known(self) -> dict[Expr, Expr]:
        """The kept parts by where they are found."""
        return {part: table[self.table.indices] for table, part in self.kept}


class _Single:
    """A step that computes one thing for each position."""

    @property
    def expressions(self) -> tuple[Expr, ...]:
        """What is computed for each position."""
        return (self.value,)


@dataclass(frozen=True)
class Put(_Single):
    """For every position of `over`: table[positions] += value, where the positions are within the table."""

    table: Table
    positions: tuple[Expr, ...]
    value: Expr
    over: tuple[Index, ...] = ()


@dataclass(frozen=True)
class Write(_Single):
    """For every position of `over`: output[positions] += value. `whole`: = value, the first to be written, and everywhere.

    `reverse`: from the last position of the first index to the first.
    """

    argument: Argument
    positions: tuple[Expr, ...]
    value: Expr
    over: tuple[Index, ...] = ()
    whole: bool = False
    reverse: bool = False


@dataclass(frozen=True)
class Keep(_Single):
    """For every position of `over`: each table at it = its value. What several steps need of a row, computed once.

    `functions`: the parts are functions of what another such step keeps, no reductions of a row.
    """

    parts: tuple[tuple[Table, Expr], ...]
    over: tuple[Index, ...]
    functions: bool = False

    @property
    def value(self) -> Expr:
        return Tuple(*(part for _, part in self.parts))


Step = Fill | Put | Write | Keep


@dataclass(frozen=True)
class Sweeps:
    """The steps up to the value of the item, the value, and the steps after it, up to the outputs."""

    before: tuple[Fill, ...]
    value: Expr
    after: tuple[Step, ...]


def lines_of(sweeps: Sweeps) -> Iterator[tuple[str, Expr]]:
    """What is computed, as titles and formulas: up to the value, and the steps that follow it."""
    for step in sweeps.before:
        yield from _lines(step)
    yield "value", sweeps.value
    for step in sweeps.after:
        yield from _lines(step)


def _lines(step: Step) -> Iterator[tuple[str, Expr]]:
    match step:
        case Fill(table, value, reverse, add, kept):
            at = table[table.indices]
            order = ", from the last cell to the first" if reverse else ""
            yield from ((f"{own[own.indices]}", part) for own, part in kept)
            yield f"{at} {'+=' if add else '='}{order}", value
        case Put(table, positions, value):
            yield f"{table[positions]} +=", value
        case Write(argument, positions, value):
            yield f"∂/∂{argument}[{', '.join(map(str, positions))}] +=", value
        case Keep(parts):
            yield from ((f"{own[own.indices]}", part) for own, part in parts)
