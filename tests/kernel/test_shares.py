"""Atoms of divergences and of shares: slopes and kernel forms against the definition in 50 digits, on hard points."""

import pytest
from exact import exact, slope
from mpmath import mp, mpf
from sympy import Expr

from lossgen.formula import Prediction
from lossgen.formula.divergences import entropy_gap, exp_tangent_gap, less_log, log_over_mean, log_ratio, tangent_gap
from lossgen.formula.shares import score, share
from lossgen.formula.symbols import Argument
from lossgen.kernel.functions import quotient
from lossgen.kernel.shares import FORMS

a, b = Argument("a", Prediction), Argument("b", Prediction)
TINY = mpf(10) ** -30
ATOMS = [
    entropy_gap(a, b),
    log_over_mean(a, b),
    log_over_mean(b, a),
    share(a, b),
    score(a, b),
    tangent_gap(a, b),
    exp_tangent_gap(a, b),
    log_ratio(a, b),
    less_log(a, b),
]
POINTS = [
    (1 - TINY, TINY),
    (TINY, 1 - TINY),
    (mpf("0.3"), mpf("0.3") + TINY),
    (mpf("0.6"), mpf("0.2")),
    (mpf("0.2"), mpf("0.7")),
]


def kernel_form(atom: Expr) -> Expr:
    """What a kernel computes, in plain SymPy; the atom itself, where its library has a function for that."""
    return FORMS.get(type(atom), lambda node: node)(atom).replace(quotient, lambda u, v: u / v)


@pytest.mark.parametrize("atom", ATOMS, ids=str)
@pytest.mark.parametrize("x, y", POINTS)
def test_the_kernel_form_is_the_definition(atom, x, y):
    point = {"a": x, "b": y}
    with mp.workdps(200):
        expected = exact(atom, point)
        assert abs(exact(kernel_form(atom), point) - expected) <= mpf(10) ** -40 * abs(expected)


@pytest.mark.parametrize("atom", ATOMS, ids=str)
@pytest.mark.parametrize("x, y", [(mpf("0.6"), mpf("0.2")), (mpf("0.2"), mpf("0.7")), (mpf("0.3"), mpf("0.31"))])
def test_slopes(atom, x, y):
    for position, symbol in enumerate(atom.args):
        found = exact(atom.fdiff(position + 1), {"a": x, "b": y})
        point = {"a": x, "b": y}
        expected = slope(lambda z, name=symbol.name, point=point: exact(atom, {**point, name: z}), point[symbol.name])
        assert abs(found - expected) < mpf(10) ** -30


@pytest.mark.parametrize("x, y, value, slopes", [(0, 0, 0, ("0.69", "0.69")), (1, 0, "0.69", ("0.69", None))])
def test_zeros_have_their_limits(x, y, value, slopes):
    """0·log 0 = 0; where both are 0 the slope is that along the other's 0, log 2."""
    point = {"a": x, "b": y}
    assert abs(exact(kernel_form(entropy_gap(a, b)), point) - mpf(value)) < mpf("0.01")
    for atom, expected in zip((log_over_mean(a, b), log_over_mean(b, a)), slopes, strict=True):
        found = exact(kernel_form(atom), point)
        assert found == mpf("-inf") if expected is None else abs(found - mpf(expected)) < mpf("0.01")


def test_at_an_amount_of_0_the_mean_is_left():
    assert exact(kernel_form(tangent_gap(a, b)), {"a": 0, "b": 3}) == 3


@pytest.mark.parametrize("x, y", [(mpf(10) ** 60, TINY), (TINY, mpf(10) ** 60), (mpf(10) ** 30, mpf(10) ** 29)])
def test_a_quotient_that_may_leave_the_range_is_a_difference_of_logarithms(x, y):
    point = {"a": x, "b": y}
    for atom in (log_ratio(a, b), tangent_gap(a, b)):
        assert abs(exact(kernel_form(atom), point) / exact(atom, point) - 1) < mpf(10) ** -40


def test_equal_arguments_leave_nothing():
    assert entropy_gap(a, a) == 0 == log_over_mean(a, a)
    assert tangent_gap(a, a) == 0 == log_ratio(a, a)
    assert entropy_gap(a, b) == entropy_gap(b, a)
