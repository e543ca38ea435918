"""Lowers the atoms of shares and divergences: their forms that keep digits near equality, and in the range.

A divisor may be so small that its reciprocal is infinite: there each quotient is a division.
"""

from collections.abc import Callable

from sympy import Abs, Expr, Integer, Piecewise, log

from lossgen.formula.atoms import absorb, log1p
from lossgen.formula.divergences import entropy_gap, log_over_mean
from lossgen.formula.shares import score, share

from .functions import quotient


def gap_of_entropies(node: entropy_gap) -> Expr:
    """(a + b)/2·(2δ·artanh δ + log1p(−δ²)) with δ = |a − b|/(a + b) near a = b, where the terms would cancel; else as it stands."""
    a, b = node.args
    total, gap = a + b, Abs(a - b)
    delta = quotient(gap, total)
    near = (delta * log1p(2 * delta / (1 - delta)) + log1p(-(delta**2))) * total / 2
    far = absorb(a, log(2 * quotient(a, total))) + absorb(b, log(2 * quotient(b, total)))
    return Piecewise((near, 2 * gap < total), (far, True))


def logarithm_over_mean(node: log_over_mean) -> Expr:
    """log1p((a − b)/(a + b)) near a = b, else as it stands."""
    a, b = node.args
    total, gap = a + b, a - b
    near, far = log1p(quotient(gap, total)), log(2 * quotient(a, total))
    return Piecewise((near, 2 * Abs(gap) < total), (far, total > 0), (log(Integer(2)), True))


def difference_over_product(node: score) -> Expr:
    """(q − p)/(p·(1 − p)): digits near p = q."""
    q, p = node.args
    return (q - p) / (p * (1 - p))


#: How each kind of node is lowered: what it becomes is lowered in its turn.
FORMS: dict[type, Callable[[Expr], Expr]] = {
    entropy_gap: gap_of_entropies,
    log_over_mean: logarithm_over_mean,
    share: share.definition,
    score: difference_over_product,
}
