"""Preferences, overlaps of regions, variational autoencoders: the plain formulas, ends, and digits."""

import math

import numpy as np
import pytest
import torch
from accuracy import figures, worst
from lossgen.generated import torch as surface
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional as F

from lossgen import generated
from lossgen.runtime import LossError

OPTIONS = [{}, {"beta": 0.5}, {"beta": 0.3, "label_smoothing": 0.2}]


def plain_dpo(chosen, rejected, reference_chosen, reference_rejected, beta=0.1, label_smoothing=0.0):
    u = beta * ((chosen - reference_chosen) - (rejected - reference_rejected))
    return -(1 - label_smoothing) * F.logsigmoid(u) - label_smoothing * F.logsigmoid(-u)


def plain_tversky(p, y, alpha=0.5, beta=0.5, smooth=1.0):
    p, y = p.flatten(1), y.flatten(1)
    both = (p * y).sum(1)
    return 1 - (both + smooth) / (both + alpha * (p * (1 - y)).sum(1) + beta * ((1 - p) * y).sum(1) + smooth)


def agree(found, expected, inputs):
    """Equal values, and equal gradients for every input."""
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)
    slopes = (torch.autograd.grad(value.sum(), inputs, retain_graph=True) for value in (found, expected))
    for mine, theirs in zip(*slopes, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("options", OPTIONS)
def test_dpo_is_the_plain_formula(options, rng):
    given = [torch.tensor(rng.normal(size=9) * 5 - 30, requires_grad=True) for _ in range(4)]
    agree(surface.dpo_loss(*given, reduction="none", **options), plain_dpo(*given, **options), given)
    assert gradcheck(lambda *a: surface.dpo_loss(*a, **options), given)
    assert gradgradcheck(lambda *a: surface.dpo_loss(*a, **options), given)


def test_log_probabilities_of_long_answers_keep_their_digits(rng):
    """Thousands in size, the policy near the reference: what the sum rounds away would show in every digit."""
    reference = [-rng.uniform(1000, 9000, 60) for _ in range(2)]
    policy = [r + rng.normal(size=60) for r in reference]
    names = ("policy_chosen_logps", "policy_rejected_logps", "reference_chosen_logps", "reference_rejected_logps")
    arrays = dict(zip(names, (a.astype(np.float32).astype(float) for a in (*policy, *reference)), strict=True))
    assert worst(figures("dpo_loss", arrays)) <= 8


@pytest.mark.parametrize("gap", [-1e5, -1e3, 1e3])
def test_a_preference_without_doubt(gap):
    arrays = {"policy_chosen_logps": np.array([gap]), "policy_rejected_logps": np.array([0.0])}
    arrays |= {"reference_chosen_logps": np.array([0.0]), "reference_rejected_logps": np.array([0.0])}
    assert worst(figures("dpo_loss", arrays)) <= 8


@pytest.mark.parametrize("shape", [(3, 4), (2, 1, 3, 3), (1, 1)])
@pytest.mark.parametrize("options", [{}, {"alpha": 0.3, "beta": 0.7, "smooth": 0.1}, {"alpha": 0, "beta": 2}])
def test_tversky_is_the_plain_formula(shape, options, rng):
    p, y = (torch.tensor(rng.uniform(0.1, 0.9, shape), requires_grad=True) for _ in range(2))
    agree(surface.tversky_loss(p, y, reduction="none", **options), plain_tversky(p, y, **options), (p, y))


@pytest.mark.parametrize("smooth", [1.0, 0.25, 1e-6])
def test_dice_and_jaccard_are_what_they_are_known_as(smooth, rng):
    p = torch.tensor(rng.uniform(size=(3, 2, 5)), requires_grad=True)
    y = torch.tensor(rng.integers(0, 2, (3, 2, 5)).astype(float))
    both, total = (p * y).sum((1, 2)), (p + y).sum((1, 2))
    dice, jaccard = 1 - (2 * both + smooth) / (total + smooth), 1 - (both + smooth) / (total - both + smooth)
    agree(surface.dice_loss(p, y, smooth=smooth, reduction="none"), dice, (p,))
    agree(surface.jaccard_loss(p, y, smooth=smooth, reduction="none"), jaccard, (p,))


@pytest.mark.parametrize("name", ["dice_loss", "tversky_loss", "jaccard_loss"])
def test_overlaps_that_are_nearly_perfect_and_none_at_all_keep_their_digits(name):
    y = np.array([[1.0, 1, 0, 0]] * 5 + [[0.0] * 4] * 2)
    p = np.abs(y - np.array([[0.0], [2.0**-24], [1e-4], [1.0], [0.5], [0.0], [1e-30]]))
    for smooth in (1.0, 2.0**-10):
        assert worst(figures(name, {"input": p, "target": y}, {"smooth": smooth})) <= 8
    naive = plain_tversky(torch.tensor(p[1:3]).float(), torch.tensor(y[1:3]).float())
    assert not torch.allclose(naive, plain_tversky(torch.tensor(p[1:3]), torch.tensor(y[1:3])).float(), rtol=1e-4)


@pytest.mark.parametrize("name", ["dice_loss", "tversky_loss", "jaccard_loss"])
def test_two_empty_regions_overlap_perfectly(name):
    value, slope = getattr(generated, name).value_and_grad(np.zeros((2, 3)), np.zeros((2, 3)), reduction="none")
    assert not value.any() and (slope > 0).all()


def plain_divergence(mu, log_var):
    return -(1 + log_var - mu**2 - log_var.exp()).sum(1) / 2


@pytest.mark.parametrize("variance", [1.0, 0.3])
def test_a_vae_is_reconstruction_and_divergence(variance, rng):
    x, data = torch.tensor(rng.normal(size=(4, 2, 3)), requires_grad=True), torch.tensor(rng.uniform(size=(4, 2, 3)))
    mu, log_var = (torch.tensor(rng.normal(size=(4, 5)), requires_grad=True) for _ in range(2))
    bernoulli = F.binary_cross_entropy_with_logits(x, data, reduction="none").sum((1, 2))
    gaussian = ((data - x) ** 2).sum((1, 2)) / (2 * variance) + 6 * math.log(variance) / 2
    for options, expected in (({}, bernoulli), ({"likelihood": "gaussian", "variance": variance}, gaussian)):
        agree(surface.vae_reconstruction_loss(x, data, reduction="none", **options), expected, (x,))
        found = surface.vae_loss(x, data, mu, log_var, beta=0.5, reduction="none", **options)
        agree(found, expected + 0.5 * plain_divergence(mu, log_var), (x, mu, log_var))


def test_data_need_lie_between_0_and_1_for_bernoulli_outputs_only():
    x, data = np.zeros((2, 3)), np.full((2, 3), 1.5)
    with pytest.raises(LossError, match=r"vae_reconstruction_loss: data.* is 1.5, expected a number in \[0, 1\]"):
        generated.vae_reconstruction_loss(x, data)
    assert generated.vae_reconstruction_loss(x, data, likelihood="gaussian") == 3 * 1.5**2 / 2
    with pytest.raises(LossError, match="variance"):
        generated.vae_reconstruction_loss(x, data, likelihood="gaussian", variance=0.0)


@pytest.mark.parametrize(
    "name, count", [("dpo_loss", 4), ("dice_loss", 2), ("jensen_shannon_loss", 2), ("vae_reconstruction_loss", 2)]
)
def test_no_items(name, count):
    shape = (0,) if name == "dpo_loss" else (0, 3)
    given = [np.zeros(shape)] * count
    loss = getattr(generated, name)
    assert np.isnan(loss(*given)) and loss(*given, reduction="sum") == 0
    assert loss(*given, reduction="none").shape == (0,)
