"""A call of a loss without its arrays: what JAX carries as a constant of the program, and what follows from shapes."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from lossgen.runtime import Call, Loss, Variant
from lossgen.runtime.axes import FrozenAxis, thaw
from lossgen.runtime.loss import find_loss

from .jax_library import jax

Shape = tuple[int, ...]
EXTRA = ("sample_weight", "mask", "denominator")  # the places after those of the arguments
VALUE, SLOPES, GRADIENTS, PRODUCTS = "value", "slopes", "gradients", "products"


class Form(NamedTuple):
    """What follows from shapes and dtypes alone: the variant, the dtype of the arithmetic, the shape of the items."""

    variant: Variant
    real: np.dtype
    item_shape: Shape


@dataclass(frozen=True)
class Task:
    """What is to be computed, and how the loss is called.

    Args:
        location: of the loss (see `Loss.location`).
        places: for each of the loss's arrays, in ascending order, its position in the signature; after the arguments
            come those of `EXTRA`.
        parameters: in the order of the signature.
        reduction: one that the loss has.
        axis: dimensions in place of the axes' default ones.
        empty: the `mean` of no items; None for NaN, which is not equal to itself.
        denominator: a number that divides in place of the loss's own.
        kind: VALUE: the value and the gradients at `wanted`. The others are linear in arrays that come before the loss's:
            SLOPES: the change of the items' values in directions at `moving`. GRADIENTS: those at `wanted`, for an upstream
            gradient of the items. PRODUCTS: those of the Hessian with directions at `moving`, at `wanted`; where the value
            is one for each item, the upstream gradient comes before the directions.
        wanted: places in ascending order.
        moving: places in ascending order.
        lead: how many dimensions at the front of every array count calls; an array has size 1 there if calls share it.
    """

    location: str
    places: tuple[int, ...]
    parameters: tuple
    reduction: str
    axis: FrozenAxis = None
    empty: float | None = None
    denominator: float | None = None
    kind: str = VALUE
    wanted: tuple[int, ...] = ()
    moving: tuple[int, ...] = ()
    lead: int = 0

    @property
    def per_item(self) -> bool:
        """True if the value is an array over the items."""
        return self.reduction == "none"

    @property
    def leading(self) -> int:
        """How many arrays come before those of the loss."""
        return len(self.moving) + (self.kind == GRADIENTS or (self.kind == PRODUCTS and self.per_item))

    def ask(self, kind: str, wanted: Sequence[int] = (), moving: Sequence[int] = ()) -> Task:
        """The same call with another question."""
        return replace(self, kind=kind, wanted=tuple(sorted(wanted)), moving=tuple(sorted(moving)))

    def place(self, loss: Loss, arrays: Sequence) -> list:
        """The loss's arrays at their places; None at the others."""
        found = [None] * (len(loss.argument_names) + len(EXTRA))
        for place, array in zip(self.places, arrays, strict=True):
            found[place] = array
        return found

    def bind(self, loss: Loss, arrays: Sequence[np.ndarray]) -> Call:
        """The prepared call for the loss's arrays."""
        *arguments, weight, mask, denominator = self.place(loss, arrays)
        if denominator is None:
            denominator = self.denominator
        empty = math.nan if self.empty is None else self.empty
        return loss.bind(arguments, self.parameters, self.reduction, thaw(self.axis), weight, mask, denominator, empty)


def names(loss: Loss) -> tuple[str, ...]:
    """The names at all places."""
    return (*loss.argument_names, *EXTRA)


@lru_cache(maxsize=1024)
def form(task: Task, kinds: tuple[tuple[Shape, np.dtype], ...]) -> Form:
    """What follows from the shapes and dtypes of the loss's arrays, all but the dimensions that count calls.

    Raises:
        LossError: as a call with arrays like these would.
    """
    stand_ins = [np.broadcast_to(np.ones((), dtype), shape[task.lead :]) for shape, dtype in kinds]
    plan = task.bind(find_loss(task.location), stand_ins).plan
    return Form(plan.variant, plan.real, plan.geometry.item_shape)


def result_kinds(task: Task, operands: Sequence[jax.Array | jax.core.ShapedArray]) -> list[tuple[Shape, np.dtype]]:
    """Shapes and dtypes of what a task computes from arrays like these."""
    calls = np.broadcast_shapes(*[x.shape[: task.lead] for x in operands])
    own = operands[task.leading :]
    found = form(task, tuple([(x.shape, x.dtype) for x in own]))
    by_place = dict(zip(task.places, own, strict=True))
    slopes = [((*calls, *by_place[p].shape[task.lead :]), by_place[p].dtype) for p in task.wanted]
    items = found.item_shape if task.per_item else ()
    return [((*calls, *items), found.real), *slopes] if task.kind in (VALUE, SLOPES) else slopes


@lru_cache(maxsize=1024)
def written(task: Task) -> str:
    """A task as text, which a compiled program keeps."""
    return json.dumps(asdict(task), sort_keys=True)


@lru_cache(maxsize=1024)
def read(text: bytes) -> Task:
    """The task that was written."""
    return Task(**{name: _tuples(value) for name, value in json.loads(text).items()})


def _tuples(value: object) -> object:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
