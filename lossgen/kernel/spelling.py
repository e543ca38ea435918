"""How a target spells what kernels of recurrences read and write: parts of tables, and entries by several positions."""

from collections.abc import Sequence
from typing import Protocol


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
        start = f"{_factor(self.index(places, sides[:-1]))} * {_factor(sides[-1])}" if places else ""
        text = " + ".join(part for part in (start, str(first) if first else "") if part)
        return f"beyond({array}, {text})" if text else array

    def index(self, places: Sequence[str], sides: Sequence[str]) -> str:
        text = places[0]
        for place, side in zip(places[1:], sides[1:], strict=True):
            text = f"{_factor(text)} * {_factor(side)} + {_factor(place)}"
        return text

    def row(self, array: str, start: str) -> str:
        return f"beyond({array}, {start})"


def _factor(text: str) -> str:
    return text if text.replace("_", "a").isalnum() else f"({text})"
