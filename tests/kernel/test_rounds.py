"""Steps over the same rows of cells are one loop, wherever each finds in its round what it reads and leaves what others read."""

import pytest
from ragged import ragged_loss
from sympy import Integer

from lossgen.derive.sweeps import Fill, Put, Table, Write
from lossgen.formula import Axis, Eq, Length, Logit, Piecewise, Sum
from lossgen.formula.symbols import Argument
from lossgen.kernel import render_module
from lossgen.kernel.host_loops import HostLowering
from lossgen.kernel.lattice_layout import LatticeLayout
from lossgen.kernel.lattice_program import lattice_programs
from lossgen.kernel.one_loop import in_one_loop
from lossgen.kernel.rounds import Rounds, in_rounds, single_steps
from lossgen.kernel.statement_printer import StatementPrinter

T, C = Axis("T", place="first"), Axis("C", place="last")
t, c, r = T.index(), C.index(), T.index("r")
x, y = Argument("x", Logit[T, C]), Argument("y", Logit[T, C])
a, b, line = Table("a", (t, c)), Table("b", (t, c)), Table("line", (t,))

WHOLE = Write(x, (t, c), a[t, c], (t, c), whole=True)
AT_BLANK = Write(x, (t, 0), a[t, 0], (t,))
ANOTHER = Write(y, (t, c), a[t, c], (t, c))
ROW_BEFORE = Write(x, (t - 1, c), a[t, c], (t, c))
ACROSS = Write(x, (t, c), a[t, c], (c, t))
ELSEWHERE = Write(x, (r, c), a[r, c], (r, c))
SINGLE = Write(x, (0, 0), a[0, 0])
PUT = Put(a, (0, 0), Integer(1))
DOWN, UP = Fill(a, a[t - 1, c] + 1), Fill(a, a[t + 1, c] + 1, reverse=True)


def parts(steps, outputs=(x,)):
    """The steps, those in rounds together."""
    return [step.steps if isinstance(step, Rounds) else (step,) for step in in_rounds(steps, outputs)]


@pytest.mark.parametrize(
    "other", [ANOTHER, ROW_BEFORE, ACROSS, ELSEWHERE, SINGLE, PUT], ids=lambda step: str(step)[:40]
)
def test_steps_that_go_through_the_same_rows_are_together(other):
    assert parts([WHOLE, AT_BLANK]) == [(WHOLE, AT_BLANK)]
    assert parts([WHOLE, AT_BLANK, other, AT_BLANK]) == [(WHOLE, AT_BLANK), (other,), (AT_BLANK,)]


def test_steps_whose_rounds_touch_other_rows_are_apart():
    assert parts([ANOTHER, ANOTHER]) == [(ANOTHER, ANOTHER)]
    for step in (ROW_BEFORE, ACROSS, SINGLE, PUT, Fill(line, line[(t - 1,)])):
        assert parts([step, step]) == [(step,), (step,)]


READ_BY_DOWN, READ_BY_UP = Fill(a, a[t - 1, c] + b[t - 1, c]), Fill(a, a[t + 1, c] + b[t + 1, c], reverse=True)
AFTER = {
    "the row of the round": (DOWN, Fill(b, a[t, c + 1]), True),
    "the row before": (DOWN, Fill(b, a[t - 1, c]), True),
    "the row after, in order": (DOWN, Fill(b, a[t + 1, c]), False),
    "the row after, in the reverse order": (UP, Fill(b, a[t + 1, c]), True),
    "the row before, in the reverse order": (UP, Fill(b, a[t - 1, c]), False),
    "the first row": (DOWN, Fill(b, a[Integer(0), c]), False),
    "all rows": (DOWN, Fill(b, Sum(a[t, c], t) + 1), False),
    "nothing, in another order": (DOWN, Fill(b, b[t + 1, c], reverse=True), False),
    "nothing, and is read at the row before": (READ_BY_DOWN, Fill(b, Integer(1)), False),
    "nothing, and is read at the row after": (READ_BY_UP, Fill(b, Integer(1)), False),
    "nothing, and is read at the row of the round": (Fill(a, b[t, c]), Fill(b, Integer(1)), True),
}


@pytest.mark.parametrize("first, then, together", AFTER.values(), ids=AFTER)
def test_a_step_is_in_the_rounds_of_another_if_it_finds_what_it_reads(first, then, together):
    found = parts([first, then])
    assert len(found) == (1 if together else 2)
    assert [step.table for step in single_steps(in_rounds([first, then], (x,)))] == [first.table, then.table]


def test_a_step_with_cases_around_its_only_loop_is_apart():
    """A loop with cases in it may be one of several; where rows have no inner loop, cases are around it."""
    lengths = Argument("lengths", Length[T])
    choice = Piecewise((a[t, 0], Eq(lengths, 1)), (a[t, 1], True))
    assert len(parts([WHOLE, Write(x, (t, 0), choice, (t,))])) == 2
    assert len(parts([WHOLE, Write(x, (t, c), choice, (t, c))])) == 1
    assert len(parts([WHOLE, Write(x, (t, 0), Piecewise((a[t, 0], Eq(t, 0)), (a[t, 1], True)), (t,))])) == 1


def test_a_row_filled_cell_after_cell_keeps_its_order():
    along = Fill(b, b[t, c - 1] + a[t, c])
    assert len(parts([DOWN, along])) == 1 and len(parts([UP, along])) == 2


def test_all_steps_of_rounds_go_the_way_that_one_of_them_needs():
    (rounds,) = in_rounds([UP, Fill(b, a[t, c]), WHOLE], (x,))
    assert rounds.reverse and all(step.reverse for step in rounds.steps) and rounds.row == t
    (rounds,) = in_rounds([DOWN, Fill(b, a[t, c]), WHOLE], (x,))
    assert not rounds.reverse and not any(step.reverse for step in rounds.steps)


def test_a_step_that_all_outputs_need_is_not_done_for_one_alone():
    assert len(parts([UP, WHOLE], outputs=(x,))) == 1
    assert len(parts([UP, WHOLE], outputs=(x, y))) == 2


def test_one_loop_in_the_place_of_several():
    head, first = "for t in range(n):", ["row = a[1:]", "for t in range(n):", "    x[t] = row[t]"]
    second = ["for c in range(m):", "    y", "for t in range(n):", "    if t:", "        x[t] += 1", "return True"]
    expected = ["row = a[1:]", "for c in range(m):", "    y", "for t in range(n):", "    x[t] = row[t]"]
    expected += ["    if t:", "        x[t] += 1", "return True"]
    assert in_one_loop(head, [first, second]) == expected
    assert in_one_loop(head, [second]) == second


def test_what_a_narrow_step_has_read_is_read_again_in_full():
    program = lattice_programs(ragged_loss, ragged_loss.variants[0], lambda node: node)[0]
    lowering = HostLowering(LatticeLayout(program))
    write = next(step for step in program.sweeps.after if isinstance(step, Write) and step.over)
    table = next(table for table in program.tables if len(table.indices) == 2)
    step = Write(write.argument, write.over, table[(Integer(2), Integer(1))], write.over)
    narrow, full = ("\n".join(StatementPrinter().lines(lowering.step(step, own))) for own in (True, False))
    assert f"real({table.name}[" in narrow
    assert f"{table.name}[" in full and "real(" not in full


def test_each_form_has_one_function_up_to_the_value_and_one_after_it():
    """The form in plain numbers, and that in path numbers."""
    text = render_module(ragged_loss, ragged_loss.variants[0], "float32", "somewhere.py")
    body = text.partition("def evaluate(")[2].partition("\n@njit")[0]
    assert [body.count(f" {name}(") for name in ("fill_a", "fill_a_2")] == [1, 1]
    assert [body.count(f" {name}(") for name in ("add_to_grad_x", "add_to_grad_x_2")] == [1, 1]
    assert "fill_local_a_1(" not in text and "fill_adjoint_a(" not in text
