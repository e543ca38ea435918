"""How each kind of node is set."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from sympy import (
    ITE,
    Abs,
    Add,
    And,
    Expr,
    Min,
    Mod,
    Mul,
    Not,
    Or,
    Piecewise,
    Pow,
    Symbol,
    exp,
    fraction,
    log,
    sign,
    tanh,
    together,
)
from sympy import Max as Largest
from sympy.core.function import Function
from sympy.core.relational import Relational
from sympy.printing.precedence import PRECEDENCE, precedence_traditional

from lossgen.derive.sweeps import Table, TableEntry
from lossgen.formula.atoms import log_cosh, sigmoid, xlogy
from lossgen.formula.infinities import infinite_with, is_finite, zero_if_infinite
from lossgen.formula.lengths import Norm, PowerNorm, ratio
from lossgen.formula.letters import escaped, set_name
from lossgen.formula.nodes import Delta, Entry, LogSumExp, Max, Reduction, Sum
from lossgen.formula.paths import log_add_exp
from lossgen.formula.paths import share as path_share
from lossgen.formula.recurrence import Cell, Filled
from lossgen.formula.symbols import Argument

from .named import Named
from .order import compared, factors_of, over, plain, terms_of
from .selects import finite, indicated, linked, piecewise, relation
from .selects import infinite_with as finite_where
from .selects import zero_if_infinite as zero_where
from .text import beside, bracket, joined
from .widths import is_tall

if TYPE_CHECKING:
    from .notation import Notation

SUM, PRODUCT, POWER = PRECEDENCE["Add"], PRECEDENCE["Mul"], PRECEDENCE["Pow"]

#: An exponent that is wider is written with \exp.
WIDE_EXPONENT = 55.0


def tightness(node: Expr) -> int:
    """How tightly the parts of the node's printed form hold together."""
    if isinstance(node, Reduction) and not isinstance(node, Norm | PowerNorm):
        return PRODUCT
    if isinstance(node, Piecewise):
        found = indicated(node)
        if found is None or found[0].could_extract_minus_sign():
            return SUM
        return POWER + 1 if found[0] == 1 else PRODUCT
    if isinstance(node, zero_if_infinite | infinite_with):
        return SUM
    if isinstance(node, ratio | xlogy | log_cosh):
        return PRODUCT
    if isinstance(node, exp | path_share):
        return POWER
    if isinstance(node, Mul | Pow | Add) or node.is_number:
        return SUM if node.could_extract_minus_sign() else precedence_traditional(node)
    return precedence_traditional(node) if isinstance(node, Relational | And | Or | Not) else PRECEDENCE["Atom"]


def _add(p: "Notation", node: Add) -> str:
    if p.in_small:
        above, below = fraction(together(node))
        if below != 1 and below.is_Integer:
            return f"{bracket(p.text(above))}/{below}"
    terms = terms_of(node)
    texts = [p.text(term) for term in terms]
    loose = [
        bracket(t) if isinstance(term, Piecewise) and "cases" in t else t for term, t in zip(terms, texts, strict=True)
    ]
    return joined([*loose[:-1], texts[-1]])


def _mul(p: "Notation", node: Mul) -> str:
    if node.could_extract_minus_sign():
        return f"-{p.held(-node, SUM)}"
    above, below, beside = over(node)
    if below == 1:
        return product(p, factors_of(node))
    beside = [f for f in beside if not p.in_small]
    rest = node * below if p.in_small else above
    head = p.quotient(rest, below)
    return rf"{head} \, {product(p, beside, alone=False)}" if beside else head


def product(p: "Notation", factors: list[Expr], alone: bool = True) -> str:
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


def _pow(p: "Notation", node: Pow) -> str:
    base, exponent = node.args
    if exponent.is_Rational and exponent < 0:
        return p.quotient(Pow(base, 0), Pow(base, -exponent))
    if exponent.is_Rational and exponent.p == 1 and exponent.q == 2 and not p.in_small:
        return rf"\sqrt{{{p.text(base)}}}"
    inner = p.text(base)
    bare = isinstance(base, Symbol | Entry | Named | Cell | Filled | TableEntry | Norm | PowerNorm | Abs | sigmoid)
    bare = bare or (base.is_Integer and base >= 0) or (isinstance(base, Piecewise) and inner.startswith("["))
    return rf"{inner if bare else bracket(inner)}^{{{p.small(exponent)}}}"


def _exp(p: "Notation", node: Expr) -> str:
    return _exponential(p, node.args[0])


def _exponential(p: "Notation", exponent: Expr) -> str:
    text = p.small(exponent)
    if p.width(text) * 0.72 > WIDE_EXPONENT or is_tall(text):
        return p.call(r"\exp", exponent)
    return rf"e^{{{text}}}"


def _entry(p: "Notation", node) -> str:
    base, positions = node.args[0], node.args[1:]
    name = base if isinstance(base, Symbol) else base.name
    return named(name, *map(p.small, positions))


def named(symbol: Symbol, *positions: str) -> str:
    """A symbol at positions: the direction of an argument has a dot, the adjoint of a table a bar."""
    name = symbol.name
    if isinstance(symbol, Argument) and symbol.role.name == "Direction":
        return set_name(name.removeprefix("direction_"), *positions, accent=r"\dot")
    if name.startswith(("adjoint ", "dot ")):
        word, _, rest = name.partition(" ")
        return set_name(rest, *positions, accent=r"\bar" if word == "adjoint" else r"\dot")
    return set_name(name, *positions)


def _reduction(symbol: str) -> Callable[["Notation", Reduction], str]:
    def form(p: "Notation", node: Reduction) -> str:
        return rf"{symbol}_{{{p.text(node.index)}}} {p.held(node.body, SUM)}"

    return form


def _norm(p: "Notation", node: Reduction) -> str:
    body = node.entry if isinstance(node, PowerNorm) else node.body
    power = p.small(node.power) if isinstance(node, PowerNorm) else "2"
    return rf"\left\| {p.text(body)} \right\|_{{{power}}}"


def _log(p: "Notation", node: log) -> str:
    (arg,) = node.args
    bare = isinstance(arg, Symbol | Entry | Named | Filled) or (arg.is_Integer and arg > 0)
    return rf"\log {p.text(arg)}" if bare else p.call(r"\log", arg)


def _function(name: str) -> Callable[["Notation", Expr], str]:
    return lambda p, node: p.call(name, *node.args)


def _extreme(name: str) -> Callable[["Notation", Expr], str]:
    return lambda p, node: p.call(name, *compared(node))


def _by_name(p: "Notation", node: Function) -> str:
    return p.call(rf"\mathrm{{{escaped(type(node).__name__)}}}", *node.args)


def _xlogy(p: "Notation", node: xlogy) -> str:
    """x·log y: that it is 0 where x is 0 is what everyone takes it for."""
    return product(p, factors_of(Mul(node.args[0], log(node.args[1]), evaluate=False)))


#: How each kind of node is set.
FORMS: dict[type, Callable[["Notation", Expr], str]] = {
    Add: _add,
    Mul: _mul,
    Pow: _pow,
    exp: _exp,
    Piecewise: piecewise,
    Relational: relation,
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
    And: linked("and"),
    Or: linked("or"),
    ITE: lambda p, node: p.text(plain(node)),
    Not: lambda p, node: p.text(plain(node)),
    Mod: lambda p, node: rf"{p.held(node.args[0], PRODUCT)} \bmod {p.held(node.args[1], PRODUCT)}",
    is_finite: finite,
    zero_if_infinite: zero_where,
    infinite_with: finite_where,
    Function: _by_name,
}
