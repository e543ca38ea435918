"""Breaks a formula into lines: sums before + and −, products before a factor, arguments after a comma, selects by piece.

What is in brackets over several lines has brackets of a fixed size; each line within is set in a little further.
"""

from collections.abc import Sequence

from sympy import Expr

from .notation import Notation
from .part import INDENT, Line, Part
from .ways import WAYS

#: No deeper than this.
DEEPEST = 4


class Fold:
    """Lines of a formula that are no wider than `room` points."""

    def __init__(self, notation: Notation, room: float) -> None:
        self.p, self.room = notation, room

    def within(self, room: float) -> "Fold":
        """Lines that are narrower."""
        return Fold(self.p, room)

    def lines(self, node: Expr) -> list[str] | None:
        """The lines, set in; None where a part of the formula cannot be broken and does not fit."""
        found = self.fold(node, "", "", 0, whole=True)
        return None if found is None else [r"\quad " * level + text.strip() for level, text in found]

    def fold(self, node: Expr, before: str, after: str, level: int, whole: bool = False) -> list[Line] | None:
        """The lines of the node, the first beginning with `before` and the last ending with `after`."""
        flat = before + (self.p.whole(node) if whole else self.p.text(node)) + after
        if self.fits(flat, level):
            return [(level, flat)]
        for kind, way in WAYS.items():
            if isinstance(node, kind):
                return way(self, node, before, after, level)
        return None

    def fits(self, text: str, level: int) -> bool:
        return self.p.width(text) <= self.room - INDENT * level

    def packed(self, parts: Sequence[Part], before: str, after: str, level: int) -> list[Line] | None:
        """Parts one after another, on a new line where one does not fit."""
        done: list[Line] = []
        current, here, deeper = before, level, min(level + 1, DEEPEST)
        for position, part in enumerate(parts):
            tail = after if position == len(parts) - 1 else part.tail
            link = part.first if position == 0 else part.link(current)
            if self.fits(current + link + part.text + tail, here):
                current += link + part.text + tail
                continue
            if position and current.strip():
                done.append((here, current))
                current, link, here = "", part.start, deeper
            if self.fits(current + link + part.text + tail, here):
                current += link + part.text + tail
                continue
            inner = part.broken(self, current + link, tail, here)
            if inner is None:
                return None
            done += inner[:-1]
            here, current = inner[-1]
            here = min(here, deeper)
        return [*done, (here, current)]
