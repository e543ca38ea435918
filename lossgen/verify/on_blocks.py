"""A loss on Dask arrays, held against the truth."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from lossgen.formula import Loss, Variant

from .reductions import summed, values
from .sampling import Arrays
from .surface import Complete, Found, plain

#: How many items a block has; the last one may have fewer.
ITEMS = 3


@dataclass(frozen=True)
class OnBlocks:
    """The loss on arrays of several blocks: value, and gradient for the predictions."""

    function: Any
    complete: Complete = plain
    joined: bool = False
    name: str = "Dask"
    flushes: bool = False

    def found(
        self, loss: Loss, variant: Variant, given: Arrays, parameters: Mapping[str, Any], directions: Arrays
    ) -> Found:
        dask = import_module("dask.array")  # which is optional
        names = [a.name for a in variant.arguments]

        def whole(arrays: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
            named = self.complete(dict(arrays), options)
            own = {n: dask.from_array(x, chunks=(ITEMS, *x.shape[1:])) for n, x in arrays.items()}
            return {n: own.get(n, x) for n, x in named.items()}

        def call(*arrays: np.ndarray, **options: Any) -> np.ndarray:
            return self.function(**whole(dict(zip(names, arrays, strict=True)), options)).compute(
                scheduler="synchronous"
            )

        _, slopes = self.function.value_and_grad(**whole(given, {**parameters, **summed(loss)}))
        return {
            "value": {"": values(loss, variant, call, [given[n] for n in names], parameters)},
            "gradient": dict(_slopes(loss, variant, slopes)),
        }


def _slopes(loss: Loss, variant: Variant, slopes: Any) -> Any:
    """The gradients for the variant's predictions, of those for all the loss's."""
    every = [a.name for a in loss.variants[0].predictions]
    own = {a.name for a in variant.predictions}
    for name, slope in zip(every, slopes if isinstance(slopes, tuple) else (slopes,), strict=True):
        if name in own:
            yield name, slope.compute(scheduler="synchronous")
