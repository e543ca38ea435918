"""The scalar functions for sums over paths: what they are at infinities, NaN, and beyond the ends of a sequence."""

import math

import numpy as np
import pytest

from lossgen.kernel.math.infinities import infinite_with
from lossgen.kernel.math.paths import is_finite, label_at, origin, part_of_paths, zero_if_infinite

INFINITY = math.inf


@pytest.mark.parametrize("m, expected", [(3.5, 3.5), (-2.0, -2.0), (-INFINITY, 0.0), (INFINITY, INFINITY)])
def test_the_origin_of_exponents(m, expected):
    assert origin(m) == expected


@pytest.mark.parametrize("u, v", [(-3.0, -1.0), (0.0, 0.0), (-700.0, 0.0), (-1e4, -1e4 + 5)])
def test_a_part_of_all_paths(u, v):
    assert math.isclose(part_of_paths(np.float64(u), np.float64(v)), math.exp(u - v), rel_tol=1e-15)


@pytest.mark.parametrize("u, v", [(-INFINITY, -2.0), (-INFINITY, -INFINITY), (1.0, -INFINITY)])
def test_without_a_path_there_is_no_part(u, v):
    with np.errstate(invalid="ignore"):
        assert part_of_paths(np.float64(u), np.float64(v)) == 0


def test_an_infinite_loss_is_zero_and_a_nan_stays():
    assert zero_if_infinite(INFINITY) == zero_if_infinite(-INFINITY) == 0
    assert zero_if_infinite(2.5) == 2.5
    assert math.isnan(zero_if_infinite(math.nan))
    assert infinite_with(-INFINITY, math.nan) == infinite_with(INFINITY, 2.0) == INFINITY
    assert infinite_with(3.0, 2.0) == infinite_with(math.nan, 2.0) == 2
    assert (is_finite(INFINITY), is_finite(-1.0), is_finite(math.nan)) == (0, 1, 1)


def test_labels_beyond_the_ends_are_zero():
    labels = np.array([7, 4, 5, 6])
    assert [label_at(labels, 1, k, 2) for k in (-3, -1, 0, 1, 2, 9)] == [0, 0, 4, 5, 0, 0]
