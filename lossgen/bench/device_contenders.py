"""The contenders on a device: forward and backward of the generated loss, of torch's, and of Liger-Kernel's where it has it."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

import torch
from torch import Tensor

from lossgen.generated import torch as generated_losses

from .contenders import COMPILE, EAGER, LIGER, TORCH, Contender
from .device_cases import DeviceCase
from .plain import PLAIN
from .torch_contenders import training_step

NO_LIGER = "Liger-Kernel is not installed: it was left out (pip install liger-kernel adds it)."

#: The losses that Liger-Kernel has, by the names of its functions. Its cross entropy writes the gradient over the logits.
IN_LIGER = {"cross_entropy": "liger_cross_entropy"}


def device_columns(compiled: bool) -> tuple[str, ...]:
    """The contenders that can run here."""
    return (TORCH, EAGER, *((COMPILE,) if compiled else ()), *((LIGER,) if has_liger() else ()))


def has_liger() -> bool:
    """Whether Liger-Kernel is installed."""
    return find_spec("liger_kernel") is not None


def device_contenders(case: DeviceCase, names: tuple[str, ...], tensors: tuple[Tensor, ...]) -> dict[str, Contender]:
    """Those of these contenders that have the loss of a case. They share the data, but for Liger, which writes to it."""
    return {name: MAKERS[name](case, tensors) for name in names if name != LIGER or case.loss in IN_LIGER}


def _generated(case: DeviceCase, tensors: tuple[Tensor, ...]) -> Contender:
    return training_step(getattr(generated_losses, case.loss), tensors, dict(case.family.options))


def _eager(case: DeviceCase, tensors: tuple[Tensor, ...]) -> Contender:
    return training_step(PLAIN[case.loss], tensors, {})


def _compiled(case: DeviceCase, tensors: tuple[Tensor, ...]) -> Contender:
    torch.compiler.reset()  # of earlier cases: another shape of the same function would be compiled for any shape
    return training_step(torch.compile(PLAIN[case.loss], dynamic=False), tensors, {})


def _liger(case: DeviceCase, tensors: tuple[Tensor, ...]) -> Contender:
    functional = import_module("liger_kernel.transformers.functional")  # by name: it is no dependency
    own = tuple(t.detach().clone().requires_grad_(t.requires_grad) for t in tensors)
    return training_step(getattr(functional, IN_LIGER[case.loss]), own, {})


MAKERS: dict[str, Callable[[DeviceCase, tuple[Tensor, ...]], Contender]] = {
    TORCH: _generated,
    EAGER: _eager,
    COMPILE: _compiled,
    LIGER: _liger,
}
