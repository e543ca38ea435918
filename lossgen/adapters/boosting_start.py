"""The constant score of the least loss, where boosting starts from."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq, minimize

from lossgen.runtime import Call, LossError

if TYPE_CHECKING:
    from .boosting import Objective

STEPS, DOUBLINGS, FAR = 200, 40, 64
#: Keeps what no loss depends on, such as the mean of logits, where it is: trust regions would let it drift.
LEAST_DAMPING = 1e-9


def least_constant(
    objective: Objective, targets: np.ndarray, sample_weight: ArrayLike | None, classes: int | None
) -> float | list[float]:
    """The constant, or one for each class or column of targets. Raises LossError where there is none."""
    weight = np.ones(len(targets)) if sample_weight is None else np.asarray(sample_weight, float)
    if not objective.in_rows and targets.ndim == 2:
        return [_of_items(objective, column, weight) for column in targets.T]
    # Equal targets count once, with the sum of their weights: of n class indices K are left.
    targets, which = np.unique(targets, axis=0, return_inverse=True)
    weight = np.bincount(which.ravel(), weight)
    if not objective.in_rows:
        return _of_items(objective, targets, weight)
    columns = targets.shape[1] if targets.ndim == 2 else classes or int(targets.max()) + 1
    return _of_rows(objective, targets, weight, columns).tolist()


def _of_items(objective: Objective, targets: np.ndarray, weight: np.ndarray) -> float:
    """Where the slope changes its sign."""

    def call(at: float) -> Call:
        return objective.bind(np.full(len(targets), at), targets, "sum", weight, None)

    def slope(at: float) -> float:
        return float(call(at).gradients((objective.score,))[0].sum())

    # Where scores are on the targets' scale, the targets say where to look; elsewhere that scale is 1.
    tried = np.unique(np.quantile(targets, np.linspace(0, 1, 33))) if objective.has_errors else np.zeros(1)
    at = float(min(tried, key=lambda point: float(call(point).value())))
    if slope(at) == 0:
        return at
    return float(brentq(slope, *_around(objective, slope, at, float(np.ptp(tried)) or 1.0)))


def _around(objective: Objective, slope: Callable[[float], float], at: float, scale: float) -> tuple[float, float]:
    """An interval around a point at one end, at the other end of which the slope has another sign."""
    rise, width = slope(at), scale
    for _ in range(DOUBLINGS):
        end = at - width * np.sign(rise)
        beyond = slope(end)
        # A slope that fades out far away, as that of a logit under one label, is no minimum.
        if beyond * rise < 0 or (beyond == 0 and width <= FAR * scale):
            return min(at, end), max(at, end)
        width *= 2
    raise LossError(f"{objective.name}: no constant score has the least loss (are all targets the same?); choose one")


def _of_rows(objective: Objective, targets: np.ndarray, weight: np.ndarray, classes: int) -> np.ndarray:
    """Newton's method over the classes, damped so that each step lowers the loss; line by line on from there where it has kinks."""
    rows, score = len(targets), objective.score

    def call(at: np.ndarray) -> Call:
        return objective.bind(np.tile(at, (rows, 1)), targets, "sum", weight, None)

    at, damping = np.zeros(classes), LEAST_DAMPING
    value = float(call(at).value())
    for _ in range(STEPS):
        here = call(at)
        rise = here.gradients((score,))[0].sum(axis=0)
        along = (np.tile(row, (rows, 1)) for row in np.eye(classes))
        hessian = np.stack([here.products({score: v}, (score,))[1][0].sum(axis=0) for v in along])
        while damping < 1e12 * weight.sum():
            step = np.linalg.solve(hessian + damping * weight.sum() * np.eye(classes), rise)
            lower = float(call(at - step).value())
            if lower < value:
                break
            damping *= 8
        else:
            break
        small = value - lower <= 1e-15 * abs(value)
        at, value, damping = at - step, lower, max(damping / 8, LEAST_DAMPING)
        if small:
            break
    if not objective.known(np.tile(at, (rows, 1)), targets).flat:
        return at
    options = {"xtol": 1e-10, "ftol": 1e-14}
    return minimize(lambda at: float(call(at).value()), at, method="Powell", options=options).x
