"""CatBoost's objects for objectives and metrics. It maximises: its derivatives have the opposite sign."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .boosting import Objective

Array = np.ndarray


class CatBoostObjective:
    """What CatBoost takes for a `loss_function`: of one score for each item, or (one item at a time) of several."""

    #: CatBoost would have Numba compile the methods, which call compiled code themselves.
    no_jit = True

    def __init__(self, objective: Objective) -> None:
        self._objective = objective

    def calc_ders_range(self, approxes: Array, targets: Array, weights: Array | None) -> list[tuple[float, float]]:
        """The first and second derivatives of the negated loss, for each of the items."""
        weight = None if weights is None else np.asarray(weights)
        gradient, diagonal = self._objective.derivatives(np.asarray(approxes), np.asarray(targets), weight)
        return list(zip((-gradient).tolist(), (-diagonal).tolist(), strict=True))

    def calc_ders_multi(
        self, approxes: Array, target: float | Array, weight: float
    ) -> tuple[list[float], list[list[float]]]:
        """The first derivatives of the negated loss of one item, and the matrix of the second ones, a diagonal one."""
        scores, targets = np.asarray(approxes, float)[None], np.asarray(target)[None]
        gradient, diagonal = self._objective.derivatives(scores, targets, np.full(1, weight))
        return (-gradient[0]).tolist(), np.diag(-diagonal[0]).tolist()


class CatBoostMetric:
    """What CatBoost takes for an `eval_metric`: the mean of the loss; less is better."""

    #: CatBoost would have Numba compile the methods, which call compiled code themselves.
    no_jit = True

    def __init__(self, objective: Objective) -> None:
        self._objective = objective

    def evaluate(self, approxes: list[Array], targets: Array, weights: Array | None) -> tuple[float, float]:
        """The sum over the items, each counting its weight, and the sum of the weights."""
        scores = np.stack([np.asarray(a) for a in approxes], axis=-1)
        weight = None if weights is None else np.asarray(weights)
        mean = self._objective.value(scores[:, 0] if len(approxes) == 1 else scores, np.asarray(targets), weight)
        whole = float(len(scores) if weight is None else weight.sum())
        return mean * whole, whole

    def get_final_error(self, error: float, weight: float) -> float:
        """The mean, from both sums."""
        return error / (weight or 1)

    def is_max_optimal(self) -> bool:
        """Less is better."""
        return False
