"""Lines of text as boxes with a baseline, side by side and over each other."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

#: Top, centre (of a brace), bottom, and the piece between.
TALL = {
    **{"(": "⎛⎜⎝⎜", ")": "⎞⎟⎠⎟", "[": "⎡⎢⎣⎢", "]": "⎤⎥⎦⎥", "{": "⎧⎨⎩⎪", "}": "⎫⎬⎭⎪"},
    **{"⌊": "⎢⎢⎣⎢", "⌋": "⎥⎥⎦⎥", "⌈": "⎡⎢⎢⎢", "⌉": "⎤⎥⎥⎥"},
}


@dataclass(frozen=True)
class Box:
    """Lines of one width; `base` is the one that stands on the line of the text."""

    lines: tuple[str, ...]
    base: int = 0

    @property
    def width(self) -> int:
        return cell_len(self.lines[0]) if self.lines else 0

    @property
    def above(self) -> int:
        return self.base

    @property
    def below(self) -> int:
        return len(self.lines) - self.base - 1


EMPTY = Box(("",))


def box(text: str) -> Box:
    return Box((text,))


def padded(text: str, width: int, share: float = 0.0) -> str:
    """The text with spaces around it: `share` of them before it."""
    space = width - cell_len(text)
    left = int(space * share)
    return " " * left + text + " " * (space - left)


def beside(boxes: Iterable[Box]) -> Box:
    """The boxes side by side, on one line of text."""
    found = list(boxes) or [EMPTY]
    above, below = max(b.above for b in found), max(b.below for b in found)
    columns = [[" " * b.width] * (above - b.above) + [*b.lines] + [" " * b.width] * (below - b.below) for b in found]
    return Box(tuple("".join(parts) for parts in zip(*columns, strict=True)), above)


def over(boxes: Sequence[Box], base: int, share: float = 0.0) -> Box:
    """The boxes over each other; the line of the text is that of the box number `base`."""
    width = max(b.width for b in boxes)
    lines = tuple(padded(line, width, share) for b in boxes for line in b.lines)
    return Box(lines, sum(len(b.lines) for b in boxes[:base]) + boxes[base].base)


def bracket(sign: str, above: int, below: int) -> Box:
    """A bracket so many lines high around its line."""
    height = above + below + 1
    if height == 1 or sign in "|‖":
        return Box((sign,) * height, above)
    if sign not in TALL:
        return Box((sign,))
    top, centre, bottom, piece = TALL[sign]
    if sign in "{}":
        if height == 2:
            return Box(("⎰", "⎱") if sign == "{" else ("⎱", "⎰"), above)
        middle = min(max(above, 1), height - 2)
        lines = [piece] * height
        lines[middle] = centre
        lines[0], lines[-1] = top, bottom
        return Box(tuple(lines), middle)
    return Box((top, *[piece] * (height - 2), bottom), above)
