"""How the threads of a block may divide the cells of a step: which cells need which others, and who owns what is added to.

A *front* is cells that need none of each other, only those of fronts before: the block computes one front after the other,
each with all its threads.
"""

from collections.abc import Sequence
from typing import Literal

from lossgen.derive.sweeps import Fill, Put, Step, Write
from lossgen.formula import Index
from lossgen.formula.nodes import Reduction

from .sweep_loops import entries
from .whole import shifted

Order = Literal["free", "rows", "diagonals", "alone"]


def order_of(step: Step) -> Order:
    """free: cells need none of each other.  rows: those at one position of the first index need only cells at others.

    diagonals: of two indices, cells need others that are before them in one or both, so that those with the same sum of
    positions are a front.  alone: one cell after the other, by one thread, as for a recurrence over one index.
    """
    if not isinstance(step, Fill):
        return "free"
    indices = step.table.indices
    others = [e.positions for e in entries(step) if e.table in step.tables and e.positions != indices]
    if not others:
        return "free"
    moves = [[_move(p, index) for p, index in zip(positions, indices, strict=True)] for positions in others]
    if len(indices) > 1 and all(move[0] for move in moves):
        return "rows"
    sign = 1 if step.reverse else -1
    if len(indices) == 2 and all(None not in m and min(sign * step for step in m) >= 0 and any(m) for m in moves):
        return "diagonals"
    return "alone"


def owned(step: Step, indices: Sequence[Index]) -> list[Index]:
    """The indices that threads may divide: no two positions of such an index store to the same place.

    What is added to a class that a label names may be added to from several cells: one thread does these in their order.
    """
    if isinstance(step, Write | Put):
        return [index for index in indices if index in step.positions]
    return list(indices)[1:] if order_of(step) == "rows" else list(indices)


def reduces_in_cell(step: Step, last: Index) -> bool:
    """Whether a cell of the innermost loop is made of sums of its own: a group computes these together."""
    return any(last in r.free_symbols for r in step.value.atoms(Reduction))


def _move(position, index: Index) -> int | None:
    """How far a position is from the index; None where it may be anything."""
    own, offset = shifted(position)
    return int(offset) if own == index else None
