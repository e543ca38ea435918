"""The contenders on torch tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from lossgen.generated import torch as generated_losses

from .cases import Case
from .contenders import Contender
from .plain import PLAIN


def generated(case: Case, arguments: tuple[np.ndarray, ...]) -> Contender:
    """The generated loss."""
    loss = getattr(generated_losses, case.family.loss)
    return _step(loss, case, arguments, dict(case.family.options))


def eager(case: Case, arguments: tuple[np.ndarray, ...]) -> Contender:
    """The plain torch loss."""
    return _step(PLAIN[case.family.loss], case, arguments, {})


def compiled(case: Case, arguments: tuple[np.ndarray, ...]) -> Contender:
    """The plain torch loss through torch.compile, specialised to the shapes of this case."""
    torch.compiler.reset()  # of earlier cases: another shape of the same function would be compiled for any shape
    return _step(torch.compile(PLAIN[case.family.loss], dynamic=False), case, arguments, {})


def _step(
    loss: Callable[..., Tensor], case: Case, arguments: tuple[np.ndarray, ...], options: dict[str, object]
) -> Contender:
    tensors = [torch.from_numpy(argument) for argument in arguments]
    for position in case.family.predictions:
        tensors[position].requires_grad_()
    return training_step(loss, tensors, options)


def training_step(loss: Callable[..., Tensor], tensors: Sequence[Tensor], options: dict[str, object]) -> Contender:
    """Forward and backward as in training: each step asks for new gradients, which are dropped after it."""
    leaves = [tensor for tensor in tensors if tensor.requires_grad]

    def step() -> Tensor:
        value = loss(*tensors, **options)
        value.backward()
        for leaf in leaves:
            leaf.grad = None
        return value.detach()

    return step
