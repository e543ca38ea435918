"""Scores and targets as the libraries hand them over, and derivatives in the layout in which scores came.

library                     called with                     several scores for each item
XGBoost, native             (scores, DMatrix)               (N, K); one row after another before version 2.1
LightGBM, native            (scores, Dataset)               (N, K); one class after another before version 4
either, scikit-learn's way  (targets, scores[, weights])    (N, K); one class after another in LightGBM before version 4
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lossgen.runtime import LossError


@dataclass(frozen=True, slots=True)
class Batch:
    """A call of an objective or a metric: scores (N,) or (N, K), targets, weights of the items or None."""

    scores: np.ndarray
    targets: np.ndarray
    weights: np.ndarray | None
    shape: tuple[int, ...]
    class_major: bool

    def like_scores(self, found: np.ndarray) -> np.ndarray:
        """Derivatives laid out like the scores that the library gave."""
        flat = len(self.shape) == 1 and found.ndim == 2
        return found.ravel(order="F" if self.class_major else "C") if flat else found.reshape(self.shape)


def read_batch(name: str, first: object, second: object, sample_weight: object) -> Batch:
    """The scores, targets and weights of a call by any of the libraries. Raises LossError where their sizes do not fit."""
    class_major = True
    if hasattr(second, "get_label"):
        class_major = hasattr(second, "get_init_score")  # LightGBM's data set, and not XGBoost's
        first, second, sample_weight = second.get_label(), first, second.get_weight()
    targets, scores = np.asarray(first), np.asarray(second)
    shape, items = scores.shape, len(targets)
    if scores.size % max(items, 1):
        raise LossError(
            f"{name}: {scores.size} scores for {items} targets, expected as many, or as many for each class"
        )
    if scores.ndim == 1 and scores.size != items:
        scores = scores.reshape(-1, items).T if class_major else scores.reshape(items, -1)
    elif scores.ndim == 2 and scores.shape[1] == 1:
        scores = scores[:, 0]
    weights = None if sample_weight is None or not np.size(sample_weight) else np.asarray(sample_weight, scores.dtype)
    return Batch(scores, targets, weights, shape, class_major)


def as_targets(name: str, targets: np.ndarray, dtype: np.dtype, domain: str, integer: bool) -> np.ndarray:
    """Targets as the loss takes them: numbers of classes as integers, labels 0 and 1 as −1 and 1 where it has signs.

    Libraries hand all of them over as floating-point numbers, and number the labels of classes from 0.
    """
    if integer:
        whole = targets.astype(np.int64)
        if (whole != targets).any():
            raise LossError(f"{name}: target has {targets[whole != targets][0]:g}, expected numbers of classes")
        return whole
    targets = targets.astype(dtype, copy=False)
    if domain == "sign" and ((targets == 0) | (targets == 1)).all():
        return 2 * targets - 1
    return targets
