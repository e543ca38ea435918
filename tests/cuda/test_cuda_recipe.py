"""Calls on tensors of a device after the first of their kind: the kernels of the first one again, on a device in main memory."""

import pytest
import torch
from lossgen.generated import torch as ours
from seeded import labels, randn

from lossgen import generated
from lossgen.adapters import torch_cuda_recipe
from lossgen.runtime import LossError

F = torch.nn.functional


@pytest.fixture(autouse=True)
def driver(repeating):
    return repeating


CTC_LENGTHS = torch.tensor([5, 4, 5]), torch.tensor([2, 1, 0])
#: Ours, PyTorch's own, and arguments for a number; all kinds of memory: copies, sums, denominators, tables.
CASES = {
    "mse": (ours.mse_loss, F.mse_loss, lambda k: (randn(20, seed=k), randn(20, seed=k + 9))),
    "class weights": (
        ours.cross_entropy,
        F.cross_entropy,
        lambda k: (randn(2, 4, 3, seed=k), labels(2, 3, seed=k), torch.rand(4) + 0.5),
    ),
    "broadcast": (
        ours.gaussian_nll_loss,
        F.gaussian_nll_loss,
        lambda k: (randn(6, 3, seed=k), randn(6, 3, seed=k + 9), torch.rand(6, 1) + 0.1),
    ),
    "ctc": (
        ours.ctc_with_logits_loss,
        lambda x, *rest, **o: F.ctc_loss(x.log_softmax(2), *rest, **o),
        lambda k: (randn(5, 3, 4, seed=k), labels(3, 2, seed=k), *(n.clone() for n in CTC_LENGTHS)),
    ),
}


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", CASES)
def test_like_calls_compute_the_same(name, reduction, long, driver):
    """For other numbers, elsewhere in memory, and on another stream."""
    loss, own, make = CASES[name]
    for k in range(4):
        driver.stream = k
        x, *rest = make(k)
        x.requires_grad_()
        value, expected = loss(x, *rest, reduction=reduction), own(x, *rest, reduction=reduction)
        torch.testing.assert_close(value, expected, rtol=2e-5, atol=2e-6)
        found, right = (torch.autograd.grad(3 * v.sum(), x)[0] for v in (value, expected))
        torch.testing.assert_close(found, right, rtol=2e-5, atol=2e-6)
        assert len(long) == (1 if reduction != "none" else 2)  # with "none" once more in the backward pass
        assert set(driver.streams) == {k}
        driver.streams.clear()


def test_what_makes_calls_different(long):
    x, y = randn(20), randn(20, seed=1)
    again = randn(40)[::2].requires_grad_()
    calls = [
        lambda: ours.mse_loss(x, y),
        lambda: ours.mse_loss(x, y, reduction="sum"),
        lambda: ours.mse_loss(again, y),
        lambda: ours.mse_loss(again.detach(), y),
        lambda: ours.mse_loss(x.double(), y.double()),
        lambda: ours.mse_loss(x[:19], y[:19]),
        lambda: ours.mse_loss(x[1:], y[1:]),
        lambda: ours.mse_loss(x.reshape(4, 5), y.reshape(4, 5)),
        lambda: ours.mse_loss(x, y, weight=torch.ones(20)),
        lambda: ours.huber_loss(x, y, delta=0.5),
        lambda: ours.huber_loss(x, y, delta=2.0),
    ]
    first = [call() for call in calls]
    assert len(long) == len(calls)
    for call, value in zip(calls, first, strict=True):
        assert torch.equal(call(), value)
    assert len(long) == len(calls)
    with torch.no_grad():
        assert not ours.mse_loss(again, y).requires_grad and len(long) == len(calls) + 1
    torch.testing.assert_close(ours.mse_loss(x, y, mask=x > 0), F.mse_loss(x[x > 0], y[x > 0]))
    torch.testing.assert_close(ours.mse_loss(x, y, sample_weight=x), ((x - y) ** 2 * x).mean())
    assert len(long) == len(calls) + 3


def test_arguments_that_share_memory_do_not_stand_for_others(long):
    x, y = randn(20), randn(20, seed=1)
    for first, second in ((x, x), (x, y), (y, y)):
        torch.testing.assert_close(ours.mse_loss(first, second), F.mse_loss(first, second))
    assert len(long) == 2  # the third by the kernels of the second
    empty = torch.zeros(0, 3)
    assert all(ours.mse_loss(empty, empty.clone()).isnan() for _ in range(2)) and len(long) == 4


def test_calls_that_the_host_has_to_look_at_are_not_repeated(long):
    x, rows = randn(5, 3, 4), labels(3, 2)
    joined = torch.cat([row[:n] for row, n in zip(rows, CTC_LENGTHS[1].tolist(), strict=True)])
    for counts in (CTC_LENGTHS[1], torch.tensor([1, 1, 1])):
        ours.ctc_with_logits_loss(x, joined, CTC_LENGTHS[0], counts)
    assert len(long) == 2


def test_gradients_can_be_differentiated_and_taken_twice():
    for k in range(3):
        x, y = randn(6, seed=k, dtype=torch.float64).requires_grad_(), randn(6, seed=9, dtype=torch.float64)
        value = ours.mse_loss(x, y)
        first, second = (torch.autograd.grad(2 * value, x, retain_graph=True)[0] for _ in range(2))
        torch.testing.assert_close((first, second), (4 * (x - y).detach() / 6,) * 2)
        assert torch.autograd.gradgradcheck(lambda x, y=y: ours.mse_loss(x, y), x)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype, long):
    for k in range(3):
        x, t = randn(5, 4, seed=k).to(dtype).requires_grad_(), labels(5, seed=k)
        value = ours.cross_entropy(x, t)
        assert value.dtype == dtype
        (value.float() * 1024).backward()
        wide = x.detach().float().requires_grad_()
        (F.cross_entropy(wide, t) * 1024).backward()
        torch.testing.assert_close(x.grad, wide.grad.to(dtype))
    assert len(long) == 2  # one for the value, one in the backward pass, where gradients are taken


def test_backward_passes_are_of_a_kind_too(long):
    for k, upstream in enumerate([torch.ones(20), torch.rand(20), torch.rand(40)[::2], torch.ones(()).expand(20)] * 2):
        x, y = randn(20, seed=k).requires_grad_(), randn(20, seed=k + 9)
        value = ours.mse_loss(x, y, reduction="none")
        for factor in (1, 3):  # the second time through a graph that is kept
            (found,) = torch.autograd.grad(value, x, factor * upstream if k % 4 < 2 else upstream, retain_graph=True)
            right = 2 * (x - y).detach() * upstream * (factor if k % 4 < 2 else 1)
            torch.testing.assert_close(found, right)
    assert len(long) == 4  # the value; an upstream gradient for each item, contiguous or not; a single one


def test_labels_out_of_range_are_reported_by_calls_that_are_repeated(driver):
    x = randn(3, 4)
    good, wrong = torch.tensor([1, 2, 0]), torch.tensor([1, 9, 0])
    words = r"^cross_entropy: an earlier call on CUDA was given target with a label out of range"
    for _ in range(2):
        assert not ours.cross_entropy(x, good).isnan()
        assert ours.cross_entropy(x, wrong).isnan()
        with pytest.raises(LossError, match=words):
            ours.cross_entropy(x, good)
    driver.reports.always = True
    with pytest.raises(LossError, match=words):
        ours.cross_entropy(x, wrong)
    assert driver.waited == 1


def test_kinds_of_calls():
    def kind(*tensors, options=()):
        return torch_cuda_recipe.kind_of(generated.mse_loss, options, tensors)

    x = randn(3)
    assert kind(x, None).given == [x.data_ptr(), None]
    for strange in (x.to_sparse(), 3.0, x.to("meta"), torch._neg_view(x)):
        assert kind(x, strange) is None
    assert kind(x, x, options=([],)) is None
