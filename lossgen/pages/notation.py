"""Formulas in LaTeX, of the part that amsmath and MathML share: what a textbook would write for each node."""

from collections.abc import Callable

from sympy import Abs, Add, And, Expr, Min, Mul, Or, Piecewise, Pow, Symbol, exp, fraction, log, sign, tanh
from sympy import Max as Largest
from sympy.core.function import Function
from sympy.printing.latex import LatexPrinter
from sympy.printing.precedence import PRECEDENCE, precedence_traditional

from lossgen.derive.sweeps import Table, TableEntry
from lossgen.formula.atoms import absorb, sigmoid, xlogy
from lossgen.formula.infinities import infinite_with
from lossgen.formula.lengths import Norm, PowerNorm, ratio
from lossgen.formula.nodes import Delta, Entry, LogSumExp, Max, Reduction, Sum
from lossgen.formula.paths import log_add_exp
from lossgen.formula.paths import share as path_share
from lossgen.formula.recurrence import Cell, Filled

from .names import set_name

SUM, PRODUCT, POWER, ATOM = PRECEDENCE["Add"], PRECEDENCE["Mul"], PRECEDENCE["Pow"], PRECEDENCE["Atom"]


def latex(expression: Expr) -> str:
    """The formula in LaTeX, on one line."""
    return Notation().doprint(expression)


class Notation(LatexPrinter):
    """Sets formulas for reading. How each kind of node is set is a function in `FORMS`, the first that fits."""

    printmethod = ""

    def __init__(self) -> None:
        super().__init__({"mul_symbol": r"\,"})

    def _print(self, expr, **kwargs) -> str:
        for kind in type(expr).__mro__:
            if kind in FORMS:
                return FORMS[kind](self, expr)
        return super()._print(expr, **kwargs)

    def parenthesize(self, item, level: int, is_neg: bool = False, strict: bool = False) -> str:
        text, own = self._print(item), tightness(item)
        if is_neg and text.startswith("-"):
            own = SUM
        return self.bracket(text) if own < level or (not strict and own <= level) else text

    def bracket(self, text: str) -> str:
        return rf"\left({text}\right)"

    def call(self, name: str, *args: Expr) -> str:
        return rf"{name}\left({', '.join(map(self._print, args))}\right)"


def tightness(node: Expr) -> int:
    """How tightly the parts of the node's printed form hold together."""
    if isinstance(node, Reduction) and not isinstance(node, Norm | PowerNorm):
        return PRODUCT
    if isinstance(node, absorb | infinite_with):
        return PRODUCT
    if isinstance(node, path_share | exp):
        return POWER
    if isinstance(node, Pow) and node.exp.could_extract_minus_sign():
        return PRODUCT
    if isinstance(node, Mul) and node.could_extract_minus_sign():
        return SUM
    return precedence_traditional(node)


def _add(p: Notation, node: Add) -> str:
    terms = terms_of(node)
    return terms_joined(p._print(term) for term in terms)


def terms_of(node: Add) -> list[Expr]:
    """The terms in the order of reading: one that is not negative comes first."""
    terms = sorted(node.as_ordered_terms(), key=lambda t: t.is_number and t.could_extract_minus_sign())
    first = next((t for t in terms if not t.could_extract_minus_sign()), terms[0])
    return [first, *(t for t in terms if t is not first)]


def terms_joined(texts) -> str:
    found = ""
    for text in texts:
        text = text.lstrip()
        found += text if not found else f" - {text[1:].lstrip()}" if text.startswith("-") else f" + {text}"
    return found


def _mul(p: Notation, node: Mul) -> str:
    if node.could_extract_minus_sign():
        rest = -node
        return f"-{p.parenthesize(rest, SUM)}" if isinstance(rest, Add) else f"- {p._print(rest)}"
    above, below = fraction(node, exact=True)
    if below != 1:
        return rf"\frac{{{p._print(above)}}}{{{p._print(below)}}}"
    return r" \, ".join(_factors(p, factors_of(node)))


def factors_of(node: Expr) -> list[Expr]:
    """The factors in the order of reading: numbers, letters, entries, indicators, functions, sums."""
    return sorted(Mul.make_args(node), key=_place)


def _place(factor: Expr):
    base = factor.base if isinstance(factor, Pow) else factor
    kinds = (lambda f: f.is_number, lambda f: isinstance(f, Symbol), lambda f: isinstance(f, Entry | TableEntry | Cell))
    for place, kind in enumerate(kinds):
        if kind(base):
            return (place, factor.sort_key())
    if isinstance(base, Delta):
        return (3, factor.sort_key())
    if isinstance(factor, Reduction) and not isinstance(factor, Norm | PowerNorm):
        return (7, factor.sort_key())
    return (6 if isinstance(base, Piecewise) else 5 if isinstance(base, Add) else 4, factor.sort_key())


def _factors(p: Notation, factors: list[Expr]) -> list[str]:
    last = len(factors) - 1
    found = []
    for position, factor in enumerate(factors):
        open_end = isinstance(factor, Reduction | absorb) and position != last
        text = p._print(factor)
        loose = tightness(factor) <= SUM or open_end
        found.append(p.bracket(text) if loose and len(factors) > 1 else text)
    return found


def _pow(p: Notation, node: Pow) -> str:
    base, exponent = node.args
    if exponent.is_Rational and exponent.p == 1 and exponent.q == 2:
        return rf"\sqrt{{{p._print(base)}}}"
    if exponent.is_Rational and exponent < 0:
        return rf"\frac{{1}}{{{p._print(Pow(base, -exponent))}}}"
    inner = p._print(base)
    bare = isinstance(base, Symbol | Entry | Cell | Filled | TableEntry | Norm | Function) and not isinstance(
        base, exp | Piecewise | absorb | ratio | path_share | infinite_with
    )
    bare = (bare and not isinstance(base, TableEntry)) or (base.is_Integer and base >= 0)
    return rf"{inner if bare else p.bracket(inner)}^{{{p._print(exponent)}}}"


def _exp(p: Notation, node: exp) -> str:
    return rf"e^{{{p._print(node.args[0])}}}"


def _piecewise(p: Notation, node: Piecewise) -> str:
    lines = [rf"{p._print(value)} & {case(p, condition)}" for value, condition in node.args]
    return r"\begin{cases} " + r" \\ ".join(lines) + r" \end{cases}"


def case(p: Notation, condition) -> str:
    return r"\text{otherwise}" if condition == True else rf"\text{{if }} {p._print(condition)}"  # noqa: E712


def _entry(p: Notation, node) -> str:
    base, positions = node.args[0], node.args[1:]
    name = base if isinstance(base, Symbol) else base.name
    return set_name(str(name), *map(p._print, positions))


def _reduction(symbol: str) -> Callable[[Notation, Reduction], str]:
    def form(p: Notation, node: Reduction) -> str:
        return rf"{symbol}_{{{p._print(node.index)}}} {p.parenthesize(node.body, PRODUCT, strict=True)}"

    return form


def _norm(p: Notation, node: Norm) -> str:
    return rf"\left\lVert {p._print(node.body)} \right\rVert_{{{p._print(node.index)}}}"


def _power_norm(p: Notation, node: PowerNorm) -> str:
    below = f"{p._print(node.power)},{p._print(node.index)}"
    return rf"\left\lVert {p._print(node.entry)} \right\rVert_{{{below}}}"


def _function(name: str) -> Callable[[Notation, Expr], str]:
    return lambda p, node: p.call(name, *node.args)


def _named(p: Notation, node: Function) -> str:
    text = type(node).__name__.replace("_", r"\ ")
    return p.call(rf"\operatorname{{{text}}}", *node.args)


def _joined(word: str) -> Callable[[Notation, Expr], str]:
    def form(p: Notation, node: Expr) -> str:
        return rf" \text{{ {word} }} ".join(p._print(a) for a in sorted(node.args, key=lambda a: a.sort_key()))

    return form


def _symbol(p: Notation, node: Symbol) -> str:
    return set_name(node.name)


def _delta(p: Notation, node: Delta) -> str:
    return rf"\left[{p._print(node.args[0])} = {p._print(node.args[1])}\right]"


def _ratio(p: Notation, node: ratio) -> str:
    return rf"\frac{{{p._print(node.args[0])}}}{{{p._print(node.args[1])}}}"


def _product(p: Notation, node: Expr) -> str:
    return r" \, ".join(p.parenthesize(arg, PRODUCT, strict=True) for arg in node.args)


def _xlogy(p: Notation, node: xlogy) -> str:
    return p._print(absorb(node.args[0], log(node.args[1])))


#: How each kind of node is set.
FORMS: dict[type, Callable[[Notation, Expr], str]] = {
    Add: _add,
    Mul: _mul,
    Pow: _pow,
    exp: _exp,
    Piecewise: _piecewise,
    Entry: _entry,
    TableEntry: _entry,
    Cell: _entry,
    Filled: _entry,
    Table: _symbol,
    Symbol: _symbol,
    Sum: _reduction(r"\sum"),
    Max: _reduction(r"\max"),
    LogSumExp: _reduction(r"\operatorname{LSE}"),
    Norm: _norm,
    PowerNorm: _power_norm,
    Delta: _delta,
    ratio: _ratio,
    absorb: _product,
    xlogy: _xlogy,
    sigmoid: _function(r"\sigma"),
    log: _function(r"\log"),
    tanh: _function(r"\tanh"),
    sign: _function(r"\operatorname{sign}"),
    Largest: _function(r"\max"),
    Min: _function(r"\min"),
    log_add_exp: _function(r"\operatorname{LSE}"),
    path_share: lambda p, n: rf"e^{{{p._print(n.args[0])} - {p.parenthesize(n.args[1], SUM)}}}",
    Abs: lambda p, n: rf"\left|{p._print(n.args[0])}\right|",
    And: _joined("and"),
    Or: _joined("or"),
    Function: _named,
}
