"""Factors of cells that know their place in a row by its class alone: one for each class, where classes are fewer than places.

A row of 30 labels with blanks around them has 61 places, but no more factors than there are classes, and each takes an
exponential. Where it is the other way round, as with thousands of classes, they are computed for each place.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sympy import Expr

from lossgen.derive.sweeps import Fill, Step, Sweeps, Table
from lossgen.formula.nodes import Entry, LabelEntry

from .whole import is_class


@dataclass(frozen=True)
class ClassFill(Fill):
    """table[cell] = value, then table[cell] = `converted`; or both for each class of the row, and table[cell] the class's.

    row : the table of one row that holds the classes.
    of_class : a class's value before it is converted.
    label : the class of a cell.
    """

    converted: Expr | None = None
    row: Table | None = None
    of_class: Expr | None = None
    label: Expr | None = None

    @property
    def tables(self) -> tuple[Table, ...]:
        return (*super().tables, self.row)

    @property
    def expressions(self) -> tuple[Expr, ...]:
        return (*super().expressions, self.converted, self.of_class, self.converted_class)

    @property
    def converted_class(self) -> Expr:
        """A class's value converted, from the row."""
        return self.converted.xreplace({self.table[self.table.indices]: self.row[self.row.indices]})


def with_class_rows(sweeps: Sweeps) -> Sweeps:
    """The steps with each pair of a fill and its conversion, place by place, made one by classes where it can be."""
    return Sweeps(tuple(_joined(sweeps.before)), sweeps.value, sweeps.after)


def _joined(steps: tuple[Step, ...]) -> Iterator[Step]:
    waiting: Step | None = None
    for step in steps:
        joined = _by_class(waiting, step)
        if joined is None and waiting is not None:
            yield waiting
        waiting = joined or step
    if waiting is not None:
        yield waiting


def _by_class(fill: Step | None, conversion: Step) -> ClassFill | None:
    """A fill and the conversion after it in one; None unless a cell's place is its class, in one argument."""
    if type(fill) is not Fill or type(conversion) is not Fill or fill.table != conversion.table or fill.kept:
        return None
    here = fill.table.indices
    cell = fill.table[here]
    entries = fill.value.atoms(Entry) - fill.value.atoms(LabelEntry)
    read = [entry for entry in entries if here[-1] in entry.free_symbols]
    labels = {(entry.indices[-1], entry.base.role.axes[-1]) for entry in read}
    alone = conversion.value.free_symbols == cell.free_symbols and not conversion.value.has(Entry)
    if len(labels) != 1 or not alone:
        return None
    ((label, axis),) = labels
    of_class = fill.value.xreplace({label: axis.index()})
    if not is_class(label) or here[-1] in of_class.free_symbols:
        return None
    row = Table(f"class_{fill.table.name}", (axis.index(),))
    return ClassFill(fill.table, fill.value, converted=conversion.value, row=row, of_class=of_class, label=label)
