"""The diagonal of the Hessian as gradient boosting divides by it: exact, clipped, or its expectation under the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lossgen.runtime import LossError

from .boosting_loss import spread
from .boosting_scores import Scores, softmax

if TYPE_CHECKING:
    from .boosting import Objective

CHOICES = ("exact", "clipped", "fisher")
#: Floors: of an expectation; of a Hessian, which may be negative; of one that says nothing.
LEAST, SMALL, FLAT = 1e-16, 1e-6, 1.0


def curvature(
    objective: Objective, scores: np.ndarray, targets: np.ndarray, gradient: np.ndarray, weight: np.ndarray | None
) -> np.ndarray:
    """The diagonal for each entry of the scores, without sample weights and factor.

    Args:
        objective: the loss, and the choice.
        scores, targets: as the loss takes them.
        gradient: the loss's, of the scores' shape, without sample weights.
        weight: the sample weights, or None.

    Raises:
        LossError: "fisher" was asked for and the loss has none.
    """
    known = objective.known(scores, targets)
    choice = objective.hessian or ("fisher" if known.expectation else "clipped")
    if choice == "fisher":
        if known.expectation == "error":
            found = np.broadcast_to(_of_error(scores - targets, gradient, weight), scores.shape)
        else:
            found = _expected(objective, known, scores, targets)
        return np.maximum(found, objective.hessian_floor or LEAST)
    exact = _exact(objective, scores, targets)
    if choice == "exact":
        return exact
    usual: float | np.ndarray = FLAT if known.flat else SMALL
    if objective.has_errors and (known.flat or known.expectation == "error"):
        usual = _of_error(scores - targets, gradient, weight)
    return np.maximum(exact, objective.hessian_floor or usual)


def _of_error(error: np.ndarray, gradient: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    """Σ g² / Σ e·g, for each column: the mean of the Hessian under the density exp(-loss / φ) of the error e.

    By parts, the mean of the Hessian, kinks included, is that of g² divided by φ, and φ is the mean of e·g: it fits the
    density's width to the errors. 1 where all errors are 0.
    """
    weighted = gradient if weight is None else gradient * spread(weight, gradient.ndim)
    above, below = (weighted * gradient).sum(axis=0), (weighted * error).sum(axis=0)
    return np.where(below > 0, above / np.where(below > 0, below, 1), FLAT)


def _exact(objective: Objective, scores: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return objective.bind(scores, targets).hessian_diagonal()[0]


def _expected(objective: Objective, known: Scores, scores: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """H averaged over the targets that the model expects."""
    way = known.expectation
    if way == "itself" or (known.steady and not objective.weights):
        return _exact(objective, scores, targets)
    if not way:
        reason = (
            "the Hessian is 0 nearly everywhere" if known.flat else "no model of the target follows from the formula"
        )
        raise LossError(f"{objective.name}: hessian is 'fisher', and {reason}; expected 'exact' or 'clipped'")
    if way == "mean":
        return _exact(objective, scores, objective.inverse_link(scores))
    if way == "labels":
        shares = softmax(scores).T[:, :, None]
        return sum(share * _exact(objective, scores, np.full(len(scores), k)) for k, share in enumerate(shares))
    return _of_two(objective, scores)


def _of_two(objective: Objective, scores: np.ndarray) -> np.ndarray:
    """The mean over the labels 0 and 1, with the probabilities under which the mean of the gradient is 0."""
    ends = [objective.bind(scores, np.full(scores.shape, label, scores.dtype)) for label in (0, 1)]
    (g_0,), (g_1,) = (call.gradients((objective.score,)) for call in ends)
    h_0, h_1 = (call.hessian_diagonal()[0] for call in ends)
    apart = np.where(g_0 == g_1, 1, g_0 - g_1)
    return h_0 + np.where(g_0 == g_1, 0.5, g_0 / apart) * (h_1 - h_0)
