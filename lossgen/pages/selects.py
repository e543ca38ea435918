"""How selects and conditions are set: cases, and [condition]·value where the value is 0 otherwise."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from sympy import And, Expr, Not, Or, Piecewise, log, true
from sympy.core.relational import Relational
from sympy.printing.precedence import PRECEDENCE

from lossgen.formula.infinities import is_finite

from .order import comparison, pieces, plain
from .text import bracket

if TYPE_CHECKING:
    from .notation import Notation

#: A condition that is wider is not written in brackets before what it is for, but as cases.
WIDE_MARK = 170.0

SUM = PRECEDENCE["Add"]


def cases(p: "Notation", node: Piecewise) -> str:
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


def condition(p: "Notation", where: Expr) -> str:
    return r"\text{otherwise}" if where is true else rf"\text{{if }} {p.text(plain(where))}"


def indicated(node: Piecewise) -> tuple[Expr, Expr] | None:
    """The value and the condition, of a select that is 0 where the condition fails."""
    if len(node.args) != 2:
        return None
    (value, where), (other, _) = node.args
    if other == 0:
        return value, plain(where)
    return (other, plain(Not(where))) if value == 0 else None


def piecewise(p: "Notation", node: Piecewise) -> str:
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


def relation(p: "Notation", node: Relational) -> str:
    left, sign_, right = comparison(node)
    return f"{p.text(left)} {sign_} {p.text(right)}"


def linked(word: str) -> Callable[["Notation", Expr], str]:
    def form(p: "Notation", node: Expr) -> str:
        return rf" \text{{ {word} }} ".join(links(p, plain(node)))

    return form


def links(p: "Notation", node: And | Or) -> list[str]:
    """What is linked, in brackets where it is linked itself."""
    parts = sorted(node.args, key=lambda a: a.sort_key())
    return [bracket(p.text(a)) if isinstance(a, And | Or) else p.text(a) for a in parts]


def finite(p: "Notation", node: is_finite) -> str:
    (arg,) = node.args
    if isinstance(arg, log):
        return f"[{p.text(arg.args[0])} > 0]"
    return rf"[{p.text(arg)} \text{{ is finite}}]"


def infinite_with(p: "Notation", node: Expr) -> str:
    ruled, value = node.args
    if ruled == value:
        return p.text(value)
    where = rf"\text{{if }} {p.text(ruled)} \text{{ is finite}}"
    return rows([rf"{p.whole(value)} & {where}", r"\infty & \text{otherwise}"])


def zero_if_infinite(p: "Notation", node: Expr) -> str:
    """The value where it is finite, else 0."""
    return rows([rf"{p.whole(node.args[0])} & \text{{if it is finite}}", r"0 & \text{otherwise}"])
