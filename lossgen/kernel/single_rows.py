"""Tables of which a single row is kept: those that are filled and read in the same round, at the row of the round.

A table of 500 rows for each of four quantities does not stay near the processor, one of a row does; and whoever calls the
kernel finds more of its own there afterwards.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace

from sympy import Basic, simplify

from lossgen.derive.sweeps import Fill, Put, Step, Sweeps, Table, TableEntry

from .rounds import Clear, Rounds, single_steps, tables_of
from .sweep_loops import entries


class SingleRow(Table):
    """A table that holds the cells at one position of its first index: those of the present round."""

    __slots__ = ()


def with_single_rows(forms: Sequence[Sweeps]) -> list[Sweeps]:
    """The forms of an item's steps with tables of single rows; what is one in some of them alone has another name there."""
    found = [_single(form) for form in forms]
    whole = {table.name for form, single in zip(forms, found, strict=True) for table in _tables(form) - single}
    return [_replaced(form, single, whole) for form, single in zip(forms, found, strict=True)]


def _tables(form: Sweeps) -> set[Table]:
    return {table for step in single_steps((*form.before, *form.after)) for table in tables_of(step)}


def _single(form: Sweeps) -> set[Table]:
    """The tables of which a row is enough."""
    steps = (*form.before, *form.after)
    rounds = [step for step in steps if isinstance(step, Rounds)]
    return {table for own in rounds for table in _of_rounds(own) if _is_single(table, own, steps, form)}


def _of_rounds(rounds: Rounds) -> Iterator[Table]:
    """The tables that are filled, of those whose rows are rows of memory."""
    return (table for step in rounds.steps for table in tables_of(step) if len(table.indices) == 2)


def _is_single(table: Table, rounds: Rounds, steps: Sequence[Step | Rounds], form: Sweeps) -> bool:
    """Whether nothing but these rounds knows the table, each at its own row, or else puts something into the first one's."""
    others, before = [step for step in steps if step is not rounds], steps[: steps.index(rounds)]
    puts = [step for step in before if isinstance(step, Put) and step.table == table]
    rest = [step for step in single_steps(others) if step not in puts]
    read = [*form.value.atoms(TableEntry), *(entry for step in (*rest, *puts) for entry in entries(step))]
    if any(entry.table == table for entry in read) or any(table in _changed(step) for step in rest):
        return False
    first = rounds.row.axis.extent - 1 if rounds.reverse else 0
    begun = all(not put.over and simplify(put.positions[0] - first) == 0 for put in puts)
    within = all(e.positions[0] == rounds.row for s in rounds.steps for e in entries(s) if e.table == table)
    return begun and within and (not puts or _adds(rounds, table))


def _changed(step: Step | Clear) -> tuple[Table, ...]:
    return (step.table,) if isinstance(step, Put) else tables_of(step)


def _adds(rounds: Rounds, table: Table) -> bool:
    return any(isinstance(step, Fill) and step.add and step.table == table for step in rounds.steps)


def _replaced(form: Sweeps, single: Iterable[Table], whole: set[str]) -> Sweeps:
    """The form with these tables as ones of a row. What is added to a row begins with nothing in each round."""
    names = {table: f"single_{table.name}" if table.name in whole else table.name for table in single}
    new = {table: SingleRow(name, table.indices, table.outside) for table, name in names.items()}

    def steps(given: Iterable[Step | Rounds]) -> tuple[Step | Rounds, ...]:
        return tuple(rounds(step) if isinstance(step, Rounds) else _with_tables(step, new) for step in given)

    def rounds(given: Rounds) -> Rounds:
        added = {s.table: Clear(new[s.table], given.reverse) for s in given.steps if _is_added(s) and s.table in new}
        own = tuple(_with_tables(step, new) for step in given.steps)
        return replace(given, steps=(*own, *added.values()))

    return Sweeps(steps(form.before), form.value, steps(form.after))


def _is_added(step: Step | Clear) -> bool:
    return isinstance(step, Fill) and step.add


def _with_tables(step: Step, new: Mapping[Table, Table]) -> Step:
    """The step with other tables in all that it says."""

    def changed(given: object) -> object:
        if isinstance(given, Basic):
            return given.xreplace(new)
        return tuple(map(changed, given)) if isinstance(given, tuple) else given

    return replace(step, **{field.name: changed(getattr(step, field.name)) for field in fields(step)})
