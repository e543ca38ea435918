"""What a step's formula says of its loops: their order, how far they may go, which cases have a loop of their own, and what
a case needs."""

from collections.abc import Iterator

from sympy import Expr, Piecewise, true
from sympy.logic.boolalg import And, Boolean, Not

from lossgen.derive.sweeps import Fill, Step, Table, TableEntry
from lossgen.formula import Index
from lossgen.formula.nodes import Entry, LabelEntry, Reduction

from .whole import is_whole_condition


def is_sequential(step: Step) -> bool:
    """Whether a cell of the innermost loop needs another one of it."""
    if not isinstance(step, Fill):
        return False
    leading, here = step.table.indices[:-1], step.table.indices
    return any(
        entry.table in step.tables and entry.positions[:-1] == leading and entry.positions != here
        for entry in entries(step)
    )


def reads_tables_alone(step: Step, value: Expr) -> bool:
    """Whether a loop over cells may go beyond the row: no cell needs another one of it, and no argument is read."""
    if not isinstance(step, Fill) or is_sequential(step):
        return False
    parts = (value, *(part for _, part in step.kept))
    read = {entry for part in parts for entry in part.atoms(Entry)}
    whole = all(isinstance(entry, LabelEntry) for entry in read)
    return whole and value.has(TableEntry) and not any(part.has(Reduction) for part in parts)


def cases(value: Expr, last: Index) -> list[tuple[Expr, Expr]]:
    """The pieces of a value whose conditions do not depend on the innermost index, each with when it holds."""
    if not isinstance(value, Piecewise) or not all(
        condition is true or (is_whole_condition(condition) and last not in condition.free_symbols)
        for _, condition in value.args
    ):
        return [(value, true)]
    found, otherwise = [], true
    for piece, condition in value.args:
        found.append((piece, And(otherwise, condition)))
        otherwise = And(otherwise, Not(condition))
    return found


def needed_parts(step: Fill, value: Expr) -> list[tuple[Table, Expr]]:
    """The kept parts that this case of the step's value is made of, in their order."""
    found: list[tuple[Table, Expr]] = []
    for table, part in reversed(step.kept):
        if any(node.has(table[step.table.indices]) for node in (value, *(later for _, later in found))):
            found.insert(0, (table, part))
    return found


def unless_zero(value: Expr) -> tuple[Expr, Boolean]:
    """A value that is 0 under a condition on positions: its other case, and when that holds."""
    if isinstance(value, Piecewise) and len(value.args) == 2:
        (first, condition), (other, last) = value.args
        if first == 0 and last is true and is_whole_condition(condition):
            return other, Not(condition)
    return value, true


def entries(step: Step) -> Iterator[TableEntry]:
    """The cells that a step reads."""
    for part in step.expressions:
        yield from part.atoms(TableEntry)
