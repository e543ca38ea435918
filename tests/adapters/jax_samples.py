"""What tests of losses on JAX arrays need: arguments for any loss, and the loss as a function of some of them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
import torch
from torch_samples import Case, reduced


def on_jax(case: Case) -> Callable[..., jax.Array]:
    """The function for JAX arrays."""
    name = case.numpy.schema.name
    return getattr(importlib.import_module(f"lossgen.generated.jax._{name}"), name)


def plain(given: Mapping[str, Any]) -> dict[str, Any]:
    """Tensors as NumPy arrays, in mappings too."""
    return {
        name: plain(x) if isinstance(x, Mapping) else x.numpy() if isinstance(x, torch.Tensor) else x
        for name, x in given.items()
    }


def arguments(case: Case, seed: int = 0, reduction: str = "mean") -> dict[str, np.ndarray]:
    """Every argument in float64."""
    return plain(case.arguments(seed, reduction=reduction))


def closed(
    case: Case, reduction: str, given: Mapping[str, np.ndarray], **options: Any
) -> Callable[[Mapping], jax.Array]:
    """The loss as a function of some of its arguments, by name; the others are `given`."""
    options = case.parameters() | reduced(case, reduction) | options
    return lambda moving: on_jax(case)(**{**given, **moving}, **options)


def moving(case: Case, given: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The differentiable ones among the arguments."""
    return {name: given[name] for name in case.variant.differentiable}
