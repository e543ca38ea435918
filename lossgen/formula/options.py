"""Options: hyperparameters with a few values, each of which makes a formula, and kernels, of its own."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from .errors import SpecError
from .roles import Conditional, Role

Value = bool | int | float | str


@dataclass(frozen=True)
class Option:
    """A hyperparameter that takes one of some values: `p: Option(1, 2) = 1`, `kind: Option("bernoulli", "gaussian") = …`.

    In the formula it is a plain Python value, so that the author writes `if p == 1:`. Every value is a variant of the loss.
    With `other=Positive`, say, any other number of that role is allowed too: in that variant it is a hyperparameter.
    """

    values: tuple[Value, ...]
    other: Role | None

    def __init__(self, *values: Value, other: Role | None = None) -> None:
        if not values or len(set(values)) != len(values):
            raise SpecError(f"Option{values!r}: expected different values, as in Option(1, 2)")
        if other is not None and (not isinstance(other, Role) or other.kind != "parameter"):
            raise SpecError(f"Option(…, other={other}): expected a role of numbers, such as Positive")
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "other", other)

    @property
    def meaning(self) -> str:
        words = " or ".join(repr(value) for value in self.values)
        return f"{words}; or {self.other.meaning}" if self.other else words

    @property
    def choices(self) -> tuple[Value | None, ...]:
        """The values, and None for any other number where there may be one."""
        return (*self.values, None) if self.other else self.values

    def accepts(self, value: Any) -> bool:
        """Whether the value is one of those with a formula of their own."""
        return value in self.values

    def label(self, name: str, choice: Value | None) -> str:
        """What a variant's name says of this choice: nothing for a flag that is not set."""
        if choice is None:
            return name
        if isinstance(choice, bool):
            return name if choice else ""
        return choice if isinstance(choice, str) else f"{name}{choice}".replace(".", "_").replace("-", "minus")


#: `full: Flag = False`: a switch; a Python bool in the formula.
Flag = Option(False, True)


def combinations(options: Mapping[str, Option]) -> Iterator[dict[str, Value | None]]:
    """Every choice of a value for each option."""
    for values in product(*(option.choices for option in options.values())):
        yield dict(zip(options, values, strict=True))


def resolve(role: Any, choice: Mapping[str, Value | None], where: str) -> Any:
    """The role of an argument under a choice of the options."""
    if not isinstance(role, Conditional):
        return role
    for name, cases in role.cases:
        if name not in choice:
            raise SpecError(f"{where}: the role depends on {name}, which is not a Flag or an Option of the loss")
        for value, other in cases:
            if choice[name] == value:
                return other
    return role.role
