"""The functions that are measured: each computes the value and the gradient of one case once.

`numpy` is the generated loss on NumPy arrays; `torch` the generated loss on tensors, forward and backward; `eager` and
`compile` are the plain torch loss, forward and backward, as it is and through torch.compile; `optax` is that of Optax,
value and gradient through jax.jit, for the losses that it is a peer of.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from shutil import which

import numpy as np

from .cases import Case

Contender = Callable[[], object]
NUMPY, TORCH, EAGER, COMPILE = "lossgen NumPy", "lossgen torch", "torch eager", "torch.compile"
OPTAX, LIGER = "optax jit", "Liger"

NO_TORCH = "torch is not installed: only the NumPy surface was measured (pip install 'lossgen[torch]' adds the others)."
NO_COMPILER = "There is no C++ compiler: torch.compile was left out."
NO_OPTAX = "Optax and JAX are not installed: their CTC loss was left out (pip install 'lossgen[bench]' adds it)."
LOOPED = "Torch has no {}: beside them stands a vectorised loop, which takes torch.compile minutes to unroll: left out."


def columns(compiled: bool = True) -> tuple[str, ...]:
    """The contenders that can run here; without torch.compile if it is not wanted."""
    in_torch = (TORCH, EAGER, COMPILE) if compiled and has_compiler() else (TORCH, EAGER)
    return (NUMPY, *(in_torch if find_spec("torch") else ()), *((OPTAX,) if has_optax() else ()))


def has_optax() -> bool:
    """Whether Optax, and JAX below it, are installed."""
    return find_spec("optax") is not None and find_spec("jax") is not None


def has_compiler() -> bool:
    """Whether there is the C++ compiler that torch.compile starts."""
    usual = {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")
    return which(os.environ.get("CXX") or usual) is not None


def missing(cases: Sequence[Case], compiled: bool = True) -> list[str]:
    """A line for each contender that these cases could have and do not."""
    notes = []
    looped = dict.fromkeys(case.family.loss for case in cases if case.family.looped)
    if find_spec("torch") is None:
        notes.append(NO_TORCH)
    elif looped:
        notes.append(LOOPED.format(", ".join(looped)))
    if find_spec("torch") is not None and compiled and not has_compiler():
        notes.append(NO_COMPILER)
    if not has_optax() and any(case.family.optax for case in cases):
        notes.append(NO_OPTAX)
    return notes


def make_contenders(case: Case, names: Sequence[str]) -> dict[str, Contender]:
    """Those of these contenders that have the loss of a case; they share the data."""
    arguments = case.family.arguments(case.size)
    absent = {OPTAX: not case.family.optax, COMPILE: case.family.looped}
    return {name: make_contender(name, case, arguments) for name in names if not absent.get(name)}


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
