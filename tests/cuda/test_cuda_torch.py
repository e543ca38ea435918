"""Losses on tensors of a device: everything that PyTorch asks of a loss, on a device in main memory, against PyTorch's own.

Tensors on the CPU stand for those on CUDA: what finds the place of a call is told so.
"""

from functools import partial

import numpy as np
import pytest
import torch
from host import HostDriver
from lossgen.generated import torch as ours

from lossgen.adapters import torch_cuda
from lossgen.adapters.torch_recipe import Recipe
from lossgen.runtime import LossError
from lossgen.runtime.cuda.driver import Place

F = torch.nn.functional


@pytest.fixture(autouse=True)
def driver(monkeypatch):
    """The device on which tensors of the CPU lie."""
    found = HostDriver()
    monkeypatch.setitem(torch_cuda.PLACES, "cpu", lambda loss, device: Place(found, 3, torch_cuda.TorchMemory(device)))
    monkeypatch.setattr(Recipe, "again", lambda *given: None)
    return found


def randn(*shape, seed=0, dtype=torch.float32, grad=True):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype).requires_grad_(grad)


def labels(*shape, classes=7, seed=1):
    return torch.randint(classes, shape, generator=torch.Generator().manual_seed(seed))


#: Ours, PyTorch's own, and their arguments; all of them get a gradient that PyTorch has one for.
PAIRS = {
    "mse": (ours.mse_loss, F.mse_loss, lambda: (randn(20), randn(20, seed=1))),
    "bce": (
        ours.binary_cross_entropy_with_logits,
        F.binary_cross_entropy_with_logits,
        lambda: (randn(6, 3), torch.rand(6, 3)),
    ),
    "cross_entropy": (ours.cross_entropy, F.cross_entropy, lambda: (randn(5, 7), labels(5))),
    "segmentation": (ours.cross_entropy, F.cross_entropy, lambda: (randn(2, 7, 3, 4), labels(2, 3, 4), torch.rand(7))),
    "probabilities": (ours.cross_entropy, F.cross_entropy, lambda: (randn(5, 7), torch.rand(5, 7).softmax(1))),
    "cosine": (
        ours.cosine_embedding_loss,
        F.cosine_embedding_loss,
        lambda: (randn(4, 6), randn(4, 6, seed=1), torch.tensor([1.0, -1, 1, -1])),
    ),
    "multilabel": (
        ours.multilabel_margin_loss,
        F.multilabel_margin_loss,
        lambda: (randn(3, 5), labels(3, 5, classes=5)),
    ),
    "gaussian_nll": (
        ours.gaussian_nll_loss,
        F.gaussian_nll_loss,
        lambda: (randn(6, 3), randn(6, 3, seed=1, grad=False), torch.rand(6, 1).add(0.1).requires_grad_()),
    ),
}


def slopes(function, arguments, **options):
    """The value, and the gradients of one number made of it."""
    value = function(*arguments, **options)
    moved = [a for a in arguments if a.requires_grad]
    weights = torch.linspace(0.5, 2, value.numel(), dtype=value.dtype).reshape(value.shape)
    return value, torch.autograd.grad((weights * value).sum(), moved)


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_value_and_gradients_are_pytorchs(pair, reduction, driver):
    loss, own, arguments = PAIRS[pair]
    given = arguments()
    found, expected = (slopes(f, given, reduction=reduction) for f in (loss, own))
    torch.testing.assert_close(found, expected, rtol=2e-5, atol=2e-6)
    assert any(name == "evaluate" for name, *_ in driver.launched) and driver.waited == 0


def test_a_training_step_is_one_kernel_over_the_items(driver):
    x, y = randn(40), randn(40, seed=1, grad=False)
    ours.mse_loss(x, y).backward()
    assert [name for name, *_ in driver.launched] == ["evaluate", "settle", "rescale"]
    torch.testing.assert_close(x.grad, 2 * (x - y).detach() / 40)


def test_a_graph_that_is_kept_gives_the_same_twice(driver):
    x = randn(8)
    value = ours.mse_loss(x, torch.zeros(8))
    first, second = (torch.autograd.grad(3 * value, x, retain_graph=True)[0] for _ in range(2))
    torch.testing.assert_close(first, second)
    torch.testing.assert_close(first, 6 * x.detach() / 8)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_multiplied_before_it_is_rounded(dtype):
    x = randn(5, 7).detach().to(dtype).requires_grad_()
    t = labels(5)
    value = ours.cross_entropy(x, t)
    assert value.dtype == dtype
    (value.float() * 1024).backward()
    wide = x.detach().float().requires_grad_()
    (F.cross_entropy(wide, t) * 1024).backward()
    torch.testing.assert_close(x.grad, wide.grad.to(dtype))


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("pair", ["mse", "cross_entropy", "cosine"])
def test_second_derivatives_pass_gradgradcheck(pair, reduction):
    loss, _, arguments = PAIRS[pair]
    given = [
        a.detach().double()[:3].requires_grad_(a.requires_grad) if a.is_floating_point() else a[:3] for a in arguments()
    ]
    function = partial(loss, reduction=reduction)
    assert torch.autograd.gradcheck(function, given) and torch.autograd.gradgradcheck(function, given)


def test_class_weights_have_both_derivatives_through_the_denominator():
    x, t, w = randn(4, 5, dtype=torch.float64), labels(4, classes=5), torch.rand(5, dtype=torch.float64).add(0.5)
    given = x, t, w.requires_grad_()
    torch.testing.assert_close(slopes(ours.cross_entropy, given), slopes(_weighted, given))
    assert torch.autograd.gradgradcheck(lambda x, w: ours.cross_entropy(x, t, w), (x, w))
    none = torch.full_like(t, -100)
    assert ours.cross_entropy(x, none, w).isnan()
    assert all(not g.any() for g in torch.autograd.grad(ours.cross_entropy(x, none, w), (x, w)))


def _weighted(x, t, w):
    """The weighted mean as it is written."""
    return -(w[t] * x.log_softmax(1)[torch.arange(len(t)), t]).sum() / w[t].sum()


def test_options_of_every_loss():
    x, y, mask, w = randn(4, 3), randn(4, 3, seed=1, grad=False), labels(4, 3, classes=2).bool(), torch.rand(3)
    plain = (x - y) ** 2 * w
    found = ours.mse_loss(x, y, sample_weight=w, mask=mask)
    expected = plain[mask].sum() / mask.sum()
    for number in (7.0, torch.tensor(7.0)):
        torch.testing.assert_close(ours.mse_loss(x, y, denominator=number), ((x - y) ** 2).sum() / 7)
    torch.testing.assert_close((found, *torch.autograd.grad(found, x)), (expected, *torch.autograd.grad(expected, x)))
    torch.testing.assert_close(
        ours.cross_entropy(randn(5, 2, 7), labels(5, 2), axis=-1), F.cross_entropy(randn(5, 2, 7).mT, labels(5, 2))
    )


def test_modules_and_several_batches():
    real, fake = randn(6), randn(3, seed=1)
    found = ours.GanDiscriminatorLoss()(real, fake)
    expected = F.softplus(-real).mean() + F.softplus(fake).mean()
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(torch.autograd.grad(found, (real, fake)), torch.autograd.grad(expected, (real, fake)))
    module = ours.CrossEntropyLoss(weight=torch.rand(7), label_smoothing=0.1)
    own = torch.nn.CrossEntropyLoss(weight=module.weight, label_smoothing=0.1)
    torch.testing.assert_close(module(randn(5, 7), labels(5)), own(randn(5, 7), labels(5)))


def test_function_transforms():
    x, t = randn(4, 7, grad=False), labels(4)
    loss, own = ours.cross_entropy, F.cross_entropy
    for transform in (torch.func.grad, torch.func.hessian, lambda f: torch.func.vmap(torch.func.grad(f))):
        torch.testing.assert_close(transform(loss)(x, t), transform(own)(x, t), rtol=1e-4, atol=1e-6)
    _, slope = torch.func.jvp(lambda x: loss(x, t), (x,), (torch.ones_like(x),))
    torch.testing.assert_close(slope, torch.zeros(()), rtol=0, atol=1e-6)


def test_torch_compile_meets_one_operator(driver):
    compiled = torch.compile(lambda x, t: ours.cross_entropy(2 * x, t), backend="aot_eager", fullgraph=True)
    x, t = randn(5, 7), labels(5)
    compiled(x, t).backward()
    expected = torch.autograd.grad(F.cross_entropy(2 * x, t), x)[0]
    torch.testing.assert_close(x.grad, expected)
    assert any(name == "evaluate" for name, *_ in driver.launched)


def test_the_operators_have_implementations_for_cuda():
    for name in ("evaluate", "gradients", "products", "normalisers"):
        assert torch._C._dispatch_has_kernel_for_dispatch_key(f"lossgen::{name}", "CUDA")


def test_the_value_is_started_on_the_current_stream_and_in_pytorchs_memory(monkeypatch, driver):
    asked = []
    monkeypatch.setattr(torch._C, "_cuda_getCurrentRawStream", lambda n: asked.append(n) or 40 + n, raising=False)
    monkeypatch.setattr(torch_cuda.devices, "driver_for", lambda n: driver)
    place = torch_cuda.cuda_place("mse_loss", torch.device("cuda", 2))
    assert asked == [2] and place.stream == 42 and place.driver is driver


def test_a_label_out_of_range_is_raised_later_or_at_once(driver):
    x, wrong = randn(3, 4, grad=False), torch.tensor([1, 9, 0])
    assert ours.cross_entropy(x, wrong).isnan()
    words = r"^cross_entropy: an earlier call on CUDA was given target with a label out of range"
    with pytest.raises(LossError, match=words):
        ours.cross_entropy(x, wrong)
    driver.reports.always = True
    with pytest.raises(LossError, match=words):
        ours.cross_entropy(x, wrong)
    assert driver.waited == 1


def test_errors():
    x = randn(3)
    with pytest.raises(TypeError, match=r"^mse_loss: target is on meta, expected cpu, the device of input$"):
        ours.mse_loss(x, torch.zeros(3, device="meta"))
    with pytest.raises(TypeError, match=r"^mse_loss: target is a ndarray, expected a torch.Tensor$"):
        ours.mse_loss(x, np.zeros(3))
    with pytest.raises(
        TypeError, match=r"^mse_loss: input is of dtype torch.float32 and layout torch.sparse_coo; expected"
    ):
        ours.mse_loss(x.detach().to_sparse(), torch.zeros(3))
    with pytest.raises(LossError, match=r"^huber_loss: delta is -1.0, expected a finite number greater than 0$"):
        ours.huber_loss(x, torch.zeros(3), delta=-1.0)
    with pytest.raises(LossError, match=r"^mse_loss: sample_weight requires grad, expected a constant"):
        ours.mse_loss(x, torch.zeros(3), sample_weight=torch.ones(3, requires_grad=True))
    with pytest.raises(LossError, match=r"^mse_loss: reduction is 'max'"):
        ours.mse_loss(x, torch.zeros(3), reduction="max")
