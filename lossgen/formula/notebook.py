"""What a notebook shows of losses and of what is derived from them: lines of LaTeX between dollars."""

from collections.abc import Iterable

from sympy import Basic, Expr, Symbol
from sympy.printing.latex import LatexPrinter

from .letters import escaped, set_name
from .recurrence import Cell, Filled, Lattice


def displayed(lines: Iterable[tuple[str, Expr]], relation: str = "=") -> str:
    """Lines of left and right, as a notebook sets them; what is left is LaTeX, as is the relation between the two."""
    rows = [(left, latex(right)) for left, right in lines]
    if len(rows) == 1:
        return rf"$\displaystyle {rows[0][0]} {relation} {rows[0][1]}$"
    body = r" \\ ".join(rf"{left} &{relation} {right}" for left, right in rows)
    return rf"$\displaystyle \begin{{aligned}} {body} \end{{aligned}}$"


def readings(left: str, formulas: Iterable[tuple[str, Expr]]) -> Iterable[tuple[str, Expr]]:
    """Formulas with labels, which may be empty, as lines after `left`; then the cells of their recurrences."""
    lattices: dict[Lattice, None] = {}
    for label, expression in formulas:
        yield left + (rf"\;({upright(label)})" if label else ""), expression
        lattices |= dict.fromkeys(sorted(expression.atoms(Lattice), key=str))
    for lattice in lattices:
        yield latex(lattice[lattice.indices]), lattice.cell


def slope_of(entry: str) -> str:
    """The derivative of the loss with respect to an entry, both in LaTeX."""
    return rf"\frac{{\partial \ell}}{{\partial {entry}}}"


def upright(name: str) -> str:
    """A name in upright letters."""
    return rf"\mathrm{{{escaped(name)}}}"


def latex(expression: Basic) -> str:
    """The formula in SymPy's LaTeX, but with the author's names as they are."""
    return _Printer().doprint(expression)


class _Printer(LatexPrinter):
    def _print_Symbol(self, expr: Symbol, style: str = "plain") -> str:
        return set_name(expr.name)

    def _hprint_Function(self, func: str) -> str:
        return rf"\operatorname{{{escaped(func)}}}"

    def _needs_add_brackets(self, expr: Expr) -> bool:
        """SymPy looks for a Mod in a term, which may be one within the recurrence that a cell belongs to."""
        return not isinstance(expr, Cell | Filled) and super()._needs_add_brackets(expr)
