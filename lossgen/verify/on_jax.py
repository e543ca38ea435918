"""A loss on JAX arrays, held against the truth."""

from collections.abc import Mapping
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
class OnJax:
    """The loss on JAX arrays: gradients in reverse mode, the Hessian's product in forward mode over that.

    `complete` adds to the arrays of a batch what the loss is given besides them.
    """

    function: Any
    complete: Complete = plain
    joined: bool = False
    name: str = "JAX"
    flushes: bool = True  # XLA, in all that it computes itself

    def found(
        self, loss: Loss, variant: Variant, given: Arrays, parameters: Mapping[str, Any], directions: Arrays
    ) -> Found:
        jax = import_module("jax")  # which is optional
        given, directions = (as_given(variant, x, self.joined) for x in (given, directions))
        names, arguments = [a.name for a in variant.differentiable], [a.name for a in variant.arguments]

        def call(*arrays: np.ndarray, **options: Any) -> np.ndarray:
            return np.asarray(self.function(**self.complete(dict(zip(arguments, arrays, strict=True)), options)))

        def total(moving: Mapping[str, Any]) -> Any:
            return self.function(**self.complete({**given, **moving}, {**parameters, **summed(loss)})).sum()

        with jax.enable_x64(True):
            start, along = ({n: jax.numpy.asarray(x) for n, x in of.items()} for of in (given, directions))
            slopes = jax.jit(jax.grad(total))({n: start[n] for n in names})
            turned = jax.jit(lambda start, along: jax.jvp(jax.grad(total), (start,), (along,))[1])
            products = turned({n: start[n] for n in directions}, along)
            found = {
                "value": {"": values(loss, variant, call, [given[n] for n in arguments], parameters)},
                "gradient": {n: np.asarray(slopes[n]) for n in names},
                "product": {n: np.asarray(products[n]) for n in directions},
            }
        return {kind: as_batch(variant, parts) for kind, parts in found.items()}
