"""Rows of digits: how they are made and scored, and what a network learns to read with the generated CTC loss."""

import numpy as np
import pytest
import torch

from lossgen.demo.data import digits
from lossgen.demo.digit_rows import BLANK, read_greedily, run
from lossgen.demo.rows import FEWEST, MOST, SIDE, WIDEST_GAP, digit_rows, edit_distance, label_error_rate

EPOCHS = 40


@pytest.mark.parametrize(
    ("source", "target", "distance"),
    [
        ([], [], 0),
        ([1, 2], [], 2),
        ([], [7], 1),
        ([1, 2, 3], [1, 3], 1),
        ([1, 2, 3], [4, 1, 2, 5], 2),
        ([1, 1], [1], 1),
    ],
)
def test_edit_distance(source, target, distance):
    assert edit_distance(source, target) == edit_distance(target, source) == distance


def test_the_label_error_rate_counts_labels_not_rows():
    assert label_error_rate([[1, 2, 3], [4], []], [[1, 2, 3], [5], [6]]) == pytest.approx(2 / 5)


def test_reading_takes_repetitions_once_and_drops_blanks():
    frames = torch.tensor([[3, 3, BLANK, 3, 4, BLANK, 9], [BLANK, BLANK, 1, 1, 1, 5, 5]])
    log_probs = torch.nn.functional.one_hot(frames.T, BLANK + 1).float()
    assert read_greedily(log_probs, torch.tensor([6, 5])) == [[3, 3, 4], [1]]


def test_rows_hold_the_pictures_of_their_own_part_of_the_data():
    data = digits()
    for rows, features, targets in zip(
        digit_rows(), (data.features, data.test_features), (data.targets, data.test_targets), strict=True
    ):
        known = {picture.tobytes(): target for picture, target in zip(features, targets, strict=True)}
        assert set(rows.counts) == set(range(FEWEST, MOST + 1))
        for picture, width, text in list(zip(rows.pictures, rows.widths, rows.texts(), strict=True))[:50]:
            assert not picture[:, width:].any()
            assert _segmented(picture[:, :width], known) == text


def _segmented(picture: np.ndarray, known: dict[bytes, int]) -> list[int]:
    """The digits of a row, found by comparing every 8 columns of it with every picture."""
    found, column, last = [], 0, 0
    while column + SIDE <= picture.shape[1]:
        digit = known.get(np.ascontiguousarray(picture[:, column : column + SIDE]).tobytes())
        if digit is None:
            assert column - last < WIDEST_GAP
            column += 1
        else:
            found.append(int(digit))
            column = last = column + SIDE
    return found


def test_the_label_error_rate_is_that_of_training_with_torchs_loss():
    (result,) = run(EPOCHS)
    assert result.reference_score < 0.06
    assert result.passed, f"{result.score:.4f} against {result.reference_score:.4f}"
    np.testing.assert_allclose(result.curve.generated[:3], result.curve.reference[:3], rtol=1e-3)
