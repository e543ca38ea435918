"""How each kind of node is broken into lines."""

from collections.abc import Callable
from itertools import zip_longest
from typing import TYPE_CHECKING

from sympy import (
    Abs,
    Add,
    And,
    Expr,
    Integer,
    Min,
    Mul,
    Or,
    Piecewise,
    Pow,
    exp,
    log,
    tanh,
)
from sympy import Max as Largest

from lossgen.formula.atoms import log1p, sigmoid, softplus
from lossgen.formula.lengths import Norm, PowerNorm, ratio
from lossgen.formula.nodes import LogSumExp, Max, Reduction, Sum
from lossgen.formula.paths import log_add_exp

from .forms import PRODUCT, product, tightness
from .forms import SUM as LOOSE
from .order import compared, factors_of, over, pieces, plain, terms_of
from .part import INDENT, Broken, Line, Part
from .selects import WIDE_MARK, condition, indicated, links, rows
from .text import beside
from .widths import is_tall

if TYPE_CHECKING:
    from .fold import Fold

#: A fraction may take this share of a line before the rest of its product.
HEAD = 0.45


def _sum(fold: "Fold", node: Add, before: str, after: str, level: int) -> list[Line] | None:
    return fold.packed([_term(fold, term) for term in terms_of(node)], before, after, level)


def _term(fold: "Fold", term: Expr) -> Part:
    minus = term.could_extract_minus_sign() and not isinstance(term, Add)
    size = -term if minus else term
    text = fold.p.held(size, LOOSE) if minus or isinstance(term, Piecewise) else fold.p.text(size)
    bracketed = text.startswith(("(", r"\left(")) and tightness(size) <= LOOSE
    sign = "-" if minus else "+"
    return Part(text, lambda _: f" {sign} ", f"{sign} ", _breaks(size, bracketed), first="-" if minus else "")


def _bracketed(fold: "Fold", node: Expr, before: str, after: str, level: int) -> list[Line] | None:
    """The node in brackets of a fixed size."""
    size = big(fold.p.text(node))
    return fold.fold(node, rf"{before}{size}l(", rf"{size}r){after}", level)


def _held(fold: "Fold", node: Expr, before: str, after: str, level: int) -> list[Line] | None:
    """The node, in brackets if it is a sum."""
    return _breaks(node, tightness(node) <= LOOSE)(fold, before, after, level)


def _breaks(node: Expr, bracketed: bool) -> Broken:
    """How a part of several is broken: within brackets, if it has them."""

    def broken(fold: "Fold", before: str, after: str, level: int) -> list[Line] | None:
        if bracketed:
            return _bracketed(fold, node, before, after, level)
        return fold.fold(node, before, after, level)

    return broken


def big(text: str) -> str:
    return r"\Bigg" if "cases" in text else r"\bigg" if is_tall(text) else r"\big"


def _product(fold: "Fold", node: Expr, before: str, after: str, level: int) -> list[Line] | None:
    if node.could_extract_minus_sign():
        return _breaks(-node, isinstance(-node, Add))(fold, before + "-", after, level)
    above, below, large = over(node)
    if below == 1:
        return fold.packed(_parts(fold, factors_of(node)), before, after, level)
    return _quotient(fold, above, below, large, before, after, level)


def _quotient(
    fold: "Fold", above: Expr, below: Expr, large: list[Expr], before: str, after: str, level: int
) -> list[Line] | None:
    """A fraction with what is small above the line, and the other factors after it."""
    small, rest = [], list(large)
    for factor in factors_of(above):
        head = fold.p.quotient(_times([*small, factor]), below)
        fitting = fold.p.width(head) <= HEAD * fold.room and not isinstance(factor, Add | Reduction)
        (small if fitting else rest).append(factor)
    head = fold.p.quotient(_times(small), below)
    if not fold.fits(before + head, level):
        return None
    if not rest:
        return [(level, before + head + after)] if fold.fits(before + head + after, level) else None
    return fold.packed(_parts(fold, rest), rf"{before}{head} \, ", after, level)


def _times(factors: list[Expr]) -> Expr:
    if not factors:
        return Integer(1)
    return factors[0] if len(factors) == 1 else Mul(*factors, evaluate=False)


def _parts(fold: "Fold", factors: list[Expr]) -> list[Part]:
    last = len(factors) - 1
    return [_factor(fold, factor, position == last) for position, factor in enumerate(factors)]


def _factor(fold: "Fold", factor: Expr, ends: bool) -> Part:
    text = product(fold.p, [factor] if ends else [factor, Integer(1)], alone=False)
    text = text if ends else text.removesuffix("1").removesuffix(r" \, ")
    bracketed = text.startswith(("(", r"\left(")) and tightness(factor) <= (LOOSE if ends else PRODUCT)
    return Part(text, lambda current: _link(current, text), r"\cdot ", _breaks(factor, bracketed))


def _link(current: str, text: str) -> str:
    last = current.rsplit(" ", 1)[-1]
    return beside(last, text).removesuffix(text) if last else ""


def _call(name: str) -> Callable[["Fold", Expr, str, str, int], list[Line] | None]:
    """A function of one or more arguments, which are broken themselves."""

    def way(fold: "Fold", node: Expr, before: str, after: str, level: int) -> list[Line] | None:
        args = compared(node) if isinstance(node, Largest | Min) else node.args
        size = big(fold.p.text(node))
        return fold.packed(
            [_argument(fold, arg) for arg in args], rf"{before}{name}{size}l(", rf"{size}r){after}", level
        )

    return way


def _argument(fold: "Fold", arg: Expr) -> Part:
    return Part(fold.p.text(arg), lambda _: " ", "", _breaks(arg, False), tail=",")


def _reduction(symbol: str) -> Callable[["Fold", Reduction, str, str, int], list[Line] | None]:
    def way(fold: "Fold", node: Reduction, before: str, after: str, level: int) -> list[Line] | None:
        head = rf"{before}{symbol}_{{{fold.p.text(node.index)}}} "
        return _held(fold, node.body, head, after, level)

    return way


def _cases(fold: "Fold", node: Piecewise, before: str, after: str, level: int) -> list[Line] | None:
    """Each piece on lines of its own, with the condition on the first of them."""
    found = [(value, _conditions(fold, where)) for value, where in pieces(node)]
    # 25: the brace and what stands between value and condition
    beside_ = max(fold.p.width(line) for _, where in found for line in where) + 25
    room = fold.room - INDENT * level - fold.p.width(before + after) - beside_
    found_rows: list[str] = []
    for value, where in found:
        lines = fold.within(room).lines(value)
        if lines is None:
            return _indicated(fold, node, before, after, level)
        found_rows += [rf"{text} & {when}" for text, when in zip_longest(_set_in(lines), where, fillvalue="")]
    text = before + rows(found_rows) + after
    return [(level, text)] if fold.fits(text, level) else None


def _set_in(lines: list[str]) -> list[str]:
    return [lines[0], *(rf"\quad {line}" for line in lines[1:])]


def _conditions(fold: "Fold", where: Expr) -> list[str]:
    """The condition of a piece, on several lines where it is long."""
    text = condition(fold.p, where)
    where = plain(where)
    if fold.p.width(text) <= HEAD * fold.room or not isinstance(where, And | Or):
        return [text]
    word = "and" if isinstance(where, And) else "or"
    first, *others = links(fold.p, where)
    return [rf"\text{{if }} {first}", *(rf"\quad \text{{{word} }} {text}" for text in others)]


def _indicated(fold: "Fold", node: Piecewise, before: str, after: str, level: int) -> list[Line] | None:
    """[condition]·(value on several lines), where the value is 0 otherwise."""
    found = indicated(node)
    if found is None:
        return None
    value, where = found
    mark = rf"[{fold.p.text(where)}] \, "
    head = before + mark
    if fold.p.width(mark) > WIDE_MARK or not fold.fits(head, level):
        return None
    return _held(fold, value, head, after, level)


def _power(fold: "Fold", node: Pow, before: str, after: str, level: int) -> list[Line] | None:
    base, exponent = node.args
    if exponent.is_Rational and exponent < 0:
        return None
    raised = rf"^{{{fold.p.small(exponent)}}}{after}"
    size = big(fold.p.text(base))
    return fold.fold(base, rf"{before}{size}l(", rf"{size}r){raised}", level)


def _absolute(fold: "Fold", node: Abs, before: str, after: str, level: int) -> list[Line] | None:
    size = big(fold.p.text(node.args[0]))
    return fold.fold(node.args[0], rf"{before}{size}l|", rf"{size}r|{after}", level)


Way = Callable[["Fold", Expr, str, str, int], list[Line] | None]

#: How a node is broken into lines; the first that fits.
WAYS: dict[type, Way] = {
    Add: _sum,
    Mul: _product,
    Piecewise: _cases,
    Norm: lambda *_: None,
    PowerNorm: lambda *_: None,
    Sum: _reduction(r"\sum"),
    Max: _reduction(r"\max"),
    LogSumExp: _reduction(r"\operatorname{LSE}"),
    log_add_exp: _call(r"\operatorname{LSE}"),
    Largest: _call(r"\max"),
    Min: _call(r"\min"),
    log: _call(r"\log"),
    exp: _call(r"\exp"),
    sigmoid: _call(r"\sigma"),
    tanh: _call(r"\tanh"),
    softplus: _call(r"\mathrm{softplus}"),
    log1p: _call(r"\mathrm{log1p}"),
    Abs: _absolute,
    Pow: _power,
    ratio: lambda fold, node, *rest: _quotient(fold, node.args[0], node.args[1], [], *rest),
}
