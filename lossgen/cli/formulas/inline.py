"""Formulas within a line of text."""

from collections.abc import Sequence

from .glyphs import FRACTIONS, lowered, raised
from .pieces import pieces
from .tex import Fraction, Group, Node, Root, Rows, Scripts, Sign, parse


def set_inline(latex: str) -> str:
    """A formula in LaTeX as text on one line."""
    return inline(parse(latex).nodes)


def inline(nodes: Sequence[Node]) -> str:
    """Nodes as text on one line."""
    found = ""
    for piece in pieces(nodes):
        found += (" " * piece.space if found else "") + _text(piece.node)
    return found


def _text(node: Node) -> str:
    match node:
        case Sign(text):
            return text
        case Group() | Root():
            return inline((node,))
        case Fraction(above, below):
            text = f"{_tight(above)}/{_tight(below)}"
            return FRACTIONS.get(text, text)
        case Scripts(base, below, above):
            under = lowered_text(below) if below is not None else ""
            return _text(base) + under + (raised_text(above) if above is not None else "")
        case Rows(_, rows):
            return "; ".join("  ".join(inline(cell.nodes) for cell in row) for row in rows)


def _tight(group: Group) -> str:
    """The text, in brackets unless it is one sign, one with scripts, or a derivative's numerator or denominator."""
    text = inline(group.nodes)
    match group.nodes:
        case (Group() as inner,):
            return _tight(inner)
        case (Sign() | Root() | Scripts(),):
            return text
    return text if len(text) == 1 or text.startswith("∂") else f"({text})"


def lowered_text(group: Group) -> str:
    """What stands below at the right: digits as such, single letters after a line, positions in square brackets."""
    text = inline(group.nodes)
    return lowered(text) or (f"_{text}" if len(text) == 1 else f"[{text}]")


def raised_text(group: Group) -> str:
    """An exponent: digits as such, everything else after ^."""
    return raised(inline(group.nodes)) or f"^{_tight(group)}"
