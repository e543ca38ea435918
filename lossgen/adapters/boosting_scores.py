"""What is known of a loss of raw scores, as data; the inverse links that roles tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


def identity(scores: np.ndarray, **_: object) -> np.ndarray:
    """The score itself: it is what is predicted."""
    return scores


def sigmoid(scores: np.ndarray, **_: object) -> np.ndarray:
    """The probability of label 1, of a logit."""
    small = np.exp(-np.abs(scores))
    return np.where(scores >= 0, 1, small) / (1 + small)


def softmax(scores: np.ndarray, **_: object) -> np.ndarray:
    """The probability of each class, of logits along the last dimension."""
    parts = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return parts / parts.sum(axis=-1, keepdims=True)


@dataclass(frozen=True, slots=True)
class Scores:
    """What a form of a loss says of raw scores; `lossgen.derive.scores` derives it.

    Args:
        link: the inverse link: scores and, by name, the loss's parameters to predictions.
        expectation: how the Hessian's expectation under the model is found: "itself", "labels", "two values", "mean",
            "error", or "" where there is none.
        steady: True if the Hessian depends on no target where no weights are given.
        flat: True if the Hessian is 0 nearly everywhere.
    """

    link: Callable[..., np.ndarray] = identity
    expectation: str = ""
    steady: bool = False
    flat: bool = False
