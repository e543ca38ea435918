"""Tables of which a row is enough: those that nobody reads but in the round that fills them."""

import pytest
from ragged import ragged_loss
from sympy import Integer

from lossgen.derive.sweeps import ZERO, Fill, Keep, Put, Sweeps, Table, Write
from lossgen.formula import Axis, Logit, Sum, exp
from lossgen.formula.symbols import Argument
from lossgen.kernel import render_module
from lossgen.kernel.lattice_program import _row_by_row
from lossgen.kernel.rounds import Clear, in_rounds, single_steps
from lossgen.kernel.single_rows import SingleRow, with_single_rows

T, C = Axis("T", place="first"), Axis("C", place="last")
t, c = T.index(), C.index()
x = Argument("x", Logit[T, C])
a, b, last = Table("a", (t, c)), Table("b", (t, c)), T.size - 1
FACTORS, CELLS = Fill(b, Integer(2)), Fill(a, b[t, c] * a[t - 1, c])
SUMS = Fill(a, a[t - 1, c] + 1)
ADJOINT, WRITE = Fill(b, a[t, c], reverse=True, add=True), Write(x, (t, c), b[t, c], (t, c))
BEGIN = Put(b, (last, Integer(0)), Integer(1))


def form(before, after=(), value=ZERO):
    return Sweeps(in_rounds(before, ()), value, in_rounds(after, (x,)))


def rows(sweeps):
    """The names of tables of a single row, and of those whose row is cleared in each round."""
    steps = list(single_steps((*sweeps.before, *sweeps.after)))
    fills = [step for step in steps if isinstance(step, Fill)]
    read = {e.table for s in steps for value in s.expressions for e in value.atoms(type(a[t, c]))}
    single = {table for step in fills for table in step.tables if isinstance(table, SingleRow)}
    assert {table.name for table in read if isinstance(table, SingleRow)} <= {table.name for table in single}
    return {table.name for table in single}, {step.table.name for step in steps if isinstance(step, Clear)}


FORWARD = {
    "in the round alone": (form([FACTORS, CELLS]), {"b"}),
    "a row before": (form([FACTORS, Fill(a, b[t - 1, c] * a[t - 1, c])]), set()),
    "by the value": (form([FACTORS, CELLS], value=b[0, 0]), set()),
    "by a step afterwards": (form([FACTORS, CELLS], [WRITE]), set()),
    "by nobody in rounds": (form([FACTORS]), set()),
    "and filled again afterwards": (form([FACTORS, CELLS], [Fill(b, Integer(0))]), set()),
    "and something is put into its first row afterwards": (
        form([FACTORS, CELLS], [Put(b, (ZERO, ZERO), b[0, 0])]),
        set(),
    ),
}


@pytest.mark.parametrize("sweeps, expected", FORWARD.values(), ids=FORWARD)
def test_a_row_is_enough_for_what_is_read(sweeps, expected):
    assert rows(*with_single_rows([sweeps])) == (expected, set())


PUTS = {
    "first": ([BEGIN], True),
    "first, twice": ([BEGIN, Put(b, (last, Integer(1)), Integer(1))], True),
    "elsewhere": ([Put(b, (ZERO, ZERO), Integer(1))], False),
    "in every row": ([Put(b, (t, ZERO), Integer(1), (t,))], False),
    "in the first, over places": ([Put(b, (last, c), Integer(1), (c,))], False),
}


@pytest.mark.parametrize("puts, enough", PUTS.values(), ids=PUTS)
def test_what_is_put_into_the_first_row_is_added_to_there_alone(puts, enough):
    """A row that is added to is cleared behind each round: the next one begins with nothing."""
    found = rows(*with_single_rows([form([SUMS], [*puts, ADJOINT, WRITE])]))
    assert found == (({"b"}, {"b"}) if enough else (set(), set()))


def test_what_is_put_behind_the_rounds_or_into_what_is_not_added_to_stays():
    assert rows(*with_single_rows([form([SUMS], [ADJOINT, WRITE, BEGIN])])) == (set(), set())
    plain = Fill(b, a[t + 1, c], reverse=True)
    assert rows(*with_single_rows([form([SUMS], [BEGIN, plain, WRITE])])) == (set(), set())
    assert rows(*with_single_rows([form([SUMS], [plain, WRITE])])) == ({"b"}, set())


def test_a_table_that_another_form_keeps_whole_has_another_name():
    whole, single = form([FACTORS, Fill(a, b[t - 1, c] * a[t - 1, c])]), form([FACTORS, CELLS])
    found = with_single_rows([whole, single])
    assert [rows(one)[0] for one in found] == [set(), {"single_b"}]
    assert [rows(one)[0] for one in with_single_rows([single, single])] == [{"b"}, {"b"}]


def test_a_form_that_would_keep_other_rows_than_the_first_is_left_out():
    keep = Keep(((Table("row_sum", (t,)), Sum(exp(a[t, c]), c)),), (t,))
    first, other = (Sweeps((*kept, FACTORS, CELLS), ZERO, ()) for kept in ([keep], []))
    assert len(_row_by_row([first, first], (x,))) == 2
    assert len(_row_by_row([first, other], (x,))) == 1


def test_a_single_row_is_all_that_kernels_have_of_it():
    text = render_module(ragged_loss, ragged_loss.variants[0], "float32", "somewhere.py")
    body = text.partition("def evaluate(")[2].partition("\n@njit")[0]
    for name in ("local_a_1", "single_adjoint_a"):
        assert f"{name} = np.empty((1, size_K + " in body
        assert f"{name}[:1, :n_K + " in body and f"{name}[t" not in text
    assert "\n    adjoint_a = np.empty((size_T + " in body  # path numbers read the row before
