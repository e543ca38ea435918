"""Plain formulas for the stable ones: what an atom stands for, 1 − p for −(p − 1), one letter for every index."""

from collections.abc import Mapping

from sympy import Abs as Size
from sympy import Add, Expr, Integer, Mul, Piecewise, exp, sign

from lossgen.formula import Index
from lossgen.formula.atoms import (
    Atom,
    expm1,
    expm1_minus,
    expm1_ratio,
    expm1_ratio_slope,
    log1p,
    softplus,
)
from lossgen.formula.differences import Plain
from lossgen.formula.lengths import (
    abs_power,
    hypot,
    length_difference,
    rejection,
    signed_power,
    versine,
)
from lossgen.formula.likes import change, others_share, tangent_part
from lossgen.formula.paths import log_add_exp

from .naming import names_in, rebuilt
from .selects import indicated

#: Atoms that stand for a plain formula.
SPELT_OUT = (
    *(Plain, hypot, length_difference, rejection, versine, change, tangent_part, others_share),
    *(expm1, expm1_minus, log1p, softplus, log_add_exp),
)
ONE = Integer(1)


def spelt_out(node: Expr) -> Expr:
    """The textbook formula of an atom that the rules found."""
    if isinstance(node, abs_power):
        return Size(node.args[0]) ** node.args[1]
    if isinstance(node, signed_power):
        x, power = node.args
        return sign(x) * Size(x) ** power
    if isinstance(node, expm1_ratio):
        return node.args[0] / (exp(node.args[0]) - 1)
    if isinstance(node, expm1_ratio_slope):
        (x,) = node.args
        return (1 - x / (exp(x) - 1)) / x
    if isinstance(node, Mul):
        return at_once(node)
    if isinstance(node, SPELT_OUT):
        found = node.definition()
        value = found.args[0][0] if isinstance(found, Piecewise) else found
        return Add(*map(_inner, value.args)) if isinstance(value, Add) else _inner(value)
    return node


def turned(node: Mul) -> Expr:
    """−(p − 1) as 1 − p, (p − 1)·a as −(1 − p)·a, a·(−[c]) as −a·[c], a·(2x − 2y) as 2·a·(x − y), and p^γ/p as p^(γ − 1)."""
    side = ONE
    powers: dict[Expr, Expr] = {}
    for factor in node.args:
        base, n = (factor, ONE) if isinstance(factor, exp) or factor.is_number else factor.as_base_exp()
        if isinstance(base, Add) and n.is_Integer:
            number, base = base.primitive()
            side *= number**n
        if isinstance(base, Add) and n.is_Integer and n % 2 and _is_less_number(base):
            base, side = Add(*(-t for t in base.args)), -side
        elif isinstance(base, Piecewise) and n.is_Integer and n % 2 and _is_negative(base):
            base, side = Piecewise(*((-value, where) for value, where in base.args)), -side
        powers[base] = powers.get(base, 0) + n
    found = [side, *(base**n for base, n in powers.items())]
    number = Mul(*(f for f in found if f.is_number))
    rest = [f for f in found if not f.is_number]
    if len(rest) == 1 and isinstance(rest[0], Add) and side == -1 and number == -1:
        return Add(*(-t for t in rest[0].args))
    return rebuilt(node, [number, *rest]) if number != 1 else Mul(*rest)


def _is_less_number(node: Add) -> bool:
    """Whether the node is a number less than something positive, as p − 1."""
    return any(t.is_number and t.is_negative for t in node.args) and not all(
        t.could_extract_minus_sign() for t in node.args
    )


def _is_negative(node: Piecewise) -> bool:
    """Whether the select is something negative where its condition holds, and 0 elsewhere."""
    found = indicated(node)
    return found is not None and found[0].could_extract_minus_sign()


def at_once(node: Mul) -> Expr:
    """[c]·a·[c]·b = [c]·a·b."""
    marked = [f for f in node.args if isinstance(f, Piecewise) and indicated(f)]
    for factor in marked:
        where = indicated(factor)[1]
        same = [f for f in marked if indicated(f)[1] == where]
        if len(same) > 1:
            rest = [f for f in node.args if f not in same]
            return Mul(*rest, Piecewise((Mul(*(indicated(f)[0] for f in same)), where), (0, True)))
    return node


def _inner(node: Expr) -> Expr:
    """A textbook formula within one, and what its author takes for granted at 0."""
    if isinstance(node, Piecewise):
        return node.args[0][0]
    if isinstance(node, Mul):
        return rebuilt(node, [spelt_out(a) if isinstance(a, Atom) else a for a in node.args])
    return spelt_out(node) if isinstance(node, Atom) else node


def short_indices(expression: Expr) -> Expr:
    """The expression with one letter for every index, as far as there are letters."""
    long = [s for s in expression.atoms(Index) if len(s.name) > 1]
    taken = names_in(expression)
    by: dict[Expr, Expr] = {}
    for index in sorted(long, key=lambda s: s.name):
        fresh = next((n for n in (index.name[0], *"kmnijlqrs") if n not in taken), index.name)
        taken.add(fresh)
        by[index] = index.axis.index(fresh)
    return _renamed(expression, by) if by else expression


def _renamed(node: Expr, by: Mapping[Expr, Expr]) -> Expr:
    if node in by:
        return by[node]
    if not node.args:
        return node
    args = [_renamed(arg, by) for arg in node.args]
    return node if all(a is b for a, b in zip(args, node.args, strict=True)) else rebuilt(node, args)
