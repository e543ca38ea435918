"""A formula on lines that fit the page."""

from sympy import Expr

from .blocks import Display
from .notation import latex

#: The width of a page's text in points, at 10 points: 15.5 cm.
WIDTH = 441.0


def equation(left: str, expression: Expr, *, width: float = WIDTH) -> Display:
    """The lines of `left = expression`; `left` is LaTeX, the width is in points."""
    return Display((rf"{left} &= {latex(expression)}",))
