"""Path numbers against exact arithmetic: e + f stands for (1 + f)·2^e, near 1 with all digits, and 0 is finite."""

import math
from fractions import Fraction

import numpy as np
import pytest

from lossgen.kernel.math.path_numbers import (
    ANY_PATH,
    NO_PATH,
    is_path,
    log_of_path,
    path_of_log,
    path_product,
    path_share,
    path_sum,
    path_sum_of_three,
)

SEED = 20261124
EXPONENTS = (0, 1, 3, 60, 1000)


def exact(p: float) -> Fraction:
    """What a path number stands for, read as its definition says: f in [-1/4, 1/2), give or take a rounding."""
    e = math.floor(Fraction(p) + Fraction(3, 8))
    f = Fraction(p) - e
    assert Fraction(-1, 4) - Fraction(1, 2**20) <= f <= Fraction(1, 2) + Fraction(1, 2**20), p
    return (1 + f) * Fraction(2) ** e


def assert_close(p: float, expected: Fraction, operands: float) -> None:
    """Off by a few units of rounding of the largest exponent in play, at 1 of the distance from 1."""
    resolution = Fraction(2) ** -52 * max(1, math.ceil(abs(operands)))
    assert abs(exact(p) / expected - 1) <= 4 * resolution, (p, float(expected))


def numbers(count: int, exponent: int, seed: int) -> np.ndarray:
    draw = np.random.default_rng([SEED, exponent, seed])
    f = draw.uniform(-0.25, 0.5, count)
    f[:4] = (-0.25, np.nextafter(0.5, 0), 0.0, 1e-17)
    return draw.integers(-exponent, exponent + 1, count) + f


@pytest.mark.parametrize("exponent", EXPONENTS)
def test_products_sums_and_shares_are_those_of_what_the_numbers_stand_for(exponent):
    u, v, w = (numbers(200, exponent, seed) for seed in range(3))
    for a, b, c in zip(u, v, w, strict=True):
        x, y, z = exact(a), exact(b), exact(c)
        assert_close(path_product(a, b), x * y, 2 * exponent)
        assert_close(path_sum(a, b), x + y, exponent)
        assert_close(path_sum_of_three(a, b, c), x + y + z, exponent)
        low, high = sorted((a, b))
        share = exact(low) / exact(high)
        assert math.isclose(path_share(low, high), float(share), rel_tol=1e-15, abs_tol=2.0**-1021)


@pytest.mark.parametrize("x", [-3e-5, 2e-5, -1e-12, 1e-20, -1e-300])
def test_near_one_all_digits_of_the_distance_are_kept(x):
    p = path_of_log(np.float64(x))
    assert math.isclose(p, math.expm1(x), rel_tol=1e-15)
    assert math.isclose(log_of_path(p), x, rel_tol=1e-15)
    assert math.isclose(log_of_path(path_product(p, p)), 2 * x, rel_tol=1e-15)
    assert math.isclose(path_sum(p, path_of_log(np.float64(-1000.0))), math.expm1(x), rel_tol=1e-15)


@pytest.mark.parametrize("x", [0.0, -0.3, 0.4, -5.0, 88.0, -745.0, -1e5, 1e5, -3e11, -1e30, 1e30])
def test_logarithms_there_and_back(x):
    assert math.isclose(log_of_path(path_of_log(np.float64(x))), x, rel_tol=4e-16, abs_tol=1e-300)


@pytest.mark.parametrize("f", [np.nextafter(-0.25, -1), -0.25 - 1e-9, 0.5, 0.5 + 1e-9])
def test_a_rounding_beyond_the_bounds_changes_nothing(f):
    """A sum that is rounded to just outside [-1/4, 1/2) is read with the exponent that it was made with."""
    for e in (0.0, -3.0):
        p = np.float64(e + f)
        assert math.isclose(log_of_path(p), e * math.log(2) + math.log1p(f), rel_tol=1e-15)
        assert_close(path_sum(p, p), 2 * exact(p), 3)
        assert math.isclose(path_share(p, np.float64(1.0)), float(exact(p) / 2), rel_tol=1e-15)


def test_numbers_order_as_what_they_stand_for():
    logs = np.sort(np.random.default_rng(SEED).uniform(-50, 50, 500))
    found = np.array([path_of_log(x) for x in logs])
    assert (np.diff(found) > 0).all()


def test_no_path_is_absorbed():
    path = path_of_log(np.float64(-7.5))
    none = path_of_log(np.float64(-np.inf))
    assert none == NO_PATH
    assert path_sum(path, none) == path_sum(none, path) == path
    assert path_sum_of_three(none, path, none) == path
    for lost in (path_product(path, none), path_product(none, none), path_sum(none, none)):
        assert lost < ANY_PATH and log_of_path(lost) == -np.inf and is_path(lost) == 0
    assert path_share(none, path) == path_share(none, none) == path_share(path, none) == 0
    assert is_path(path) == 1


def test_many_factors_of_no_path_stay_finite():
    lost = np.float64(NO_PATH)
    for _ in range(1000):
        lost = path_product(path_sum(lost, NO_PATH), NO_PATH)
    assert np.isfinite(lost) and log_of_path(lost) == -np.inf


def test_nan_comes_out_of_everything():
    nan, path = np.float64(np.nan), np.float64(-3.2)
    with np.errstate(invalid="ignore"):
        assert math.isnan(path_of_log(nan)) and math.isnan(log_of_path(nan)) and is_path(nan) == 1
        for found in (path_product(nan, path), path_product(path, nan), path_sum(nan, path), path_sum(path, nan)):
            assert math.isnan(found)
        for terms in ((nan, path, path), (path, nan, path), (path, path, nan)):
            assert math.isnan(path_sum_of_three(*terms))
        assert math.isnan(path_share(nan, path)) and math.isnan(path_share(path, nan))
