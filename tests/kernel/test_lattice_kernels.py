"""Kernels of recurrences: whole numbers in print, margins around tables, names, outputs that lie beside what was given."""

import re

import numba
import numpy as np
import pytest
from ragged import FRAMES, STATES, outside, ragged_loss
from sympy import And, Eq, Ge, Integer, Mod, Or, Piecewise
from sympy import Max as Largest

from lossgen.derive.sweeps import Fill, Table
from lossgen.formula import (
    Axis,
    ClassIndex,
    ClassNumber,
    Length,
    Logit,
    Prediction,
    Real,
    SpecError,
    Sum,
    exp,
    log,
    loss,
    recurrence,
)
from lossgen.formula.symbols import Argument, Hyperparameter
from lossgen.kernel import render_module
from lossgen.kernel.lattice_layout import _margins, shifted
from lossgen.kernel.pool import Pool
from lossgen.kernel.whole import WholePrinter, is_whole_condition

T, K, L, C = Axis("T", place="last"), Axis("K", place="last"), Axis("L", place="last"), Axis("C", place="last")
t, k = T.index(), K.index()
x, y = Argument("x", Logit[T, C]), Argument("y", ClassIndex[C].along(L))
n, blank = Argument("n", Length[L]), Hyperparameter("blank", ClassNumber[C])

WHOLE = {
    "an index": (t, "t"),
    "one before": (t - 1, "t - 1"),
    "from the end": (T.size - 1 - t, "-t + n_T - 1"),
    "a half, rounded down": ((t - 1) / 2, "(t - 1) // 2"),
    "a size": (2 * L.size + 1, "(2 * n_L) + 1"),
    "a length": (n + 1, "n_L + 1"),
    "a remainder": (Mod(t, 2), "t % 2"),
    "the larger": (Largest(n, 1), "max(1, n_L)"),
    "the number of a class": (blank, "blank"),
    "a label": (y[t - 1], "label_at(y_labels, y_start, t - 1, n_L)"),
    "one of two": (Piecewise((blank, Eq(t % 2, 0)), (y[(t - 1) / 2], True)), None),
}


@pytest.mark.parametrize("node, expected", WHOLE.values(), ids=WHOLE)
def test_whole_numbers_stay_whole(node, expected):
    """The text, and what it is for small numbers: Python's own whole numbers, whichever way the terms are put."""
    text = WholePrinter(lambda index: index.name).bare(node)
    labels = [3, 1, 2, 5, 4]
    names = {"n_T": 7, "n_L": 5, "blank": 6, "y_labels": labels, "y_start": 0, "max": max}
    names["label_at"] = lambda labels, start, place, size: labels[start + place] if 0 <= place < size else 0
    for at in range(6):
        own = {t: at, T.size: 7, L.size: 5, n: 5, blank: 6}

        def right(node, at=at, own=own):
            if node == WHOLE["a label"][0]:
                return labels[at - 1] if 0 <= at - 1 < 5 else 0
            if isinstance(node, Piecewise):
                return 6 if at % 2 == 0 else labels[(at - 1) // 2]
            return int(node.xreplace(own) // 1)

        assert eval(text, names | {"t": at}) == right(node), text
    if expected is not None and "n_T" not in expected:
        assert text == expected


def test_conditions_on_whole_numbers():
    printed = WholePrinter(lambda index: index.name).bare
    place = L.index("k")
    condition = Or(And(Eq(t, 0), Ge(place, 2)), Eq(blank, y[place]))
    assert is_whole_condition(condition)
    for at in range(3):
        for state in range(4):
            names = {"t": at, "k": state, "blank": 2, "y_labels": [0, 2, 1], "y_start": 0, "n_L": 3}
            names["label_at"] = lambda labels, start, place, size: labels[start + place] if 0 <= place < size else 0
            right = (at == 0 and state >= 2) or ([0, 2, 1, 0][state] == 2)
            assert eval(printed(condition), names) == right
    assert not is_whole_condition(x[t, C.index()] > 0)
    with pytest.raises(SpecError, match=r"exp in .* is no whole number that a kernel can compute"):
        printed(exp(t))


def test_margins_are_as_wide_as_what_is_read():
    a = Table("a", (t, k))
    up = Fill(a, a[t - 1, k - 3] + a[t - 2, k])
    after = (Fill(Table("b", (t, k)), a[t + 1, k + 4], reverse=True),)
    margins = _margins(a, (up, *after))
    assert margins.before == (2, 3) and margins.after[0] == 1 and margins.after[1] >= 4
    assert shifted(t - 2) == (t, Integer(-2))
    assert shifted(2 * t) == (None, Integer(0)) and shifted(T.size - 1) == (None, Integer(0))


def test_functions_of_one_name_and_other_lines_are_numbered():
    pool = Pool(["exp"])
    assert pool.call("fill_a_", "One.", ["a[0] = exp(b)"]) == "fill_a_(a, b)"
    assert pool.call("fill_a_", "One.", ["a[0] = exp(b)"]) == "fill_a_(a, b)"
    assert pool.call("fill_a_", "One.", ["a[0] = exp(c)"]) == "fill_a__2(a, c)"
    assert pool.call("fill_a", "One.", ["a[1] = c"]) == "fill_a(a, c)"
    assert pool.call("fill_a", "One.", ["a[2] = c"]) == "fill_a_2(a, c)"
    assert len({f.name for f in pool.functions}) == len(pool.functions)


def text_of(a_loss):
    """The kernels' text, which has to be Python."""
    text = render_module(a_loss, a_loss.variants[0], "float64", "somewhere.py")
    compile(text, "somewhere.py", "exec")
    return text


@pytest.mark.parametrize("name", ["values", "total", "start", "factor", "s", "zero", "lane"])
def test_names_that_kernels_use_themselves(name):
    """As an argument's and as a recurrence's own."""
    scope = {"T": T, "t": t, "Prediction": Prediction, "Piecewise": Piecewise, "Eq": Eq, "recurrence": recurrence}
    code = f"""
def made_up({name}: Prediction[T], x: Prediction):
    '''A loss.'''
    given = {name}
    def {name}(cells):
        return Piecewise((given[t], Eq(t, 0)), (x * cells[t - 1] + given[t], True))
    return recurrence(t)({name})[T.size - 1]
"""
    exec(code, scope)
    text_of(loss(scope["made_up"]))


def test_two_recurrences_of_one_name():
    @loss
    def made_up(x: Prediction[T], z: Real[T]):
        """Two smoothings."""

        def smooth(of, share):
            @recurrence(t)
            def level(level):
                return Piecewise((of[t], Eq(t, 0)), (share * level[t - 1] + of[t], True))

            return level

        return Sum((smooth(x, 2)[t] - smooth(z, 3)[t]) ** 2, t)

    text = text_of(made_up)
    assert "fill_level(" in text and "fill_level_(" in text


def test_an_axis_whose_index_is_called_as_the_item_is():
    axis = Axis("I", place="last")
    i = axis.index("u")

    @loss
    def made_up(x: Logit[axis, C], y: ClassIndex[C].along(axis), w: Prediction[C, C].shared()):
        """Labels over an axis I."""

        @recurrence(i)
        def a(a):
            return Piecewise((x[i, y[i]], Eq(i, 0)), (a[i - 1] * w[y[i - 1], y[i]] + x[i, y[i]], True))

        return a[axis.size - 1]

    text = text_of(made_up)
    assert text.count("for i in range(") == text.count("for i in range(bounds[lane], bounds[lane + 1])")


def test_what_lies_beside_an_argument_is_neither_read_nor_written():
    """x[t + 1] at the last t, x[t − 1] at the first: such entries are no entries."""

    @loss
    def made_up(x: Prediction[T], g: Prediction[T, K]):
        """Neighbours on both sides."""

        @recurrence(t, k)
        def a(a):
            step = a[t - 1, k] + x[t + 1] * x[t - 1] + g[t + 1, k - 1] * g[t - 1, k + 1]
            return Piecewise((1, Eq(t, 0)), (step, True))

        return Sum(Sum(a[t, k], k), t)

    text = text_of(made_up)
    for line in ("x_row[min(t + 1, n_T - 1)]", "x_row[max(t - 1, 0)]", "if 0 <= t + 1 < n_T:", "if 0 <= t - 1 < n_T:"):
        assert line in text, line
    assert "if 0 <= t + 1 < n_T and 0 <= k - 1 < n_K:" in text


def test_logarithms_are_those_of_the_formula():
    """A cell that may be negative is not kept as its logarithm: none is in the kernel."""

    @loss
    def made_up(x: Prediction[T], z: Prediction):
        """A filter."""

        @recurrence(t)
        def a(a):
            return Piecewise((x[t], Eq(t, 0)), (z * a[t - 1] + x[t], True))

        return Sum(a[t] ** 2, t) + log(1 + exp(z))

    body = text_of(made_up).partition("def fill_a(")[2].partition("@njit")[0]
    assert body and "log(" not in body and "exp" not in body


def test_a_row_that_ends_early_is_written_to_its_end(monkeypatch):
    """A step that writes whole rows writes what is within the lengths: the rest has to be cleared."""
    monkeypatch.setattr(numba.config, "DISABLE_JIT", True)
    kernels: dict = {}
    exec(text_of(ragged_loss), kernels)
    x, slopes = np.random.default_rng(0).normal(size=(2, 4, 5)), np.full((2, 4, 5), -7.0)
    given, grad = ((array.reshape(8, 5), (4, 1)) for array in (x, slopes))
    results = [np.zeros(2), np.zeros(1), np.zeros(1, np.int64), grad]
    kernels["evaluate"](0, 1, [0, 2], given, FRAMES, STATES, 4, 5, 1.0, None, *results)
    assert ((slopes == 0) == outside(slopes.shape)).all() and slopes.min() > -7


def test_in_each_case_every_table_of_a_step_gets_a_value():
    """Nobody has cleared the cells; what a case does not compute is what is outside."""
    text = render_module(ragged_loss, ragged_loss.variants[0], "float64", "somewhere.py")
    first_rows = re.findall(r"if t == 0:\n((?: {12}.*\n)+)", text)
    kept = [lines for lines in first_rows if "sum_a_" in lines]  # plain numbers keep no sums
    assert kept and all(re.search(r"sum_a_(along_)?row\w*\[k\] = (NO_PATH|zero)", lines) for lines in kept)
    assert "clear_around_a(" in text and "clear_around_sum_a(" in text
