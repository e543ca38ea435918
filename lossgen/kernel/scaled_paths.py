"""Sums over paths in plain numbers: a second form of the steps, several times as fast, for items whose cells fit the range.

Each row of cells (those with one position on the first axis) is kept as plain numbers times a power of two of its own, so that
its sum stays near 1; what leaves the range becomes NaN (lossgen/kernel/math/scaled_paths.py), and such an item is computed
in path numbers instead. The form exists where every cell reads cells of the row before it alone. In the adjoint, what a cell
hands on is divided by its sum once, not for each cell that it is handed to.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from sympy import Add, Eq, Expr, Integer, Mul, Piecewise, Symbol

from lossgen.derive.sweeps import ZERO, Fill, Put, Step, Sweeps, Table, TableEntry, Write
from lossgen.formula.nodes import Entry, LabelEntry, Reduction

from .functions import (
    PathFunction,
    no_path,
    path_of_log,
    path_of_scaled,
    path_product,
    path_share,
    path_sum,
    scaled_of_log,
    scaled_product,
    scaled_quotient,
)
from .sweep_loops import entries

#: How many cells a sum may read to be made again rather than kept.
MOST_CELLS = 4
#: What brings numbers from the scale of the row before into the row's own.
UP = Symbol("up", real=True)


@dataclass(frozen=True)
class ScaledFill(Fill):
    """A fill whose rows each get a scale: their exponents go to `shift`. It says whether all rows are in range."""

    shift: Table | None = None

    @property
    def tables(self) -> tuple[Table, ...]:
        return (*super().tables, self.shift)


@dataclass(frozen=True)
class FollowedFill(Fill):
    """A fill of which something is kept for the next row: after each row, the table of one row, and what it gets.

    In a table of all rows it would be read from one and written to another, and LLVM would test them for overlaps again and
    again, or, in all rows at once, find some and compute cell by cell.
    """

    then: tuple[Table, Expr] | None = None

    @property
    def tables(self) -> tuple[Table, ...]:
        return (*super().tables, self.then[0])

    @property
    def expressions(self) -> tuple[Expr, ...]:
        return (*super().expressions, self.then[1])


class _Unscalable(Exception):
    """A step that has no such form."""


def with_scaled_rows(sweeps: Sweeps) -> Sweeps | None:
    """The steps in plain numbers; None where there is no such form."""
    fills = [step for step in sweeps.before if isinstance(step, Fill) and isinstance(step.table.outside, no_path)]
    if len(fills) != 1 or fills[0] is not sweeps.before[-1] or len(fills[0].table.indices) != 2:
        return None
    try:
        return _Scaling(fills[0]).sweeps(sweeps)
    except _Unscalable:
        return None


class _Scaling:
    """Rewrites steps in path numbers. `fill` is the recurrence, the last step before the value, over a row and a place in it."""

    def __init__(self, fill: Fill) -> None:
        self.fill = fill
        self.here = fill.table.indices
        self.row = self.here[0]
        self.tables = {table: Table(table.name, table.indices, ZERO) for table in fill.tables}
        self.shift = Table(f"shift_{fill.table.name}", (self.row,))

    def sweeps(self, sweeps: Sweeps) -> Sweeps:
        after = tuple(map(self._after, sweeps.after))
        before = (*map(self._before, sweeps.before[:-1]), self._recurrence(after))
        return Sweeps(before, self._read(sweeps.value), after)

    def _before(self, step: Fill) -> Fill:
        if step.value.has(PathFunction):
            return replace(step, value=self._factor(step.value))
        return step

    def _after(self, step: Step) -> Step:
        if isinstance(step, Put | Write) and not step.over:
            return replace(step, value=self._read(step.value))
        if not step.value.has(PathFunction):
            return step
        if isinstance(step, Fill) and not step.kept:
            return self._handed_on(step) or replace(step, value=self._ratios(step.value))
        raise _Unscalable

    # The cells

    def _recurrence(self, after: tuple[Step, ...]) -> ScaledFill:
        """The recurrence. Parts of its cells are kept where a step after it reads them."""
        fill, read = self.fill, {entry.table for step in after for entry in entries(step)}
        kept = tuple((self.tables[table], self._unscaled(part)) for table, part in fill.kept)
        value = self._scaled(fill.value, first=False)
        if not read & {table for table, _ in kept}:
            value, kept = value.xreplace({table[self.here]: part for table, part in kept}), ()
        return ScaledFill(self.tables[fill.table], value, fill.reverse, fill.add, kept, self.shift)

    def _unscaled(self, node: Expr) -> Expr:
        """A part of a cell that is made of the row before, in that row's scale."""
        if isinstance(node, TableEntry) and node.table == self.fill.table and node.positions[0] == self.row - 1:
            return self._entry(node)
        if isinstance(node, path_sum):
            return Add(*map(self._unscaled, node.args))
        if isinstance(node, path_product):
            reads, factor = self._divided(node)
            return scaled_product(self._factor(factor), self._unscaled(reads))
        return self._through(node, self._unscaled)

    def _scaled(self, node: Expr, first: bool) -> Expr:
        """A part of a cell, in the scale of its row. `first`: there is no row before it."""
        if isinstance(node, Piecewise):
            return Piecewise(*((self._scaled(v, first or c == Eq(self.row, 0)), c) for v, c in node.args))
        if isinstance(node, path_product):
            reads, factor = self._divided(node)
            return scaled_product(UP * self._factor(factor), self._unscaled_or_kept(reads))
        if isinstance(node, path_sum):
            return Add(*(self._scaled(arg, first) for arg in node.args))
        if isinstance(node, no_path):
            return ZERO
        if first and not self._reads(node):
            return self._factor(node)
        return UP * self._unscaled_or_kept(node)

    def _unscaled_or_kept(self, node: Expr) -> Expr:
        if isinstance(node, TableEntry) and node.table in self.tables and node.positions == self.here:
            return self._entry(node)
        return self._unscaled(node)

    def _divided(self, product: path_product) -> tuple[Expr, Expr]:
        """The factor that reads cells, and the other one."""
        reads = [arg for arg in product.args if self._reads(arg)]
        if len(reads) != 1:
            raise _Unscalable
        return reads[0], next(arg for arg in product.args if arg is not reads[0])

    def _factor(self, node: Expr) -> Expr:
        """What multiplies cells."""
        if node == 0:
            return Integer(1)
        if isinstance(node, path_of_log) and not node.has(*self.tables):
            return scaled_of_log(*node.args)
        if isinstance(node, TableEntry) and node.positions == self.here and node.table not in self.tables:
            return node
        if isinstance(node, path_product):
            return scaled_product(*map(self._factor, node.args))
        return self._through(node, self._factor)

    def _through(self, node: Expr, own: Callable[[Expr], Expr]) -> Expr:
        if isinstance(node, no_path):
            return ZERO
        if isinstance(node, Piecewise):
            return Piecewise(*((own(value), condition) for value, condition in node.args))
        raise _Unscalable

    # What reads the cells afterwards

    def _read(self, node: Expr) -> Expr:
        """A formula outside every loop: cells are path numbers again."""
        cells = {e for e in node.atoms(TableEntry) if e.table in self.tables}
        if any(entry.table != self.fill.table for entry in cells):
            raise _Unscalable
        return node.xreplace({e: path_of_scaled(self._entry(e), self.shift[(e.positions[0],)]) for e in cells})

    def _ratios(self, node: Expr) -> Expr:
        """A formula over all cells, which reads them in ratios of one scale."""
        if isinstance(node, path_share):
            u, v = node.args
            if {*self._rows(u)} != {*self._rows(v)} or len({*self._rows(u)}) != 1:
                raise _Unscalable
            return scaled_quotient(self._plain(u), self._plain(v))
        if isinstance(node, PathFunction):
            raise _Unscalable
        if not node.args or isinstance(node, TableEntry) or not node.has(PathFunction):
            return node
        return node.func(*map(self._ratios, node.args))

    def _plain(self, node: Expr) -> Expr:
        if isinstance(node, TableEntry) and node.table in self.tables:
            return self._entry(node)
        return self._through(node, self._plain)

    def _rows(self, node: Expr) -> list[Expr]:
        """The rows in whose scale the cells in this node are: parts of a cell are in that of the row before."""
        entries = [e for e in node.atoms(TableEntry) if e.table in self.tables]
        return [e.positions[0] - (0 if e.table == self.fill.table else 1) for e in entries]

    def _handed_on(self, step: Fill) -> FollowedFill | None:
        """The adjoint: each term is an adjoint, over a sum at the same place, times a cell here. None for any other step."""
        sums = [table for table in self.tables if table != self.fill.table]
        if len(sums) != 1 or not step.add or not step.reverse:
            return None
        rate = Table(f"rate_{step.table.name}", step.table.indices[1:])
        terms = [self._rated(term, step.table, sums[0], rate) for term in Add.make_args(step.value)]
        if None in terms:
            return None
        then = rate, scaled_quotient(step.table[self.here], self._sum(sums[0]))
        return FollowedFill(step.table, Add(*terms), step.reverse, step.add, step.kept, then)

    def _sum(self, table: Table) -> Expr:
        """A part of a cell: of few cells, and nothing else, it is made again, which takes less than to keep and read it."""
        part = self._unscaled(dict(self.fill.kept)[table])
        few = len(part.atoms(TableEntry)) <= MOST_CELLS
        other = part.has(Reduction, scaled_product) or part.atoms(Entry) - part.atoms(LabelEntry)
        return part if few and not other else self.tables[table][self.here]

    def _rated(self, term: Expr, adjoint: Table, total: Table, rate: Table) -> Expr | None:
        shares = [f for f in Mul.make_args(term) if isinstance(f, path_share)]
        if len(shares) != 1 or not isinstance(shares[0].args[1], TableEntry):
            return None
        u, v = shares[0].args
        given = adjoint[v.positions]
        if v.table != total or v.positions[0] != self.row + 1 or given not in Mul.make_args(term):
            return None
        if {*self._rows(u)} != {*self._rows(v)}:
            return None
        rest = [f for f in Mul.make_args(term) if f not in (given, shares[0])]
        return Mul(rate[v.positions[1:]], self._plain(u), *rest)

    def _entry(self, entry: TableEntry) -> TableEntry:
        return TableEntry(self.tables[entry.table], *entry.positions)

    def _reads(self, node: Expr) -> bool:
        return any(entry.table in self.tables for entry in node.atoms(TableEntry))
