"""Losses of a class among several: against PyTorch, in wide arithmetic, and where entries are infinite or ignored."""

import numpy as np
import pytest
import torch
from accuracy import figures, worst
from lossgen.generated import torch as surface
from torch.nn import functional as F

from lossgen import generated
from lossgen.runtime import LossError

GAPS = (5.0, 15.0, 30.0, 104.0, 1e4)
REDUCTIONS = ("none", "mean", "sum")


def batch(*shape: int, classes: int = 5, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits (N, C, …), labels (N, …), weights (C,)."""
    g = torch.Generator().manual_seed(seed)
    first, *rest = shape
    x = torch.randn(first, classes, *rest, dtype=torch.float64, generator=g, requires_grad=True)
    y = torch.randint(0, classes, shape, generator=g)
    return x, y, 0.5 + torch.rand(classes, dtype=torch.float64, generator=g)


def agree(found: torch.Tensor, expected: torch.Tensor, x: torch.Tensor) -> None:
    """Equal values and equal gradients for x, under an upstream gradient that is not constant."""
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14, equal_nan=True)
    upstream = torch.linspace(0.5, 2, expected.numel(), dtype=torch.float64).reshape(expected.shape)
    (slope,) = torch.autograd.grad(found, x, upstream)
    (truth,) = torch.autograd.grad(expected, x, upstream)
    torch.testing.assert_close(slope, truth, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(7,), (3, 4), (2, 3, 2)])
def test_nll_is_torchs(shape, reduction):
    x, y, w = batch(*shape)
    y.view(-1)[1] = -100
    agree(
        surface.nll_loss(x, y, weight=w, reduction=reduction),
        F.nll_loss(x, y, weight=w, reduction=reduction),
        x,
    )


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_weighted_cross_entropy_is_torchs_in_both_conventions(reduction):
    x, y, w = batch(7)
    y[2] = -100
    agree(
        surface.weighted_cross_entropy(x, y, w, reduction=reduction),
        F.cross_entropy(x, y, w, reduction=reduction),
        x,
    )
    q = torch.softmax(torch.arange(35, dtype=torch.float64).reshape(7, 5).sin(), 1)
    agree(
        surface.weighted_cross_entropy(x, q, w, reduction=reduction),
        F.cross_entropy(x, q, w, reduction=reduction),
        x,
    )


def test_weighted_cross_entropy_needs_its_weights():
    x, y, _ = batch(3)
    with pytest.raises(TypeError, match="weight"):
        surface.weighted_cross_entropy(x, y)
    with pytest.raises(LossError, match="weight is missing"):
        surface.weighted_cross_entropy(x, y, None)


@pytest.mark.parametrize("margin", [1.0, 0.3])
@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_multi_margin_is_torchs(p, margin, reduction):
    x, y, w = batch(6)
    for weight in (None, w):
        agree(
            surface.multi_margin_loss(x, y, p=p, margin=margin, weight=weight, reduction=reduction),
            F.multi_margin_loss(x, y, p=p, margin=margin, weight=weight, reduction=reduction),
            x,
        )


@pytest.mark.parametrize("p", [1, 2])
def test_multi_margin_of_one_item(p):
    x, y, _ = batch(1)
    row, label = x[0].detach().requires_grad_(), y[0]
    agree(surface.multi_margin_loss(row, label, p=p), F.multi_margin_loss(row, label, p=p), row)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(4, 5), (5,), (2, 3, 5)])
def test_multilabel_soft_margin_is_torchs(shape, reduction):
    g = torch.Generator().manual_seed(2)
    x = torch.randn(shape, dtype=torch.float64, generator=g, requires_grad=True)
    y = torch.rand(shape, dtype=torch.float64, generator=g, requires_grad=True)
    w = 0.5 + torch.rand(5, dtype=torch.float64, generator=g)
    for weight in (None, w):
        found = surface.multilabel_soft_margin_loss(x, y, weight=weight, reduction=reduction)
        expected = F.multilabel_soft_margin_loss(x, y, weight=weight, reduction=reduction)
        agree(found, expected, x)
        agree(
            surface.multilabel_soft_margin_loss(x, y, weight=weight, reduction=reduction),
            F.multilabel_soft_margin_loss(x, y, weight=weight, reduction=reduction),
            y,
        )


def twice(function, *inputs: torch.Tensor) -> None:
    assert torch.autograd.gradcheck(function, inputs)
    assert torch.autograd.gradgradcheck(function, inputs)


def test_all_are_differentiated_twice():
    x, y, w = batch(4)
    w = w.requires_grad_()
    q = torch.softmax(torch.arange(20, dtype=torch.float64).reshape(4, 5).cos(), 1).requires_grad_()
    p = torch.softmax(x, 1).detach().requires_grad_()
    twice(lambda x, w: surface.nll_loss(x, y, weight=w), x, w)
    twice(lambda x, w: surface.weighted_cross_entropy(x, y, w), x, w)
    twice(lambda x, q, w: surface.weighted_cross_entropy(x, q, w), x, q, w)
    twice(surface.categorical_cross_entropy, p, q)
    twice(lambda x, w: surface.multi_margin_loss(x, y, p=2, weight=w), x, w)
    twice(lambda x, w: surface.multi_margin_loss(x, y, p=1, weight=w), x, w)
    twice(lambda x, q, w: surface.multilabel_soft_margin_loss(x, q, weight=w), x, q, w)
    of_items = torch.linspace(0.5, 2, 4, dtype=torch.float64)[:, None].requires_grad_()
    twice(lambda x, q, w: surface.multilabel_soft_margin_loss(x, q, weight=w), x, q, of_items)


@pytest.mark.parametrize("name", ["weighted_cross_entropy", "multi_margin_loss"])
@pytest.mark.parametrize("variant", [0, 1])
def test_confident_rows_keep_their_digits(name, variant):
    """Both variants of either loss; rows that are right, and wrong, by up to 10,000."""
    rows = np.array([[gap, 0.3, -0.2] for gap in GAPS] + [[gap, gap, -gap] for gap in GAPS] + [[0.0, 0.0, 0.0]])
    for label in (0, 1, 2):
        soft = name == "weighted_cross_entropy" and variant == 1
        y = np.tile(np.eye(3)[label], (len(rows), 1)) if soft else np.full(len(rows), label)
        found = figures(name, {"input": rows, "target": y, "weight": np.array([0.5, 2, 1])}, variant=variant)
        assert worst(found) <= 8, found


@pytest.mark.parametrize("variant", [0, 1])
def test_rows_far_from_0_keep_their_digits(variant):
    """margin + (x_c − x_y), where x_c + margin would round away what is left."""
    rows = np.array([[1e4, 9999.9, 9998.9], [-1e4, -9999.7, -1e6], [3e6, 3e6 + 2, 3e6 - 0.25]])
    arrays, margin = {"input": rows, "target": np.zeros(3, int)}, {"margin": float(np.float32(0.3))}
    assert worst(figures("multi_margin_loss", arrays, margin, variant)) <= 8


def test_saturated_labels_keep_their_digits():
    x = np.array([[-1e4, -104, -30, -5, 0], [5, 15, 30, 104, 1e4], [1e-30, -1e-30, 1e-3, -1e-3, 17]])
    for y in (0.0, 1.0):
        assert worst(figures("multilabel_soft_margin_loss", {"input": x, "target": np.full_like(x, y)})) <= 8


def test_categorical_cross_entropy_at_probabilities_of_0_and_1():
    tiny = np.finfo(np.float32).tiny
    p = np.array([[1, 0, 0], [0.5, 0.5, 0], [tiny, 1 - 2**-24, 0.1], [1, 1, 1]])
    q = np.array([[1, 0, 0], [0.25, 0.75, 0], [1, 1, 0], [0.1, 0.2, 0.3]])
    assert worst(figures("categorical_cross_entropy", {"input": p, "target": q})) <= 8
    value, slope = generated.categorical_cross_entropy.value_and_grad(p, q, reduction="sum")
    assert np.isfinite(value) and np.all(slope[q == 0] == 0)


def test_infinite_entries_of_other_classes_do_not_enter():
    x = np.array([[-np.inf, -0.5, -np.inf], [-1.0, -np.inf, -2.0]])
    y = np.array([1, 2])
    value, slope = generated.nll_loss.value_and_grad(x, y, reduction="sum")
    assert value == 2.5
    np.testing.assert_array_equal(slope, [[0, -1, 0], [0, 0, -1]])
    for p in (1, 2):
        value, slope = generated.multi_margin_loss.value_and_grad(x, y, p=p, reduction="sum")
        np.testing.assert_allclose(value, 2**p / 3, rtol=1e-15)
        np.testing.assert_allclose(slope, [[0, 0, 0], [p * 2 ** (p - 1) / 3, 0, -p * 2 ** (p - 1) / 3]], rtol=1e-15)
        np.testing.assert_array_equal(generated.multi_margin_loss.hvp(x[:1], y[:1], np.ones((1, 3)), p=p), 0)


def test_the_right_classs_own_term_is_never_computed():
    """With an infinite margin f(y) would be ∞, and ∞ − ∞ the rest; a margin of 1e308 overflows when squared."""
    x, y = np.array([[-1e308, 0.0, -1e308]]), np.array([1])
    value, slope = generated.multi_margin_loss.value_and_grad(x, y, p=2, margin=1e200, reduction="sum")
    assert value == 0 and not slope.any()


@pytest.mark.parametrize("name", ["nll_loss", "multi_margin_loss", "weighted_cross_entropy"])
def test_nothing_but_ignored_items(name):
    function, w = getattr(generated, name), {"weight": np.ones(3)}
    x, y = np.full((2, 3), np.nan), np.array([-100, -100])
    value, slope = function.value_and_grad(x, y, **w)
    assert np.isnan(value)
    np.testing.assert_array_equal(slope, 0)
    assert function(x, y, **w, empty=0.0) == 0


@pytest.mark.parametrize("name", ["nll_loss", "multi_margin_loss", "weighted_cross_entropy"])
def test_labels_out_of_range_are_named(name):
    for label in (3, -1):
        with pytest.raises(LossError, match=rf"{name}: target\[1\] is {label}, expected a label in 0 ... 2"):
            getattr(generated, name)(np.zeros((2, 3)), np.array([0, label]), weight=np.ones(3))


@pytest.mark.parametrize("name", ["nll_loss", "multi_margin_loss", "weighted_cross_entropy"])
def test_one_class_no_item_and_strides(name):
    function = getattr(generated, name)
    one = np.ones(1)
    value, slope = function.value_and_grad(np.array([[-0.5], [2.0]]), np.array([0, 0]), weight=one)
    assert value == (-0.75 if name == "nll_loss" else 0) and slope.shape == (2, 1)
    assert function(np.zeros((0, 3)), np.zeros(0, int), weight=np.ones(3), reduction="sum") == 0
    x = np.random.default_rng(3).normal(size=(8, 10))
    y = np.arange(8) % 5
    w = np.linspace(1, 2, 5)
    plain = function.value_and_grad(np.ascontiguousarray(x[::2, ::2]), y[::2].copy(), weight=w)
    strided = function.value_and_grad(x[::2, ::2], y[::2], weight=w)
    assert plain[0] == strided[0]
    np.testing.assert_array_equal(plain[1], strided[1])


def test_classes_are_told_apart_beyond_the_integers_of_float32():
    x = np.zeros((1, 2**24 + 3), np.float32)
    x[0, 2**24] = 1e9
    value = generated.multi_margin_loss(x, np.array([2**24 + 1]))
    np.testing.assert_allclose(value, (1e9 + x.size - 1) / x.size, rtol=1e-6)


def test_a_huge_row():
    x = np.linspace(-3, 3, 200_000, dtype=np.float32)[None]
    y = np.array([150_000])
    truth = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    expected = F.multi_margin_loss(truth, torch.tensor(y), p=2)
    expected.backward()
    value, slope = generated.multi_margin_loss.value_and_grad(x, y, p=2)
    np.testing.assert_allclose(value, expected.item(), rtol=1e-6)
    np.testing.assert_allclose(slope, truth.grad.numpy(), rtol=2e-6, atol=1e-12)
