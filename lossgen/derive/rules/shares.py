"""Rules for quotients of sums and for distributions: 1 − a/b, y/p against (1 − y)/(1 − p), p·log(p/m) against q·log(q/m)."""

from collections.abc import Iterator

from sympy import Add, Expr, Mul, Piecewise, false, log

from lossgen.formula.atoms import absorb
from lossgen.formula.divergences import entropy_gap
from lossgen.formula.shares import score, share

from .terms import cofactor, negated


def one_minus_quotient(node: Expr) -> Expr | None:
    """k − k·a/(a + r) = k·r/(a + r), an atom of its own, for a + r ≠ 0 and a sum a: digits where r is small, in the slopes too."""
    if not isinstance(node, Add):
        return None
    for term in node.args:
        for divisor in (f for f in Mul.make_args(term) if f.is_Pow and f.exp == -1 and isinstance(f.base, Add)):
            for above in (f for f in Mul.make_args(term) if isinstance(f, Add)):
                k = negated(cofactor(term, divisor, above))
                if k in node.args and set(above.args) < set(divisor.base.args):
                    rest = (t for t in node.args if t not in (term, k))
                    return Add(k * share(divisor.base - above, above), *rest)
    return None


def opposing_fractions(node: Expr) -> Expr | None:
    """k·q/p − k·(1 − q)/(1 − p) = k·(q − p)/(p·(1 − p)), an atom of its own, for 0 < p < 1: digits near p = q.

    Each fraction may be one that a condition switches off: where it does, the other is left.
    """
    if not isinstance(node, Add):
        return None
    for first in node.args:
        for above, p, off in _fractions(first):
            for second in (t for t in node.args if t is not first):
                for other, below, other_off in _fractions(second):
                    other = other if below == 1 - p else negated(other) if below == p - 1 else None
                    split = next((s for s in _splits(above) if other in _times_complement(*s)), None) if other else None
                    if split is not None:
                        k, q = split
                        switched = Piecewise((second, off), (first, other_off), (k * score(q, p), True))
                        return Add(switched, *(t for t in node.args if t not in (first, second)))
    return None


def logarithms_over_mean(node: Expr) -> Expr | None:
    """k·a·log(a/m) + k·b·log(b/m), for m = (a + b)/2 and a, b ≥ 0, is an atom of its own: digits near a = b."""
    if not isinstance(node, Add):
        return None
    found = [(term, f) for term in node.args for f in Mul.make_args(term) if isinstance(f, absorb)]
    for first, one in found:
        for second, other in found:
            a, b = one.args[0], other.args[0]
            if a == b or cofactor(first, one) != cofactor(second, other):
                continue
            if _is_over_mean(one, b) and _is_over_mean(other, a):
                rest = (t for t in node.args if t not in (first, second))
                return Add(cofactor(first, one) * entropy_gap(a, b), *rest)
    return None


def _is_over_mean(node: absorb, other: Expr) -> bool:
    """Whether the node is a·log(a/m), m the mean of a and the other."""
    a, logarithm = node.args
    return isinstance(logarithm, log) and logarithm.args[0] in (a / (a / 2 + other / 2), 2 * a / (a + other))


def _fractions(term: Expr) -> Iterator[tuple[Expr, Expr, Expr]]:
    """Each way to read the term as k/p: k, p, and the condition under which it is 0 instead."""
    for factor in Mul.make_args(term):
        switched = isinstance(factor, Piecewise) and len(factor.args) == 2 and factor.args[0][0] == 0
        inner, off = (factor.args[1][0], factor.args[0][1]) if switched else (factor, false)
        sign, base = inner.as_coeff_Mul()
        if sign in (1, -1) and base.is_Pow and base.exp == -1:
            yield Mul(sign, *Mul.make_args(cofactor(term, factor))), base.base, off


def _splits(above: Expr) -> Iterator[tuple[Expr, Expr]]:
    """Each way to read the product as k·q."""
    yield from ((cofactor(above, q), q) for q in Mul.make_args(above) if not q.is_number)


def _times_complement(k: Expr, q: Expr) -> tuple[Expr, Expr]:
    """−k·(1 − q), as SymPy may write it."""
    return Mul(-1, *Mul.make_args(k), 1 - q), Mul(*Mul.make_args(k), q - 1)
