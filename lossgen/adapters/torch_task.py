"""What PyTorch's transforms and compilers carry of a call besides its tensors, and what can be computed from it.

The nodes in `lossgen.adapters.torch_nodes` and the operators in `lossgen.adapters.torch_op` both end here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from lossgen.runtime import Call, Loss, LossError, Schema, Variant, derivatives
from lossgen.runtime.axes import AxisOption, freeze
from lossgen.runtime.domains import options_of
from lossgen.runtime.dtypes import arithmetic_dtype
from lossgen.runtime.layout import Geometry, check_numbered
from lossgen.runtime.measure import measure
from lossgen.runtime.plan import each_counts
from lossgen.runtime.variants import select

from . import torch_cuda
from .torch_arrays import as_array, as_tensor, constant_words, numpy_dtype, scalar_tensor
from .torch_library import torch

Tensors = Sequence[torch.Tensor]
ITEMS = (
    "items"  # the values of the items even where the loss does not offer them: reduction "none" for a part of a call
)
SHARES = "shares"  # the same, each divided by its own divisor, as the mean has them
EXTRA = ("sample_weight", "mask", "denominator")  # the places after those of the arguments


class Described(NamedTuple):
    """An array as far as shapes and dtypes go."""

    shape: tuple[int, ...]
    dtype: np.dtype


class Form(NamedTuple):
    """What follows from the shapes and dtypes of a call alone; `each` as in `lossgen.runtime.plan.Plan`."""

    variant: Variant
    real: torch.dtype
    geometry: Geometry
    each: float | None


@dataclass(frozen=True, eq=False, slots=True)
class Task:
    """A call of a loss without its tensors.

    Args:
        loss: the loss over NumPy arrays.
        places: for each of the tensors that come with it, in ascending order, the position in the signature;
            after the arguments come the positions of `EXTRA`.
        parameters: the parameters in the order of the signature.
        reduction: "none", "mean", "batchmean", "sum", `ITEMS` or `SHARES`.
        axis: dimensions in place of the axes' default ones.
        empty: the `mean` of no items.
        wanted: the places of the arguments whose gradients are wanted, among `places`.
        traced: whether a tracer looks on, which has to meet operators (see `torch_op`) in place of NumPy.
    """

    loss: Loss
    places: tuple[int, ...]
    parameters: tuple
    reduction: str
    axis: AxisOption
    empty: float
    wanted: tuple[int, ...] = ()
    traced: bool = False

    @property
    def schema(self) -> Schema:
        """The loss's schema."""
        return self.loss.schema

    @property
    def per_item(self) -> bool:
        """True if the value is an array over the items."""
        return self.reduction in ("none", ITEMS, SHARES)

    @property
    def divided(self) -> bool:
        """True if each item's value is divided by its own divisor though nothing is averaged."""
        return self.reduction == SHARES

    @property
    def names(self) -> tuple[str, ...]:
        """The names at all places."""
        return (*self.loss.argument_names, *EXTRA)

    def wanting(self, wanted: Sequence[int]) -> Task:
        """The same task with other gradients."""
        return replace(self, wanted=tuple(sorted(wanted)))

    def place(self, values: Sequence) -> list:
        """Values, one for each tensor, at their places; None at the others."""
        found = [None] * len(self.names)
        for place, value in zip(self.places, values, strict=True):
            found[place] = value
        return found

    def bind(self, tensors: Tensors) -> Call:
        """The prepared call for these tensors."""
        arrays = self.place([self._array(place, t) for place, t in zip(self.places, tensors, strict=True)])
        *arguments, weight, mask, denominator = arrays
        part = self.reduction in (ITEMS, SHARES)
        reduction = self.schema.reduction if part else self.reduction
        call = self.loss.bind(arguments, self.parameters, reduction, self.axis, weight, mask, denominator, self.empty)
        if part:
            call.scaling = call.scaling.one_by_one(self.divided)
        return call

    def _array(self, place: int, tensor: torch.Tensor) -> np.ndarray:
        return as_array(self.schema.name, self.names[place], tensor)

    def form(self, tensors: Tensors) -> Form:
        """Variant, dtype of the arithmetic and geometry, from shapes and dtypes; sizes may be symbolic.

        Raises:
            LossError: as for a call with these shapes and dtypes.
        """
        given = [Described(tuple(t.shape), numpy_dtype(t.dtype)) for t in tensors]
        arrays: Sequence = self.place(given)[: -len(EXTRA)]
        variant = select(self.schema, arrays, options_of(self.schema, self.parameters))
        real = arithmetic_dtype(self.schema.name, variant, arrays)
        axis = None if self.axis is None else freeze(self.schema, self.axis)
        geometry = measure(self.schema, variant, arrays, axis)
        if variant.numbered:
            check_numbered(self.schema.name, variant, geometry)
        return Form(
            variant, torch.float64 if real == np.float64 else torch.float32, geometry, each_counts(variant, arrays)
        )

    def check_constant(self, moving: Sequence[int], tensors: Tensors) -> None:
        """Raise LossError if the argument at one of these places, which require grad, has no gradient."""
        differentiable = self.form(tensors).variant.differentiable if moving else ()
        for place in moving:
            if self.names[place] not in differentiable:
                raise LossError(constant_words(self.schema.name, self.names[place]))

    def evaluate(self, tensors: Tensors) -> list[torch.Tensor]:
        """The value, and the gradients that are wanted for the upstream gradient 1."""
        if torch_cuda.serves(tensors[0]):
            return torch_cuda.evaluate(self, tensors)
        value, found = derivatives.evaluate(self.bind(tensors), self.wanted_names())
        return [scalar_tensor(value), *map(_contiguous, found)]

    def gradients(self, upstream: torch.Tensor, tensors: Tensors) -> list[torch.Tensor]:
        """The gradients that are wanted, times the upstream gradient."""
        if torch_cuda.serves(tensors[0]):
            return torch_cuda.gradients(self, upstream, tensors)
        call = self.bind(tensors)
        found = derivatives.gradients(call, self.wanted_names(), upstream_of(self.schema.name, upstream))
        return [_contiguous(array) for array in found]

    def products(
        self, upstream: torch.Tensor, tensors: Tensors, directions: Mapping[int, torch.Tensor], slope: bool
    ) -> list[torch.Tensor]:
        """The slope of the value along directions, given by place, if it is wanted, and the Hessian's products."""
        if torch_cuda.serves(tensors[0]):
            return torch_cuda.products(self, upstream, tensors, directions, slope)
        call = self.bind(tensors)
        arrays = {self.names[place]: self._array(place, tensor) for place, tensor in directions.items()}
        factor = upstream_of(self.schema.name, upstream)
        along, found = derivatives.products(call, arrays, self.wanted_names(), factor, slope)
        return [*([] if along is None else [scalar_tensor(along)]), *map(_contiguous, found)]

    def normalisers(self, tensors: Tensors) -> torch.Tensor:
        """What each item adds to the denominator of the mean."""
        if torch_cuda.serves(tensors[0]):
            return torch_cuda.normalisers(self, tensors)
        return as_tensor(self.bind(tensors).normalisers())

    def wanted_names(self) -> tuple[str, ...]:
        """The names of the arguments whose gradients are wanted."""
        return tuple(self.names[place] for place in self.wanted)


def upstream_of(loss: str, upstream: torch.Tensor) -> float | np.ndarray:
    """The upstream gradient as the engine takes it: a number where all its entries share one place in memory."""
    if upstream.dim() == 0:
        return upstream.item()
    if upstream.numel() and not any(upstream.stride()):  # what `.sum()` sends back
        return upstream[(0,) * upstream.dim()].item()
    return as_array(loss, "the upstream gradient", upstream)


def _contiguous(array: np.ndarray) -> torch.Tensor:
    """A tensor over an array's memory, contiguous as the operators promise their results to be."""
    return as_tensor(array).contiguous()
