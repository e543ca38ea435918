"""A loss of raw scores as an objective for gradient boosting, held against the truth."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lossgen.formula import Loss, Variant

from .sampling import Arrays
from .surface import Complete, Found, plain


@dataclass(frozen=True)
class OnObjectives:
    """The gradient and the exact diagonal of the Hessian, as the objective gives them to the libraries."""

    function: Any
    complete: Complete = plain
    joined: bool = False
    name: str = "boosting"
    flushes: bool = False

    def found(
        self, loss: Loss, variant: Variant, given: Arrays, parameters: Mapping[str, Any], directions: Arrays
    ) -> Found:
        score = variant.predictions[0].name
        target = next(a.name for a in variant.arguments if a.role.kind in ("target", "label"))
        weights = {a.name: given[a.name] for a in variant.arguments if a.role.kind == "weight"}
        of_items = [a.name for a in variant.arguments if a.name in weights and a.role.layout != "shared"]

        def derivatives(part: slice, **own: Any) -> tuple[np.ndarray, np.ndarray]:
            objective = self.function(**{**weights, **own}, **parameters, hessian="exact")
            return objective.derivatives(given[score][part], given[target][part])

        if not of_items:
            gradient, diagonal = derivatives(slice(None))
        else:  # an objective has one such weight for all items
            parts = [slice(i, i + 1) for i in range(len(given[score]))]
            pairs = [derivatives(p, **{n: _number(weights[n][p]) for n in of_items}) for p in parts]
            gradient, diagonal = (np.concatenate(found) for found in zip(*pairs, strict=True))
        return {"gradient": {score: gradient}, "diagonal": {score: diagonal}}


def _number(weight: np.ndarray) -> np.ndarray:
    """The weight of one item: a number, or a row of weights for its entries."""
    return weight[0] if weight.ndim == 1 else weight
