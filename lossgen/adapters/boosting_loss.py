"""A loss of raw scores with its weights and parameters: what it says of scores and targets as boosting libraries have them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from lossgen.runtime import Argument, Call, Loss, LossError
from lossgen.runtime.domains import check_parameters

from .boosting_layout import as_targets
from .boosting_scores import Scores


class ScoreLoss:
    """A loss of raw scores.

    Args:
        loss: the loss over NumPy arrays.
        forms: what each of its forms says of raw scores, by the name of its kernels; forms that are left out are no
            losses of raw scores.
        target: the argument that is the target.
        weights: weights by their argument's name: numbers, or one for each class; None where not given.
        parameters: the parameters in the order of the signature.

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
    ) -> None:
        self.name = self.__name__ = loss.name
        self.target = target
        self.weights = {name: np.asarray(weight) for name, weight in weights.items() if weight is not None}
        self._loss, self._forms, self._parameters = loss, forms, parameters
        choice = check_parameters(loss.schema, parameters).choice
        self._variants = [v for v in loss.schema.variants if v.choice == choice and v.module in forms]
        self._check()
        self.score = self._variants[0].predictions[0]
        #: Whether an item has a row of scores, one for each class or label.
        self.in_rows = self._argument(0, self.score).layout == "row"

    def _check(self) -> None:
        if not self._variants:
            given = zip(self._loss.schema.parameters, self._parameters, strict=True)
            chosen = ", ".join(f"{parameter.name}={value!r}" for parameter, value in given if parameter.options)
            raise LossError(f"{self.name}: with {chosen} it is no loss of raw scores, which may be any real number")
        for name, weight in self.weights.items():
            if weight.ndim and self._argument(0, name).layout == "broadcast":
                words = f"{name} has shape {weight.shape}, expected a number"
                raise LossError(f"{self.name}: {words}; give the data set one weight for each item")

    def __repr__(self) -> str:
        return f"<{type(self).__name__.lower()} {self.name}>"

    @property
    def has_errors(self) -> bool:
        """Whether scores and targets are numbers on the same scale, so that score - target is an error."""
        return not self.in_rows and self._argument(0, self.target).domain == "not-nan"

    def bind(self, scores: np.ndarray, targets: np.ndarray, reduction: str = "sum", *options: object) -> Call:
        """A call of the loss; options are sample weights and denominator."""
        if self.in_rows and scores.ndim == 1:
            raise LossError(f"{self.name}: one score for each item, expected one for each class: set num_class")
        argument = self._target(scores, targets)
        given = {self.score: scores, **{name: w.astype(scores.dtype) for name, w in self.weights.items()}}
        given[self.target] = as_targets(self.name, targets, scores.dtype, argument.domain, argument.integer)
        arguments = [given.get(name) for name in self._loss.argument_names]
        weight, denominator = options or (None, None)
        return self._loss.bind(arguments, self._parameters, reduction, None, weight, None, denominator)

    def known(self, scores: np.ndarray, targets: np.ndarray) -> Scores:
        """What is known of the form of the loss that takes these targets."""
        return self._forms[self.bind(scores, targets).plan.variant.module]

    def value(self, scores: ArrayLike, targets: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """The mean of the loss (the sum, of a loss that has no mean), in which each item counts its weight."""
        reduction = "mean" if "mean" in self._loss.schema.reductions else "sum"
        scores, targets = np.asarray(scores), np.asarray(targets)
        call = self.bind(scores, targets, reduction)
        if sample_weight is None:
            return float(call.value())
        counts = call.normalisers()
        weight = spread(np.asarray(sample_weight, scores.dtype), counts.ndim)
        whole = float((counts * weight).sum()) if reduction == "mean" else None
        return float(self.bind(scores, targets, reduction, weight, whole).value())

    def inverse_link(self, scores: ArrayLike) -> np.ndarray:
        """What the scores predict: probabilities of logits, a mean on the targets' scale, or the scores themselves."""
        names = (parameter.name for parameter in self._loss.schema.parameters)
        link = self._forms[self._variants[0].module].link
        return link(np.asarray(scores), **dict(zip(names, self._parameters, strict=True)))

    def _argument(self, form: int, name: str) -> Argument:
        return next(a for a in self._variants[form].arguments if a.name == name)

    def _target(self, scores: np.ndarray, targets: np.ndarray) -> Argument:
        """The target's argument in the form that takes targets of this shape."""
        found = [self._argument(form, self.target) for form in range(len(self._variants))]
        fits = (a for a in found if targets.ndim == scores.ndim - (self.in_rows and a.layout == "item"))
        return next(fits, found[0])


def spread(weight: np.ndarray, dimensions: int) -> np.ndarray:
    """Weights of the items for arrays with so many dimensions, of which the first is the items."""
    return weight.reshape(-1, *(1,) * (dimensions - 1))
