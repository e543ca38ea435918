"""The cells of a recurrence, filled one by one as its author wrote them, in whatever arithmetic."""

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any


class Cells:
    """Cells by position, and what lies outside."""

    def __init__(self, sizes: Sequence[int], outside: Any) -> None:
        self.sizes, self.outside = tuple(sizes), outside
        self._filled: dict[tuple[int, ...], Any] = {}

    def __getitem__(self, positions: tuple[int, ...]) -> Any:
        """The cell. Raises KeyError where it has not been filled yet."""
        inside = all(0 <= p < n for p, n in zip(positions, self.sizes, strict=True))
        return self._filled[positions] if inside else self.outside

    def fill(self, cell: Callable[[tuple[int, ...]], Any]) -> "Cells":
        """Fills every cell, the first index outermost."""
        for positions in self._places():
            self._filled[positions] = cell(positions)
        return self

    def _places(self) -> Iterator[tuple[int, ...]]:
        return product(*map(range, self.sizes))
