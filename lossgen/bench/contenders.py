"""The functions that are measured: each computes the value and the gradient of one case once.

`numpy` is the generated loss on NumPy arrays; `torch` the generated loss on tensors, forward and backward; `eager` and
`compile` are the plain torch loss, forward and backward, as it is and through torch.compile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec

import numpy as np

from .cases import Case

Contender = Callable[[], object]
NUMPY, TORCH, EAGER, COMPILE = "lossgen NumPy", "lossgen torch", "torch eager", "torch.compile"


def columns(compiled: bool = True) -> tuple[str, ...]:
    """The contenders that can run here; without torch.compile if it is not wanted."""
    if find_spec("torch") is None:
        return (NUMPY,)
    return (NUMPY, TORCH, EAGER, COMPILE) if compiled else (NUMPY, TORCH, EAGER)


def make_contenders(case: Case, names: Sequence[str]) -> dict[str, Contender]:
    """These contenders for a case; they share the data."""
    arguments = case.family.arguments(case.size)
    return {name: make_contender(name, case, arguments) for name in names}


def make_contender(name: str, case: Case, arguments: tuple[np.ndarray, ...]) -> Contender:
    """One contender for a case, importing only what it needs."""
    if name == NUMPY:
        return _numpy(case, arguments)
    module = import_module("lossgen.bench.torch_contenders")  # by name: torch is an option
    return {TORCH: module.generated, EAGER: module.eager, COMPILE: module.compiled}[name](case, arguments)


def _numpy(case: Case, arguments: tuple[np.ndarray, ...]) -> Contender:
    """`value_and_grad` of the generated loss; each call asks for new gradients."""
    value_and_grad = getattr(import_module("lossgen.generated"), case.family.loss).value_and_grad
    options = dict(case.family.options)
    return lambda: value_and_grad(*arguments, **options)
