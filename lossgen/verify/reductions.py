"""How to ask a generated loss for its items, or for their sum, whichever reductions it has."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lossgen.formula import Loss, Variant


def summed(loss: Loss) -> dict[str, Any]:
    """The options under which derivatives are those of the plain sum over the items."""
    chosen = "sum" if "sum" in loss.reductions else loss.reductions[0]
    options = {"reduction": chosen} if len(loss.reductions) > 1 else {}
    return options if chosen in ("sum", "none") else {**options, "denominator": 1.0}


def values(
    loss: Loss, variant: Variant, function: Any, arguments: Sequence[np.ndarray], parameters: Mapping[str, Any]
) -> np.ndarray:
    """The loss of each item; one call for each where the loss cannot be had without a reduction."""
    if "none" in loss.reductions:
        options = {"reduction": "none"} if len(loss.reductions) > 1 else {}
        return function(*arguments, **parameters, **options)
    pairs = list(zip(variant.arguments, arguments, strict=True))
    items = next(len(array) for a, array in pairs if a.role.layout != "shared")
    options = summed(loss)
    single = ([array if a.role.layout == "shared" else array[i : i + 1] for a, array in pairs] for i in range(items))
    return np.array([function(*one, **parameters, **options) for one in single])
