"""The gradient of a weighted mean holds the derivative of its denominator."""

import numpy as np
import pytest
from lossgen.generated import cross_entropy


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_class_weights_under_the_weighted_mean(smoothing):
    rng = np.random.default_rng(5)
    x, w = rng.normal(size=(9, 4)), rng.uniform(0.3, 2, 4)
    t = np.array([0, 1, 2, 3, 0, -100, 1, 1, 2])
    value, (slope, both) = cross_entropy.value_and_grad(x, t, w, label_smoothing=smoothing, wrt=("weight", "input"))
    assert value == cross_entropy(x, t, w, label_smoothing=smoothing)
    step = 1e-6
    for k in range(4):
        ahead, behind = w.copy(), w.copy()
        ahead[k] += step
        behind[k] -= step
        difference = cross_entropy(x, t, ahead, label_smoothing=smoothing) - cross_entropy(
            x, t, behind, label_smoothing=smoothing
        )
        assert abs(slope[k] - difference / (2 * step)) < 1e-8
    np.testing.assert_array_equal(both, cross_entropy.value_and_grad(x, t, w, label_smoothing=smoothing)[1])


def test_with_a_given_denominator_it_does_not():
    x, w, t = np.eye(3), np.array([1.0, 2.0, 3.0]), np.array([0, 1, 2])
    summed = cross_entropy.value_and_grad(x, t, w, reduction="sum", wrt="weight")[1]
    np.testing.assert_allclose(
        cross_entropy.value_and_grad(x, t, w, denominator=4.0, wrt="weight")[1], summed / 4, rtol=1e-15
    )
