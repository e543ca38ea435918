"""A formula on lines that fit the page; where it is too long, parts of it have names, which are said after it."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from sympy import Expr, Symbol

from .blocks import Display
from .fold import Fold
from .named import Named
from .naming import largest, letters, name_part, repeated, select_as_position
from .notation import Notation
from .widths import width_of

#: The width of a page's text in points, at 10 points: 15.5 cm.
WIDTH = 441.0

#: What the estimate of widths may be wrong by, and the space around a relation.
SLACK = 12.0

#: More lines than these, and what is repeated has a name; more than those, and large parts have names.
FEW, MANY = 2, 6

#: No more names than these for one formula.
MOST_NAMES = 12


def equation(left: str, expression: Expr) -> Display:
    """The lines of `left = expression`; `left` is LaTeX.

    Further lines say what the names of large parts stand for: u = …
    """
    return equations([(left, expression)])


def equations(given: Sequence[tuple[str, Expr]], *, relations: Sequence[str] = (), note: str = "") -> Display:
    """Several equations, aligned at what stands between their sides.

    relations : what stands there, an equals sign where they come to an end.
    note : LaTeX of a condition that the first equation holds under.
    """
    p = Notation()
    between = max(map(width_of, ["=", *relations]))
    room = WIDTH - max(width_of(left) for left, _ in given) - between - SLACK
    pool = letters(*(expression for _, expression in given))
    found: list[str] = []
    known: dict[Expr, Named] = {}
    waiting = [(left, expression, relation) for (left, expression), relation in zip_longest(given, relations)]
    while waiting:
        left, expression, relation = waiting.pop(0)
        for part, name in known.items():
            expression = name_part(expression, part, name.args[0])[0] if part != expression else expression
        lines, named = fitting(p, expression, room, pool)
        known |= {part: name for name, part in named}
        if note:
            lines = _noted(lines, rf"\quad ({note})", room)
            note = ""
        found += [
            f"{left} &{'=' if relation is None else relation} {lines[0]}",
            *(rf"&\quad {line}" for line in lines[1:]),
        ]
        waiting = [*((p.text(name), part, None) for name, part in named), *waiting]
    return Display(tuple(found))


def _noted(lines: list[str], note: str, room: float) -> list[str]:
    """The lines, with a note at the end of the last one or on a line of its own."""
    if width_of(lines[-1] + note) <= room:
        return [*lines[:-1], lines[-1] + note]
    return [*lines, note]


def fitting(
    p: Notation, expression: Expr, room: float, pool: Iterator[Symbol]
) -> tuple[list[str], list[tuple[Named, Expr]]]:
    """The lines of the formula, and the parts that have names in it."""
    room -= 10  # lines after the first are set in
    named: list[tuple[Named, Expr]] = []
    while (part := select_as_position(expression)) is not None:
        expression, name = name_part(expression, part, next(pool))
        named.append((name, part))
    lines = Fold(p, room).lines(expression)
    for choose, most in ((repeated, FEW), (largest, MANY)):
        while (lines is None or _height(lines) > most) and len(named) < MOST_NAMES:
            part = choose(expression, p)
            if part is None:
                break
            expression, name = name_part(expression, part, next(pool))
            named.append((name, part))
            lines = Fold(p, room).lines(expression)
    return lines if lines is not None else [p.whole(expression)], named


def _height(lines: list[str]) -> int:
    """How many lines there are, those counted that pieces of a select take beyond their first."""
    return sum(1 + line.count(r"\\ \quad") for line in lines)
