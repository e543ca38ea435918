"""Losses of probabilities: at 0 and 1, near equality, and where PyTorch clamps or gives NaN."""

import math
from itertools import product

import numpy as np
import pytest
import torch
from accuracy import figures, worst
from lossgen.generated import torch as surface
from torch.nn import functional as F

from lossgen import generated
from lossgen.runtime import LossError

PROBABILITIES = (0.0, 1e-30, 1e-4, 0.3, 0.5, 1 - 2.0**-24, 1.0)
INF = math.inf


def grid(*axes: tuple[float, ...]) -> list[np.ndarray]:
    return list(np.array(list(product(*axes))).T)


def test_binary_cross_entropy_of_hard_labels_keeps_its_digits():
    p, y = grid(PROBABILITIES, (0.0, 1.0))
    assert worst(figures("binary_cross_entropy", {"input": p, "target": y}, second=True)) <= 8


def test_the_curvature_of_binary_cross_entropy_beside_0_takes_nothing_from_the_other_label():
    """Its term y/p² is 0 for the label 0, though p² is no float32."""
    p, y = np.float32([1e-30, 1e-25, 1e-15]), np.float32([0, 0, 1e-22])
    ones = np.ones_like(p)
    found = generated.binary_cross_entropy.hvp(p, y, ones, reduction="sum")
    np.testing.assert_allclose(found, [1, 1, 1e8], rtol=1e-6)
    found = generated.binary_cross_entropy.hessian_diagonal(p[:2], y[:2], reduction="sum")
    np.testing.assert_allclose(found, [1, 1], rtol=1e-6)


def test_binary_cross_entropy_near_a_soft_label_keeps_its_digits():
    """The gradient is (p − y)/(p·(1 − p)): taken apart, its terms would cancel. That of the label is log((1 − p)/p)."""
    p, step = grid((1e-3, 0.3, 0.999), (-(2.0**-20), 2.0**-20))
    p = p.astype(np.float32).astype(float)
    found = figures("binary_cross_entropy", {"input": p, "target": (p * (1 + step)).astype(np.float32).astype(float)})
    assert worst(found) <= 8


def test_binary_cross_entropy_at_0_and_1_has_pytorchs_values_and_the_slope_of_its_own_formula():
    p, y = torch.tensor([0.0, 0, 1, 1]), torch.tensor([0.0, 1, 0, 1])
    p.requires_grad_()
    value = surface.binary_cross_entropy(p, y, reduction="none")
    torch.testing.assert_close(value, F.binary_cross_entropy(p, y, reduction="none"), rtol=0, atol=0)
    value.sum().backward()
    assert p.grad.tolist() == [1, 0, 0, -1]


@pytest.mark.parametrize("p", [-1e-9, 1 + 1e-6, math.nan])
def test_what_is_no_probability_is_an_error(p):
    with pytest.raises(LossError, match=r"binary_cross_entropy: input\[1\] is .*, expected a number in \[0, 1\]"):
        generated.binary_cross_entropy(np.array([0.5, p]), np.array([0.0, 1.0]))
    with pytest.raises(LossError, match="jensen_shannon_loss: input"):
        generated.jensen_shannon_loss(np.array([[0.5, p]]), np.array([[0.0, 1.0]]))


def test_kl_div_where_what_cannot_occur_does_not_occur():
    x = torch.tensor([-INF, -1.0, -INF, -2.0])
    q = torch.tensor([0.0, 0.0, 0.25, 0.25])
    for target, log_target in ((q, False), (q.log(), True)):
        given = x.clone().requires_grad_()
        value = surface.kl_div(given, target, reduction="none", log_target=log_target)
        torch.testing.assert_close(value, torch.tensor([0, 0, INF, 0.25 * (math.log(0.25) + 2)]))
        (slope,) = torch.autograd.grad(value.sum(), given)
        torch.testing.assert_close(slope, -q)
        assert F.kl_div(x, target, reduction="none", log_target=log_target)[0].isnan()


def test_kl_div_has_no_slope_where_a_log_target_is_minus_infinity():
    target = torch.tensor([-INF, -1.0], requires_grad=True)
    surface.kl_div(torch.tensor([-1.0, -2.0]), target, reduction="sum", log_target=True).backward()
    torch.testing.assert_close(target.grad, torch.tensor([0, 2 * math.exp(-1)]))


@pytest.mark.parametrize("variant, targets", [(0, (0.0, 1e-30, 0.25, 1.0)), (1, (-1e4, -90.0, -1e-6, 0.0))])
def test_kl_div_keeps_its_digits(variant, targets):
    x, t = grid((-1e4, -104.0, -20.0, -1e-3), targets)
    assert worst(figures("kl_div", {"input": x, "target": t}, variant=variant)) <= 8


def plain_jensen_shannon(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    m = (p + q) / 2
    return (torch.xlogy(p, p / m) + torch.xlogy(q, q / m)).sum(1) / 2


@pytest.mark.parametrize("shape", [(4, 3), (1, 5), (2, 3, 2)])
def test_jensen_shannon_is_the_plain_formula(shape, rng):
    p, q = (torch.tensor(rng.uniform(0.1, 0.9, shape), requires_grad=True) for _ in range(2))
    found, expected = surface.jensen_shannon_loss(p, q, reduction="none"), plain_jensen_shannon(p, q)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)
    slopes = (torch.autograd.grad(value.sum(), (p, q)) for value in (found, expected))
    for mine, theirs in zip(*slopes, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-15)


def test_jensen_shannon_of_nearly_equal_distributions_keeps_its_digits():
    p = np.array([[0.25, 0.25, 0.5], [1e-30, 0.3, 0.7], [1.0, 0.0, 0.0]]).astype(np.float32)
    near = (p * (1 + np.array([2.0**-22, -(2.0**-20), 1e-3]))).clip(0, 1).astype(np.float32)
    for q in (near, np.eye(3), p):
        arrays = {"input": p.astype(float), "target": q.astype(float)}
        assert worst(figures("jensen_shannon_loss", arrays)) <= 8
        assert worst(figures("jensen_shannon_loss", {"input": arrays["target"], "target": arrays["input"]})) <= 8
    naive = plain_jensen_shannon(torch.tensor(p), torch.tensor(near))
    truth = plain_jensen_shannon(torch.tensor(p).double(), torch.tensor(near).double()).float()
    assert not torch.allclose(naive, truth, rtol=1e-2, atol=0)


def test_jensen_shannon_at_its_ends():
    p, q = np.eye(3), np.eye(3)[[1, 2, 0]]
    value, slope = generated.jensen_shannon_loss.value_and_grad(p, q, reduction="none")
    np.testing.assert_allclose(value, math.log(2), rtol=1e-15)
    assert np.isneginf(slope[q == 1]).all() and np.isfinite(slope[q == 0]).all()
    value, slope = generated.jensen_shannon_loss.value_and_grad(p, p, reduction="none")
    assert not value.any() and not slope[p == 1].any()
    np.testing.assert_allclose(slope[p == 0], math.log(2) / 2)  # along a target of 0 the loss grows by log 2 / 2


def test_a_class_that_is_tiny_in_one_of_two_distributions():
    """The smallest number that float32 has: its half is none."""
    least = np.float32(1e-45)
    p, q = np.array([[least, 1]], np.float32), np.array([[0, 1]], np.float32)
    value, slope = generated.jensen_shannon_loss.value_and_grad(p, q, reduction="sum")
    assert np.isfinite(value) and np.isfinite(slope).all()
