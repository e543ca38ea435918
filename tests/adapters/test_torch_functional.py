"""Losses that torch.nn.functional has too: the same values and gradients over all of their options."""

import itertools

import pytest
import torch
from lossgen.generated.torch import binary_cross_entropy_with_logits, cross_entropy, l1_loss, mse_loss
from torch.nn import functional

REDUCTIONS = ("none", "mean", "sum")


def compare(ours, theirs, arguments, wrt, **options):
    """Values and gradients agree, with an upstream gradient that is not 1."""
    found = []
    for function in (ours, theirs):
        given = {name: t.clone().requires_grad_(name in wrt) for name, t in arguments.items()}
        value = function(**given, **options)
        upstream = torch.linspace(0.5, 2, value.numel(), dtype=value.dtype).reshape(value.shape)
        found.append([value.detach(), *torch.autograd.grad(value, [given[name] for name in wrt], upstream)])
    torch.testing.assert_close(*found)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(), (5,), (3, 4, 2)], ids=str)
@pytest.mark.parametrize("ours, theirs", [(mse_loss, functional.mse_loss), (l1_loss, functional.l1_loss)])
def test_regression(ours, theirs, shape, reduction):
    arguments = {"input": torch.randn(shape), "target": torch.randn(shape)}
    compare(ours, theirs, arguments, ("input", "target"), reduction=reduction)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weights", [(), ("weight",), ("pos_weight",), ("weight", "pos_weight")], ids=str)
def test_binary_cross_entropy_with_logits(weights, reduction):
    arguments = {"input": 3 * torch.randn(4, 3), "target": torch.rand(4, 3)}
    arguments |= {name: torch.rand(3) + 0.5 for name in weights}
    theirs = functional.binary_cross_entropy_with_logits
    compare(binary_cross_entropy_with_logits, theirs, arguments, ("input",), reduction=reduction)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(4,), (6, 4), (2, 4, 3, 2)], ids=str)
def test_cross_entropy_of_labels(shape, reduction):
    items = shape[:1] + shape[2:] if len(shape) > 1 else ()
    for weighted, ignored, smoothing in itertools.product((False, True), (-100, 1), (0.0, 0.2)):
        arguments = {"input": 3 * torch.randn(shape), "target": torch.randint(0, 4, items)}
        arguments["target"].view(-1)[0] = 2  # at least one item counts
        if weighted:
            arguments["weight"] = torch.rand(4) + 0.5
        options = {"ignore_index": ignored, "label_smoothing": smoothing, "reduction": reduction}
        compare(cross_entropy, functional.cross_entropy, arguments, ("input",), **options)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(4,), (6, 4), (2, 4, 3, 2)], ids=str)
def test_cross_entropy_of_probabilities(shape, reduction):
    for weighted, smoothing in itertools.product((False, True), (0.0, 0.2)):
        target = torch.softmax(torch.randn(shape), 0 if len(shape) == 1 else 1)
        arguments = {"input": 3 * torch.randn(shape), "target": target}
        if weighted:
            arguments["weight"] = torch.rand(4) + 0.5
        wrt = ("input", "target")
        compare(cross_entropy, functional.cross_entropy, arguments, wrt, label_smoothing=smoothing, reduction=reduction)


def test_the_mean_of_nothing_is_nan_or_what_was_asked_for():
    logits = torch.randn(3, 4, requires_grad=True)
    ignored = torch.full((3,), -100)
    assert cross_entropy(logits, ignored).isnan()
    value = cross_entropy(logits, ignored, empty=0.0)
    value.backward()
    assert value == 0 and not logits.grad.any()
