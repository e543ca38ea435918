"""Lowers the atoms of shares and divergences: their forms that keep digits near equality, and in the range.

A divisor may be so small that its reciprocal is infinite: there each quotient is a division.
"""

from collections.abc import Callable

from sympy import Abs, Expr, Integer, Min, Piecewise, exp, log

from lossgen.formula.atoms import absorb, expm1_minus, log1p
from lossgen.formula.divergences import entropy_gap, exp_tangent_gap, less_log, log_over_mean, log_ratio, tangent_gap
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


def entropy_above_tangent(node: tangent_gap) -> Expr:
    """t·(e^v − 1 − v) with v = log1p((a − t)/t) near a = t, where the terms would cancel; else as it stands."""
    t, a = node.args
    gap = a - t
    near, far = t * expm1_minus(log1p(quotient(gap, t))), gap + absorb(t, _logarithm_of_quotient(t, a))
    return Piecewise((near, Abs(gap) < 2 * Min(a, t)), (far, True))


def exp_above_tangent(node: exp_tangent_gap) -> Expr:
    """t·(e^v − 1 − v) with v = x − log t, and where e^v might leave the range as it stands: there e^x is the largest term."""
    t, x = node.args
    v = less_log(x, t)
    return Piecewise((t * expm1_minus(v), v < 2), (exp(x) - t - t * v, True))


def logarithm_of_ratio(node: log_ratio) -> Expr:
    """−log1p((b − a)/a) near a = b, else as it stands."""
    a, b = node.args
    gap = b - a
    return Piecewise((-log1p(quotient(gap, a)), Abs(gap) < 2 * Min(a, b)), (_logarithm_of_quotient(a, b), True))


def _logarithm_of_quotient(a: Expr, b: Expr) -> Expr:
    """log(a/b), for an a/b that is not near 1; log a − log b where a/b might leave the range."""
    whole = log(quotient(a, b))
    return Piecewise((whole, Abs(whole) < 80), (log(a) - log(b), True))


#: How each kind of node is lowered: what it becomes is lowered in its turn.
FORMS: dict[type, Callable[[Expr], Expr]] = {
    entropy_gap: gap_of_entropies,
    log_over_mean: logarithm_over_mean,
    tangent_gap: entropy_above_tangent,
    exp_tangent_gap: exp_above_tangent,
    log_ratio: logarithm_of_ratio,
    share: share.definition,
    score: difference_over_product,
}
