"""Where a result differs from PyTorch's on purpose: PyTorch loses its digits there, which these tests show, too.

The truth is the plain formula in float64, written out so that it keeps its own digits.
"""

import math

import lossgen.generated.torch as ours
import pytest
import torch
from torch.nn import functional

from lossgen.runtime import LossError

X = torch.tensor([-90.0, -40.0, -20.0, -3.0, 0.0, 3.0, 20.0, 40.0, 90.0])
ZERO, ONE = torch.zeros(9), torch.ones(9)
GAP = torch.tensor([[gap, 0.0, 0.0] for gap in (0.0, 5.0, 15.0, 20.0, 40.0, 80.0)])


def softplus(x):
    return torch.clamp(x, min=0) + torch.log1p(torch.exp(-x.abs()))


def confident(x):
    """Minus the log-probability of the largest entry, which comes first, and its gradient for the first entry."""
    rest = torch.exp(x[:, 1:] - x[:, :1]).sum(1)
    return torch.log1p(rest), -rest / (1 + rest)


def gaussian(x, variance):
    return (torch.log(variance) + x**2 / variance) / 2, x / variance


def gradient(function, x, *rest, **options):
    x = x.clone().requires_grad_()
    value = function(x, *rest, reduction="none", **options)
    return value.detach(), torch.autograd.grad(value.sum(), x)[0]


HUGE = torch.tensor([1e20, -3e30])

#: The loss, its arguments and options; the value, and the gradient for the first argument, of arguments in float64.
CASES = [
    ("binary_cross_entropy_with_logits", (X, ZERO), {}, lambda x, y: (softplus(x), torch.sigmoid(x))),
    ("binary_cross_entropy_with_logits", (X, ONE), {}, lambda x, y: (softplus(-x), -torch.sigmoid(-x))),
    ("soft_margin_loss", (X, ONE), {}, lambda x, y: (softplus(-x), -torch.sigmoid(-x))),
    ("gaussian_nll_loss", (HUGE, torch.zeros(2), torch.tensor([1e10, 1e35])), {}, lambda x, y, v: gaussian(x, v)),
    ("smooth_l1_loss", (HUGE, torch.zeros(2)), {"beta": 1e35}, lambda x, y: (x**2 / 2e35, x / 1e35)),
]


@pytest.mark.parametrize("name, arguments, options, exact", CASES)
def test_digits_that_pytorch_loses(name, arguments, options, exact):
    found = gradient(getattr(ours, name), *arguments, **options)
    truth = [right.float() for right in exact(*(a.double() for a in arguments))]
    for mine, right in zip(found, truth, strict=True):
        torch.testing.assert_close(mine, right, rtol=1e-6, atol=1e-44)
    theirs = gradient(getattr(functional, name), *arguments, **options)
    assert any(not torch.allclose(t, right, rtol=1e-2, atol=0) for t, right in zip(theirs, truth, strict=True))


def test_confident_rows_of_cross_entropy():
    labels = torch.zeros(len(GAP), dtype=torch.int64)
    value, slope = gradient(ours.cross_entropy, GAP, labels)
    expected, first = confident(GAP.double())
    torch.testing.assert_close(value, expected.float(), rtol=1e-6, atol=0)
    torch.testing.assert_close(slope[:, 0], first.float(), rtol=1e-6, atol=0)
    assert not torch.allclose(
        functional.cross_entropy(GAP, labels, reduction="none"), expected.float(), rtol=1e-2, atol=0
    )


def test_a_class_of_probability_0_and_a_logit_of_minus_infinity():
    logits, target = torch.tensor([[1.0, 0.0, -math.inf]]), torch.tensor([[0.25, 0.75, 0.0]])
    expected = functional.cross_entropy(logits[:, :2], target[:, :2])
    torch.testing.assert_close(ours.cross_entropy(logits, target), expected)
    assert functional.cross_entropy(logits, target).isnan()


@pytest.mark.parametrize("name", ["multi_margin_loss", "multilabel_margin_loss"])
def test_the_mean_of_no_items_is_nan_where_pytorch_does_not_set_it(name):
    logits = torch.zeros(0, 4, requires_grad=True)
    target = torch.zeros((0,) if name == "multi_margin_loss" else (0, 4), dtype=torch.int64)
    value = getattr(ours, name)(logits, target)
    assert value.isnan() and torch.autograd.grad(value, logits)[0].shape == (0, 4)
    assert getattr(ours, name)(logits, target, reduction="sum") == 0


def test_labels_outside_the_classes_of_a_margin_are_an_error_but_for_the_ignored_one():
    logits = torch.tensor([[1.0, 0.0, 0.5], [0.0, 2.0, 1.0]], requires_grad=True)
    for label in (-1, 3):
        with pytest.raises(LossError, match=rf"multi_margin_loss: target\[1\] is {label}, expected a label in 0 ... 2"):
            ours.multi_margin_loss(logits, torch.tensor([0, label]))
    value = ours.multi_margin_loss(logits, torch.tensor([0, -100]))
    torch.testing.assert_close(value, functional.multi_margin_loss(logits[:1], torch.tensor([0])))
    assert not torch.autograd.grad(value, logits)[0][1].any()


@pytest.mark.parametrize("name", ["hinge_embedding_loss", "margin_ranking_loss", "cosine_embedding_loss"])
def test_a_sign_has_no_gradient(name):
    """PyTorch sends 0 back, and for a ranking the difference of the scores; here one line says what to write."""
    count, shape = (1, (3,)) if name == "hinge_embedding_loss" else (2, (3, 2) if name.startswith("cosine") else (3,))
    rows = [torch.ones(shape) for _ in range(count)]
    with pytest.raises(LossError, match=rf"{name}: target requires grad, expected a constant: pass target.detach\(\)"):
        getattr(ours, name)(*rows, torch.ones(3, requires_grad=True))


def test_a_vector_of_length_0_has_no_direction():
    zero, other = torch.zeros(1, 3, requires_grad=True), torch.tensor([[1.0, 2.0, 2.0]])
    ours.cosine_embedding_loss(zero, other, torch.ones(1)).backward()
    assert not zero.grad.any()
    zero.grad = None
    functional.cosine_embedding_loss(zero, other, torch.ones(1)).backward()
    assert zero.grad.abs().max() > 1e4


def test_a_target_of_probability_0_given_by_its_logarithm():
    input, target = torch.tensor([-1.0, -2.0]), torch.tensor([0.0, -math.inf])
    value, slope = gradient(ours.kl_div, input, target, log_target=True)
    torch.testing.assert_close(value, torch.tensor([1.0, 0.0]))
    torch.testing.assert_close(slope, torch.tensor([-1.0, 0.0]))
    assert functional.kl_div(input, target, log_target=True, reduction="none").isnan().any()
