"""What is wrong with lengths, sequences and grids is said in one line."""

import re

import numpy as np
import pytest
from handwritten.lattices import path, sheet

from lossgen.runtime import LossError, LossTypeError

X = np.ones((7, 3, 4))  # T, N, C
LABELS = np.array([[0, 1], [2, 3], [1, 1]])
FRAMES, LENGTHS = np.array([7, 5, 2]), np.array([2, 1, 2])
GRID = np.ones((3, 7, 3, 4))  # N, T, V, C


def changed(array, *entries):
    """A copy with another entry."""
    *index, value = entries
    found = array.copy()
    found[tuple(index)] = value
    return found


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (
            (X, changed(LABELS, 0, 1, 4), FRAMES, LENGTHS),
            {},
            "path: labels[0, 1] is 4, expected a label in 0 ... 3",
        ),
        (
            (X, changed(LABELS, 2, 0, -1), FRAMES, LENGTHS),
            {},
            "path: labels[2, 0] is -1, expected a label in 0 ... 3",
        ),
        (
            (X, np.array([0, 1, 2, 9, 1]), FRAMES, LENGTHS),
            {},
            "path: labels[3] (entry 0 of item 2) is 9, expected a label in 0 ... 3",
        ),
        (
            (X, np.array([0, 1, 2, 1]), FRAMES, LENGTHS),
            {},
            "path: labels has 4 entries, expected 5, the sum of lengths",
        ),
        (
            (X, np.array([0, 1, 2, 1])),
            {},
            "path: labels has shape (4,), expected items of shape (3,) and axis 'L', or all sequences one after another"
            " and lengths",
        ),
        (
            (X, LABELS[None], FRAMES, LENGTHS),
            {},
            "path: labels has shape (1, 3, 2), expected items of shape (3,) and axis 'L', or one dimension: all sequences"
            " one after another",
        ),
        (
            (X, LABELS[:2], FRAMES, LENGTHS),
            {},
            "path: labels has shape (2, 2), expected items of shape (3,), since input has shape (7, 3, 4) and its 'T' and"
            " 'C' at axes 0, 2",
        ),
        (
            (X[:, 0], LABELS),
            {},
            "path: labels has shape (3, 2), expected one dimension",
        ),
        (
            (X, LABELS, changed(FRAMES, 1, 8), LENGTHS),
            {},
            "path: frames[1] is 8, expected a length in 0 ... 7, the size of axis 'T'",
        ),
        (
            (X, LABELS, changed(FRAMES, 2, -1), LENGTHS),
            {},
            "path: frames[2] is -1, expected a length in 0 ... 7, the size of axis 'T'",
        ),
        (
            (X, LABELS, FRAMES, 3),
            {},
            "path: lengths is 3, expected a length in 0 ... 2, the size of axis 'L'",
        ),
        (
            (X, np.array([0, 1, 2, 1]), FRAMES, changed(LENGTHS, 0, -2)),
            {},
            "path: lengths[0] is -2, expected a length at least 0",
        ),
        (
            (X, LABELS, FRAMES[:2], LENGTHS),
            {},
            "path: frames has shape (2,), expected (3,), one length for each item, or one number, or a mask of booleans",
        ),
        (
            (X, LABELS, FRAMES.astype(float), LENGTHS),
            {},
            "path: frames has dtype float64, expected integers (lengths)",
        ),
        (
            (X, LABELS.astype(float), FRAMES, LENGTHS),
            {},
            "path: labels has dtype float64, expected integers (class indices)",
        ),
        (
            (X, LABELS, np.array([[True] * 3, [False] * 3] + [[True] * 3] * 5), LENGTHS),
            {},
            "path: frames is True at entry 2 of item [0] after a False, expected a mask that is True first and then False",
        ),
        (
            (X, LABELS, np.ones((6, 3), bool), LENGTHS),
            {},
            "path: frames has shape (6, 3), with 6 entries on axis 'T', expected 7, as input of shape (7, 3, 4) has",
        ),
        (
            (X, LABELS, FRAMES, LENGTHS),
            {"blank": 4},
            "path: blank is 4, expected an integer in 0 ... 3, a number on axis 'C'",
        ),
        ((X, LABELS, FRAMES, LENGTHS), {"blank": -1}, "path: blank is -1, expected an integer that is at least 0"),
        ((X, LABELS, FRAMES, LENGTHS), {"blank": 0.5}, "path: blank is 0.5, expected an integer that is at least 0"),
        (
            (X, LABELS, FRAMES, LENGTHS, np.ones((4, 5))),
            {},
            "path: links has shape (4, 5), with 5 entries on axis 'C', expected 4, as input of shape (7, 3, 4) has",
        ),
        (
            (X, LABELS, FRAMES, LENGTHS, np.ones(4)),
            {},
            "path: links has shape (4,), expected 2 dimensions, for axes 'C' and 'C'",
        ),
        (
            (X[0, 0], LABELS, FRAMES, LENGTHS),
            {},
            "path: input has shape (4,), expected at least 2 dimensions, for axes 'T', 'C'",
        ),
        (
            (X, LABELS, FRAMES, LENGTHS),
            {"axis": 1},
            "path: axis is 1, expected a dict from axis names, since input has axes 'T', 'C'",
        ),
        (
            (X, LABELS, FRAMES, LENGTHS),
            {"axis": {"T": 3}},
            "path: axis 3 is out of range for input of shape (7, 3, 4), expected -3 ... 2",
        ),
        (
            (X, LABELS, FRAMES, LENGTHS),
            {"axis": {"T": 2, "C": -1}},
            "path: axis (2, -1) names dimension 2 of input twice, expected it once",
        ),
        (
            (X, LABELS, FRAMES, LENGTHS),
            {"axis": {"T": (0, 1)}},
            "path: axis is {'T': (0, 1)}, expected one dimension for each axis of input",
        ),
        (
            (X[..., :0], LABELS, FRAMES, LENGTHS),
            {},
            "path: input has shape (7, 3, 0), expected at least one entry on axis 'C'",
        ),
        (
            (changed(X, 4, 1, 2, np.nan), LABELS, FRAMES, changed(LENGTHS, 1, 2)),
            {"blank": 2},
            "path: input[4, 1, 2] is nan, expected a number that is not NaN",
        ),
    ],
)  # fmt: skip
def test_one_line(arguments, options, message):
    with pytest.raises(LossError, match=f"^{re.escape(message)}$") as caught:
        path(*arguments, **options)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, LossTypeError) == ("dtype" in message)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            (GRID, np.ones((3, 3), int)),
            "sheet: input has shape (3, 7, 3, 4), with 3 entries on axis 'V', expected 4, 1 more than on axis 'U' of labels"
            " of shape (3, 3)",
        ),
        (
            (GRID[:, :, :0], np.ones(0, int), None, np.zeros(3, int)),
            "sheet: input has shape (3, 7, 0, 4), with 0 entries on axis 'V', expected at least 1",
        ),
        (
            (GRID, np.ones(8, int), None, np.array([3, 2, 3])),
            "sheet: lengths[0] is 3, expected a length in 0 ... 2, the size of axis 'U'",
        ),
    ],
)
def test_axes_that_are_longer_than_others(arguments, message):
    with pytest.raises(LossError, match=f"^{re.escape(message)}$"):
        sheet(*arguments)


def test_items_that_do_not_count_are_not_complained_about():
    mask = np.array([True, False, True])
    assert path(changed(X, 0, 1, 2, np.nan), LABELS, FRAMES, LENGTHS, mask=mask) > 0
    late = changed(X, 5, 1, 0, np.nan)  # behind the item's length
    assert path(late, LABELS, FRAMES, LENGTHS) == path(X, LABELS, FRAMES, LENGTHS)
    weight = np.array([1.0, 0.0, 1.0])
    assert np.isfinite(path(changed(X, 0, 1, 2, np.nan), LABELS, FRAMES, LENGTHS, sample_weight=weight))


def test_no_diagonal_of_the_hessian():
    with pytest.raises(LossError, match=r"^path: the Hessian's diagonal is not available .*, expected a call of hvp$"):
        path.hessian_diagonal(X, LABELS, FRAMES, LENGTHS)


def test_a_direction_of_another_shape():
    links = np.zeros((4, 4))
    with pytest.raises(LossError, match=r"^path: the direction for input has shape \(3, 7, 4\), expected \(7, 3, 4\)$"):
        path.hvp(X, LABELS, (X.transpose(1, 0, 2), links), FRAMES, LENGTHS, links)
