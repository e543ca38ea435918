"""Formulas in LaTeX, of the part that amsmath and MathML share: what a textbook would write for each node."""

from collections.abc import Callable, Iterable

from sympy import ITE, Abs, Add, And, Expr, Min, Mod, Mul, Not, Or, Piecewise, Pow, Symbol, exp, log, sign, tanh
from sympy import Max as Largest
from sympy.core.function import Function
from sympy.core.relational import Relational
from sympy.printing.latex import LatexPrinter
from sympy.printing.precedence import PRECEDENCE, precedence_traditional

from lossgen.derive.sweeps import Table, TableEntry
from lossgen.formula.atoms import log_cosh, sigmoid, xlogy
from lossgen.formula.infinities import infinite_with, is_finite, zero_if_infinite
from lossgen.formula.lengths import Norm, PowerNorm, ratio
from lossgen.formula.nodes import Delta, Entry, LogSumExp, Max, Reduction, Sum
from lossgen.formula.paths import log_add_exp
from lossgen.formula.paths import share as path_share
from lossgen.formula.recurrence import Cell, Filled
from lossgen.formula.symbols import Argument

from .names import set_name
from .order import comparison, factors_of, over, pieces, plain, terms_of
from .widths import is_tall, width_of

SUM, PRODUCT, POWER = PRECEDENCE["Add"], PRECEDENCE["Mul"], PRECEDENCE["Pow"]

#: An exponent that is wider is written with \exp.
WIDE_EXPONENT = 55.0
#: A condition that is wider is not written in brackets before what it is for, but as cases.
WIDE_MARK = 170.0


class Named(Expr):
    """A part of a formula under a name of its own, at positions where it depends on them."""

    is_commutative = True
    is_real = True
    is_extended_real = True

    def __new__(cls, name: Symbol, *positions: Expr) -> "Named":
        return Expr.__new__(cls, name, *positions)


class NamedPositive(Named):
    """The same for a part that is above 0."""

    is_positive = True


def latex(expression: Expr) -> str:
    """The formula in LaTeX, on one line."""
    return Notation().whole(expression)


class Notation(LatexPrinter):
    """Sets formulas for reading. How each kind of node is set is a function in `FORMS`, the first that fits."""

    def __init__(self) -> None:
        super().__init__()
        self._small = False
        self._texts: dict[tuple[bool, Expr], str] = {}
        self._widths: dict[str, float] = {}

    def _print(self, expr, **kwargs) -> str:
        for kind in type(expr).__mro__:
            if kind in FORMS:
                return FORMS[kind](self, expr)
        return super()._print(expr, **kwargs)

    def text(self, node: Expr) -> str:
        """The node where it stands within a formula."""
        key = (self._small, node)
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
        before, self._small = self._small, True
        text = self.text(node)
        self._small = before
        return text

    def call(self, name: str, *args: Expr) -> str:
        inner = ", ".join(map(self.text, args))
        return rf"{name}\!\left({inner}\right)" if is_tall(inner) else f"{name}({inner})"

    def quotient(self, above: Expr, below: Expr) -> str:
        if self._small:
            bottom = self.held(below, PRODUCT)
            return f"{self.held(above, SUM)}/{bottom}"
        return rf"\frac{{{self.text(above)}}}{{{self.text(below)}}}"


def bracket(text: str) -> str:
    return rf"\left({text}\right)" if is_tall(text) else f"({text})"


def tightness(node: Expr) -> int:
    """How tightly the parts of the node's printed form hold together."""
    if isinstance(node, Reduction) and not isinstance(node, Norm | PowerNorm):
        return PRODUCT
    if isinstance(node, Piecewise):
        found = indicated(node)
        if found is None or found[0].could_extract_minus_sign():
            return SUM
        return POWER + 1 if found[0] == 1 else PRODUCT
    if isinstance(node, ratio | xlogy | log_cosh):
        return PRODUCT
    if isinstance(node, exp | path_share):
        return POWER
    if isinstance(node, Mul | Pow | Add) or node.is_number:
        return SUM if node.could_extract_minus_sign() else precedence_traditional(node)
    return precedence_traditional(node) if isinstance(node, Relational | And | Or | Not) else PRECEDENCE["Atom"]


def _add(p: Notation, node: Add) -> str:
    terms = terms_of(node)
    texts = [p.text(term) for term in terms]
    loose = [
        bracket(t) if isinstance(term, Piecewise) and "cases" in t else t for term, t in zip(terms, texts, strict=True)
    ]
    return joined([*loose[:-1], texts[-1]])


def joined(terms: Iterable[str]) -> str:
    """The terms as a sum."""
    found = ""
    for text in terms:
        found += text if not found else f" - {text[1:].lstrip()}" if text.startswith("-") else f" + {text}"
    return found


def _mul(p: Notation, node: Mul) -> str:
    if node.could_extract_minus_sign():
        return f"-{p.held(-node, SUM)}"
    above, below, beside = over(node)
    if below == 1:
        return product(p, factors_of(node))
    beside = [f for f in beside if not p._small]
    rest = node * below if p._small else above
    head = p.quotient(rest, below)
    return rf"{head} \, {product(p, beside, alone=False)}" if beside else head


def product(p: Notation, factors: list[Expr], alone: bool = True) -> str:
    """The factors beside each other."""
    found = ""
    for position, factor in enumerate(factors):
        text = p.text(factor)
        ends = position == len(factors) - 1
        single = alone and len(factors) == 1
        loose = tightness(factor) <= (SUM if ends else PRODUCT) and not isinstance(factor, ratio) and not single
        loose |= bool(found) and text.startswith("-")
        cased = ends and isinstance(factor, Piecewise) and not text.startswith("-")
        text = bracket(text) if loose and not cased and not factor.is_number else text
        found += beside(found, text) if found else text
    return found


def beside(left: str, right: str) -> str:
    """What stands between factors, and the second one: nothing after a number unless a word follows."""
    return right if left.isdigit() and not right.startswith((r"\mathit", r"\frac")) else rf" \, {right}"


def _pow(p: Notation, node: Pow) -> str:
    base, exponent = node.args
    if exponent.is_Rational and exponent < 0:
        return p.quotient(Pow(base, 0), Pow(base, -exponent))
    if exponent.is_Rational and exponent.p == 1 and exponent.q == 2 and not p._small:
        return rf"\sqrt{{{p.text(base)}}}"
    inner = p.text(base)
    bare = isinstance(base, Symbol | Entry | Named | Cell | Filled | TableEntry | Norm | PowerNorm | Abs | sigmoid)
    bare = bare or (base.is_Integer and base >= 0) or (isinstance(base, Piecewise) and inner.startswith("["))
    return rf"{inner if bare else bracket(inner)}^{{{p.small(exponent)}}}"


def _exp(p: Notation, node: Expr) -> str:
    return _exponential(p, node.args[0])


def _exponential(p: Notation, exponent: Expr) -> str:
    text = p.small(exponent)
    if p.width(text) * 0.72 > WIDE_EXPONENT or is_tall(text):
        return p.call(r"\exp", exponent)
    return rf"e^{{{text}}}"


def cases(p: Notation, node: Piecewise) -> str:
    """A select, a line for each piece."""
    return rows(rf"{p.whole(value)} & {condition(p, where)}" for value, where in pieces(node))


def rows(lines: Iterable[str]) -> str:
    """Cases of these lines; none begins with a bracket, which would be an option."""
    lines = [line.replace(r"\frac", r"\dfrac") if _is_flat(line) else line for line in lines]
    return r"\begin{cases} " + r" \\ ".join(f"{{}}{t}" if t.startswith("[") else t for t in lines) + r" \end{cases}"


def _is_flat(line: str) -> bool:
    """Whether no fraction is within another: each may be large."""
    parts = line.split(r"\frac")
    depth = [part.count("{") - part.count("}") for part in parts]
    return all(d == 0 for d in depth)


def condition(p: Notation, where: Expr) -> str:
    return r"\text{otherwise}" if where == True else rf"\text{{if }} {p.text(plain(where))}"  # noqa: E712


def indicated(node: Piecewise) -> tuple[Expr, Expr] | None:
    """The value and the condition, of a select that is 0 where the condition fails."""
    if len(node.args) != 2:
        return None
    (value, where), (other, _) = node.args
    if other == 0:
        return value, plain(where)
    return (other, plain(Not(where))) if value == 0 else None


def _piecewise(p: Notation, node: Piecewise) -> str:
    found = indicated(node)
    if found is None:
        return cases(p, node)
    value, where = found
    mark = f"[{p.text(where)}]"
    if p.width(mark) > WIDE_MARK:
        return cases(p, node)
    if value.could_extract_minus_sign():
        value, mark = -value, f"-{mark}"
    return mark if value == 1 else rf"{mark} \, {p.held(value, SUM)}"


def _relation(p: Notation, node: Relational) -> str:
    left, sign_, right = comparison(node)
    return f"{p.text(left)} {sign_} {p.text(right)}"


def _entry(p: Notation, node) -> str:
    base, positions = node.args[0], node.args[1:]
    name = base if isinstance(base, Symbol) else base.name
    return named(name, *map(p.small, positions))


def named(symbol: Symbol, *positions: str) -> str:
    """A symbol at positions: the direction of an argument has a dot, the adjoint of a table a bar."""
    name = symbol.name
    if isinstance(symbol, Argument) and symbol.role.name == "Direction":
        return set_name(name.removeprefix("direction_"), *positions, accent=r"\dot")
    if name.startswith("adjoint ") or name.startswith("dot "):
        word, _, rest = name.partition(" ")
        return set_name(rest, *positions, accent=r"\bar" if word == "adjoint" else r"\dot")
    return set_name(name, *positions)


def _reduction(symbol: str) -> Callable[[Notation, Reduction], str]:
    def form(p: Notation, node: Reduction) -> str:
        return rf"{symbol}_{{{p.text(node.index)}}} {p.held(node.body, SUM)}"

    return form


def _norm(p: Notation, node: Reduction) -> str:
    body = node.entry if isinstance(node, PowerNorm) else node.body
    power = p.small(node.power) if isinstance(node, PowerNorm) else "2"
    return rf"\left\| {p.text(body)} \right\|_{{{power}}}"


def _log(p: Notation, node: log) -> str:
    (arg,) = node.args
    bare = isinstance(arg, Symbol | Entry | Named | Filled) or (arg.is_Integer and arg > 0)
    return rf"\log {p.text(arg)}" if bare else p.call(r"\log", arg)


def _function(name: str) -> Callable[[Notation, Expr], str]:
    return lambda p, node: p.call(name, *node.args)


def _extreme(name: str) -> Callable[[Notation, Expr], str]:
    """The largest or least of several: numbers first."""
    return lambda p, node: p.call(name, *sorted(node.args, key=lambda a: (not a.is_number, a.sort_key())))


def _by_name(p: Notation, node: Function) -> str:
    text = type(node).__name__.replace("_", r"\_")
    return p.call(rf"\mathrm{{{text}}}", *node.args)


def _linked(word: str) -> Callable[[Notation, Expr], str]:
    def form(p: Notation, node: Expr) -> str:
        parts = sorted(plain(node).args, key=lambda a: a.sort_key())
        return rf" \text{{ {word} }} ".join(bracket(p.text(a)) if isinstance(a, And | Or) else p.text(a) for a in parts)

    return form


def _xlogy(p: Notation, node: xlogy) -> str:
    """x·log y: that it is 0 where x is 0 is what everyone takes it for."""
    return product(p, factors_of(Mul(node.args[0], log(node.args[1]), evaluate=False)))


#: How each kind of node is set.
FORMS: dict[type, Callable[[Notation, Expr], str]] = {
    Add: _add,
    Mul: _mul,
    Pow: _pow,
    exp: _exp,
    Piecewise: _piecewise,
    Relational: _relation,
    Entry: _entry,
    TableEntry: _entry,
    Cell: _entry,
    Filled: _entry,
    Named: _entry,
    Table: lambda p, node: named(node),
    Symbol: lambda p, node: named(node),
    Sum: _reduction(r"\sum"),
    Max: _reduction(r"\max"),
    LogSumExp: _reduction(r"\operatorname{LSE}"),
    Norm: _norm,
    PowerNorm: _norm,
    Delta: lambda p, node: f"[{p.text(node.args[0])} = {p.text(node.args[1])}]",
    ratio: lambda p, node: p.quotient(*node.args),
    xlogy: _xlogy,
    sigmoid: _function(r"\sigma"),
    log: _log,
    log_cosh: _function(r"\log \cosh"),
    tanh: _function(r"\tanh"),
    sign: _function(r"\operatorname{sign}"),
    Largest: _extreme(r"\max"),
    Min: _extreme(r"\min"),
    log_add_exp: _function(r"\operatorname{LSE}"),
    path_share: lambda p, node: _exponential(p, node.args[0] - node.args[1]),
    Abs: lambda p, node: rf"\left|{p.text(node.args[0])}\right|",
    And: _linked("and"),
    Or: _linked("or"),
    ITE: lambda p, node: p.text(plain(node)),
    Not: lambda p, node: p.text(plain(node)),
    Mod: lambda p, node: rf"{p.held(node.args[0], PRODUCT)} \bmod {p.held(node.args[1], PRODUCT)}",
    is_finite: lambda p, node: rf"[{p.text(node.args[0])} \text{{ is finite}}]",
    zero_if_infinite: lambda p, node: p.call(r"\operatorname{finite}", *node.args),
    infinite_with: lambda p, node: p.text(node.args[1]),
    Function: _by_name,
}
