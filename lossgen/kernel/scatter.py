"""How cells add to the entries of an output: in the order in which these lie in memory; and where all cells of a loop may
meet in one entry, their sum is added to it instead.

    x̄[blank if s is even else label(s)] += a(s)  for all s
    ↦  x̄[blank] += Σ_s (a(s) if s is even else 0)     x̄[label(s)] += a(s)  for all s that are odd

Additions to one entry, each of which waits for the one before it, become a sum that is vectorised.
"""

from collections.abc import Iterator
from dataclasses import replace

from sympy import Expr, Integer, Piecewise, true
from sympy.logic.boolalg import Boolean

from lossgen.derive.sweeps import Step, Write
from lossgen.formula.nodes import Sum


def in_memory_order(step: Step) -> Step:
    """The step, its loops such that the last position of the output varies in the innermost one, if any loop is over it."""
    if not isinstance(step, Write) or not step.positions or step.positions[-1] not in step.over:
        return step
    last = step.positions[-1]
    return replace(step, over=(*(index for index in step.over if index != last), last))


def without_meetings(step: Step) -> Iterator[Step]:
    """The step, or two steps: one for the cells that add to a fixed entry, one for the others."""
    choice = _choice(step)
    if choice is None:
        yield step
        return
    fixed, other, condition = choice
    *leading, _ = step.positions
    last = step.over[-1]
    met = Sum(Piecewise((step.value, condition), (Integer(0), True)), last)
    yield replace(step, positions=(*leading, fixed), value=met, over=step.over[:-1])
    yield replace(step, positions=(*leading, other), value=_unless(condition, step.value))


def _choice(step: Step) -> tuple[Expr, Expr, Boolean] | None:
    """The position that is the same in the whole of the innermost loop, the other one, and when it is the first."""
    if not isinstance(step, Write) or not step.positions or len(step.over) < 2 or step.whole:
        return None
    last, index = step.positions[-1], step.over[-1]
    if not isinstance(last, Piecewise) or len(last.args) != 2 or last.args[1][1] is not true:
        return None
    if any(index in position.free_symbols for position in step.positions[:-1]):
        return None
    (fixed, condition), (other, _) = last.args
    return None if index in fixed.free_symbols else (fixed, other, condition)


def _unless(condition: Boolean, value: Expr) -> Expr:
    """0 where the condition holds; of a select it is a select of such values, so that each of its cases stays apart."""
    if isinstance(value, Piecewise):
        return Piecewise(*((_unless(condition, part), case) for part, case in value.args))
    return Piecewise((Integer(0), condition), (value, True))
