"""Shapes and dtypes that PyTorch accepts are accepted; where it would broadcast in silence, the error says what to write."""

import pytest
import torch
from lossgen.generated.numpy import gaussian_nll_loss as on_numpy
from lossgen.generated.torch import (
    GaussianNLLLoss,
    binary_cross_entropy_with_logits,
    cross_entropy,
    gaussian_nll_loss,
    l1_loss,
    mse_loss,
    multilabel_soft_margin_loss,
    nll_loss,
)
from torch.nn import functional

from lossgen.runtime import LossError

X = torch.tensor([[1.0, -2.0, 0.5], [0.1, 0.2, 0.3], [4.0, 0.0, -1.0], [0.0, 1.0, 2.0]])
Y = torch.tensor([2, 0, 0, 1])


def agree(found, expected):
    torch.testing.assert_close(found, expected.to(found.dtype), equal_nan=True)


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int32, torch.int64, torch.float64, torch.bfloat16])
def test_targets_of_other_dtypes(dtype):
    """Integers and booleans are numbers; real dtypes are promoted as PyTorch does."""
    target = (X > 0).to(dtype)
    common = torch.promote_types(X.dtype, dtype) if dtype.is_floating_point else X.dtype
    for mine, theirs in (
        (mse_loss, functional.mse_loss),
        (l1_loss, functional.l1_loss),
        (binary_cross_entropy_with_logits, functional.binary_cross_entropy_with_logits),
        (multilabel_soft_margin_loss, functional.multilabel_soft_margin_loss),
    ):
        torch.testing.assert_close(mine(X, target), theirs(X.to(common), target.to(common)))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int32, torch.int64])
@pytest.mark.parametrize("mine, theirs", [(cross_entropy, functional.cross_entropy), (nll_loss, functional.nll_loss)])
def test_class_indices_of_other_dtypes(mine, theirs, dtype):
    agree(mine(X, Y.to(dtype)), theirs(X, Y))


def test_probabilities_and_weights_of_other_dtypes():
    target = torch.softmax(X, 1)
    agree(cross_entropy(X, target.double()), functional.cross_entropy(X, target))
    weight = torch.tensor([1.0, 2.0, 0.5])
    agree(cross_entropy(X, Y, weight.double()), functional.cross_entropy(X, Y, weight))
    agree(cross_entropy(X.double(), Y, weight), functional.cross_entropy(X.double(), Y, weight.double()))


def test_whole_numbers_for_hyperparameters():
    agree(cross_entropy(X, Y, label_smoothing=1), functional.cross_entropy(X, Y, label_smoothing=1))


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_nothing_to_average(reduction):
    none = X[:0].clone().requires_grad_()
    for mine, theirs, target in (
        (mse_loss, functional.mse_loss, X[:0]),
        (cross_entropy, functional.cross_entropy, Y[:0]),
        (cross_entropy, functional.cross_entropy, X[:0]),
        (nll_loss, functional.nll_loss, Y[:0]),
    ):
        value = mine(none, target, reduction=reduction)
        agree(value, theirs(none, target, reduction=reduction))
        value.sum().backward()
        assert none.grad.shape == none.shape


def test_pixels_of_an_empty_picture():
    logits, target = torch.ones(2, 3, 0, 5), torch.ones(2, 0, 5, dtype=torch.int64)
    agree(cross_entropy(logits, target), functional.cross_entropy(logits, target))


@pytest.mark.parametrize(
    "input, target, words",
    [
        ((4, 1), (4,), r"target has shape (4,), expected (4, 1), the shape of input; .* give target.reshape((4, 1))"),
        ((4,), (4, 1), r"target has shape (4, 1), expected (4,), the shape of input; .* give target.reshape((4,))"),
        (
            (4, 3),
            (3,),
            r"target has shape (3,), expected (4, 3), the shape of input; .* give broadcast_to(target, (4, 3))",
        ),
        (
            (3,),
            (4, 3),
            r"target has shape (4, 3), expected (3,), the shape of input; .* give broadcast_to(input, (4, 3))",
        ),
        ((4, 3), (4,), r"target has shape (4,), expected (4, 3), the shape of input$"),
    ],
)
def test_nothing_is_broadcast_in_silence(input, target, words):
    pattern = words.replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(LossError, match=pattern) as caught:
        mse_loss(torch.zeros(input), torch.zeros(target))
    assert "\n" not in str(caught.value)


def test_what_the_error_says_works():
    x, y = torch.randn(4, 1), torch.randn(4)
    agree(mse_loss(x, y.reshape((4, 1))), functional.mse_loss(x[:, 0], y))
    assert mse_loss(x, torch.broadcast_to(y[:1], (4, 1))).isfinite()


@pytest.mark.parametrize("target", [Y[:, None], Y[None, :]])
def test_class_indices_in_another_form(target):
    with pytest.raises(LossError, match=r"expected \(4,\), since input has shape .*; .* give target.reshape\(\(4,\)\)"):
        cross_entropy(X, target)


@pytest.mark.parametrize(
    "items, shape", [((4, 3), (4,)), ((3, 3), (3,)), ((2, 3, 4), (2, 3)), ((4, 3), (1, 3)), ((5,), ())]
)
def test_one_variance_for_several_items(items, shape):
    """As PyTorch reads it: a dimension of size 1, or the last one left out, for each row and not for each column."""
    x, y = torch.randn(items, requires_grad=True), torch.randn(items)
    variance = (torch.rand(shape) + 0.5).requires_grad_()
    found = gaussian_nll_loss(x, y, variance)
    expected = functional.gaussian_nll_loss(x, y, variance if shape else variance.expand(items))
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(*(torch.autograd.grad(value, (x, variance)) for value in (found, expected)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_number_for_the_variance(dtype):
    x, y = torch.randn(4, 3, dtype=dtype, requires_grad=True), torch.randn(4, 3, dtype=dtype)
    found = gaussian_nll_loss(x, y, 0.5)
    torch.testing.assert_close(found, functional.gaussian_nll_loss(x, y, 0.5))
    torch.testing.assert_close(GaussianNLLLoss()(x, y, 0.5), found)
    x, y = x.detach().float().numpy(), y.float().numpy()
    assert on_numpy(x, y, 0.5).dtype == x.dtype
    with pytest.raises(LossError, match=r"var.* is -1\.0, expected"):
        on_numpy(x, y, -1.0)
