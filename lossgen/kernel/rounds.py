"""Steps that go through the same rows of cells: one loop over the rows does all of them, one after the other in each round.

Otherwise each goes through its tables and outputs once more, of which the first rows are no longer near the processor by then.
And of what is read in the round alone in which it is filled, a single row is kept (see `lossgen.kernel.single_rows`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from lossgen.derive.sweeps import ZERO, Fill, Step, Table, TableEntry, Write
from lossgen.formula import Index
from lossgen.formula.nodes import Reduction
from lossgen.formula.symbols import Argument

from .sweep_loops import cases, entries, is_sequential
from .whole import shifted


@dataclass(frozen=True)
class Clear:
    """For every position of the table's first index: the row is what is outside of the table again."""

    table: Table
    reverse: bool
    value = ZERO
    expressions = ()

    @property
    def over(self) -> tuple[Index, ...]:
        return self.table.indices[:1]


@dataclass(frozen=True)
class Rounds:
    """For every position of `row`, in order or in the reverse order: each of the steps at this position.

    Each of them is a loop over `row` with nothing around it.
    """

    row: Index
    steps: tuple[Step | Clear, ...]
    reverse: bool


def single_steps(steps: Iterable[Step | Rounds]) -> Iterator[Step | Clear]:
    """The steps in their order, those of rounds one by one."""
    for step in steps:
        yield from step.steps if isinstance(step, Rounds) else (step,)


def in_rounds(steps: Iterable[Step], outputs: Sequence[Argument]) -> tuple[Step | Rounds, ...]:
    """The steps in their order, those side by side in rounds that can be. `outputs` are those that may be wanted."""
    found: list[Step | Rounds] = []
    for step in steps:
        own = [*single_steps(found[-1:]), step]
        reverse = _reverse(own, outputs) if found else None
        if reverse is None:
            found.append(step)
        else:
            found[-1] = Rounds(_row(step), tuple(replace(each, reverse=reverse) for each in own), reverse)
    return tuple(found)


def _reverse(steps: Sequence[Step], outputs: Sequence[Argument]) -> bool | None:
    """Whether rounds of these steps go from the last row to the first; None if they cannot be done in rounds.

    They can where a step reads no row of another that would be filled in a later round, or again in an earlier one, and where
    all are wanted if one is.
    """
    row = _row(steps[0])
    wanted = {(step.argument,) if isinstance(step, Write) else tuple(outputs) for step in steps}
    if row is None or len(wanted) != 1 or any(_row(step) != row for step in steps):
        return None
    fills = [step for step in steps if isinstance(step, Fill)]
    orders = {step.reverse for step in fills if _is_ordered(step, row)} or {step.reverse for step in fills[:1]}
    reverse = True in orders
    follow = all(_may_follow(first, step, row, reverse) for first, step in combinations(steps, 2))
    return reverse if follow and len(orders) < 2 else None


def _row(step: Step) -> Index | None:
    """The index of the rows, if each round of the outermost loop fills no other row, or adds to no other row, than its own.

    What has no inner loop has cases around its only one.
    """
    if isinstance(step, Fill) and len(step.table.indices) > 1:
        row = step.table.indices[0]
    elif isinstance(step, Write) and step.argument.role.layout == "grid" and step.over[:1] == step.positions[:1]:
        row = step.over[0]
        if len(step.over) == 1 and len(cases(step.value, row)) > 1:
            return None
    else:
        return None
    reductions = (node for value in step.expressions for node in value.atoms(Reduction))
    return None if any(node.index == row for node in reductions) else row


def _is_ordered(step: Fill, row: Index) -> bool:
    """Whether a row needs another one of the step's own, or a cell another one of its row."""
    return is_sequential(step) or any(
        entry.table in step.tables and entry.positions[0] != row for entry in entries(step)
    )


def _may_follow(first: Step, step: Step, row: Index, reverse: bool) -> bool:
    """Whether a step finds what it reads of the first one, and leaves what that reads, if both are done in each round."""
    filled, own = tables_of(first), tables_of(step)
    found = (_is_past(entry, row, reverse) for entry in entries(step) if entry.table in filled)
    left = (entry.positions[0] == row for entry in entries(first) if entry.table in own)
    return all(found) and all(left)


def _is_past(entry: TableEntry, row: Index, reverse: bool) -> bool:
    """Whether the entry is in the row of the round, or in that of an earlier one."""
    index, offset = shifted(entry.positions[0])
    return index == row and (offset == 0 or (offset > 0) == reverse)


def tables_of(step: Step | Clear) -> tuple[Table, ...]:
    """The tables that a step of rounds fills."""
    return step.tables if isinstance(step, Fill) else ()
