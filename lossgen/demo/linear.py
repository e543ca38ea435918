"""Linear models in plain NumPy, trained with any loss that returns its value and its gradient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from scipy.optimize import minimize

# From the scores of all items to a mean loss and its gradient with respect to the scores.
ScoreLoss = Callable[[np.ndarray], tuple[float, np.ndarray]]


@dataclass(frozen=True)
class Fit:
    """A trained linear model.

    Attributes:
        weights: (F,) or (F, outputs).
        intercept: () or (outputs,).
        curve: the objective after each step of the optimiser.
        seconds: how long training took.
    """

    weights: np.ndarray
    intercept: np.ndarray
    curve: tuple[float, ...]
    seconds: float

    def scores(self, features: np.ndarray) -> np.ndarray:
        """What the model predicts: (N,) or (N, outputs)."""
        return features @ self.weights + self.intercept


class Objective:
    """mean loss(features @ weights + intercept) + penalty/2 * |weights|², as a function of one flat vector."""

    def __init__(self, loss: ScoreLoss, features: np.ndarray, outputs: int | None, penalty: float) -> None:
        self._loss = loss
        self._features = features
        self._weights_shape = (features.shape[1],) if outputs is None else (features.shape[1], outputs)
        self._penalty = penalty

    @property
    def size(self) -> int:
        """How many numbers the model has."""
        return int(np.prod(self._weights_shape) + np.prod(self._weights_shape[1:]))

    def split(self, vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The weights and the intercept in a flat vector."""
        count = int(np.prod(self._weights_shape))
        return vector[:count].reshape(self._weights_shape), vector[count:].reshape(self._weights_shape[1:])

    def __call__(self, vector: np.ndarray) -> tuple[float, np.ndarray]:
        """The objective and its gradient."""
        weights, intercept = self.split(vector)
        value, gradient = self._loss(self._features @ weights + intercept)
        value = float(value) + 0.5 * self._penalty * float(np.sum(weights**2))
        weights_gradient = self._features.T @ gradient + self._penalty * weights
        return value, np.concatenate([weights_gradient.ravel(), np.atleast_1d(gradient.sum(axis=0))])


def fit_lbfgs(loss: ScoreLoss, features: np.ndarray, outputs: int | None = None, penalty: float = 0.0) -> Fit:
    """Minimise a smooth loss with L-BFGS, starting from zeros.

    Args:
        loss: gives the mean loss of all items and its gradient with respect to the scores.
        features: (N, F).
        outputs: scores per item; None for scores of shape (N,).
        penalty: the factor of half the squared norm of the weights (not of the intercept).
    """
    objective = Objective(loss, features, outputs, penalty)
    start = np.zeros(objective.size)
    curve = [objective(start)[0]]  # this first call also compiles the kernel, before the clock starts
    began = perf_counter()
    solution = minimize(
        objective,
        start,
        jac=True,
        method="L-BFGS-B",
        callback=lambda intermediate_result: curve.append(float(intermediate_result.fun)),
        options={"maxiter": 1000, "gtol": 1e-6, "ftol": 1e-12},
    )
    return Fit(*objective.split(solution.x), tuple(curve), perf_counter() - began)


def fit_adam(loss: ScoreLoss, features: np.ndarray, steps: int, rate: float) -> Fit:
    """Minimise a loss that has kinks with Adam, starting from zeros; the step size falls to 0 along a cosine.

    L-BFGS assumes a gradient that is continuous, which the absolute error does not have.
    """
    objective = Objective(loss, features, None, 0.0)
    vector = np.zeros(objective.size)
    first, second = np.zeros_like(vector), np.zeros_like(vector)
    curve = [objective(vector)[0]]
    began = perf_counter()
    for step in range(1, steps + 1):
        value, gradient = objective(vector)
        curve.append(value)
        first = 0.9 * first + 0.1 * gradient
        second = 0.99 * second + 0.01 * gradient**2
        size = rate * 0.5 * (1 + np.cos(np.pi * step / steps))
        vector -= size * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-12)
    return Fit(*objective.split(vector), tuple(curve), perf_counter() - began)
