"""Steps that add to the same rows of an output are one loop, wherever a round of it leaves the other rows alone."""

import pytest
from ragged import ragged_loss
from sympy import Integer

from lossgen.derive.sweeps import Fill, Table, Write
from lossgen.formula import Axis, Logit
from lossgen.formula.symbols import Argument
from lossgen.kernel import render_module
from lossgen.kernel.host_loops import HostLowering
from lossgen.kernel.lattice_layout import LatticeLayout
from lossgen.kernel.lattice_program import lattice_programs
from lossgen.kernel.row_writes import in_one_loop, together
from lossgen.kernel.statement_printer import StatementPrinter

T, C = Axis("T", place="first"), Axis("C", place="last")
t, c, r = T.index(), C.index(), T.index("r")
x, y = Argument("x", Logit[T, C]), Argument("y", Logit[T, C])
a = Table("a", (t, c))

WHOLE = Write(x, (t, c), a[t, c], (t, c), whole=True)
AT_BLANK = Write(x, (t, 0), a[t, 0], (t,))
ANOTHER = Write(y, (t, c), a[t, c], (t, c))
ROW_BEFORE = Write(x, (t - 1, c), a[t, c], (t, c))
ACROSS = Write(x, (t, c), a[t, c], (c, t))
ELSEWHERE = Write(x, (r, c), a[r, c], (r, c))
SINGLE = Write(x, (0, 0), a[0, 0])
FILL = Fill(a, a[t - 1, c])


@pytest.mark.parametrize(
    "other", [ANOTHER, ROW_BEFORE, ACROSS, ELSEWHERE, SINGLE, FILL], ids=lambda step: str(step)[:40]
)
def test_steps_that_go_through_the_same_rows_are_together(other):
    assert together([WHOLE, AT_BLANK]) == [(WHOLE, AT_BLANK)]
    assert together([WHOLE, AT_BLANK, other, AT_BLANK]) == [(WHOLE, AT_BLANK), (other,), (AT_BLANK,)]


def test_steps_whose_rounds_touch_other_rows_are_apart():
    assert together([ANOTHER, ANOTHER]) == [(ANOTHER, ANOTHER)]
    for step in (ROW_BEFORE, ACROSS, SINGLE, FILL):
        assert together([step, step]) == [(step,), (step,)]


def test_one_loop_in_the_place_of_several():
    first = ["row = a[1:]", "for t in range(n):", "    x[t] = row[t]"]
    second = ["for t in range(n):", "    if t:", "        x[t] += 1"]
    expected = ["row = a[1:]", "for t in range(n):", "    x[t] = row[t]", "    if t:", "        x[t] += 1"]
    assert in_one_loop([first, second]) == expected
    assert in_one_loop([second]) == second


@pytest.mark.parametrize(
    "other", [["for u in range(n):", "    y"], ["for t in range(n):", "    y", "z"], ["if n:", "    y"]]
)
def test_other_lines_stay_apart(other):
    assert in_one_loop([["for t in range(n):", "    x"], other]) is None


def test_what_a_narrow_step_has_read_is_read_again_in_full():
    program = lattice_programs(ragged_loss, ragged_loss.variants[0], lambda node: node)[0]
    lowering = HostLowering(LatticeLayout(program))
    write = next(step for step in program.sweeps.after if isinstance(step, Write) and step.over)
    table = next(table for table in program.tables if len(table.indices) == 2)
    step = Write(write.argument, write.over, table[(Integer(2), Integer(1))], write.over)
    narrow, full = ("\n".join(StatementPrinter().lines(lowering.step(step, own))) for own in (True, False))
    assert f"real({table.name}[" in narrow
    assert f"{table.name}[" in full and "real(" not in full


def test_a_gradient_is_written_in_one_function():
    text = render_module(ragged_loss, ragged_loss.variants[0], "float32", "somewhere.py")
    assert text.count("def add_to_grad_x") == 1
