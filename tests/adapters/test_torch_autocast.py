"""The dtype of results: PyTorch's promotion, and autocast."""

import itertools

import pytest
import torch
from lossgen.generated.torch import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    gaussian_kl_divergence,
    mse_loss,
)
from torch.nn import functional

REALS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
PAIRS = list(itertools.product(REALS, REALS))


def results(losses, arguments, **options):
    """Values and gradients for the first argument."""
    found = []
    for loss in losses:
        x, *others = [t.clone() for t in arguments]
        value = loss(x.requires_grad_(), *others, **options)
        value.float().sum().backward()
        found.append([value.detach(), x.grad])
    return found


def close(ours, theirs):
    """The same dtypes, and the same numbers as far as half precision goes; ours are rounded once."""
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.dtype == other.dtype
        coarse = torch.finfo(mine.dtype).eps * 4 if mine.dtype.itemsize == 2 else 2e-3
        torch.testing.assert_close(mine.double(), other.double(), rtol=coarse, atol=coarse)


@pytest.mark.parametrize("reduction", ["mean", "none"])
@pytest.mark.parametrize("dtypes", PAIRS, ids=str)
def test_mixed_dtypes_are_promoted_as_torch_does(dtypes, reduction):
    x, y = torch.linspace(-2, 2, 8).to(dtypes[0]), torch.rand(8).to(dtypes[1])
    close(*results((mse_loss, functional.mse_loss), (x, y), reduction=reduction))
    if dtypes[0] == dtypes[1]:  # torch's result is of the target's dtype, else: it computes in place
        losses = binary_cross_entropy_with_logits, functional.binary_cross_entropy_with_logits
        close(*results(losses, (x, y), reduction=reduction))
    assert binary_cross_entropy_with_logits(x, y).dtype == torch.promote_types(*dtypes)


@pytest.mark.parametrize("dtype", REALS, ids=str)
def test_rows_with_class_indices(dtype):
    x, y = torch.linspace(-2, 2, 12).reshape(4, 3).to(dtype), torch.tensor([0, 2, 1, 1])
    close(*results((cross_entropy, functional.cross_entropy), (x, y)))


def test_a_tensor_without_dimensions_does_not_promote():
    x, y = torch.randn(3), torch.tensor(0.5, dtype=torch.float64)
    assert binary_cross_entropy_with_logits(x, torch.rand(3), pos_weight=y).dtype == torch.float32
    assert mse_loss(y, y.float()).dtype == torch.float64 == functional.mse_loss(y, y.float()).dtype
    assert mse_loss(torch.tensor([1, 2]), torch.tensor([1.0, 4.0])) == 2  # integers follow


def test_two_predictions_of_different_dtypes():
    mu, log_var = torch.randn(3, 2).half().requires_grad_(), torch.randn(3, 2).requires_grad_()
    value = gaussian_kl_divergence(mu, log_var)
    assert value.dtype == torch.float32
    value.backward()
    expected = torch.autograd.grad(gaussian_kl_divergence(mu.float(), log_var), (mu, log_var))
    torch.testing.assert_close([mu.grad, log_var.grad], list(expected))


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("dtypes", PAIRS, ids=str)
def test_under_autocast_as_the_losses_that_torch_computes_in_float32(dtypes, half):
    x, y = torch.linspace(-2, 2, 8).to(dtypes[0]), torch.rand(8).to(dtypes[1])
    with torch.autocast("cpu", half):
        close(*results((mse_loss, functional.mse_loss), (x, y)))
        value = binary_cross_entropy_with_logits(x, y)
    assert value.dtype == (torch.float64 if torch.float64 in dtypes else torch.float32)


def test_a_model_under_autocast():
    layer = torch.nn.Linear(3, 4)
    x, y = torch.randn(5, 3), torch.tensor([0, 1, 2, 3, 0])
    found = []
    for loss in (cross_entropy, functional.cross_entropy):
        layer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            logits = layer(x)
            assert logits.dtype == torch.bfloat16
            value = loss(logits, y)
        assert value.dtype == torch.float32
        value.backward()
        found.append([value.detach(), layer.weight.grad.clone()])
    torch.testing.assert_close(*found, rtol=1e-2, atol=1e-3)
    with torch.autocast("cpu", torch.bfloat16), torch.autocast("cpu", enabled=False):
        assert cross_entropy(logits, y).dtype == torch.bfloat16


def test_probabilities_are_allowed_where_torch_refuses_them():
    p, y = torch.rand(6).bfloat16().requires_grad_(), torch.ones(6)
    with torch.autocast("cpu", torch.bfloat16):
        value = binary_cross_entropy(p, y.bfloat16())
    value.backward()
    assert value.dtype == torch.float32 and p.grad.dtype == torch.bfloat16
    torch.testing.assert_close(value, functional.binary_cross_entropy(p.float(), y))


@pytest.mark.parametrize(
    "transform", [torch.func.vmap, lambda f: torch.compile(f, backend="aot_eager", fullgraph=True)]
)
def test_transforms_and_compiled_code_have_the_same_dtypes(transform):
    x, y = torch.randn(3, 2).bfloat16(), torch.randn(3, 2)
    assert transform(mse_loss)(x, y).dtype == torch.float32
    assert transform(mse_loss)(x, y.bfloat16()).dtype == torch.bfloat16
    assert transform(mse_loss)(x, y.double()).dtype == torch.float64
    torch._dynamo.reset()
    with torch.autocast("cpu", torch.bfloat16):
        assert transform(mse_loss)(x, y.bfloat16()).dtype == torch.float32
