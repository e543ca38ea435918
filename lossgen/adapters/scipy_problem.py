"""Functions of one vector of variables, in the form that `scipy.optimize.minimize` takes them."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import ArrayLike


class Problem(ABC):
    """A function of a vector: calling it gives value and gradient, `hessp` the Hessian's product with a direction.

    Problems over the same variables are added, and multiplied by numbers: `fit + 0.1 * penalty`.
    """

    @abstractmethod
    def __call__(self, variables: ArrayLike) -> tuple[float, np.ndarray]:
        """Value and gradient, as `minimize(…, jac=True)` takes them."""

    @abstractmethod
    def hessp(self, variables: ArrayLike, direction: ArrayLike) -> np.ndarray:
        """The Hessian's product with a direction, as `minimize(…, hessp=…)` takes it."""

    def __add__(self, other: Problem) -> Problem:
        return Weighted((self, 1.0), (other, 1.0)) if isinstance(other, Problem) else NotImplemented

    def __mul__(self, factor: float) -> Problem:
        return Weighted((self, float(factor))) if np.isscalar(factor) else NotImplemented

    __rmul__ = __mul__


class Weighted(Problem):
    """A weighted sum of problems over the same variables."""

    def __init__(self, *terms: tuple[Problem, float]) -> None:
        self._terms = terms

    def __call__(self, variables: ArrayLike) -> tuple[float, np.ndarray]:
        found = [(factor, *term(variables)) for term, factor in self._terms]
        return sum(f * value for f, value, _ in found), sum(f * gradient for f, _, gradient in found)

    def hessp(self, variables: ArrayLike, direction: ArrayLike) -> np.ndarray:
        return sum(factor * term.hessp(variables, direction) for term, factor in self._terms)
