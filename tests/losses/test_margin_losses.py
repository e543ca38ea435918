"""Losses of a margin: the plain formulas, saturated and cancelling scores, corners, labels that are none."""

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

SCORES = (-1e4, -60.0, -88.8, -20.0, -1.0, -1e-30, 0.0, 1e-3, 1 + 2.0**-20, 17.0, 90.0, 1e4)
SIGNS = (-1.0, 1.0)


def grid(*axes: tuple[float, ...]) -> list[np.ndarray]:
    return list(np.array(list(product(*axes))).T)


@pytest.mark.parametrize("name", ["soft_margin_loss", "hinge_loss", "squared_hinge_loss", "hinge_embedding_loss"])
def test_saturated_scores_keep_their_digits(name):
    x, y = grid(SCORES, SIGNS)
    assert worst(figures(name, {"input": x, "target": y})) <= 8


@pytest.mark.parametrize("target", [-3.0, 0.0, 0.5])
def test_soft_margin_takes_any_real_target(target):
    x = torch.linspace(-2, 2, 9, dtype=torch.float64)
    y = torch.full_like(x, target)
    torch.testing.assert_close(surface.soft_margin_loss(x, y), F.soft_margin_loss(x, y), rtol=1e-14, atol=0)


@pytest.mark.parametrize("margin", [0.0, 1.0, -1.0, 0.5])
def test_scores_that_cancel_against_the_margin_keep_their_digits(margin):
    x1, x2, y = grid((1.0, -1.0, 1e4, 0.75), (1e-30, -1e-30, 1e4, 1e4 + 2.0**-10, 2 - 2.0**-20), SIGNS)
    found = figures("margin_ranking_loss", {"input1": x1, "input2": x2, "target": y}, {"margin": margin})
    assert worst(found) <= 8


def test_hinges_are_their_plain_formulas(rng):
    x, y = torch.tensor(rng.normal(size=40) * 2), torch.tensor(rng.choice(SIGNS, 40))
    shortfall = (1 - y * x).clamp(min=0)
    torch.testing.assert_close(surface.hinge_loss(x, y, reduction="none"), shortfall)
    torch.testing.assert_close(surface.squared_hinge_loss(x, y, reduction="none"), shortfall**2)


@pytest.mark.parametrize(
    "name, arguments",
    [
        ("margin_ranking_loss", ((2.0, 2.0), (2.0, 2.0), SIGNS)),
        ("hinge_embedding_loss", ((1.0, 1.0), SIGNS)),
    ],
)
def test_the_slope_in_a_corner_is_pytorchs(name, arguments):
    slopes = []
    for module in (surface, F):
        x, *rest = (torch.tensor(a) for a in arguments)
        x.requires_grad_()
        slopes.append(torch.autograd.grad(getattr(module, name)(x, *rest, reduction="sum"), x)[0])
    assert torch.equal(*slopes) and slopes[0].any()


def test_the_slope_of_a_hinge_in_its_corner_is_0():
    for loss in (generated.hinge_loss, generated.squared_hinge_loss):
        assert not loss.value_and_grad(np.array(SIGNS), np.array(SIGNS), reduction="sum")[1].any()


@pytest.mark.parametrize("name", ["hinge_loss", "squared_hinge_loss", "hinge_embedding_loss", "margin_ranking_loss"])
def test_a_label_that_is_no_sign_is_an_error(name):
    scores = [np.zeros(2)] * (2 if name == "margin_ranking_loss" else 1)
    with pytest.raises(LossError, match=rf"{name}: target\[1\] is 0.0, expected -1 or 1"):
        getattr(generated, name)(*scores, np.array([1.0, 0.0]))


@pytest.mark.parametrize("name", ["hinge_loss", "hinge_embedding_loss", "soft_margin_loss", "squared_hinge_loss"])
def test_not_a_number_stays_visible(name):
    value = getattr(generated, name)(np.array([math.nan, 1.0]), np.array([-1.0, 1.0]), reduction="none")
    assert np.isnan(value[0]) and not np.isnan(value[1])
