"""Steps along a direction: every step, followed by its own derivative along the direction."""

from collections.abc import Callable, Mapping

from sympy import Expr

from lossgen.formula.nodes import Entry
from lossgen.formula.symbols import Argument

from .differentiate import differentiate
from .sweeps import ZERO, Fill, Put, Step, Sweeps, Table, TableEntry, Write


class Tangent:
    """The derivative of steps along directions for some of the arguments."""

    def __init__(self, directions: Mapping[Argument, Argument], stable: Callable[[Expr], Expr]) -> None:
        self.directions = directions
        self.stable = stable
        self._tables: dict[Table, Table] = {}

    def __call__(self, sweeps: Sweeps) -> Sweeps:
        """The steps for the slope of the value and for the products with the Hessian, in the place of the gradient."""
        before = tuple(step for fill in sweeps.before for step in self._filled(fill))
        value = self._along(sweeps.value)
        after: list[Step] = []
        for step in sweeps.after:
            match step:
                case Fill():
                    after += self._filled(step)
                case Put(table, positions, amount, over):
                    after.append(step)
                    if self._along(amount) != 0:
                        after.append(Put(self._tangent(table), positions, self._along(amount), over))
                case Write(argument, positions, amount, over, whole):
                    if self._along(amount) != 0:
                        after.append(Write(argument, positions, self._along(amount), over, whole))
        return Sweeps(before, value, tuple(after))

    def _filled(self, fill: Fill) -> tuple[Fill, ...]:
        moved = fill.table in self._tables
        own = {table: self._tangent(table) for table in (fill.table, *(table for table, _ in fill.kept))}
        change = self._along(fill.value)
        kept = tuple((own[table], self._along(part).xreplace(fill.known)) for table, part in fill.kept)
        if not moved and all(self._moves_itself_alone(value, own) for value in (change, *(part for _, part in kept))):
            for table in own:
                del self._tables[table]
            return (fill,)
        return (fill, Fill(own[fill.table], change, fill.reverse, fill.add, kept))

    def _tangent(self, table: Table) -> Table:
        return self._tables.setdefault(table, Table(f"{table.name}_along", table.indices))

    def _along(self, expression: Expr) -> Expr:
        return self.stable(differentiate(expression, self._seed))

    def _seed(self, leaf: Expr) -> Expr:
        if isinstance(leaf, TableEntry):
            own = self._tables.get(leaf.table)
            return own[leaf.positions] if own is not None else ZERO
        if isinstance(leaf, Entry) and leaf.base in self.directions:
            return Entry(self.directions[leaf.base], *leaf.indices)
        return self.directions.get(leaf, ZERO)

    def _moves_itself_alone(self, change: Expr, own: Mapping[Table, Table]) -> bool:
        """Whether nothing but the tables' own changes would change them, so that nothing does."""
        return self.stable(change.replace(TableEntry, lambda t, *p: ZERO if t in own.values() else t[p])) == 0
