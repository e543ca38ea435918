"""The functions that are measured: each computes the value and the gradient of one case once.

`numpy` is the generated loss on NumPy arrays; `torch` the generated loss on tensors, forward and backward; `eager` and
`compile` are the plain torch loss, forward and backward, as it is and through torch.compile; `optax` is that of Optax,
value and gradient through jax.jit, for the losses that it is a peer of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec

import numpy as np

from .cases import Case

Contender = Callable[[], object]
NUMPY, TORCH, EAGER, COMPILE = "lossgen NumPy", "lossgen torch", "torch eager", "torch.compile"
OPTAX = "optax jit"


def columns(compiled: bool = True) -> tuple[str, ...]:
    """The contenders that can run here; without torch.compile if it is not wanted."""
    in_torch = (TORCH, EAGER, COMPILE) if compiled else (TORCH, EAGER)
    return (NUMPY, *(in_torch if find_spec("torch") else ()), *((OPTAX,) if has_optax() else ()))


def has_optax() -> bool:
    """Whether Optax, and JAX below it, are installed."""
    return find_spec("optax") is not None and find_spec("jax") is not None


def make_contenders(case: Case, names: Sequence[str]) -> dict[str, Contender]:
    """Those of these contenders that have the loss of a case; they share the data."""
    arguments = case.family.arguments(case.size)
    return {name: make_contender(name, case, arguments) for name in names if name != OPTAX or case.family.optax}


def make_contender(name: str, case: Case, arguments: tuple[np.ndarray, ...]) -> Contender:
    """One contender for a case, importing only what it needs."""
    if name == NUMPY:
        return _numpy(case, arguments)
    if name == OPTAX:
        return import_module("lossgen.bench.jax_contenders").jitted(case, arguments)  # by name: JAX is an option
    module = import_module("lossgen.bench.torch_contenders")  # by name: torch is an option
    return {TORCH: module.generated, EAGER: module.eager, COMPILE: module.compiled}[name](case, arguments)


def _numpy(case: Case, arguments: tuple[np.ndarray, ...]) -> Contender:
    """`value_and_grad` of the generated loss; each call asks for new gradients."""
    value_and_grad = getattr(import_module("lossgen.generated"), case.family.loss).value_and_grad
    options = dict(case.family.options)
    return lambda: value_and_grad(*arguments, **options)
