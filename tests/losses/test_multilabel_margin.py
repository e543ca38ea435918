"""The multi-label margin loss, and with it the role LabelList: lists of class numbers that end with their first −1."""

import numpy as np
import pytest
import torch
from accuracy import figures, worst
from lossgen.generated import multilabel_margin_loss
from lossgen.generated import torch as surface
from torch.nn import functional as F

from lossgen.formula import Axis, LabelList, Logit, SpecError, Sum, loss
from lossgen.runtime import LossError

LISTS = np.array([[0, 2, -1, 0, 3], [1, 1, 4, -1, 1], [-1, 0, 1, 2, 3], [4, 3, 2, 1, 0], [3, -1, -1, -1, -1]])


def brute_force(x: np.ndarray, lists: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Loss and gradient of every row, label by label."""
    values, slopes = np.zeros(len(x)), np.zeros(x.shape)
    for n, (row, labels) in enumerate(zip(x, lists.tolist(), strict=True)):
        right = labels[: labels.index(-1)] if -1 in labels else labels
        for j in right:
            for i in set(range(len(row))) - set(right):
                violation = 1 - (row[j] - row[i])
                if violation > 0:
                    values[n] += violation / len(row)
                    slopes[n, j] -= 1 / len(row)
                    slopes[n, i] += 1 / len(row)
    return values, slopes


def test_it_is_the_sum_over_pairs(rng):
    x = rng.normal(size=LISTS.shape)
    values, slopes = brute_force(x, LISTS)
    found, slope = multilabel_margin_loss.value_and_grad(x, LISTS, reduction="none")
    np.testing.assert_allclose(found, values, rtol=1e-14)
    np.testing.assert_allclose(slope, slopes, rtol=1e-14, atol=1e-16)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_it_is_torchs(reduction):
    x = torch.randn(5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(5), requires_grad=True)
    y = torch.tensor(LISTS)
    for logits, lists in ((x, y), (x[1], y[1])):
        found = surface.multilabel_margin_loss(logits, lists, reduction=reduction)
        expected = F.multilabel_margin_loss(logits, lists, reduction=reduction)
        torch.testing.assert_close(found, expected, rtol=1e-14, atol=0)
        slopes = [torch.autograd.grad(value.sum(), x)[0] for value in (found, expected)]
        torch.testing.assert_close(*slopes, rtol=1e-14, atol=1e-16)


def test_it_is_differentiated_twice():
    x = torch.randn(5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(6), requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: surface.multilabel_margin_loss(x, torch.tensor(LISTS)), (x,))
    assert torch.autograd.gradgradcheck(lambda x: surface.multilabel_margin_loss(x, torch.tensor(LISTS)), (x,))


def test_far_apart_rows_keep_their_digits():
    x = np.array([[gap, -gap, 0.3, gap, 0] for gap in (0.0, 5.0, 1e4)] + [[1e4, 9999.7, 9999.2, -1e4, 1e4]] * 2)
    assert worst(figures("multilabel_margin_loss", {"input": x, "target": LISTS})) <= 8


def test_infinite_logits_of_wrong_classes_cost_nothing():
    x = np.array([[0.5, -np.inf, 2.0]])
    value, slope = multilabel_margin_loss.value_and_grad(x, np.array([[2, 0, -1]]), reduction="sum")
    assert value == 0
    np.testing.assert_array_equal(slope, 0)


def test_labels_that_are_no_class_are_named_with_their_row():
    for label in (3, -2):
        lists = np.array([[0, -1, 9], [2, label, -1]])
        with pytest.raises(
            LossError, match=rf"target\[1, 1\] is {label}, expected a label in 0 ... 2, or -1 at the end"
        ):
            multilabel_margin_loss(np.zeros((2, 3)), lists)
        assert multilabel_margin_loss(np.zeros((2, 3)), lists, mask=np.array([True, False]), reduction="sum") == 2 / 3


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.int64, ">i4"])
def test_lists_of_any_integers(dtype):
    x = np.zeros((5, 5), np.float32)
    assert multilabel_margin_loss(x, LISTS.astype(dtype)) == multilabel_margin_loss(x, LISTS)


def test_lists_must_be_integers_in_the_shape_of_the_logits():
    with pytest.raises(LossError, match="target has dtype float64, expected integers"):
        multilabel_margin_loss(np.zeros((5, 5)), LISTS.astype(float))
    with pytest.raises(LossError, match=r"target has shape \(5, 4\), expected \(5, 5\)"):
        multilabel_margin_loss(np.zeros((5, 5)), LISTS[:, :4])


def test_any_layout_gives_the_same_bits(rng):
    x = rng.normal(size=(5, 5, 3))
    lists = np.stack([np.roll(LISTS, k, axis=0) for k in range(3)], axis=-1)
    values, slopes = multilabel_margin_loss.value_and_grad(x, lists, reduction="none")
    for k in range(3):
        plain, slope = multilabel_margin_loss.value_and_grad(x[..., k].copy(), lists[..., k].copy(), reduction="none")
        np.testing.assert_array_equal(values[:, k], plain)
        np.testing.assert_array_equal(slopes[..., k], slope)
    moved = multilabel_margin_loss(np.moveaxis(x, 1, 2).copy(), np.moveaxis(lists, 1, 2).copy(), axis=-1)
    assert moved == multilabel_margin_loss(x, lists)


def test_more_items_than_a_tile(rng):
    x, lists = np.tile(rng.normal(size=(5, 5)), (20_000, 1)), np.tile(LISTS, (20_000, 1))
    values, slopes = multilabel_margin_loss.value_and_grad(x, lists, reduction="none")
    plain, slope = multilabel_margin_loss.value_and_grad(x[:5], lists[:5], reduction="none")
    np.testing.assert_array_equal(values.reshape(-1, 5), np.tile(plain, (20_000, 1)))
    np.testing.assert_array_equal(slopes.reshape(-1, 5, 5), np.tile(slope, (20_000, 1, 1)))


def test_no_item_one_class_and_nothing_listed():
    assert multilabel_margin_loss(np.zeros((0, 3)), np.zeros((0, 3), int), reduction="sum") == 0
    assert multilabel_margin_loss(np.ones((2, 1)), np.array([[0], [-1]])) == 0
    value, slope = multilabel_margin_loss.value_and_grad(np.ones((2, 3)), np.full((2, 3), -1))
    assert value == 0 and not slope.any()


def test_the_role_needs_an_axis():
    C = Axis("C")
    c = C.index()

    with pytest.raises(
        SpecError, match=r"nobody: argument target: LabelList needs its axis, as in target: LabelList\[C\]"
    ):

        @loss
        def nobody(input: Logit[C], target: LabelList):
            return Sum(input[c], c)
