"""Losses where training code has them: worker processes, threads, checkpoints, copies, hooks, accumulated gradients."""

import copy
import gc
import pickle
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from lossgen.generated.torch import CrossEntropyLoss, cross_entropy, mse_loss
from torch.nn import functional
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, Dataset


class Scored(Dataset):
    """Samples with the loss and its gradient, computed where the sample is made."""

    def __init__(self):
        self.loss = CrossEntropyLoss(torch.tensor([1.0, 2.0, 0.5]))

    def __len__(self):
        return 6

    def __getitem__(self, index):
        x = torch.linspace(-1, 1, 12).reshape(4, 3).mul(index + 1).requires_grad_()
        value = self.loss(x, torch.tensor([0, 1, 2, 1]))
        return value.detach(), torch.autograd.grad(value, x)[0]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_worker_processes(method):
    samples = Scored()
    expected = [samples[index] for index in range(len(samples))]  # the parent has used it, too
    loader = DataLoader(samples, batch_size=None, num_workers=1, multiprocessing_context=method)
    for found, wanted in zip(loader, expected, strict=True):
        assert all(map(torch.equal, found, wanted))


def test_threads():
    x, y = torch.randn(64, 5), torch.randint(0, 5, (64,))

    def step(number):
        leaf = (x * number).requires_grad_()
        cross_entropy(leaf, y).backward()
        return leaf.grad

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(step, range(32)))
    assert all(torch.equal(gradient, step(number)) for number, gradient in enumerate(found))


def test_copies_pickles_and_states():
    loss = CrossEntropyLoss(torch.tensor([1.0, 2.0]), label_smoothing=0.1)
    x, y = torch.randn(3, 2, requires_grad=True), torch.tensor([0, 1, 1])
    value = loss(x, y)
    for other in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert torch.equal(other(x, y), value)
    assert pickle.loads(pickle.dumps(cross_entropy)) is cross_entropy
    fresh = CrossEntropyLoss(torch.ones(2), label_smoothing=0.1)
    fresh.load_state_dict(loss.state_dict())
    assert torch.equal(fresh(x, y), value)


@pytest.mark.parametrize("number", [10, 10.0, torch.tensor(10), torch.tensor(10.0, dtype=torch.float64)], ids=repr)
def test_gradients_accumulate_over_parts_with_the_denominator_of_the_whole(number):
    x, y = torch.randn(10, 4, requires_grad=True), torch.randint(0, 4, (10,))
    cross_entropy(x, y).backward()
    whole, x.grad = x.grad, None
    for part in (slice(0, 3), slice(3, 10)):
        cross_entropy(x[part], y[part], denominator=number).backward()
    torch.testing.assert_close(x.grad, whole)


def test_a_denominator_is_one_positive_constant():
    x, y = torch.randn(3), torch.randn(3)
    for number, words in (
        (torch.tensor([1.0, 2.0]), "denominator is "),
        (torch.tensor(-1.0), "denominator is -1.0, expected a positive number"),
        (torch.tensor(1.0, requires_grad=True), "denominator requires grad, expected a constant"),
    ):
        with pytest.raises(ValueError, match=words) as caught:
            mse_loss(x, y, denominator=number)
        assert "\n" not in str(caught.value)


def test_nothing_is_recorded_without_grad():
    x, y = torch.randn(3, requires_grad=True), torch.randn(3)
    for mode in (torch.no_grad(), torch.inference_mode()):
        with mode:
            assert not mse_loss(x, y).requires_grad
        value = mse_loss(x, y)  # the same shapes, with grad
        assert value.requires_grad
        torch.testing.assert_close(torch.autograd.grad(value, x)[0], 2 * (x - y).detach() / 3)


@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpoints(reentrant):
    layer, x, y = torch.nn.Linear(4, 3), torch.randn(5, 4, requires_grad=True), torch.randint(0, 3, (5,))
    expected = torch.autograd.grad(functional.cross_entropy(layer(x), y), layer.weight)[0]
    checkpoint(lambda a: cross_entropy(layer(a), y), x, use_reentrant=reentrant).backward()
    torch.testing.assert_close(layer.weight.grad, expected)


def test_hooks_of_modules_tensors_and_saved_tensors():
    loss, seen = CrossEntropyLoss(), []
    x, y = torch.randn(2, 3, requires_grad=True), torch.tensor([0, 2])
    loss.register_forward_hook(lambda module, given, value: seen.append(float(value)))
    loss.register_full_backward_hook(lambda module, inward, outward: seen.append(float(outward[0])))
    x.register_hook(lambda gradient: 2 * gradient)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t):
        value = loss(x, y)
    (3 * value).backward()
    assert seen == [value.item(), 3.0]
    leaf = x.detach().requires_grad_()
    functional.cross_entropy(leaf, y).backward()
    torch.testing.assert_close(x.grad, 6 * leaf.grad)


def test_no_cycle_keeps_the_value_of_a_call_alive():
    x, y = torch.randn(10, requires_grad=True), torch.randn(10)
    gc.disable()
    try:
        for _ in range(2):  # the first call of its kind, and the short way
            value = mse_loss(x, y)
            gone = weakref.ref(value)
            del value
            assert gone() is None
    finally:
        gc.enable()


def test_weights_of_classes_learn():
    """A gradient through the weighted mean, its denominator included, and once more through that gradient."""
    x, y = torch.randn(6, 3, dtype=torch.float64), torch.tensor([0, 1, 2, 1, 0, 0])
    weight = torch.rand(3, dtype=torch.float64) + 0.5
    found = []
    for loss in (cross_entropy, functional.cross_entropy):
        w = weight.clone().requires_grad_()
        logits = x.clone().requires_grad_()
        value = -(torch.log_softmax(logits, 1)[range(6), y] * w[y]).sum() / w[y].sum()
        if loss is cross_entropy:
            value = loss(logits, y, w)
        first = torch.autograd.grad(value, (logits, w), create_graph=True)
        second = torch.autograd.grad(first[0].square().sum() + first[1].square().sum(), (logits, w))
        found.append([value, *first, *second])
    torch.testing.assert_close(*found)
