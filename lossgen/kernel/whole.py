"""Prints whole numbers and conditions on them: positions, labels, lengths. They stay integers of 64 bits."""

from collections.abc import Callable

from sympy import Add, Expr, Integer, Max, Min, Mod, Mul, Piecewise, Symbol, together, true
from sympy.core.relational import Relational
from sympy.logic.boolalg import ITE, And, Boolean, BooleanFalse, BooleanTrue, Not, Or

from lossgen.formula import Index, SpecError
from lossgen.formula.nodes import LabelEntry
from lossgen.formula.symbols import Argument, is_whole

from .names import size_name

WORDS = {"==": "==", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


class WholePrinter:
    """Whole numbers as Python text. `position` names the variable of an index or of an item's own number."""

    def __init__(self, position: Callable[[Expr], str]) -> None:
        self.position = position

    def __call__(self, node: Expr | Boolean) -> str:
        """The text, in parentheses unless it is a name, a number or a call."""
        text = self._text(node)
        plain = text.isidentifier() or text.isdigit() or isinstance(node, LabelEntry) or _is_enclosed(text)
        return text if plain else f"({text})"

    def bare(self, node: Expr | Boolean) -> str:
        """The text without parentheses around it."""
        text = self._text(node)
        return text[1:-1] if _is_enclosed(text) else text

    def _text(self, node: Expr | Boolean) -> str:
        match node:
            case Integer():
                return str(int(node))
            case BooleanTrue() | BooleanFalse():
                return str(bool(node))
            case Index():
                return self.position(node)
            case Argument():
                return size_name(node.role.axis) if node.role.layout == "length" else self.position(node)
            case LabelEntry():
                return self._label(node)
            case Symbol():
                return node.name if hasattr(node, "role") else f"n_{node.name}"
            case Add() | Mul():
                return self._arithmetic(node)
            case Mod():
                return f"{self(node.args[0])} % {self(node.args[1])}"
            case Max() | Min():
                return f"{type(node).__name__.lower()}({', '.join(map(self.bare, node.args))})"
            case Piecewise():
                return self._choice(node)
            case ITE():
                condition, yes, no = map(self, node.args)
                return f"({yes} if {condition} else {no})"
            case And():
                return " and ".join(map(self, node.args))
            case Or():
                return " or ".join(map(self, node.args))
            case Not():
                return f"not {self(node.args[0])}"
            case Relational():
                return f"{self(node.lhs)} {WORDS[node.rel_op]} {self(node.rhs)}"
        raise SpecError(f"{type(node).__name__} in {node} is no whole number that a kernel can compute")

    def _arithmetic(self, node: Expr) -> str:
        """Sums and products; what is divided is divided once, rounding down."""
        above, below = together(node).as_numer_denom()
        if below != 1:
            return f"{self(above)} // {self(below)}"
        if isinstance(node, Add):
            terms = sorted(node.args, key=lambda term: (term.is_Integer, str(term)))
            text = self(terms[0])
            for term in terms[1:]:
                minus = term.could_extract_minus_sign()
                text += f" {'-' if minus else '+'} {self(-term if minus else term)}"
            return text
        return " * ".join(map(self, node.args))

    def _choice(self, node: Piecewise) -> str:
        text = self(node.args[-1][0])
        for value, condition in reversed(node.args[:-1] if node.args[-1][1] is true else node.args):
            text = f"({self(value)} if {self(condition)} else {text})"
        return text

    def _label(self, node: LabelEntry) -> str:
        """A label; 0 beyond the sequence's ends, where formulas read what they then do not use."""
        name, size = node.base.name, size_name(node.base.role.axis)
        position = self.bare(node.index)
        return f"label_at({name}_labels, {name}_start, {position}, {size})"


def is_whole_condition(node: Expr) -> bool:
    """Whether the node is a condition on whole numbers alone."""
    if not isinstance(node, Boolean) or isinstance(node, Symbol):
        return False
    if isinstance(node, Relational):
        return all(is_whole(side) for side in node.args)
    return all(isinstance(arg, BooleanTrue | BooleanFalse) or is_whole_condition(arg) for arg in node.args)


def _is_enclosed(text: str) -> bool:
    """Whether one pair of parentheses encloses all of the text."""
    if not (text.startswith("(") and text.endswith(")")):
        return False
    depth = 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return place == len(text) - 1
    return False


def is_class(position: Expr) -> bool:
    """Whether it is the number of a class, which the runtime has checked."""
    return position.has(LabelEntry) or getattr(position, "role", None) is not None


def is_indicator(node: Expr) -> bool:
    """Whether the node is one number or another, by a condition: a select of real numbers."""
    return isinstance(node, Piecewise) and all(value.is_number or is_indicator(value) for value, _ in node.args)


def shifted(position: Expr) -> tuple[Index | None, Expr]:
    """The index and the shift of a position such as t − 1; no index for any other."""
    for symbol in position.free_symbols:
        if isinstance(symbol, Index) and (position - symbol).is_Integer:
            return symbol, position - symbol
    return None, Integer(0)
