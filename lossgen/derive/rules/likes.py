"""Rules for gradients and curvatures of norms: differences of like ones, and entries that are nearly all of their vector."""

from collections.abc import Iterator
from itertools import permutations

from sympy import Add, Expr, Mul

from lossgen.formula import Index, Sum
from lossgen.formula.lengths import Norm, PowerNorm, ratio, repeated_factors
from lossgen.formula.likes import (
    change,
    exchanged,
    others_share,
    position_of,
    power_of,
    slope_of_norm,
    tangent_part,
)

from .terms import cofactor, negated

NORMS = (Norm, PowerNorm)


def part_along_sphere(node: Expr) -> Expr | None:
    """k·u(i) − k·x(i)·Σ_d u(d)·∂‖f‖/∂f(d) = k·tangent_part(u(i), x(i), Σ), for x = f/‖f‖: digits where x(i) is nearly 1."""
    if not isinstance(node, Add):
        return None
    for term, x, at in _entries_of_unit_vectors(node):
        for total in (f for f in Mul.make_args(term) if isinstance(f, Sum) and f.index.axis == at.axis):
            slope = slope_of_norm(x).xreplace({at: total.index})
            if slope not in Mul.make_args(total.body):
                continue
            u = cofactor(total.body, slope).xreplace({total.index: at})
            k = negated(cofactor(term, x, total))
            own = Mul(*Mul.make_args(k), *Mul.make_args(u))
            if own in node.args:
                return Add(k * tangent_part(u, x, total), *(t for t in node.args if t not in (term, own)))
    return None


def share_of_other_entries(node: Expr) -> Expr | None:
    """k − k·|x(i)|^p = k·others_share(x(i), p), for x = f/‖f‖_p and k with a factor ratio(·, ‖f‖_p), 0 where that is 0."""
    if not isinstance(node, Add):
        return None
    for term, x, _ in _entries_of_unit_vectors(node):
        factors, slope = repeated_factors(term), slope_of_norm(x)
        factors.remove(x)
        if slope not in factors:
            continue
        factors.remove(slope)
        k = negated(Mul(*factors))
        fades = any(isinstance(f, ratio) and f.args[1] == x.args[1] for f in factors)
        if fades and k in node.args:
            return Add(k * others_share(x, power_of(x.args[1])), *(t for t in node.args if t not in (term, k)))
    return None


def difference_of_likes(node: Expr) -> Expr | None:
    """k·a − k·b = k·change(a, b), for b the a of another argument, with norms in both: digits where they nearly agree."""
    if not isinstance(node, Add):
        return None
    for first, second in permutations([t for t in node.args if t.has(*NORMS)], 2):
        if first.could_extract_minus_sign() or (swap := exchanged(first, negated(second))) is None:
            continue
        own = [f for f in Mul.make_args(first) if f.has(*swap)]
        a = Mul(*own)
        if a.has(*NORMS):
            rest = (t for t in node.args if t not in (first, second))
            return Add(cofactor(first, *own) * change(a, a.xreplace(swap)), *rest)
    return None


def _entries_of_unit_vectors(node: Add) -> Iterator[tuple[Expr, ratio, Index]]:
    """Each term with a factor x = f(i)/‖f‖, with that factor and i."""
    for term in node.args:
        for x in dict.fromkeys(repeated_factors(term)):
            if isinstance(x, ratio) and isinstance(x.args[1], NORMS) and (at := position_of(x)) is not None:
                yield term, x, at
