"""The base class of the generated PyTorch modules."""

from __future__ import annotations

from collections.abc import Mapping

from lossgen.runtime import Loss
from lossgen.runtime.axes import AxisOption
from lossgen.runtime.domains import check_parameters
from lossgen.runtime.errors import choose

from .torch import Tensor
from .torch_arrays import as_array
from .torch_library import torch

__all__ = ["LossModule"]


class LossModule(torch.nn.Module):
    """A loss as a module. Weights are buffers: they move and are saved with the module.

    Parameters and options are attributes of their own names, and may be changed.

    Args:
        loss: the loss over NumPy arrays.
        weights: the arguments that the module holds, by name; None where not given.
        parameters: the parameters in the order of the signature.
        reduction: "none", "mean", "batchmean" or "sum", if the loss has it.
        axis: dimensions in place of the axes' default ones.
        empty: the `mean` of no items.

    Raises:
        LossError: a parameter outside its domain, an unknown reduction.
    """

    def __init__(
        self,
        loss: Loss,
        weights: Mapping[str, Tensor | None],
        parameters: tuple,
        reduction: str,
        axis: AxisOption = None,
        empty: float = float("nan"),
    ) -> None:
        super().__init__()
        check_parameters(loss.schema, parameters)
        if reduction not in loss.schema.reductions:
            raise choose(loss.schema.name, "reduction", reduction, loss.schema.reductions)
        self._loss = loss
        self._settings = tuple(parameter.name for parameter in loss.schema.parameters)
        for name, weight in weights.items():
            if weight is not None:
                as_array(loss.schema.name, name, weight)
            self.register_buffer(name, weight)
        for name, value in zip(self._settings, parameters, strict=True):
            setattr(self, name, value)
        self.reduction = reduction
        self.axis = axis
        self.empty = empty

    def held(self, name: str) -> Tensor | None:
        """A weight: what `getattr` finds, which for a buffer takes several times as long."""
        return self._buffers[name] if name in self._buffers else getattr(self, name)

    def extra_repr(self) -> str:
        """Weights by their shapes, parameters, and the options that are not at their defaults."""
        parts = [f"{name}={tuple(buffer.shape)}" for name, buffer in self.named_buffers(recurse=False)]
        parts += [f"{name}={getattr(self, name)}" for name in self._settings]
        if len(self._loss.schema.reductions) > 1:
            parts.append(f"reduction={self.reduction!r}")
        if self.axis is not None:
            parts.append(f"axis={self.axis}")
        if self.empty == self.empty:  # not NaN
            parts.append(f"empty={self.empty}")
        return ", ".join(parts)
