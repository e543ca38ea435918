"""Rows of handwritten digits, one beside another with random gaps, and how well somebody reads them.

Where a digit begins and ends in its row is not told: a row comes with the digits in order and nothing else. The rows for
the test are made of pictures that are in no training row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .data import digits

SIDE = 8  # pixels
FEWEST, MOST = 2, 5  # digits in a row
WIDEST_GAP = 4  # columns before, between and behind digits
WIDTH = MOST * SIDE + (MOST + 1) * WIDEST_GAP
TRAINING_ROWS, TEST_ROWS = 1500, 400


@dataclass(frozen=True)
class Rows:
    """Pictures of rows of digits.

    Attributes:
        pictures: (rows, SIDE, WIDTH), empty beyond the width of each row.
        widths: (rows,), the columns of each row.
        labels: (rows, MOST), the digits from left to right, −1 behind the last one.
        counts: (rows,), the number of digits.
    """

    pictures: np.ndarray
    widths: np.ndarray
    labels: np.ndarray
    counts: np.ndarray

    def texts(self) -> list[list[int]]:
        """The digits of each row."""
        return [labels[:count].tolist() for labels, count in zip(self.labels, self.counts, strict=True)]


def digit_rows() -> tuple[Rows, Rows]:
    """Rows for training, made of the training pictures of `digits`, and rows for the test, of its test pictures."""
    data = digits()
    return (
        _rows(data.features, data.targets, TRAINING_ROWS, np.random.default_rng(0)),
        _rows(data.test_features, data.test_targets, TEST_ROWS, np.random.default_rng(1)),
    )


def _rows(features: np.ndarray, targets: np.ndarray, number: int, generator: np.random.Generator) -> Rows:
    counts = generator.integers(FEWEST, MOST, number, endpoint=True)
    chosen = generator.integers(len(targets), size=(number, MOST))
    gaps = generator.integers(WIDEST_GAP, size=(number, MOST + 1), endpoint=True)
    starts = np.cumsum(gaps[:, :-1], axis=1) + SIDE * np.arange(MOST)
    pictures = np.zeros((number, SIDE, WIDTH))
    for row, count in enumerate(counts):
        for start, picture in zip(starts[row, :count], features[chosen[row]], strict=False):
            pictures[row, :, start : start + SIDE] = picture.reshape(SIDE, SIDE)
    widths = np.cumsum(gaps, axis=1)[np.arange(number), counts] + SIDE * counts
    labels = np.where(np.arange(MOST) < counts[:, None], targets[chosen], -1)
    return Rows(pictures, widths, labels, counts)


def label_error_rate(read: Sequence[Sequence[int]], right: Sequence[Sequence[int]]) -> float:
    """The edit distances of what was read to what is right, summed, over the labels there are."""
    errors = sum(edit_distance(ours, theirs) for ours, theirs in zip(read, right, strict=True))
    return errors / sum(len(labels) for labels in right)


def edit_distance(source: Sequence[int], target: Sequence[int]) -> int:
    """The fewest insertions, deletions and replacements that make the one sequence the other."""
    above = list(range(len(target) + 1))  # from the part of source so far to each beginning of target
    for number, entry in enumerate(source, start=1):
        line = [number]
        for place, wanted in enumerate(target):
            line.append(min(above[place] + (entry != wanted), above[place + 1] + 1, line[place] + 1))
        above = line
    return above[-1]
