"""What a task of the demonstration reports."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Curve:
    """A training loss over the steps of an optimiser, with a generated loss and with the reference.

    Attributes:
        step: what one step is, such as "epoch".
        generated: the loss at each step.
        reference: the same for the reference; a single number where only its optimum is known.
        label: what the reference is, for the legend.
    """

    step: str
    generated: tuple[float, ...]
    reference: tuple[float, ...]
    label: str


@dataclass(frozen=True)
class Result:
    """The score of a model trained with a generated loss, beside that of its reference.

    Attributes:
        task: the data and the model.
        loss: the generated loss.
        metric: the score's name.
        score: the score on the test set.
        reference: what it is compared with.
        reference_score: the reference's score on the same test set.
        tolerance: how far the score may fall short of the reference's.
        seconds: how long training took; kernels are compiled before.
        reference_seconds: the same for the reference.
        curve: the training loss.
        higher_is_better: False for scores that are errors.
        images: pictures of inputs and, where it makes pictures, of what the model made of them, as one array.
        caption: what the images show.
    """

    task: str
    loss: str
    metric: str
    score: float
    reference: str
    reference_score: float
    tolerance: float
    seconds: float
    reference_seconds: float
    curve: Curve
    higher_is_better: bool = True
    images: np.ndarray | None = None
    caption: str = ""

    @property
    def shortfall(self) -> float:
        """By how much the score is worse than the reference's; negative where it is better."""
        difference = self.reference_score - self.score
        return difference if self.higher_is_better else -difference

    @property
    def passed(self) -> bool:
        """Whether the score is within the tolerance. A score that is NaN is not."""
        return self.shortfall <= self.tolerance
