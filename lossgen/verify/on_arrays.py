"""A loss on NumPy arrays, held against the truth."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lossgen.formula import Loss, Variant

from .layouts import as_batch, as_given
from .reductions import summed, values
from .sampling import Arrays
from .surface import Found


@dataclass(frozen=True)
class OnArrays:
    """The loss on NumPy arrays; `joined`: with sequences one after another."""

    function: Any
    joined: bool = False
    name: str = "NumPy"
    flushes: bool = False

    def found(
        self, loss: Loss, variant: Variant, given: Arrays, parameters: Mapping[str, Any], directions: Arrays
    ) -> Found:
        function, options = self.function, {**parameters, **summed(loss)}
        given, directions = (as_given(variant, x, self.joined) for x in (given, directions))
        ordered, names = [given[a.name] for a in variant.arguments], tuple(a.name for a in variant.differentiable)
        required = [a.name for a in variant.arguments if loss.default(a.name) is None]
        optional = {a.name: given[a.name] for a in variant.arguments if a.name not in required}
        along = tuple(directions.values()) if len(directions) > 1 else next(iter(directions.values()))
        _, slopes = function.value_and_grad(*ordered, **options, wrt=names)
        product = function.hvp(*(given[n] for n in required), along, **optional, **options)
        found = {
            "value": {"": values(loss, variant, function, ordered, parameters)},
            "gradient": dict(zip(names, slopes, strict=True)),
            "product": dict(zip(directions, product if len(directions) > 1 else (product,), strict=True)),
        }
        if not variant.filled:  # over a lattice there is none: it costs a sweep for each entry
            diagonal = function.hessian_diagonal(*ordered, **options)
            found["diagonal"] = dict(zip(directions, diagonal if len(directions) > 1 else (diagonal,), strict=True))
        return {kind: as_batch(variant, parts) for kind, parts in found.items()}
