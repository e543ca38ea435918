"""Axes without entries: no frame, no row. There is nothing to read, and nothing beside the array is read either."""

import math

import pytest
import torch
from lossgen.generated.torch import ctc_loss, rnnt_loss, soft_dtw_loss

LABELS = torch.ones(2, 2, dtype=torch.long)


def no_frames_for_a_transducer(x):
    return rnnt_loss(x, LABELS, reduction="none")


def no_frames_for_labels(x):
    return ctc_loss(x, LABELS, [0, 0], [2, 0], reduction="none")


def no_row_of_distances(x):
    return soft_dtw_loss(x, reduction="none")


@pytest.mark.parametrize(
    "function, shape, expected",
    [
        (no_frames_for_a_transducer, (2, 0, 3, 4), [math.inf, math.inf]),
        (no_frames_for_labels, (0, 2, 4), [math.inf, 0.0]),
        (no_row_of_distances, (2, 0, 4), [math.inf, math.inf]),
    ],
)
def test_without_entries_there_is_no_path(function, shape, expected):
    x = torch.zeros(shape, requires_grad=True)
    values = function(x)
    values.sum().backward()
    assert values.tolist() == expected
    assert x.grad.shape == shape
