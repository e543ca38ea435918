"""Arguments for any loss, made from its schema alone."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import NamedTuple

import lossgen.generated.numpy as surfaces
import numpy as np
import torch

from lossgen.runtime import Loss, Parameter, Variant

ITEMS, CLASSES = 4, 3

#: Entries inside each domain, away from its ends, so that finite differences stay inside.
DRAW = {
    "real": lambda rng, shape: rng.normal(size=shape),
    "not-nan": lambda rng, shape: rng.normal(size=shape),
    "unit": lambda rng, shape: rng.uniform(0.1, 0.9, shape),
    "nonnegative": lambda rng, shape: rng.uniform(0.5, 1.5, shape),
    "above-minus-one": lambda rng, shape: rng.uniform(-0.5, 1.5, shape),
    "binary": lambda rng, shape: rng.integers(0, 2, shape).astype(float),
    "sign": lambda rng, shape: rng.choice([-1.0, 1.0], shape),
    "label-list": lambda rng, shape: np.sort(rng.integers(-1, CLASSES, shape))[..., ::-1].copy(),
    "class-index": lambda rng, shape: rng.integers(0, CLASSES, shape),
}


class Case(NamedTuple):
    """A loss in one of its variants: the surface for NumPy, the function for tensors."""

    numpy: Loss
    torch: object
    variant: Variant

    def arguments(self, seed: int = 0, dtype: torch.dtype = torch.float64) -> dict[str, torch.Tensor]:
        """Every argument, the optional ones too."""
        rng = np.random.default_rng(seed)
        found = {}
        for argument in self.variant.arguments:
            shape = {"shared": (CLASSES,), "row": (ITEMS, CLASSES)}.get(argument.layout, (ITEMS,))
            weight = argument.default is not None
            entries = rng.uniform(0.5, 1.5, shape) if weight else DRAW[argument.domain](rng, shape)
            tensor = torch.from_numpy(np.asarray(entries))
            found[argument.name] = tensor if argument.integer else tensor.to(dtype)
        return found

    def required(self, seed: int = 0, dtype: torch.dtype = torch.float64) -> dict[str, torch.Tensor]:
        """The arguments that have no default."""
        optional = {argument.name for argument in self.variant.arguments if argument.default is not None}
        return {name: tensor for name, tensor in self.arguments(seed, dtype).items() if name not in optional}

    def kernels(self) -> ModuleType:
        """The module of its float64 kernels."""
        return importlib.import_module(f"lossgen.generated.cpu.{self.variant.module}_float64")

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
