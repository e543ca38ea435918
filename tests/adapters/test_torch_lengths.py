"""Losses over sequences on PyTorch tensors: lengths of every kind, batches of calls, compilers; what is wrong in one line."""

import re

import pytest
import torch
from lossgen.generated.torch import CTCLoss, crf_loss, ctc_loss, rnnt_loss, soft_dtw_loss
from torch.func import grad, hessian, vmap
from torch.nn import functional

from lossgen.adapters import torch_batch
from lossgen.runtime import LossError, LossTypeError

FRAMES, ITEMS, CLASSES = 8, 4, 5
INPUT_LENGTHS, TARGET_LENGTHS = [8, 6, 7, 5], [3, 1, 2, 0]
TARGETS = torch.tensor([[1, 1, 2], [3, 0, 0], [4, 2, 0], [0, 0, 0]])
#: The same, without the padding that is no label.
LABELS = TARGETS.clamp(min=1)
JOINED = torch.tensor([1, 1, 2, 3, 4, 2])
EVERY_REDUCTION = pytest.mark.parametrize("reduction", ["mean", "sum", "none"])


def frames(*shape, seed=0):
    """Log-probabilities (…, T, N, C) or (…, T, C)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, dtype=torch.float64, generator=generator).log_softmax(-1)


def batched(log_probs, reduction="mean", **options):
    """The loss of all items."""
    given = TARGETS, torch.tensor(INPUT_LENGTHS), torch.tensor(TARGET_LENGTHS)
    return ctc_loss(log_probs, *given, 0, reduction, **options)


@EVERY_REDUCTION
@pytest.mark.parametrize("kind", [list, tuple, torch.tensor, lambda n: torch.tensor(n, dtype=torch.int16)])
def test_lengths_of_every_kind(reduction, kind):
    log_probs = frames(FRAMES, ITEMS, CLASSES)
    expected = batched(log_probs, reduction)
    for targets in (TARGETS, JOINED, TARGETS.int()):
        given = log_probs, targets, kind(INPUT_LENGTHS), kind(TARGET_LENGTHS)
        assert torch.equal(ctc_loss(*given, reduction=reduction), expected)
        assert torch.equal(CTCLoss(reduction=reduction)(*given), expected)
    theirs = functional.ctc_loss(log_probs, TARGETS, tuple(INPUT_LENGTHS), tuple(TARGET_LENGTHS), reduction=reduction)
    torch.testing.assert_close(expected, theirs)


def test_one_length_for_all_and_one_item():
    log_probs = frames(FRAMES, ITEMS, CLASSES)
    expected = functional.ctc_loss(log_probs, LABELS, (7,) * ITEMS, (2,) * ITEMS)
    for lengths in ((7, 2), (torch.tensor(7), torch.tensor([2]))):
        torch.testing.assert_close(ctc_loss(log_probs, LABELS, *lengths), expected)
    single = ctc_loss(log_probs[:, 0], TARGETS[0], 8, 3, reduction="none")
    assert single.shape == ()
    torch.testing.assert_close(single, batched(log_probs, "none")[0])


def test_the_batch_may_come_first():
    log_probs = frames(FRAMES, ITEMS, CLASSES)
    rows = log_probs.transpose(0, 1).contiguous().requires_grad_()
    module = CTCLoss(axis={"T": 1})
    value = module(rows, TARGETS, INPUT_LENGTHS, TARGET_LENGTHS)
    torch.testing.assert_close(value, batched(log_probs))
    value.backward()
    log_probs.requires_grad_()
    batched(log_probs).backward()
    torch.testing.assert_close(rows.grad, log_probs.grad.transpose(0, 1))


def test_masks_as_lengths():
    emissions, tags = frames(ITEMS, FRAMES, CLASSES), torch.zeros(ITEMS, FRAMES, dtype=torch.int64)
    scores = frames(CLASSES, CLASSES), frames(1, CLASSES)[0], frames(1, CLASSES, seed=1)[0]
    lengths = torch.tensor(INPUT_LENGTHS)
    mask = torch.arange(FRAMES) < lengths[:, None]
    expected = crf_loss(emissions, tags, *scores, lengths, reduction="none")
    assert torch.equal(crf_loss(emissions, tags, *scores, mask, reduction="none"), expected)
    assert torch.equal(crf_loss(emissions, tags, *scores), crf_loss(emissions, tags, *scores, FRAMES))
    with pytest.raises(
        LossError, match=r"^crf_loss: lengths is True at entry 6 of item \[3\] after a False, expected a"
    ):
        crf_loss(emissions, tags, *scores, mask.index_put((torch.tensor(3), torch.tensor(6)), torch.tensor(True)))


@EVERY_REDUCTION
def test_batches_of_calls_are_one_call(reduction, monkeypatch):
    monkeypatch.setattr(torch_batch, "one_by_one", None)  # calling it would raise
    log_probs, weight = frames(3, FRAMES, ITEMS, CLASSES), torch.rand(ITEMS)
    for options in ({}, {"sample_weight": weight, "mask": torch.tensor([True, False, True, True])}):
        found = vmap(lambda x, options=options: batched(x, reduction, **options))(log_probs)
        torch.testing.assert_close(found, torch.stack([batched(x, reduction, **options) for x in log_probs]))

    def one(x, labels, *lengths):
        return ctc_loss(x, labels, *lengths, reduction=reduction)

    lengths = torch.tensor(INPUT_LENGTHS), torch.tensor(TARGET_LENGTHS)
    each = [one(log_probs[0, :, i], TARGETS[i], lengths[0][i], lengths[1][i]) for i in range(ITEMS)]
    found = vmap(one, in_dims=(1, 0, 0, 0))(log_probs[0], TARGETS, *lengths)
    torch.testing.assert_close(found, torch.stack(each))
    found = vmap(lambda x: one(x, LABELS, FRAMES, 3).sum())(log_probs)
    torch.testing.assert_close(found, torch.stack([one(x, LABELS, FRAMES, 3).sum() for x in log_probs]))


def test_gradients_of_each_item():
    log_probs = frames(FRAMES, ITEMS, CLASSES)
    lengths = torch.tensor(INPUT_LENGTHS), torch.tensor(TARGET_LENGTHS)
    found = vmap(grad(ctc_loss), in_dims=(1, 0, 0, 0), out_dims=1)(log_probs, TARGETS, *lengths)
    leaf = log_probs.clone().requires_grad_()
    torch.testing.assert_close(found, torch.autograd.grad(batched(leaf), leaf)[0] * ITEMS)


def test_batches_of_sequences_one_after_another_run_one_by_one():
    log_probs = frames(3, FRAMES, ITEMS, CLASSES)
    found = vmap(lambda x: ctc_loss(x, JOINED, INPUT_LENGTHS, TARGET_LENGTHS))(log_probs)
    torch.testing.assert_close(found, torch.stack([batched(x) for x in log_probs]))
    single, labels = log_probs[:, :, 0], TARGETS[:1].expand(3, 1, 3)
    found = vmap(lambda x, y: ctc_loss(x, y, FRAMES, 3))(single, labels)
    torch.testing.assert_close(found, torch.stack([ctc_loss(x, TARGETS[0], FRAMES, 3) for x in single]))


@EVERY_REDUCTION
def test_second_derivatives_in_batches_within_batches(reduction):
    log_probs, direction = frames(FRAMES, ITEMS, CLASSES), frames(FRAMES, ITEMS, CLASSES, seed=1)
    leaf = log_probs.clone().requires_grad_()
    gradient = torch.autograd.grad(batched(leaf, reduction).sum(), leaf, create_graph=True)[0]
    expected = torch.autograd.grad((gradient * direction).sum(), leaf)[0]
    found = hessian(lambda x: batched(x, reduction).sum())(log_probs)
    torch.testing.assert_close(torch.einsum("abcdef,def->abc", found, direction), expected)


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("kind", [list, tuple, torch.tensor])
def test_compiled_with_every_kind_of_length(kind, dynamic):
    torch.compiler.reset()
    log_probs, module = frames(FRAMES, ITEMS, CLASSES), CTCLoss(reduction="sum")
    compiled = torch.compile(lambda *given: module(*given), fullgraph=True, dynamic=dynamic)
    for targets in (TARGETS, JOINED):
        leaf = log_probs.clone().requires_grad_()
        value = compiled(leaf, targets, kind(INPUT_LENGTHS), kind(TARGET_LENGTHS))
        torch.testing.assert_close(value, batched(leaf, "sum"))
        found = torch.autograd.grad(value, leaf)[0]
        torch.testing.assert_close(found, torch.autograd.grad(batched(leaf, "sum"), leaf)[0])
    torch.testing.assert_close(compiled(log_probs, LABELS, 7, 2), module(log_probs, LABELS, 7, 2))
    torch.testing.assert_close(compiled(log_probs, LABELS, 6, 1), module(log_probs, LABELS, 6, 1))


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"input_lengths": [8, 6, 9, 5]}, LossError, "input_lengths[2] is 9, expected a length in 0 ... 8, the size of axis 'T'"),
        ({"input_lengths": [8.0, 6.0, 7.0, 5.0]}, LossTypeError, "input_lengths has dtype float32, expected integers (lengths)"),
        ({"input_lengths": "8"}, LossTypeError, "input_lengths is a str, expected a torch.Tensor"),
        ({"input_lengths": None}, LossError, "input_lengths is missing, expected an array (got None)"),
        ({"target_lengths": [3, 1, 2, -1]}, LossError, "target_lengths[3] is -1, expected a length in 0 ... 3, the size of axis 'L'"),
        ({"targets": JOINED[1:]}, LossError, "targets has 5 entries, expected 6, the sum of target_lengths"),
        ({"targets": TARGETS + 2}, LossError, "targets[1, 0] is 5, expected a label in 0 ... 4"),
        ({"blank": 5}, LossError, "blank is 5, expected an integer in 0 ... 4, a number on axis 'C'"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_one_line(change, kind, message):
    given = {"log_probs": frames(FRAMES, ITEMS, CLASSES), "targets": TARGETS}
    given |= {"input_lengths": INPUT_LENGTHS, "target_lengths": TARGET_LENGTHS}
    with pytest.raises(LossError, match=f"^ctc_loss: {re.escape(message)}$") as caught:
        ctc_loss(**given | change)
    assert type(caught.value) is kind


def test_sizes_that_belong_together():
    logits = torch.zeros(ITEMS, FRAMES, 3, CLASSES)
    with pytest.raises(LossError, match="with 3 entries on axis 'V', expected 4, 1 more than on axis 'U' of targets"):
        rnnt_loss(logits, TARGETS)
    assert rnnt_loss(logits, LABELS[:, :2]) > 0
    assert soft_dtw_loss(torch.zeros(3, 4)) == soft_dtw_loss(torch.zeros(2, 3, 4), 3, [4, 4])
