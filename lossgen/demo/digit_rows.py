"""Rows of digits read by a small convolutional network in torch: the generated CTC loss in place of torch's own.

A row is read from left to right in frames of STRIDE columns. The network is told the digits of a row, but not where they
are: the loss sums over every alignment of the digits to the frames.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from lossgen.generated.torch import ctc_loss

from .result import Curve, Result
from .rows import SIDE, Rows, digit_rows, label_error_rate
from .training import Trained, train

BLANK = 10  # the class of a frame that says nothing; the others are the digits
CHANNELS = 48
STRIDE = 2
RATE = 5e-3
TOLERANCE = 0.01  # sums are rounded in another order, and training carries such differences forward
PICTURES = 3
Loss = Callable[..., Tensor]


class Reader(nn.Module):
    """Rows (N, SIDE, width) to the log-probability of each class in each frame (frames, N, classes)."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(SIDE, CHANNELS, 5, padding=2),
            nn.ReLU(),
            nn.Conv1d(CHANNELS, CHANNELS, 5, padding=2, stride=STRIDE),
            nn.ReLU(),
            nn.Conv1d(CHANNELS, CHANNELS, 3, padding=1),
            nn.ReLU(),
            nn.Conv1d(CHANNELS, BLANK + 1, 1),
        )

    def forward(self, pictures: Tensor) -> Tensor:
        """The log-probabilities of the classes."""
        return self.layers(pictures).permute(2, 0, 1).log_softmax(dim=2)


def run(epochs: int) -> list[Result]:
    """Train the same network twice."""
    training, test = digit_rows()
    pictures = torch.from_numpy(test.pictures).float()
    fit, reference = _trained(ctc_loss, training, epochs), _trained(functional.ctc_loss, training, epochs)
    read, reference_read = (read_greedily(one.model(pictures), _frames(test)) for one in (fit, reference))
    return [
        Result(
            task="rows of digits, torch network",
            loss="ctc_loss",
            metric="label error rate",
            score=label_error_rate(read, test.texts()),
            reference="torch ctc_loss",
            reference_score=label_error_rate(reference_read, test.texts()),
            tolerance=TOLERANCE,
            seconds=fit.seconds,
            reference_seconds=reference.seconds,
            curve=Curve("epoch", fit.curve, reference.curve, "torch"),
            higher_is_better=False,
            images=np.concatenate([np.pad(picture, 1) for picture in test.pictures[:PICTURES]]),
            caption="test rows, read as " + ", ".join("".join(map(str, row)) for row in read[:PICTURES]),
        )
    ]


def read_greedily(log_probs: Tensor, frames: Tensor) -> list[list[int]]:
    """The digits of the likeliest class in each frame, repetitions taken once and blanks left out."""
    best = log_probs.argmax(dim=2).T
    rows = (torch.unique_consecutive(row[:number]) for row, number in zip(best, frames, strict=True))
    return [row[row != BLANK].tolist() for row in rows]


def _trained(loss: Loss, rows: Rows, epochs: int) -> Trained:
    pictures, labels = torch.from_numpy(rows.pictures).float(), torch.from_numpy(rows.labels)
    frames, counts = _frames(rows), torch.from_numpy(rows.counts)

    def batch_loss(model: nn.Module, batch: Tensor, chosen: Tensor) -> Tensor:
        return loss(model(batch), labels[chosen], frames[chosen], counts[chosen], blank=BLANK)

    return train(Reader, batch_loss, pictures, torch.arange(len(pictures)), epochs, rate=RATE)


def _frames(rows: Rows) -> Tensor:
    """The frames of each row: the last one may hold fewer columns."""
    return torch.from_numpy(-(-rows.widths // STRIDE))
