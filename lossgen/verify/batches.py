"""Losses over several batches, one batch at a time: the others are there, but masked out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lossgen.formula import Loss, Variant

from .sampling import random_items

#: How many more items the other batches have, where they need not have as many.
MORE = 3


class OneBatch:
    """What one batch contributes to a loss, asked of the whole loss as its users call it.

    loss, variant : the loss over several batches, in one reading.
    batch : the batch whose arguments are given.
    function : the generated loss on NumPy arrays.
    """

    def __init__(self, loss: Loss, variant: Variant, batch: str, function: Any) -> None:
        self.loss, self.variant, self.batch, self.function = loss, variant, batch, function
        self.names = [a.name for a in variant.parts[batch].arguments]
        self.required = [name for name in self.names if loss.default(name) is None]

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """The value."""
        return self.function(**self._whole(self.names, arguments, options))

    def value_and_grad(self, *arguments: Any, **options: Any) -> Any:
        """Value and gradients; `wrt` names arguments of this batch."""
        return self.function.value_and_grad(**self._whole(self.names, arguments, options))

    def hvp(self, *arguments: Any, **options: Any) -> Any:
        """The Hessian times a direction over the predictions of this batch."""
        *given, direction = arguments
        whole = self._whole(self.required, given, options)
        own = iter(direction if isinstance(direction, tuple) else (direction,))
        along = tuple(
            next(own) if a.role.batch == self.batch else np.ones_like(whole[a.name]) for a in self.variant.predictions
        )
        return self._own(self.function.hvp(direction=along, **whole))

    def hessian_diagonal(self, *arguments: Any, **options: Any) -> Any:
        """The Hessian's diagonal for the predictions of this batch."""
        return self._own(self.function.hessian_diagonal(**self._whole(self.names, arguments, options)))

    def completed(self, arrays: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments and options of the whole loss, for arrays of this batch by name."""
        return self._whole(list(arrays), list(arrays.values()), dict(options))

    def _whole(self, names: Sequence[str], arguments: Sequence[Any], options: dict[str, Any]) -> dict[str, Any]:
        """The arguments and options of the whole loss."""
        own = {**dict(zip(names, arguments, strict=True)), **options}
        items = next(
            len(own[a.name]) for a in self.variant.parts[self.batch].arguments if a.role.layout in ("item", "row")
        )
        reduction = options.get("reduction", self.loss.reduction)
        count = items if reduction == "none" else items + MORE
        rng = np.random.default_rng(7)
        mask: dict[str, np.ndarray] = {}
        dtype = np.result_type(*(x.dtype for x in own.values() if hasattr(x, "dtype") and x.dtype.kind == "f"))
        for batch, part in self.variant.parts.items():
            if batch != self.batch:
                sizes = {axis.name: 3 for axis in part.axes}
                for name, array in random_items(part, rng, count, sizes).items():
                    own[name] = array if array.dtype.kind == "i" else array.astype(dtype)
                mask[batch] = np.zeros(count, bool)
        return {**own, "mask": mask}

    def _own(self, found: Sequence[Any]) -> Any:
        """Of the results for all predictions those of this batch."""
        pairs = zip(found, self.variant.predictions, strict=True)
        own = tuple(result for result, a in pairs if a.role.batch == self.batch)
        return own[0] if len(own) == 1 else own
