"""The rules for lengths: the form each gives, 50-digit agreement on hard points, and where it must not fire."""

import pytest
from exact import exact
from length_cases import CASES, NOT_FIRED, ROWS, at_k, cosine, d, f, k, p
from mpmath import mp, mpf
from sympy import Abs, sqrt

from lossgen.derive import Rewriter
from lossgen.derive.rules import STABLE
from lossgen.formula import Sum, hypot, ratio
from lossgen.formula.lengths import Norm, is_cosine, rejection

TRIPLES = [
    pytest.param(rule, *case, id=f"{rule.__name__}-{n}")
    for rule, found in CASES.items()
    for n, case in enumerate(found)
]
PAIRS = [
    pytest.param(rule, node, id=f"{rule.__name__}-{why}")
    for rule, found in NOT_FIRED.items()
    for why, node in found.items()
]


def check(before, after, points):
    """Both are the same number, at every position of the row where the node depends on one."""
    positions = [{}] if points else [{k: n} for n in range(3)]
    with mp.workdps(1000):
        for point in points or ROWS:
            for at in positions:
                expected = exact(before, point, at)
                assert abs(exact(after, point, at) - expected) <= mpf(10) ** -40 * abs(expected), (point, at)


@pytest.mark.parametrize("rule, before, after, points", TRIPLES)
def test_it_gives_this_form(rule, before, after, points):
    assert rule(before) == after


@pytest.mark.parametrize("rule, before, after, points", TRIPLES)
def test_both_forms_are_the_same_number(rule, before, after, points):
    check(before, after, points)


@pytest.mark.parametrize("rule, before, after, points", TRIPLES)
def test_rules_come_to_an_end_and_all_together_are_the_same_number(rule, before, after, points):
    rewriter = Rewriter(STABLE)
    result = rewriter(before)
    assert rewriter(result) == result
    check(before, result, points)


@pytest.mark.parametrize("rule, node", PAIRS)
def test_it_leaves_this_alone(rule, node):
    assert rule(node) in (None, node)


def test_a_norm_is_the_same_for_both_signs():
    assert Norm(-f[d], d) == Norm(f[d], d) and hypot(-p, 3) == hypot(3, p)


def test_a_ratio_carries_numbers_and_signs_outside():
    norm = Norm(f[d], d)
    assert ratio(-2 * f[k], norm) == -2 * ratio(f[k], norm)
    assert ratio(0, norm) == 0 and ratio(p, 0) == 0 and ratio(p, 4) == p / 4
    assert hypot(0, p) == Abs(p) and hypot(3, 4) == 5


def test_what_is_a_cosine():
    assert is_cosine(cosine) and not is_cosine(-cosine) and not is_cosine(Sum(at_k["f"] * at_k["g"], d))


def test_slopes_are_0_at_the_zero_vector_and_have_no_pole():
    """The derivatives of norms, ratios and powers: numbers at 0 too."""
    zero = {"f": [0, 0, 0], "g": [1, 2, 3], "D": 3, "p": mpf("1.5")}
    for node in (ratio(f[k], Norm(f[d], d)), rejection(at_k["f"], at_k["g"], cosine)):
        for slope in (node.fdiff(n) for n in range(1, len(node.args) + 1)):
            assert mp.isfinite(exact(slope, zero, {k: 0}))
    assert exact(ratio(f[k], Norm(f[d], d)), zero, {k: 1}) == 0


def test_roots_of_numbers_stay_exact():
    assert Rewriter(STABLE)(sqrt(p**2 + 2)) == hypot(sqrt(2), p)
