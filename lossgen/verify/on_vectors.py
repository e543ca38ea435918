"""A loss as a function of one vector, for scipy.optimize, held against the truth."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lossgen.formula import Loss, Variant

from .layouts import as_batch, as_given
from .reductions import summed
from .sampling import Arrays
from .surface import Complete, Found, plain


@dataclass(frozen=True)
class OnVectors:
    """The loss of all its predictions in one vector: value, gradient and the Hessian's product, in double precision."""

    function: Any
    complete: Complete = plain
    batch: str = ""
    joined: bool = False
    name: str = "SciPy"
    flushes: bool = False

    def found(
        self, loss: Loss, variant: Variant, given: Arrays, parameters: Mapping[str, Any], directions: Arrays
    ) -> Found:
        items = len(next(x for n, x in given.items() if n in directions))
        given, directions = (as_given(variant, x, self.joined) for x in (given, directions))
        whole = self.complete(given, {**parameters, **summed(loss)})
        shapes = {n: x.shape for n, x in given.items() if n in directions}
        at, along = (np.concatenate([x[n].ravel() for n in shapes]) for x in (given, directions))

        def problem(mask: np.ndarray | None) -> Any:
            masks = mask if not self.batch else {**whole["mask"], **({} if mask is None else {self.batch: mask})}
            return self.function(**{**whole, **dict.fromkeys(shapes), "mask": masks, "prediction_shape": shapes})

        def apart(vector: np.ndarray) -> Arrays:
            parts = np.split(vector, np.cumsum([np.prod(s) for s in shapes.values()])[:-1])
            return {n: part.reshape(shapes[n]) for n, part in zip(shapes, parts, strict=True)}

        everything = problem(None)
        found = {
            "value": {"": np.array([problem(np.arange(items) == i)(at)[0] for i in range(items)])},
            "gradient": apart(everything(at)[1]),
            "product": apart(everything.hessp(at, along)),
        }
        return {kind: as_batch(variant, parts) for kind, parts in found.items()}
