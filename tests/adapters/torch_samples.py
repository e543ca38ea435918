"""Arguments for any loss, made from its schema alone."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import NamedTuple

import lossgen.generated.numpy as surfaces
import numpy as np
import torch

from lossgen.runtime import Argument, Loss, Parameter, SeparableLoss, Variant

ITEMS, CLASSES = 4, 3
FRAMES, LABELS = 6, 2

#: Entries inside each domain, away from its ends, so that finite differences stay inside.
DRAW = {
    "real": lambda rng, shape: rng.normal(size=shape),
    "not-nan": lambda rng, shape: rng.normal(size=shape),
    "unit": lambda rng, shape: rng.uniform(0.1, 0.9, shape),
    "nonnegative": lambda rng, shape: rng.uniform(0.5, 1.5, shape),
    "positive": lambda rng, shape: rng.uniform(0.5, 1.5, shape),
    "above-minus-one": lambda rng, shape: rng.uniform(-0.5, 1.5, shape),
    "binary": lambda rng, shape: rng.integers(0, 2, shape).astype(float),
    "sign": lambda rng, shape: rng.choice([-1.0, 1.0], shape),
    "label-list": lambda rng, shape: np.sort(rng.integers(-1, CLASSES, shape))[..., ::-1].copy(),
    "class-index": lambda rng, shape: rng.integers(0, CLASSES, shape),
}


class Case(NamedTuple):
    """A loss in one of its variants: the surface for NumPy, the function for tensors."""

    numpy: Loss | SeparableLoss
    torch: object
    variant: Variant

    @property
    def batches(self) -> tuple[str, ...]:
        """The names of the batches of a loss over several ones."""
        return tuple(self.numpy.parts) if isinstance(self.numpy, SeparableLoss) else ()

    def arguments(
        self, seed: int = 0, dtype: torch.dtype = torch.float64, reduction: str = "mean"
    ) -> dict[str, torch.Tensor]:
        """Every argument, the optional ones too. Each batch has a size of its own, unless `reduction` forbids it."""
        rng = np.random.default_rng(seed)
        found = {}
        for argument in self.variant.arguments:
            items = ITEMS
            if self.batches and reduction != "none":
                items += self.batches.index(self.numpy.batch_of[argument.name])
            shape = self._shape(argument, items)
            if argument.layout == "length":
                entries = self._size(argument.axis) - np.arange(items) % 2
            elif argument.default is not None:
                entries = rng.uniform(0.5, 1.5, shape)
            else:
                entries = DRAW[argument.domain](rng, shape)
            if argument.barred:
                entries = 1 + entries % (CLASSES - 1)  # the number of the class is 0
            tensor = torch.from_numpy(np.asarray(entries))
            found[argument.name] = tensor if argument.integer else tensor.to(dtype)
        return found

    def _shape(self, argument: Argument, items: int) -> tuple[int, ...]:
        """The shape of an argument: the items between the axes that come first and those that come last."""
        places = {axis.name: axis.place for axis in self.numpy.schema.axes}
        names = argument.axes or ((argument.axis,) if argument.layout in ("row", "shared", "sequence") else ())
        first = [self._size(name) for name in names if places[name] == "first"]
        last = [self._size(name) for name in names if places[name] != "first"]
        return (*first, *last) if argument.layout in ("shared", "table") else (*first, items, *last)

    def _size(self, name: str) -> int:
        """The size of an axis: long where the items have lengths on it, for labels to fit in, and short for the labels."""
        axis = next(axis for axis in self.numpy.schema.axes if axis.name == name)
        if axis.base:
            return self._size(axis.base) + axis.longer
        arguments = self.variant.arguments
        if not any(a.layout == "length" and a.axis == name for a in arguments):
            return CLASSES
        return FRAMES if any(name in a.axes for a in arguments) else LABELS

    def weights(self, dtype: torch.dtype = torch.float64, reduction: str = "mean") -> dict[str, object]:
        """Sample weights and a mask, given by batch where there are several."""
        weight = torch.tensor([0.5, 2.0, 1.5, 1.0, 0.7], dtype=dtype)
        mask = torch.tensor([True, True, False, True, True])
        if not self.batches:
            return {"sample_weight": weight[:ITEMS], "mask": mask[:ITEMS]}
        sizes = {batch: ITEMS + k * (reduction != "none") for k, batch in enumerate(self.batches)}
        return {
            "sample_weight": {batch: weight[:size] for batch, size in sizes.items()},
            "mask": {batch: mask[-size:] for batch, size in sizes.items()},
        }

    def required(
        self, seed: int = 0, dtype: torch.dtype = torch.float64, reduction: str = "mean"
    ) -> dict[str, torch.Tensor]:
        """The arguments that have no default."""
        optional = {argument.name for argument in self.variant.arguments if argument.default is not None}
        return {name: tensor for name, tensor in self.arguments(seed, dtype, reduction).items() if name not in optional}

    def kernels(self) -> list[ModuleType]:
        """The modules of its float64 kernels: one, or one for each batch."""
        parts = [v for batch in self.batches for v in self.numpy.parts[batch].schema.variants]
        variants = [v for v in parts if v.choice == self.variant.choice] or [self.variant]
        return [importlib.import_module(f"lossgen.generated.cpu.{v.module}_float64") for v in variants]

    def parameters(self) -> dict[str, object]:
        """The options of the variant; the other parameters at their defaults, but not at 0."""
        schema = self.numpy.schema
        options = [p.name for p in schema.parameters if p.options]
        chosen = dict(zip(options, self.variant.choice, strict=True))
        return {p.name: _number(p) if chosen.get(p.name) is None else chosen[p.name] for p in schema.parameters}


def _number(parameter: Parameter) -> float:
    """The default, unless it is 0 or has a variant of its own."""
    if parameter.default in parameter.options:
        return max(parameter.options) + 1.0
    return parameter.default if parameter.default or parameter.integer else 0.1


def reduced(case: Case, reduction: str) -> dict[str, str]:
    """The option for a reduction, which a loss with a single one does not have."""
    return {"reduction": reduction} if len(case.numpy.schema.reductions) > 1 else {}


def cases() -> dict[str, Case]:
    """All losses of the generated package in all their variants, by a name for each."""
    found = {}
    for name in sorted(surfaces.__all__):
        loss = getattr(importlib.import_module(f"lossgen.generated.numpy._{name}"), name)
        function = getattr(importlib.import_module(f"lossgen.generated.torch._{name}"), name)
        for variant in loss.schema.variants:
            found[variant.module] = Case(loss, function, variant)
    return found


CASES = cases()


def make(case: Case) -> tuple:
    """What of a loss the surface for tensors can tell apart; what a loss computes is not its business."""
    variant = case.variant
    arguments = [(a.layout, a.integer, a.default is None, a.name in variant.differentiable) for a in variant.arguments]
    return (
        arguments,
        len(variant.predictions),
        case.batches,
        variant.normalized,
        variant.normalizer_reads,
        case.numpy.schema.reductions,
    )


#: One loss of each make, with every reduction that it has: every kernel that is compiled costs half a second.
SPOKESMEN = {case.variant.module: case for case in {str(make(case)): case for case in CASES.values()}.values()}
REDUCED_SPOKESMEN = {
    f"{name}-{reduction}": (case, reduction)
    for name, case in SPOKESMEN.items()
    for reduction in case.numpy.schema.reductions
}
