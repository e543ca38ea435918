"""How wide a formula is on paper, in points at 10 points: an estimate from the widths of the letters of Computer Modern.

A little more than TeX's own, so that a line which fits by the estimate fits the page.
"""

import re
from collections.abc import Callable
from string import ascii_letters

#: a to z, then A to Z, of cmmi10.
_WIDTHS = (
    *(5.3, 4.3, 4.3, 5.2, 4.7, 6.0, 5.1, 5.8, 3.5, 4.7, 5.5, 3.0, 8.8, 6.0, 4.9, 5.0, 4.8, 4.7, 4.7, 3.6, 5.7, 5.2),
    *(7.4, 5.7, 5.2, 5.1, 7.5, 8.1, 7.9, 8.3, 8.0, 7.8, 7.9, 9.1, 5.2, 6.5, 9.2, 6.8, 10.8, 9.1, 7.9, 7.8),
    *(7.9, 7.7, 6.7, 7.2, 7.9, 8.0, 10.8, 9.1, 8.0, 7.5),
)
_ITALIC = dict(zip(ascii_letters, _WIDTHS, strict=True))

_COMMANDS = {
    r"\,": 1.7,
    r"\!": -1.7,
    r"\;": 2.8,
    r"\quad": 10.0,
    r"\cdot": 7.3,
    r"\infty": 10.0,
    r"\partial": 6.0,
    r"\ell": 4.2,
    r"\sum": 14.5,
    r"\prod": 13.0,
    r"\_": 3.8,
    r"\{": 5.0,
    r"\}": 5.0,
    r"\alpha": 6.4,
    r"\ ": 3.4,
}
#: Brackets that grow with what is in them, and those of a given size.
_GROWN = {r"\left": 2.8, r"\right": 2.8, r"\bigl": 0.8, r"\bigr": 0.8, r"\Bigl": 2.2, r"\Bigr": 2.2, r"\biggl": 3.6}
_GROWN |= {r"\biggr": 3.6, r"\Biggl": 5.0, r"\Biggr": 5.0}
_RELATIONS = {"=", "<", ">", r"\leq", r"\geq", r"\neq", r"\in"}
_WORDS = (r"\log", r"\exp", r"\max", r"\min", r"\tanh", r"\cosh", r"\sin", r"\cos")
_LIMITS = (r"\sum", r"\max", r"\min", r"\prod")
_SMALL = 0.72

_TOKEN = re.compile(r"\\[A-Za-z]+\*?|\\.|\s+|.", re.DOTALL)


def width_of(text: str) -> float:
    """The width of a formula in points, where it stands on a line of its own."""
    return _Reader(text).row()


def is_tall(text: str) -> bool:
    """Whether the formula is higher than a line of text: brackets around it grow."""
    return any(part in text for part in ("frac", r"\begin", r"\sum", r"\max_", r"\sqrt", r"\left", "igl", "_{{"))


class _Reader:
    """Reads a formula from left to right."""

    def __init__(self, text: str) -> None:
        self.tokens = [token for token in _TOKEN.findall(text) if not token.isspace()]
        self.at = 0
        self.scale = 1.0
        self.in_fraction = False

    def row(self, ends: tuple[str, ...] = ()) -> float:
        """The width up to one of the tokens that end it, which is left to be read."""
        total = 0.0
        while self.at < len(self.tokens) and self.tokens[self.at] not in ends:
            total += self.atom()
        return total

    def atom(self) -> float:
        """A symbol with what is below and above it."""
        token = self.tokens[self.at]
        width = self.symbol()
        scripts = {}
        while self.at < len(self.tokens) and self.tokens[self.at] in "_^":
            place = self.tokens[self.at]
            self.at += 1
            scripts[place] = self.smaller(self.group) + 0.5
        if token in _LIMITS and self.scale == 1.0:
            return max(width, *scripts.values()) + 1.7 if scripts else width
        return width + max(scripts.values(), default=0.0)

    def symbol(self) -> float:
        token = self.tokens[self.at]
        if token == "{":
            return self.group()
        self.at += 1
        if token in READ:
            return READ[token](self)
        if token in _GROWN:
            bracket = self.tokens[self.at]
            self.at += 1
            return 0.0 if bracket == "." else (_GROWN[token] + self.plain(bracket)) * self.scale
        return self.plain(token) * self.scale

    def plain(self, token: str) -> float:
        """The width of a token that takes nothing after it."""
        small = self.scale < 1
        if token in "+-" or token == r"\pm":
            return 7.8 if small else 12.3
        if token in _RELATIONS:
            return 7.8 if small else 13.4
        if token in _WORDS:
            return 5.3 * (len(token) - 1) + 1.7
        if token in _COMMANDS:
            return _COMMANDS[token]
        if token in _ITALIC:
            return _ITALIC[token]
        if token.isdigit():
            return 5.0
        return {",": 4.5, "(": 3.9, ")": 3.9, "[": 2.8, "]": 2.8, "/": 5.0, "|": 2.8}.get(token, 6.3)

    def group(self) -> float:
        """What is between braces, or a single token."""
        if self.tokens[self.at] != "{":
            return self.symbol()
        self.at += 1
        width = self.row(("}",))
        self.at += 1
        return width

    def smaller(self, read: Callable[[], float]) -> float:
        before, self.scale = self.scale, self.scale * _SMALL
        width = read()
        self.scale = before
        return width

    def words(self) -> float:
        """The text between braces."""
        end = self.tokens.index("}", self.at)
        letters = "".join(self.tokens[self.at + 1 : end])
        self.at = end + 1
        return sum(5.4 if c not in "iljftI()[],." else 3.4 for c in letters) * self.scale

    def fraction(self) -> float:
        if self.in_fraction:
            return self.smaller(lambda: max(self.group(), self.group())) + 2.5
        self.in_fraction = True
        width = max(self.group(), self.group()) + 2.5
        self.in_fraction = False
        return width

    def large_fraction(self) -> float:
        outer, self.in_fraction = self.in_fraction, False
        width = self.fraction()
        self.in_fraction = outer
        return width

    def root(self) -> float:
        return self.group() + 10.0 * self.scale

    def table(self) -> float:
        """An environment: the widest rows of each column."""
        self.group()
        outer, self.in_fraction = self.in_fraction, True
        widths: dict[int, float] = {}
        column = 0
        while self.tokens[self.at] != r"\end":
            widths[column] = max(widths.get(column, 0.0), self.row(("&", r"\\", r"\end")))
            if self.tokens[self.at] == r"\end":
                break
            column = column + 1 if self.tokens[self.at] == "&" else 0
            self.at += 1
        self.at += 1
        self.group()
        self.in_fraction = outer
        return sum(widths.values()) + 10.0 * (len(widths) - 1) + 11.0


#: How tokens are read that take something after them.
READ: dict[str, Callable[[_Reader], float]] = {
    r"\frac": _Reader.fraction,
    r"\dfrac": _Reader.large_fraction,
    r"\sqrt": _Reader.root,
    r"\begin": _Reader.table,
    r"\mathit": _Reader.group,
    r"\dot": _Reader.group,
    r"\bar": _Reader.group,
    r"\text": lambda r: r.words() + 3.4,
    r"\operatorname": lambda r: r.words() + 1.7,
}
