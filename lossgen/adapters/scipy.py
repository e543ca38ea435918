"""Losses as functions of one vector of variables: what `scipy.optimize.minimize` takes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lossgen.runtime import Loss, LossError, SeparableLoss

from .installed import require_any
from .scipy_given import as_float, as_operator
from .scipy_problem import Problem

require_any("losses for scipy.optimize need SciPy, which is not installed: pip install lossgen[scipy]", "scipy")

__all__ = ["LossProblem", "Shape"]

Shape = tuple[int, ...]
Shapes = Shape | Mapping[str, Shape]


class LossProblem(Problem):
    """A loss as a function of those of its predictions that are not given, one after the other in a vector.

    Args:
        loss: the loss over NumPy arrays.
        arguments: every argument by name, in the order of the signature; None where not given.
        parameters: the parameters in the order of the signature.
        options: reduction, axis, sample_weight, mask, denominator and empty.
        through: a matrix, sparse matrix or linear operator A (items, features): the prediction is A @ variables, with one
            column of variables (row-major, as an array of shape (features, columns)) for each number of an item.
        shape: the prediction's shape, or shapes by the predictions' names; that of the target unless given.

    Raises:
        LossError: an argument is missing, or a shape that cannot be told; when called, a vector of another length, and
            what the loss itself raises.
    """

    def __init__(
        self,
        loss: Loss | SeparableLoss,
        arguments: Mapping[str, Any],
        parameters: tuple,
        options: tuple,
        through: Any = None,
        shape: Shapes | None = None,
    ) -> None:
        form = loss.schema.variants[0]
        self.name, self._loss, self._parameters, self._options = loss.schema.name, loss, parameters, options
        self._layouts = {a.name: a.layout for a in form.arguments}
        self._predictions = form.predictions
        self._given = {name: as_float(value) for name, value in arguments.items()}
        self._free = tuple(name for name in form.predictions if arguments[name] is None)
        needed = [a.name for a in form.arguments if a.default is None and a.name not in self._free]
        self._through = as_operator(through)
        self._check([name for name in needed if arguments[name] is None], shape)
        self._shapes = {} if through is not None else {name: self._shape(name, shape) for name in self._free}

    def __repr__(self) -> str:
        return f"<problem {self.name} over {', '.join(self._free)}>"

    def __call__(self, variables: ArrayLike) -> tuple[float, np.ndarray]:
        arguments = self._arguments(self._unpack(variables, "variables"))
        value, slopes = self._loss._value_and_grad(arguments, self._parameters, self._free, *self._options)
        return float(value), self._pack(slopes)

    def hessp(self, variables: ArrayLike, direction: ArrayLike) -> np.ndarray:
        at, along = self._unpack(variables, "variables"), self._unpack(direction, "direction")
        arguments = self._arguments(at)
        still = {n: np.zeros_like(x) for n, x in zip(self._given, arguments, strict=True) if n in self._predictions}
        directions = tuple((still | along)[name] for name in self._predictions)
        found = self._loss._hvp(arguments, self._parameters, directions, *self._options)
        by_name = dict(zip(self._predictions, found if len(directions) > 1 else (found,), strict=True))
        return self._pack([by_name[name] for name in self._free])

    def _check(self, missing: list[str], shape: Shapes | None) -> None:
        if missing:
            raise LossError(
                f"{self.name}: {missing[0]} is not given; the variables stand for {', '.join(self._free)} only"
            )
        if not self._free:
            words = f"{', '.join(self._predictions)} given, expected one to be left out: the variables"
            raise LossError(f"{self.name}: {words}")
        if self._options[0] == "none":
            raise LossError(f"{self.name}: reduction is 'none', expected one that gives a number")
        if self._through is not None and (len(self._free) > 1 or shape is not None):
            words = (
                "a prediction_shape is given, too" if shape is not None else f"{' and '.join(self._free)} are left out"
            )
            raise LossError(f"{self.name}: through is given and {words}; expected one prediction, shaped by the matrix")

    def _shape(self, name: str, shape: Shapes | None) -> Shape:
        """The shape of a prediction: as given, or that of an argument laid out like it."""
        if isinstance(shape, Mapping) and name in shape:
            return tuple(shape[name])
        if shape is not None and not isinstance(shape, Mapping) and len(self._free) == 1:
            return tuple(shape)
        like = (n for n, layout in self._layouts.items() if n not in self._free and layout == self._layouts[name])
        found = next((self._given[n].shape for n in like if self._given[n] is not None), None)
        if found is None:
            example = f"shape={{{name!r}: (…)}}" if len(self._free) > 1 else "shape=(…)"
            raise LossError(
                f"{self.name}: the shape of {name} cannot be told from the other arguments; give prediction_{example}"
            )
        return found

    def _unpack(self, vector: ArrayLike, what: str) -> dict[str, np.ndarray]:
        """The predictions that a vector stands for."""
        vector = np.asarray(vector, float).ravel()
        if self._through is not None:
            features, (name,) = self._through.shape[1], self._free
            in_rows = self._layouts[name] != "item"
            self._check_length(
                what, vector, len(vector) % features == 0 if in_rows else len(vector) == features, features
            )
            return {name: self._through @ (vector.reshape(features, -1) if in_rows else vector)}
        ends = np.cumsum([math.prod(shape) for shape in self._shapes.values()])
        self._check_length(what, vector, len(vector) == ends[-1], int(ends[-1]))
        parts = np.split(vector, ends[:-1])
        return {n: part.reshape(shape) for (n, shape), part in zip(self._shapes.items(), parts, strict=True)}

    def _check_length(self, what: str, vector: np.ndarray, fits: bool, expected: int) -> None:
        if not fits:
            raise LossError(
                f"{self.name}: {what} has {len(vector)} numbers, expected {expected} for {', '.join(self._free)}"
            )

    def _pack(self, slopes: Any) -> np.ndarray:
        """A vector of derivatives from those with respect to the predictions."""
        if self._through is not None:
            return np.asarray(self._through.T @ slopes[0]).ravel()
        return np.concatenate([slope.ravel() for slope in slopes])

    def _arguments(self, predictions: Mapping[str, np.ndarray]) -> tuple:
        return tuple((self._given | predictions).values())
