"""Products of powers over divisors: the order of the factors, and that nothing leaves the range on the way."""

import numpy as np
import pytest
from lossgen.generated import cauchy_loss, smooth_l1_loss
from sympy import Mul, symbols

from lossgen.kernel.functions import multiple, quotient, reciprocal
from lossgen.kernel.quotients import quotients
from lossgen.kernel.tidy import tidy

u, v, w, z = symbols("u v w z", real=True)


@pytest.mark.parametrize(
    "factors, expected",
    [
        ([u**2, reciprocal(v)], [quotient(u, v), u]),
        ([u**2, reciprocal(v) ** 2], [quotient(u, v) ** 2]),
        ([u, w, reciprocal(v) ** 2], [quotient(u, v) * quotient(w, v)]),
        ([w, u**2, reciprocal(v)], [quotient(u, v), u, w]),
        ([u, reciprocal(v) ** 2], [quotient(u, v), reciprocal(v)]),
        ([u**3, reciprocal(v), reciprocal(w)], [quotient(u, v) * quotient(u, w), u]),
        ([u**2, w, reciprocal(v) ** 3], [multiple(quotient(u, v), quotient(w, v)) * quotient(u, v)]),
        ([u, reciprocal(v)], [u, reciprocal(v)]),
        ([u**2, w], [u**2, w]),
        ([u**w, reciprocal(v)], [u**w, reciprocal(v)]),
    ],
)
def test_each_square_is_divided_before_it_is_multiplied(factors, expected):
    assert quotients(factors) == expected


def test_the_product_stays_the_same_number():
    given = [3 * u**2, w, reciprocal(v) ** 3, reciprocal(z)]
    numbers = {u: 5, v: 7, w: 11, z: 13}
    plain = {quotient: lambda a, b: a / b, reciprocal: lambda a: 1 / a, multiple: lambda *factors: Mul(*factors)}
    before, after = Mul(*given), Mul(*quotients(given))
    for function, meaning in plain.items():
        before, after = (f.replace(function, meaning) for f in (before, after))
    assert before.subs(numbers) == after.subs(numbers)


def test_a_common_number_of_a_difference_is_taken_out():
    assert tidy(Mul(w, 2 * u - 2 * v)) == 2 * w * (u - v)
    assert tidy(Mul(w, 2 * u - 3 * v)) == w * (2 * u - 3 * v)
    assert tidy(2 * u - 2 * v) == 2 * u - 2 * v


def test_no_square_leaves_the_range():
    x, y = np.float32([1e20, -1e20, 1e30]), np.zeros(3, np.float32)
    value, slope = smooth_l1_loss.value_and_grad(x, y, beta=1e31, reduction="none")
    np.testing.assert_allclose(value, [5e8, 5e8, 5e28], rtol=1e-6)
    np.testing.assert_allclose(slope, [1e-11, -1e-11, 1e-1], rtol=1e-6)
    value, slope = cauchy_loss.value_and_grad(x, y, reduction="none")
    np.testing.assert_allclose(value, np.log([1e20, 1e20, 1e30]), rtol=1e-6)
    np.testing.assert_allclose(slope, [1e-20, -1e-20, 1e-30], rtol=1e-6)
