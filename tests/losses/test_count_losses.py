"""Likelihoods of counts, amounts and real numbers: against scikit-learn and PyTorch, and on hard inputs."""

import numpy as np
import pytest
import torch
from accuracy import LOSSES
from lossgen.generated import torch as surface
from mpmath import exp, log, mp, mpf
from sklearn import metrics
from torch.nn import functional as F

from lossgen import generated
from lossgen.runtime import LossError
from lossgen.verify.check import check_loss

NAMES = ("poisson_nll_loss", "gamma_nll_loss", "tweedie_loss", "gaussian_nll_loss")


@pytest.mark.parametrize("name", NAMES)
def test_values_and_gradients_within_8_ulp_on_hard_inputs(name):
    found = [f for f in check_loss(LOSSES[name], generated) if "Hessian" not in f.figure.quantity]
    assert {f.inputs for f in found} == {"random", "hard"}
    bad = [f for f in found if not f.passed or f.figure.worst > 8]
    assert not bad, bad[0]


def deviance_of(loss, x: np.ndarray, y: np.ndarray) -> float:
    """Twice the mean of what the loss is above its smallest value, which is at a mean of y."""
    return 2 * (loss(x, y) - loss(y, y))


def test_poisson_deviance_is_scikit_learns(rng):
    mean, y = rng.uniform(0.2, 8, 40), rng.poisson(3.0, 40) + 1.0
    found = deviance_of(lambda m, t: generated.poisson_nll_loss(np.log(m), t), mean, y)
    assert found == pytest.approx(metrics.mean_poisson_deviance(y, mean), rel=1e-12)
    found = deviance_of(lambda m, t: generated.poisson_nll_loss(m, t, log_input=False, eps=0.0), mean, y)
    assert found == pytest.approx(metrics.mean_poisson_deviance(y, mean), rel=1e-12)


@pytest.mark.parametrize("log_input", [True, False])
def test_gamma_deviance_is_scikit_learns(rng, log_input):
    mean, y = rng.uniform(0.2, 8, 40), rng.gamma(2.0, size=40)
    link = np.log if log_input else lambda m: m
    found = deviance_of(lambda m, t: generated.gamma_nll_loss(link(m), t, log_input=log_input), mean, y)
    assert found == pytest.approx(metrics.mean_gamma_deviance(y, mean), rel=1e-12)


@pytest.mark.parametrize("power", [1.25, 1.5, 1.9])
def test_tweedie_deviance_is_scikit_learns(rng, power):
    mean, y = rng.uniform(0.2, 8, 40), rng.uniform(0.1, 5, 40)
    found = deviance_of(lambda m, t: generated.tweedie_loss(np.log(m), t, power=power), mean, y)
    assert found == pytest.approx(metrics.mean_tweedie_deviance(y, mean, power=power), rel=1e-11)


@pytest.mark.parametrize("name", ["gamma_nll_loss", "tweedie_loss"])
@pytest.mark.parametrize("x", [-1e4, -200.0, 1e4])
def test_a_target_of_0_is_finite_whatever_the_exponential_is(name, x):
    for dtype in (np.float32, np.float64):
        function = getattr(generated, name)
        given = np.array([x], dtype), np.zeros(1, dtype)
        value, slope = function.value_and_grad(*given, reduction="none")
        bent = function.hessian_diagonal(*given, reduction="sum")
        assert not np.isnan([value, slope, bent]).any()
        assert np.isfinite(value) or x > 0


def test_an_amount_beside_an_exponential_out_of_range():
    """e^90 has no float32, 1e-3·e^90 has."""
    value, slope = generated.gamma_nll_loss.value_and_grad(np.float32([-90]), np.float32([1e-3]), reduction="none")
    expected = float(np.float32(1e-3)) * np.exp(90.0)
    np.testing.assert_allclose([value[0], -slope[0]], expected, rtol=1e-6)


def test_at_a_target_of_0_stirlings_formula_has_a_gradient():
    """PyTorch's is NaN there: 0·log 0 on the side of its mask that is not taken."""
    x, y = torch.zeros(2, dtype=torch.float64), torch.tensor([0.0, 1.0], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(surface.poisson_nll_loss(x, y, full=True, reduction="sum"), y)
    (theirs,) = torch.autograd.grad(F.poisson_nll_loss(x, y, full=True, reduction="sum"), y)
    assert slope.tolist() == [0, 0] and theirs.isnan()[0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", [2, 17, 1e4, 1e6])
@pytest.mark.parametrize("spread", [0, 1e-4, 0.01, 0.3, 3])
def test_stirlings_terms_keep_the_digits_of_a_count_close_to_its_mean(rng, dtype, count, spread):
    """Each of the terms is a million times what is left of them."""
    target = np.rint(count * rng.uniform(1, 1.5, 20)).astype(dtype)
    mean = (target * np.exp(spread * rng.uniform(-1, 1, 20))).astype(dtype)
    logarithm = np.log(mean.astype(float)).astype(dtype)
    options = {"full": True, "eps": 0.0, "reduction": "none"}
    by_mean = generated.poisson_nll_loss(mean, target, log_input=False, **options)
    by_log = generated.poisson_nll_loss(logarithm, target, **options)
    with mp.workdps(50):
        for found, mean_of, given in ((by_mean, mpf, mean), (by_log, exp, logarithm)):
            for value, x, t in zip(found, given.tolist(), map(mpf, target.tolist()), strict=True):
                m = mean_of(mpf(x))
                expected = m - t * log(m) + t * log(t) - t + log(2 * mp.pi * t) / 2
                assert abs(float(value) - expected) <= 8 * np.spacing(dtype(expected))


@pytest.mark.parametrize("link", [np.log, np.asarray])
def test_stirlings_terms_stay_finite_where_a_quotient_leaves_the_range(link):
    mean, target = np.float32([1e-30, 1e30]), np.float32([1e30, 2])
    value, slope = generated.poisson_nll_loss.value_and_grad(
        link(mean), target, log_input=link is np.log, full=True, eps=0.0, wrt="target", reduction="none"
    )
    np.testing.assert_allclose(value, [1e30 * (np.log(1e60) - 1), 1e30], rtol=1e-5)
    np.testing.assert_allclose(slope, [np.log(1e60), np.log(2e-30) + 0.25], rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_and_second_derivatives_pass_torchs_numerical_checks(name):
    g = torch.Generator().manual_seed(3)
    arguments = [a for a in LOSSES[name].variants[0].arguments]
    given = tuple(1.2 + torch.rand(5, dtype=torch.float64, generator=g, requires_grad=True) for _ in arguments)
    assert torch.autograd.gradcheck(getattr(surface, name), given)
    assert torch.autograd.gradgradcheck(getattr(surface, name), given)


@pytest.mark.parametrize("of_variance", [(5, 4), (5, 1), (5,), (1, 4)])
@pytest.mark.parametrize("full", [False, True])
def test_gaussian_likelihood_is_torchs_for_every_shape_of_the_variance(of_variance, full):
    """Values, gradients and their gradients, some variances below eps: the clamp is one that gradients do not see."""
    g = torch.Generator().manual_seed(5)
    x, y, v = (
        torch.rand(shape, dtype=torch.float64, generator=g, requires_grad=True)
        for shape in ((5, 4), (5, 4), of_variance)
    )
    results = []
    for function in (surface.gaussian_nll_loss, F.gaussian_nll_loss):
        value = function(x, y, v, full=full, eps=0.4)
        slopes = torch.autograd.grad(value, (x, y, v), create_graph=True)
        results.append((value, *slopes, *torch.autograd.grad(sum((s**2).sum() for s in slopes), (x, y, v))))
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)


def test_one_variance_for_several_items_in_numpy(rng):
    x, y, v = rng.normal(size=(5, 4)), rng.normal(size=(5, 4)), rng.uniform(0.5, 2, 5)
    wide = np.repeat(v[:, None], 4, 1)
    loss = generated.gaussian_nll_loss
    assert loss(x, y, v) == loss(x, y, wide) == loss(x, y, v[:, None])
    for make in (
        lambda var: loss.value_and_grad(x, y, var)[1],
        lambda var: loss.hessian_diagonal(x, y, var),
        lambda var: loss.hvp(x, y, var, (x, var)),
    ):
        expected = make(wide)
        for var in (v, v[:, None]):
            found = make(var)
            np.testing.assert_allclose(found[0], expected[0], rtol=1e-13)
            assert found[1].shape == var.shape
            np.testing.assert_allclose(found[1].reshape(5), expected[1].sum(1), rtol=1e-12)


def test_a_variance_of_another_shape_names_the_shapes_that_fit():
    x = np.zeros((5, 4))
    words = r"gaussian_nll_loss: var has shape \(4,\), expected \(5, 4\), the same with ones in it, or \(5,\)"
    with pytest.raises(LossError, match=f"^{words}$"):
        generated.gaussian_nll_loss(x, x, np.ones(4))


@pytest.mark.parametrize(
    "name, arrays, options, words",
    [
        ("gaussian_nll_loss", ([0.0], [1.0], [-0.5]), {}, r"var\[0\] is -0.5, expected a number that is at least 0"),
        ("poisson_nll_loss", ([0.0], [-1.0]), {}, r"target\[0\] is -1.0, expected a number that is at least 0"),
        ("poisson_nll_loss", ([-1.0], [1.0]), {"log_input": False}, r"input\[0\] is -1.0, expected .* at least 0"),
        (
            "gamma_nll_loss",
            ([0.0], [1.0]),
            {"log_input": False},
            r"input\[0\] is 0.0, expected a number greater than 0",
        ),
        ("tweedie_loss", ([0.0], [1.0]), {"power": 2.0}, "power is 2.0, expected a number strictly between 1 and 2"),
    ],
)
def test_what_is_outside_its_domain_is_an_error_of_one_line(name, arrays, options, words):
    with pytest.raises(LossError, match=f"^{name}: {words}$"):
        getattr(generated, name)(*arrays, **options)
