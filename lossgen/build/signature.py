"""Signatures on PyTorch tensors: what may be given by position, in PyTorch's order, and what follows by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lossgen.formula import Loss
from lossgen.formula.calls import LEGACY

from .batches import Batches

AXIS = "axis: int | Sequence[int] | Mapping[str, int | Sequence[int]] | None = None"
EMPTY = 'empty: float = float("nan")'


class TorchSignature:
    """The signatures of one loss: of its function, of its module's constructor and of the module's `forward`.

    Args:
        loss: the loss.
        inputs: the arguments given to `forward`; the other ones are given to the constructor.
        parameters: name, type and default of every hyperparameter, as text.
    """

    def __init__(self, loss: Loss, inputs: Sequence[str], parameters: Iterable[tuple[str, str, str]]) -> None:
        arguments = [a.name for a in loss.variants[0].arguments]
        required = [name for name in arguments if loss.default(name) is None]
        optional = [name for name in arguments if name not in required]
        self._inputs = [name for name in (*required, *optional) if name in inputs]
        self._renamed = loss.forward
        numbers = spread_arguments(loss)
        kinds = dict.fromkeys(arguments, "Tensor") | dict.fromkeys(numbers, "Tensor | float")
        kinds |= dict.fromkeys(length_arguments(loss), "Tensor | Sequence[int] | int")
        self._entries = {name: f"{name}: {kinds[name]}" for name in required}
        self._entries |= {name: f"{name}: {kinds[name]} | None = None" for name in optional}
        self._entries |= {name: f"{name}: {type} = {default}" for name, type, default in parameters}
        if len(loss.reductions) > 1:
            self._entries["reduction"] = f'reduction: str = "{loss.reduction}"'
        self._entries |= {name: f"{name}: bool | None = None" for name in LEGACY if name in loss.positional}
        batches = Batches(loss)
        self._constants = [f"{name}: {batches.of_each('Tensor')} | None = None" for name in ("sample_weight", "mask")]
        self._constants.append(f"denominator: {batches.of_all('float')} | None = None")
        self._positional = loss.positional or (*required, *optional)

    @property
    def documentation(self) -> list[str]:
        """Lines on arguments that there are on PyTorch tensors only."""
        legacy = all(name in self._entries for name in LEGACY)
        return ["size_average, reduce : PyTorch's older spelling of `reduction`; deprecated"] if legacy else []

    @property
    def function(self) -> list[str]:
        """The function's: every argument and option."""
        return [*self._ordered(()), AXIS, *self._constants, EMPTY]

    @property
    def constructor(self) -> list[str]:
        """The module's: the function's without the inputs and without what belongs to a single call."""
        return [*self._ordered(self._inputs), AXIS, EMPTY]

    @property
    def forward(self) -> list[str]:
        """The inputs, and what belongs to a single call."""
        entries = {name: self._entries[name].removeprefix(name) for name in self._inputs}
        return [*(self._renamed.get(name, name) + entry for name, entry in entries.items()), "*", *self._constants]

    def _ordered(self, without: Sequence[str]) -> list[str]:
        by_position = [self._entries[name] for name in self._positional if name not in without]
        by_name = [e for name, e in self._entries.items() if name not in self._positional and name not in without]
        return [*by_position, "*", *by_name]


def spread_arguments(loss: Loss) -> list[str]:
    """What a model predicts that may be one for several items, hence a number."""
    arguments = loss.variants[0].arguments
    return [a.name for a in arguments if a.role.layout == "broadcast" and a.role.kind == "prediction"]


def length_arguments(loss: Loss) -> list[str]:
    """The arguments that say how many entries an item has: tensors, or Python's own numbers."""
    return [a.name for a in loss.variants[0].arguments if a.role.layout == "length"]
