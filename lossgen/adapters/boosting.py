"""Losses of raw scores as objectives and metrics of XGBoost, LightGBM and CatBoost."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from lossgen.runtime import Loss, LossError
from lossgen.runtime.errors import choose

from .boosting_catboost import CatBoostMetric, CatBoostObjective
from .boosting_curvature import CHOICES, curvature
from .boosting_layout import read_batch
from .boosting_loss import ScoreLoss, spread
from .boosting_scores import Scores, identity, sigmoid, softmax
from .boosting_start import least_constant
from .installed import require_any

require_any(
    "objectives for gradient boosting need LightGBM, XGBoost or CatBoost, and none is installed: "
    "pip install lossgen[boosting], or xgboost-cpu, xgboost or catboost",
    *("lightgbm", "xgboost", "catboost"),
)

__all__ = ["Objective", "Scores", "identity", "sigmoid", "softmax"]


class Objective(ScoreLoss):
    """A loss of raw scores, with its weights and parameters: what the libraries take for an objective.

    Calling it gives the gradient and the diagonal of the Hessian, in the layout in which the scores came: with (scores,
    data set) as XGBoost and LightGBM call it, or (targets, scores, sample weights) as their scikit-learn interfaces do.

    Args:
        loss, forms, target, weights, parameters: as for `ScoreLoss`.
        hessian: "exact"; "clipped": no less than the floor; "fisher": the expectation under the model. None for "fisher"
            where the loss has it and "clipped" where not.
        hessian_floor: a number above 0; None for the loss's own.
        hessian_factor: a number above 0 that the Hessian is multiplied by.

    Raises:
        LossError: one line that names the loss, what was given and what is expected.
    """

    def __init__(
        self,
        loss: Loss,
        forms: Mapping[str, Scores],
        target: str,
        weights: Mapping[str, ArrayLike | None],
        parameters: tuple,
        hessian: str | None = None,
        hessian_floor: float | None = None,
        hessian_factor: float = 1.0,
    ) -> None:
        super().__init__(loss, forms, target, weights, parameters)
        self.hessian, self.hessian_floor, self.hessian_factor = hessian, hessian_floor, hessian_factor
        if hessian is not None and hessian not in CHOICES:
            raise choose(self.name, "hessian", hessian, CHOICES)
        for what, number in (("hessian_floor", hessian_floor), ("hessian_factor", hessian_factor)):
            if number is not None and not 0 < number < np.inf:
                raise LossError(f"{self.name}: {what} is {number!r}, expected a finite number greater than 0")

    def __call__(self, first: object, second: object, sample_weight: object = None) -> tuple[np.ndarray, np.ndarray]:
        batch = read_batch(self.name, first, second, sample_weight)
        gradient, diagonal = self.derivatives(batch.scores, batch.targets, batch.weights)
        return batch.like_scores(gradient), batch.like_scores(diagonal)

    def derivatives(
        self, scores: np.ndarray, targets: np.ndarray, sample_weight: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The gradient of the sum over all items, and the diagonal of the Hessian by choice, both of the scores' shape."""
        gradient = self.bind(scores, targets).gradients((self.score,))[0]
        diagonal = self.hessian_factor * curvature(self, scores, targets, gradient, sample_weight)
        if sample_weight is not None:
            weight = spread(sample_weight, gradient.ndim)
            gradient, diagonal = gradient * weight, diagonal * weight
        return gradient, diagonal.astype(gradient.dtype, copy=False)

    def xgboost_metric(self, first: object, second: object, sample_weight: object = None) -> tuple[str, float] | float:
        """XGBoost's `custom_metric`, and `eval_metric` of its scikit-learn interface."""
        batch = read_batch(self.name, first, second, sample_weight)
        value = self.value(batch.scores, batch.targets, batch.weights)
        return (self.name, value) if hasattr(second, "get_label") else value

    def lightgbm_metric(self, first: object, second: object, weight: object = None) -> tuple[str, float, bool]:
        """LightGBM's `feval`, and `eval_metric` of its scikit-learn interface; less is better."""
        batch = read_batch(self.name, first, second, weight)
        return self.name, self.value(batch.scores, batch.targets, batch.weights), False

    @property
    def catboost(self) -> CatBoostObjective:
        """CatBoost's `loss_function`."""
        return CatBoostObjective(self)

    @property
    def catboost_metric(self) -> CatBoostMetric:
        """CatBoost's `eval_metric`."""
        return CatBoostMetric(self)

    def initial_score(
        self, targets: ArrayLike, sample_weight: ArrayLike | None = None, classes: int | None = None
    ) -> float | list[float]:
        """The constant score of the least loss, to start from; a list of one for each class, or column of targets.

        Where there are several minima it is the one next to the best of 33 quantiles of the targets. Of a loss of rows
        that has kinks and no curvature it is a point from which no step along the gradient lowers the loss.

        Args:
            targets: as the library is given them.
            sample_weight: one weight for each item.
            classes: the number of classes, where the targets do not name the last of them.

        Raises:
            LossError: there is none, as where all labels are the same.
        """
        return least_constant(self, np.asarray(targets), sample_weight, classes)
