"""Losses of an error: against scikit-learn, SciPy and PyTorch, on hard inputs in wide arithmetic, and at their kinks."""

import numpy as np
import pytest
import torch
from accuracy import LOSSES
from lossgen.generated import torch as surface
from scipy.optimize import least_squares
from sklearn import metrics
from torch.nn import functional as F

from lossgen import generated
from lossgen.runtime import LossError
from lossgen.verify.check import check_loss

NAMES = (
    *("huber_loss", "smooth_l1_loss", "log_cosh_loss", "quantile_loss", "cauchy_loss", "mape", "msle"),
    *("l2_loss", "l1_sum_loss"),
)


@pytest.mark.parametrize("name", NAMES)
def test_values_and_gradients_within_8_ulp_on_random_and_hard_inputs(name):
    found = list(check_loss(LOSSES[name], generated))
    assert {f.inputs for f in found} == {"random", "hard"}
    bad = [f for f in found if f.figure.nonfinite or (f.figure.worst > 8 and "Hessian" not in f.figure.quantity)]
    assert not bad, bad[0]


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_quantile_loss_is_scikit_learns(rng, quantile):
    x, y = rng.normal(size=50), rng.normal(size=50)
    expected = metrics.mean_pinball_loss(y, x, alpha=quantile)
    assert generated.quantile_loss(x, y, quantile=quantile) == pytest.approx(expected, rel=1e-14)


def test_relative_errors_are_scikit_learns(rng):
    x, y = rng.uniform(-2, 2, 50), rng.uniform(0.1, 3, 50) * rng.choice([-1, 1], 50)
    y[3] = 0
    eps = float(np.finfo(float).eps)
    expected = metrics.mean_absolute_percentage_error(y, x)
    assert generated.mape(x, y, eps=eps) == pytest.approx(expected, rel=1e-14)


def test_squared_logarithmic_error_is_scikit_learns(rng):
    x, y = rng.uniform(-0.9, 50, 50), rng.uniform(-0.9, 50, 50)
    assert generated.msle(x, y) == pytest.approx(metrics.mean_squared_log_error(y, x), rel=1e-12)


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_cauchy_loss_is_scipys(rng, scale):
    """The cost that its robust least squares reports is the loss at the point where it stops."""
    y = rng.normal(size=20)
    found = least_squares(lambda x: x[:1] - y, np.zeros(1), loss="cauchy", f_scale=scale)
    loss = generated.cauchy_loss(np.full(20, found.x[0]), y, scale=scale, reduction="sum")
    assert loss == pytest.approx(found.cost, rel=1e-12)


def test_sums_are_those_of_the_errors(rng):
    x, y = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    assert generated.l2_loss(x, y) == pytest.approx(((x - y) ** 2).sum(), rel=1e-14)
    assert generated.l1_sum_loss(x, y) == pytest.approx(np.abs(x - y).sum(), rel=1e-14)
    with pytest.raises(TypeError):
        generated.l2_loss(x, y, reduction="mean")


@pytest.mark.parametrize("name", NAMES)
def test_gradients_and_second_derivatives_pass_torchs_numerical_checks(name):
    g = torch.Generator().manual_seed(3)
    x, y = (torch.rand(6, dtype=torch.float64, generator=g, requires_grad=True) for _ in range(2))
    function = getattr(surface, name)
    assert torch.autograd.gradcheck(function, (x, y))
    assert torch.autograd.gradgradcheck(function, (x, y))


@pytest.mark.parametrize("distance", [-0.5, 0.5])
def test_at_the_edge_huber_and_smooth_l1_are_torchs(distance):
    """The gradient is continuous there. The second derivative of the Huber loss is that of the square, of smooth L1 0."""
    y = torch.zeros(1, dtype=torch.float64)
    for mine, theirs, option, bend in (
        (surface.huber_loss, F.huber_loss, {"delta": 0.5}, 1.0),
        (surface.smooth_l1_loss, F.smooth_l1_loss, {"beta": 0.5}, 0.0),
    ):
        x = torch.full((1,), distance, dtype=torch.float64, requires_grad=True)
        value, expected = mine(x, y, **option), theirs(x, y, **option)
        assert value == expected
        (slope,) = torch.autograd.grad(value, x, create_graph=True)
        assert slope == torch.autograd.grad(expected, x)[0]
        assert torch.autograd.grad(slope, x)[0] == bend


def test_equal_numbers_have_slope_0():
    x = np.float32([0.0, 1.5, -3.0])
    for name, options in (
        *(("smooth_l1_loss", {"beta": 0.0}), ("quantile_loss", {"quantile": 0.9}), ("mape", {})),
        *(("log_cosh_loss", {}), ("cauchy_loss", {})),
    ):
        value, slope = getattr(generated, name).value_and_grad(x, x, reduction="none", **options)
        assert (value == 0).all() and (slope == 0).all(), name


def test_smooth_l1_without_rounding_off_is_l1(rng):
    x, y = rng.normal(size=9), rng.normal(size=9)
    x[2] = y[2]
    value, slope = generated.smooth_l1_loss.value_and_grad(x, y, beta=0.0, reduction="none")
    expected, truth = generated.l1_loss.value_and_grad(x, y, reduction="none")
    np.testing.assert_array_equal(value, expected)
    np.testing.assert_array_equal(slope, truth)


@pytest.mark.parametrize(
    "name, arrays, options, words",
    [
        ("msle", ([0.0, -1.0], [1.0, 1.0]), {}, r"input\[1\] is -1.0, expected a number greater than -1"),
        ("msle", ([0.0, 1.0], [1.0, -2.0]), {}, r"target\[1\] is -2.0, expected a number greater than -1"),
        ("huber_loss", ([0.0], [1.0]), {"delta": 0.0}, "delta is 0.0, expected a finite number greater than 0"),
        ("smooth_l1_loss", ([0.0], [1.0]), {"beta": -1.0}, "beta is -1.0, expected a finite number that is at least 0"),
        ("quantile_loss", ([0.0], [1.0]), {"quantile": 1.5}, r"quantile is 1.5, expected a number in \[0, 1\]"),
    ],
)
def test_what_is_outside_its_domain_is_an_error_of_one_line(name, arrays, options, words):
    with pytest.raises(LossError, match=f"^{name}: {words}$"):
        getattr(generated, name)(*arrays, **options)
