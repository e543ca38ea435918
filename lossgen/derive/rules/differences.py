"""Rules for differences that lose digits near equality, and for 1 + u² that leaves the range."""

from sympy import Abs, Add, Expr, Mul, sqrt

from lossgen.formula.atoms import log1p
from lossgen.formula.differences import log1p_difference, log1p_square, relative_difference

from .terms import cofactor, negated


def log_one_plus_square(node: Expr) -> Expr | None:
    """log1p(u²) = log(1 + u²), an atom of its own, for every u: no square that leaves the range."""
    root = _root(node.args[0]) if isinstance(node, log1p) else None
    return log1p_square(root) if root is not None else None


def log_difference(node: Expr) -> Expr | None:
    """k·log1p(a) − k·log1p(b) = k·log((1 + a)/(1 + b)), an atom of its own, for a, b > −1: digits near a = b."""
    if not isinstance(node, Add):
        return None
    for term in node.args:
        for first in (f for f in Mul.make_args(term) if isinstance(f, log1p)):
            k = cofactor(term, first)
            for other in node.args:
                for second in (f for f in Mul.make_args(other) if isinstance(f, log1p)):
                    if k == negated(cofactor(other, second)) and not k.could_extract_minus_sign():
                        rest = (t for t in node.args if t not in (term, other))
                        return Add(k * log1p_difference(first.args[0], second.args[0]), *rest)
    return None


def relative_error(node: Expr) -> Expr | None:
    """|a − b|/|b| = |a/b − 1|, an atom of its own, for b ≠ 0: the slope in b, ∓a/b², does not cancel for a ≪ b."""
    if not isinstance(node, Mul):
        return None
    sizes = [f.base.args[0] for f in node.args if f.is_Pow and f.exp == -1 and isinstance(f.base, Abs)]
    for error in (f for f in node.args if isinstance(f, Abs) and isinstance(f.args[0], Add)):
        for b in sizes:
            a = next((s * error.args[0] + b for s in (1, -1) if -s * b in error.args[0].args), None)
            if a is not None:
                return cofactor(node, error, 1 / Abs(b)) * Abs(relative_difference(a, b))
    return None


def _root(node: Expr) -> Expr | None:
    """u for a product u², where that is seen without a root of a variable part."""
    number, rest = node.as_coeff_Mul()
    powers = [f.as_base_exp() for f in Mul.make_args(rest)]
    if rest.is_number or number <= 0 or not all(n.is_Integer and n % 2 == 0 for _, n in powers):
        return None
    return sqrt(number) * Mul(*(base ** (n / 2) for base, n in powers))
