"""Options of calls that are repeated on a device, and lengths in main memory, by kernels of an earlier call in main memory."""

import pytest
import torch
from lossgen.generated import torch as ours
from seeded import labels, randn

from lossgen import generated
from lossgen.adapters import torch_cuda
from lossgen.runtime import LossError

F = torch.nn.functional


@pytest.fixture(autouse=True)
def driver(repeating):
    return repeating


def items(x, t):
    return F.cross_entropy(x, t, reduction="none")


#: Options for a number, and the formula for logits, labels and what the options hold.
OPTIONS = {
    "mask": (lambda k: {"mask": torch.rand(5) < 0.7}, lambda x, t, mask: items(x, t)[mask].mean()),
    "sample_weight": (
        lambda k: {"sample_weight": torch.rand(5), "reduction": "sum"},
        lambda x, t, sample_weight, reduction: (items(x, t) * sample_weight).sum(),
    ),
    "denominator": (
        lambda k: {"denominator": torch.tensor(k + 2.0)},
        lambda x, t, denominator: items(x, t).sum() / denominator,
    ),
    "axis": (lambda k: {"axis": -1}, lambda x, t, axis: items(x, t).mean()),
    "all": (
        lambda k: {"mask": torch.rand(5) < 0.7, "sample_weight": torch.rand(5), "axis": 1, "reduction": "none"},
        lambda x, t, mask, sample_weight, axis, reduction: items(x, t) * mask * sample_weight,
    ),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_options_are_arguments_of_calls_that_are_repeated(name, long):
    make, own = OPTIONS[name]
    for k in range(4):
        x, t, options = randn(5, 4, seed=k).requires_grad_(), labels(5, seed=k), make(k)
        value, expected = ours.cross_entropy(x, t, **options), own(x, t, **options)
        torch.testing.assert_close(value, expected, rtol=2e-6, atol=2e-7)
        found, right = (torch.autograd.grad(2 * v.sum(), x)[0] for v in (value, expected))
        torch.testing.assert_close(found, right, rtol=2e-6, atol=2e-7)
    assert len(long) == (1 if name != "all" else 2)


def test_another_axis_is_another_kind(long):
    x, t = randn(4, 4), labels(4)
    for axis, given in ((1, x), (0, x.T), (1, x)):
        torch.testing.assert_close(ours.cross_entropy(x, t, axis=axis), F.cross_entropy(given, t))
    assert len(long) == 2


def test_a_denominator_that_the_host_knows_is_no_kind(long):
    x, y = randn(20), randn(20, seed=1)
    for k in range(3):
        torch.testing.assert_close(ours.mse_loss(x, y, denominator=k + 1.0), ((x - y) ** 2).sum() / (k + 1))
    assert len(long) == 3 and not generated.mse_loss.recipes


@pytest.fixture
def away(monkeypatch):
    """The tensors that lie in main memory."""
    found = []
    monkeypatch.setattr(torch_cuda, "lies_on_host", lambda tensor, device: any(tensor is t for t in found))
    return found


def test_lengths_in_main_memory_are_sent_again(long, away, driver, monkeypatch):
    sent, upload = [], driver.upload
    monkeypatch.setattr(driver, "upload", lambda *given: sent.append(given[1].tolist()) or upload(*given))
    every = [([5, 4, 5], [2, 1, 0]), ([3, 5, 4], [1, 1, 2]), ([4, 4, 5], [2, 0, 1])]
    for k, (frames, counts) in enumerate(every):
        x, rows, lengths = (
            randn(5, 3, 4, seed=k).requires_grad_(),
            labels(3, 2, seed=k),
            list(map(torch.tensor, every[k])),
        )
        away[:] = [*lengths, rows] if k < 2 else lengths
        value = ours.ctc_with_logits_loss(x, rows, *lengths)
        own = F.ctc_loss(x.log_softmax(2), rows, *lengths)
        torch.testing.assert_close(value, own, rtol=2e-5, atol=2e-6)
        found, right = (torch.autograd.grad(v, x)[0] for v in (value, own))
        torch.testing.assert_close(found, right, rtol=2e-5, atol=2e-6)
        assert sent == [*([rows.tolist()] if k < 2 else []), frames, counts] or sent == [frames, counts, rows.tolist()]
        sent.clear()
    assert len(long) == 2  # labels lie elsewhere in the third


def test_lengths_that_are_all_the_same_are_not_sent(long, away, driver, monkeypatch):
    monkeypatch.setattr(driver, "upload", None)  # as while a graph is captured
    x, rows = randn(5, 3, 4), labels(3, 2)
    for frames, counts in ((5, 2), (4, 1), (5, 2), (4, 1)):
        away[:] = torch.full((3,), frames), torch.full((3,), counts)
        own = F.ctc_loss(x.log_softmax(2), rows, *away)
        torch.testing.assert_close(ours.ctc_with_logits_loss(x, rows, *away), own, rtol=2e-5, atol=2e-6)
    assert len(long) == 2


def test_masks_of_lengths_in_main_memory(long, away):
    """Of one kind, whether they say the same for all items or not."""
    x, rows = randn(3, 4, 4), labels(3, 4)
    tables = randn(4, 4), randn(4, seed=1), randn(4, seed=2)
    for frames in ([2, 2, 2], [4, 3, 1], [4, 4, 4], [3, 3, 3]):
        mask = torch.arange(4) < torch.tensor(frames)[:, None]
        away[:] = []
        expected = ours.crf_loss(x, rows, *tables, lengths=torch.tensor(frames))
        away[:] = [mask]
        torch.testing.assert_close(ours.crf_loss(x, rows, *tables, lengths=mask), expected)
    assert len(long) == 1 + 2  # all of them on the device; a mask of True alone is another kind


def test_wrong_lengths_in_main_memory(away):
    """A call that is repeated says so at once, but for an item that is masked out."""
    x, rows, mask = randn(5, 3, 4), labels(3, 2), torch.tensor([True, False, True])
    good, wrong = torch.tensor([5, 4, 5]), torch.tensor([5, 9, 5])
    away[:] = good, wrong
    counts = torch.tensor([2, 1, 0])
    words = r"^ctc_with_logits_loss: input_lengths\[1\] is 9, expected a length in 0 ... 5"
    for _ in range(2):
        ours.ctc_with_logits_loss(x, rows, good, counts)
        with pytest.raises(LossError, match=words):
            ours.ctc_with_logits_loss(x, rows, wrong, counts)
        kept = [ours.ctc_with_logits_loss(x, rows, n, counts, mask=mask, reduction="sum") for n in (good, wrong)]
        torch.testing.assert_close(*kept)
