"""Sums of three and four inputs: which sums they are, and the digits that they keep in float32 and float64."""

from fractions import Fraction

import numpy as np
import pytest
from numba import njit

from lossgen.formula import Axis, Logit, Parameter, Prediction, Sign, exp
from lossgen.formula.symbols import Argument, Hyperparameter
from lossgen.kernel.functions import exact_sum
from lossgen.kernel.math import MATH_FLAGS, library
from lossgen.kernel.sums import sum_of_inputs

C = Axis("C")
x, y, z, w = (Argument(name, Prediction) for name in "xyzw")
s, m, row = Argument("s", Sign), Hyperparameter("m", Parameter), Argument("row", Logit[C])

CANCELLING = [
    (1.0, -1e-30, -1.0, 0.0),
    (1e4, 1e-3, -1e4, 1e-3),
    (-1234.5678, 0.1, 1234.5677, -0.1),
    (3.0, 1e20, -1e20, 1e-10),
    (0.1, 0.2, -0.3, 0.0),
]


@pytest.mark.parametrize(
    "node, expected",
    [
        (x - y + m, exact_sum(x, -y, m)),
        (x - y + 1, exact_sum(x, -y, 1)),
        (m - s * (x - y), exact_sum(m, -s * x, s * y)),
        (x - y - (z - w), exact_sum(x, -y, -z, w)),
    ],
)
def test_these_are_sums_of_inputs(node, expected):
    assert sum_of_inputs(node) == expected


@pytest.mark.parametrize(
    "node",
    [
        x - y,
        x + m + 1,
        x - y + exp(z),
        x - y + 2 * z,
        x * (y - z) + m,
        x - y + z - w + m,
        x - y + row[C.index()],
    ],
    ids=str,
)
def test_these_are_not(node):
    assert sum_of_inputs(node) is None


def test_the_sum_of_the_opposites_is_the_same_node():
    assert exact_sum(x, -y, m) == -exact_sum(-x, y, -m) == exact_sum(m, x, -y)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("terms", CANCELLING)
@pytest.mark.parametrize("name, count", [("sum_of_three", 3), ("sum_of_four", 4)])
def test_what_cancels_leaves_no_rounding(name, count, terms, dtype):
    integer = {np.float32: np.int32, np.float64: np.int64}[dtype]
    space = {"np": np, "njit": njit, "real": dtype, "integer": integer, "MATH": eval(MATH_FLAGS)}
    exec(library(np.dtype(dtype).name).source([name]), space)
    given = [dtype(term) for term in terms[:count]]
    truth = sum(Fraction(float(term)) for term in given)
    found = Fraction(float(space[name](*given)))
    assert abs(found - truth) <= abs(truth) * Fraction(float(np.finfo(dtype).eps))


def test_an_infinite_term_is_not_lost():
    space = {"np": np, "njit": njit, "real": np.float64, "integer": np.int64, "MATH": eval(MATH_FLAGS)}
    exec(library("float64").source(["sum_of_three", "sum_of_four"]), space)
    assert space["sum_of_three"](1.0, -np.inf, 2.0) == -np.inf
    assert space["sum_of_four"](1.0, 2.0, 3.0, np.inf) == np.inf
