"""Formulas in LaTeX, of the part that amsmath and MathML share: what a textbook would write for each node."""

from sympy import Expr, Piecewise
from sympy.printing.latex import LatexPrinter

from .forms import FORMS, PRODUCT, SUM, tightness
from .selects import cases
from .text import bracket
from .widths import is_tall, width_of


def latex(expression: Expr) -> str:
    """The formula in LaTeX, on one line."""
    return Notation().whole(expression)


class Notation(LatexPrinter):
    """Sets formulas for reading. How each kind of node is set is a function in `FORMS`, the first that fits."""

    def __init__(self) -> None:
        super().__init__()
        #: Whether what is set is an exponent or an index.
        self.in_small = False
        self._texts: dict[tuple[bool, Expr], str] = {}
        self._widths: dict[str, float] = {}

    def _print(self, expr, **kwargs) -> str:
        for kind in type(expr).__mro__:
            if kind in FORMS:
                return FORMS[kind](self, expr)
        return super()._print(expr, **kwargs)

    def text(self, node: Expr) -> str:
        """The node where it stands within a formula."""
        key = (self.in_small, node)
        if key not in self._texts:
            self._texts[key] = self._print(node)
        return self._texts[key]

    def width(self, text: str) -> float:
        """How wide the text is."""
        if text not in self._widths:
            self._widths[text] = width_of(text)
        return self._widths[text]

    def whole(self, node: Expr) -> str:
        """The node where it is all of a formula, or of a piece: selects are cases."""
        return cases(self, node) if isinstance(node, Piecewise) else self.text(node)

    def held(self, node: Expr, level: int) -> str:
        """The node, in brackets unless its parts hold together more tightly than the level."""
        text = self.text(node)
        return bracket(text) if tightness(node) <= level else text

    def small(self, node: Expr) -> str:
        """The node as an exponent or index: quotients with a slash."""
        before, self.in_small = self.in_small, True
        text = self.text(node)
        self.in_small = before
        return text

    def call(self, name: str, *args: Expr) -> str:
        inner = ", ".join(map(self.text, args))
        return rf"{name}\!\left({inner}\right)" if is_tall(inner) else f"{name}({inner})"

    def quotient(self, above: Expr, below: Expr) -> str:
        if self.in_small:
            bottom = self.held(below, PRODUCT)
            return f"{self.held(above, SUM)}/{bottom}"
        return rf"\frac{{{self.text(above)}}}{{{self.text(below)}}}"
