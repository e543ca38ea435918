"""Sums over paths in plain numbers: the scalar functions against exact arithmetic, which recurrences have the form, and that
items which leave the range are computed otherwise."""

import math
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from lossgen.generated import ctc_loss
from mpmath import mp, mpf
from sympy import Eq, Piecewise

from lossgen.derive.lattice import LatticeDerivation
from lossgen.derive.sweeps import TableEntry
from lossgen.formula import Axis, LogProbability, exp, log, loss, recurrence
from lossgen.kernel.math import scaled_paths as scaled
from lossgen.kernel.math.path_numbers import NO_PATH, log_of_path, power_down
from lossgen.kernel.path_numbers import with_path_numbers
from lossgen.kernel.scaled_paths import FollowedFill, ScaledFill, with_scaled_rows
from lossgen.runtime import get_num_threads, set_num_threads

sys.path.append(str(Path(__file__).parent.parent / "losses"))
from lattice_references import ctc_in_50_digits

SEED = 20261128
real = np.float64
T, S = Axis("T", place="last"), Axis("S", place="last")
t, s = T.index(), S.index()


@pytest.mark.parametrize("x", [0.0, -0.0, 1e-300, -1e-9, 0.3, -0.35, 1.0, -20.0, 39.9, -479.9, -100.25])
def test_a_weight_is_the_exponential(x):
    expected = mp.exp(mpf(x))
    assert abs(scaled.scaled_of_log(real(x)) / expected - 1) < 2.5e-16


@pytest.mark.parametrize("x", [-480.1, 40.1, 1e5, -1e5, -1e300, math.inf, math.nan])
def test_a_weight_out_of_range_is_nan(x):
    with np.errstate(all="ignore"):
        assert math.isnan(scaled.scaled_of_log(real(x)))
        assert scaled.scaled_of_log(real(-math.inf)) == 0


@pytest.mark.parametrize(
    "u, v", [(0.5, 0.25), (0.0, 1e-300), (1e-200, 0.0), (0.0, 0.0), (1e-100, 1e-100), (1e-282, 1.0)]
)
def test_a_product_in_range_and_a_product_with_zero_are_kept(u, v):
    assert scaled.scaled_product(real(u), real(v)) == scaled.scaled_product(real(v), real(u)) == u * v


@pytest.mark.parametrize("u, v", [(1e-150, 1e-150), (1e-283, 1.0), (5e-324, 5e-324), (math.nan, 1.0), (0.0, math.nan)])
def test_a_product_out_of_range_is_nan(u, v):
    assert math.isnan(scaled.scaled_product(real(u), real(v)))


def test_a_quotient_without_a_path_is_zero():
    assert scaled.scaled_quotient(real(3.0), real(0.0)) == scaled.scaled_quotient(real(0.0), real(0.0)) == 0
    assert scaled.scaled_quotient(real(3.0), real(4.0)) == 0.75


@pytest.mark.parametrize("total", [1.0, 1.999, 2.0, 0.75, 1e-200, 3e20, 2.0**-940])
def test_the_exponent_of_a_row_brings_its_sum_between_one_and_two(total):
    exponent = scaled.row_exponent(real(total))
    assert exponent == math.frexp(total)[1] - 1
    assert 1 <= Fraction(total) * Fraction(power_down(-exponent)) < 2
    assert scaled.row_exponent(real(0.0)) == 0


@pytest.mark.parametrize("shift", [0.0, -3.0, 5000.0])
@pytest.mark.parametrize("x", [1.0, 0.75, 1.49, 1.5, 0.7499, 1e-200, 3e9, 1 + 2**-52])
def test_a_scaled_number_becomes_a_path_number(x, shift):
    expected = mp.log(mpf(x)) + mpf(shift) * mp.log(2)
    assert math.isclose(log_of_path(scaled.path_of_scaled(real(x), shift)), expected, rel_tol=1e-15, abs_tol=1e-18)
    assert scaled.path_of_scaled(real(0.0), shift) == NO_PATH


def test_factors_near_the_ends_of_the_range_do_not_fit():
    assert [scaled.fits_factor(real(f)) for f in (1.0, -1e-18, 1e18)] == [True] * 3
    assert not any(scaled.fits_factor(real(f)) for f in (0.0, 1e-19, -1e19, math.inf, math.nan))


def test_quotients_of_the_extremes_are_finite_and_normal():
    """With the room of 2**20 for what is added up."""
    tiny, huge = float(np.finfo(real).tiny), float(np.finfo(real).max)
    assert huge > scaled.LARGEST_FACTOR / scaled.LEAST_CELL * 2.0**20
    up = 1 / scaled.LEAST_CELL
    assert tiny < math.exp(scaled.LOWEST_WEIGHT) / 2.0**60 and up * math.exp(scaled.HIGHEST_WEIGHT) < huge


def forms(cell):
    """The steps in plain numbers of a recurrence over (t, s) with this cell, by its own values x and the cells a; or None."""

    @loss
    def a_loss(x: LogProbability[T, S]):
        """A sum over paths."""

        @recurrence(t, s)
        def a(a):
            return cell(a, exp(x[t, s]))

        return -log(a[T.size - 1, S.size - 1])

    return with_scaled_rows(with_path_numbers(LatticeDerivation("a_loss", a_loss.variants[0]).evaluate()))


def stays_or_moves(a, y):
    return y * (a[t - 1, s] + a[t - 1, s - 1])


def test_a_recurrence_over_the_row_before_has_the_form():
    sweeps = forms(lambda a, y: Piecewise((y, Eq(t, 0)), (stays_or_moves(a, y), True)))
    assert isinstance(sweeps.before[-1], ScaledFill) and sweeps.before[-1].shift is not None
    (adjoint,) = [step for step in sweeps.after if isinstance(step, FollowedFill)]
    assert adjoint.then[0].indices == (s,)


@pytest.mark.parametrize("cells, kept", [(2, False), (4, False), (5, True)])
def test_sums_of_many_cells_are_kept_for_the_adjoint_those_of_few_are_made_again(cells, kept):
    sweeps = forms(lambda a, y: Piecewise((y, Eq(t, 0)), (y * sum(a[t - 1, s - n] for n in range(cells)), True)))
    (adjoint,) = [step for step in sweeps.after if isinstance(step, FollowedFill)]
    read = {entry.table.name for entry in adjoint.then[1].atoms(TableEntry)}
    assert ("sum_a" in read, bool(sweeps.before[-1].kept)) == (kept, kept)
    assert ("a" in read) != kept


@pytest.mark.parametrize(
    "cell",
    [
        lambda a, y: Piecewise((y, Eq(t, 0)), (y * (a[t - 1, s] + a[t, s - 1]), True)),  # a cell of the same row
        lambda a, y: Piecewise(
            (y, t < 2), (y * (a[t - 1, s] + a[t - 2, s]), True)
        ),  # and of one that lies further back
        lambda a, y: Piecewise((y, Eq(s, 0)), (stays_or_moves(a, y), True)),  # paths begin in every row
        lambda a, y: Piecewise((y, Eq(t, 0)), (y + stays_or_moves(a, y), True)),
    ],
    ids=["same row", "two rows back", "starts in a column", "starts everywhere"],
)
def test_any_other_recurrence_has_not(cell):
    assert forms(cell) is None


def batch(rng, frames, labels):
    """Log-probabilities of which every other item has frames that rule its labels out but for e^−600."""
    x = np.log(rng.dirichlet(np.ones(5), (frames, len(labels))))
    x[3:6, 1::2, 1:] -= 600
    return x


def test_items_that_leave_the_range_are_right_among_those_that_do_not():
    """Their tables are used one after the other, with other lengths."""
    rng = np.random.default_rng(SEED)
    labels = [[1, 2, 1, 3], [2], [3, 4, 1, 2], [1, 1, 2], [], [4, 2, 3]]
    frames = np.array([12, 9, 12, 8, 7, 11])
    x = batch(rng, 12, labels)
    targets, lengths = np.concatenate(labels).astype(int), np.array(list(map(len, labels)))
    previous = get_num_threads()
    set_num_threads(1)
    try:
        values, slopes = ctc_loss.value_and_grad(x, targets, frames, lengths, reduction="none")
        weights = np.array([1.0, 1e-100, 1e200, 1e100, -1.0, 1e-250])
        _, weighted = ctc_loss.value_and_grad(x, targets, frames, lengths, reduction="sum", sample_weight=weights)
    finally:
        set_num_threads(previous)
    for i, own in enumerate(labels):
        value, slope = ctc_in_50_digits(x[: frames[i], i], own)
        np.testing.assert_allclose(values[i], value, rtol=1e-14, err_msg=f"item {i}")
        np.testing.assert_allclose(slopes[: frames[i], i], slope, rtol=1e-12, atol=1e-15, err_msg=f"item {i}")
        np.testing.assert_allclose(weighted[:, i], weights[i] * slopes[:, i], rtol=1e-12, err_msg=f"item {i}")
        assert not slopes[frames[i] :, i].any()
