"""A loss on PyTorch tensors, held against the truth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from lossgen.formula import Loss, Variant

from .layouts import as_batch, as_given
from .reductions import summed, values
from .sampling import Arrays
from .surface import Complete, Found, plain


@dataclass(frozen=True)
class OnTensors:
    """The loss on PyTorch tensors: gradients by its backward pass, the Hessian's product by the backward pass of that.

    `complete` adds to the arrays of a batch what the loss is given besides them.
    """

    function: Any
    complete: Complete = plain
    joined: bool = False
    name: str = "PyTorch"
    flushes: bool = False

    def found(
        self, loss: Loss, variant: Variant, given: Arrays, parameters: Mapping[str, Any], directions: Arrays
    ) -> Found:
        torch = import_module("torch")  # which is optional
        given, directions = (as_given(variant, x, self.joined) for x in (given, directions))
        names, arguments = [a.name for a in variant.differentiable], [a.name for a in variant.arguments]

        def call(*arrays: np.ndarray, **options: Any) -> np.ndarray:
            return self.function(**_tensors(self.complete(dict(zip(arguments, arrays, strict=True)), options))).numpy()

        def total(moving: Sequence[str]) -> tuple[Any, list[Any]]:
            tensors = _tensors(self.complete(dict(given), {**parameters, **summed(loss)}))
            leaves = [tensors[name].requires_grad_() for name in moving]
            return self.function(**tensors).sum(), leaves

        sum_, leaves = total(names)
        slopes = torch.autograd.grad(sum_, leaves)
        sum_, leaves = total(list(directions))
        first = torch.autograd.grad(sum_, leaves, create_graph=True)
        turned = sum((g * torch.from_numpy(v)).sum() for g, v in zip(first, directions.values(), strict=True))
        products = torch.autograd.grad(turned, leaves, allow_unused=True, materialize_grads=True)
        found = {
            "value": {"": values(loss, variant, call, [given[n] for n in arguments], parameters)},
            "gradient": {n: g.numpy() for n, g in zip(names, slopes, strict=True)},
            "product": {n: p.numpy() for n, p in zip(directions, products, strict=True)},
        }
        return {kind: as_batch(variant, parts) for kind, parts in found.items()}


def _tensors(given: Mapping[str, Any]) -> dict[str, Any]:
    """Arrays as tensors, in nested mappings too; copies, since a tensor that asks for a gradient is marked."""
    torch = import_module("torch")
    return {
        name: _tensors(x) if isinstance(x, dict) else torch.from_numpy(x.copy()) if isinstance(x, np.ndarray) else x
        for name, x in given.items()
    }
