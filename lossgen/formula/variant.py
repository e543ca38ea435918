"""One reading of a formula: a role chosen for each argument, a value for each option."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sympy import Expr

from .axes import Axis
from .notebook import displayed, readings
from .options import Value
from .recurrence import Lattice
from .symbols import ONE, Argument, Hyperparameter, ItemNumber


@dataclass(frozen=True)
class Variant:
    """One reading of a loss, with a role chosen for each argument.

    `label` is empty for a loss with a single variant. `names` are the author's own names for parts of the formula.
    `parameters` are the hyperparameters that are numbers; `options` has the value of each option, None for one that is
    among the numbers here. `parts` are what the batches of a loss over several batches contribute. `divisor` is what an
    item's loss is divided by under "mean", before the items are averaged.
    """

    label: str
    arguments: tuple[Argument, ...]
    expression: Expr
    normalizer: Expr
    names: Mapping[str, Expr] = field(default_factory=dict)
    parameters: tuple[Hyperparameter, ...] = ()
    options: Mapping[str, Value | None] = field(default_factory=dict)
    parts: Mapping[str, "Variant"] = field(default_factory=dict)
    divisor: Expr = ONE

    def __repr__(self) -> str:
        label = f" {self.label}" if self.label else ""
        return f"<variant{label} of {', '.join(a.name for a in (*self.arguments, *self.parameters))}>"

    def _repr_latex_(self) -> str:
        """The formula, for notebooks."""
        return displayed(readings(r"\ell", [(self.label, self.expression)]))

    @property
    def predictions(self) -> tuple[Argument, ...]:
        return tuple(a for a in self.arguments if a.role.kind == "prediction")

    @property
    def differentiable(self) -> tuple[Argument, ...]:
        return tuple(a for a in self.arguments if a.role.differentiable)

    @property
    def labels(self) -> tuple[Argument, ...]:
        return tuple(a for a in self.arguments if a.role.chooses)

    @property
    def pieces(self) -> tuple["Variant", ...]:
        """What has items and kernels of its own: the part of each batch, or the variant itself."""
        return tuple(self.parts.values()) or (self,)

    @property
    def numbered(self) -> bool:
        """Whether the number of the item in its batch occurs."""
        return self.expression.has(ItemNumber) or self.normalizer.has(ItemNumber)

    @property
    def filled(self) -> bool:
        """Whether the formula has a recurrence."""
        return self.expression.has(Lattice)

    @property
    def axes(self) -> tuple[Axis, ...]:
        return tuple(dict.fromkeys(axis for a in self.arguments for axis in a.role.axes))
