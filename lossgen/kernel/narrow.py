"""Rows of an argument in float32, within a module that computes in float64: the same functions, under names of their own.

Sums over the entries of a row keep their digits in float32, as in losses without a recurrence, at twice the speed.
"""

import io
import tokenize
from collections.abc import Collection, Iterable, Iterator

from .ir import Statement
from .math import library
from .statement_printer import StatementPrinter

PREFIX = "narrow_"

#: What every module defines for its own arithmetic.
HEADER = ("real", "integer", "zero", "one", "TINY")


class NarrowPrinter:
    """Prints statements in float32 arithmetic, and afterwards the functions that they call.

    printer: the target's, for the statements.
    """

    def __init__(self, printer: StatementPrinter) -> None:
        self._library = library("float32")
        self._printer = printer
        self._names = {*HEADER, *self._library.defined}
        self._wanted = False

    @property
    def names(self) -> set[str]:
        """All names that the module may define for it."""
        return {PREFIX + name for name in self._names}

    def lines(self, statements: Iterable[Statement]) -> Iterator[str]:
        """The statements, as lines of Python."""
        text = _renamed("\n".join(self._printer.lines(statements)), self._names)
        self._wanted |= PREFIX in text
        yield from text.splitlines()

    def source(self, decorator: str = "@njit(**MATH)") -> str:
        """What the lines need: types, constants and functions; nothing where no line names any. The decorator is theirs."""
        if not self._wanted:
            return ""
        used = self._printer.expression.used
        header = (
            "# Rows are reduced in float32.\nreal = np.float32\ninteger = np.int32\n"
            "zero, one = real(0), real(1)\nTINY = np.finfo(real).tiny\n"
        )
        return _renamed(header + self._library.source(used, decorator), self._names) + "\n\n"


def _renamed(text: str, names: Collection[str]) -> str:
    """The text with the prefix before each of these names; what stands in comments and strings stays."""
    lines = text.splitlines()
    tokens = [t for t in tokenize.generate_tokens(io.StringIO(text).readline) if t.type == tokenize.NAME]
    for token in reversed(tokens):
        if token.string in names:
            (row, start), (_, end) = token.start, token.end
            line = lines[row - 1]
            lines[row - 1] = line[:start] + PREFIX + line[start:end] + line[end:]
    return "\n".join(lines) + "\n"
