"""How a target spells what kernels of recurrences read and write: parts of tables, and entries by several positions."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from lossgen.formula.symbols import Argument


class Spelling(Protocol):
    """The places of entries, as text.

    transposes: whether columns of a table are read as rows of a transposed copy.
    """

    transposes: bool

    def part(self, array: str, places: Sequence[str], sides: Sequence[str], first: int) -> str:
        """A row of a table, from an entry of its last axis on. `places` are those on the other axes."""

    def index(self, places: Sequence[str], sides: Sequence[str]) -> str:
        """The index of one entry."""

    def row(self, array: str, start: str) -> str:
        """The row of a grid; `start` says where."""


class HostSpelling:
    """NumPy arrays. A grid is given as its rows."""

    transposes = True

    def part(self, array: str, places: Sequence[str], sides: Sequence[str], first: int) -> str:
        return f"{array}[{', '.join([*places, f'{first}:' if first else ':'])}]"

    def index(self, places: Sequence[str], sides: Sequence[str]) -> str:
        return ", ".join(places)

    def row(self, array: str, start: str) -> str:
        return f"{array}_rows[{start}]"


class DeviceSpelling:
    """Addresses without a shape: positions become one number. Neighbouring threads read neighbouring entries of a row."""

    transposes = False

    def part(self, array: str, places: Sequence[str], sides: Sequence[str], first: int) -> str:
        start = f"{factor(self.index(places, sides[:-1]))} * {factor(sides[-1])}" if places else ""
        text = " + ".join(part for part in (start, str(first) if first else "") if part)
        return f"beyond({array}, {text})" if text else array

    def index(self, places: Sequence[str], sides: Sequence[str]) -> str:
        text = places[0]
        for place, side in zip(places[1:], sides[1:], strict=True):
            text = f"{factor(text)} * {factor(side)} + {factor(place)}"
        return text

    def row(self, array: str, start: str) -> str:
        return f"beyond({array}, {start})"


def factor(text: str) -> str:
    """The text as a factor of a product."""
    return text if text.replace("_", "a").isalnum() else f"({text})"


def steps_of(name: str, argument: Argument) -> list[str]:
    """How many entries lie between items, and between entries of each axis of a grid but the last."""
    return [f"{name}_step_{n}" for n in range(len(argument.role.axes))] if argument.role.layout == "grid" else []


def place_of(name: str, places: list[str]) -> str:
    """Where a row of a grid begins."""
    return " + ".join([f"i * {name}_step_0", *(f"{p} * {name}_step_{n}" for n, p in enumerate(places, 1))])


def product_of(sides: Iterable[str]) -> str:
    """How many entries there are."""
    sides = list(sides)
    return sides[0] if len(sides) == 1 else " * ".join(map(factor, sides))
