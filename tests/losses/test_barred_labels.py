"""The blank is no label: a target that has it is a mistake, said in one line; what is beyond the lengths may hold anything."""

import re

import numpy as np
import pytest
import torch
from lossgen.generated import ctc_loss, ctc_with_logits_loss, rnnt_loss
from lossgen.generated.torch import CTCLoss
from torch.nn import functional

from lossgen.runtime import LossError

FRAMES, ITEMS, CLASSES = 6, 3, 4
ROWS = np.array([[1, 2, 0], [3, 0, 0], [2, 3, 1]])
LENGTHS = [2, 1, 3]


@pytest.fixture
def scores():
    return np.random.default_rng(3).normal(size=(FRAMES, ITEMS, CLASSES))


def changed(*entries):
    """The rows with other entries."""
    found = ROWS.copy()
    for n, k, label in entries:
        found[n, k] = label
    return found


@pytest.mark.parametrize("loss", [ctc_loss, ctc_with_logits_loss])
@pytest.mark.parametrize(
    ("targets", "blank", "words"),
    [
        (changed((0, 1, 0)), 0, "targets[0, 1] is 0, expected a label other than blank, which is 0"),
        (changed((2, 0, 0), (2, 2, 0)), 0, "targets[2, 0] is 0, expected a label other than blank, which is 0"),
        (changed((1, 0, 3)), 3, "targets[1, 0] is 3, expected a label other than blank, which is 3"),
        (np.array([1, 2, 3, 2, 0, 1]), 0, "targets[4] (entry 1 of item 2) is 0, expected a label other than blank"),
    ],
    ids=["first of two", "several", "another blank", "one after another"],
)
def test_a_target_with_the_blank(scores, loss, targets, blank, words):
    for call in (loss, loss.value_and_grad):
        with pytest.raises(LossError, match=re.escape(f"{loss.schema.name}: {words}")) as caught:
            call(scores, targets, FRAMES, LENGTHS, blank=blank)
        assert "\n" not in str(caught.value)


def test_a_transducers_target_with_the_blank():
    x = np.zeros((2, 4, 3, 5))
    with pytest.raises(LossError, match=re.escape("rnnt_loss: targets[1, 0] is 4, expected a label other than blank")):
        rnnt_loss(x, [[1, 2], [4, 0]], blank=4)
    assert np.isfinite(rnnt_loss(x, [[1, 2], [4, 0]], target_lengths=[2, 0], blank=4))


def test_padding_may_be_the_blank(scores):
    """And what masked-out items hold, in rows and one after another."""
    value = ctc_loss(scores, ROWS, FRAMES, LENGTHS, reduction="none")
    for padding in (0, 3, -1, 99):
        padded = np.where(np.arange(3) < np.array(LENGTHS)[:, None], ROWS, padding)
        np.testing.assert_array_equal(ctc_loss(scores, padded, FRAMES, LENGTHS, reduction="none"), value)
    mask = np.array([False, True, True])
    for targets in (changed((0, 0, 0)), np.array([0, 2, 3, 2, 3, 1])):
        found = ctc_loss(scores, targets, FRAMES, LENGTHS, reduction="none", mask=mask)
        np.testing.assert_array_equal(found, np.where(mask, value, 0))


def test_items_without_labels(scores):
    assert np.isfinite(ctc_loss(scores, np.zeros((ITEMS, 2), int), FRAMES, [0, 0, 0]))
    assert np.isfinite(ctc_loss(scores, np.zeros((ITEMS, 0), int), FRAMES, [0, 0, 0]))
    assert np.isfinite(ctc_loss(scores, np.zeros(0, int), FRAMES, [0, 0, 0]))


def test_pytorch_takes_it_for_an_ordinary_label():
    """One that needs no blank between it and another label: what the docstring says of PyTorch."""
    log_probs = torch.zeros(2, 1, 3, dtype=torch.float64).log_softmax(2)
    lengths = torch.tensor([2]), torch.tensor([2])
    value = functional.ctc_loss(log_probs, torch.tensor([[1, 0]]), *lengths, reduction="sum")
    assert float(value) == pytest.approx(2 * np.log(3))  # one alignment: the label, then the blank, with none between
    with pytest.raises(LossError, match=r"ctc_loss: targets\[0, 1\] is 0, expected a label other than blank"):
        CTCLoss()(log_probs, torch.tensor([[1, 0]]), *lengths)
