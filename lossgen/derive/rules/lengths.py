"""Rules for lengths of vectors: no square that leaves the range, no quotient by a length of 0, no cancellation in 1 − cos."""

from collections.abc import Iterator
from itertools import permutations

from sympy import Abs, Add, Expr, Integer, Mul, Pow, sqrt

from lossgen.formula import Index, Sum
from lossgen.formula.lengths import (
    Norm,
    PowerNorm,
    abs_power,
    hypot,
    is_cosine,
    is_norm,
    length_difference,
    ratio,
    rejection,
    repeated_factors,
    versine,
)

from .terms import cofactor, negated

ONE = Integer(1)


def root_of_squares(node: Expr) -> Expr | None:
    """(Σ_d f(d)²)^(n/2) = ‖f‖^n and (a² + b²)^(n/2) = hypot(a, b)^n, for odd n: no square that leaves the range."""
    if not isinstance(node, Pow) or not node.exp.is_Rational or node.exp.q != 2:
        return None
    if not (isinstance(node.base, Add) or any(isinstance(f, Sum) for f in Mul.make_args(node.base))):
        return None
    root = _root(node.base)
    return root ** (2 * node.exp) if root is not None else None


def root_of_powers(node: Expr) -> Expr | None:
    """(Σ_d |f(d)|^p)^(1/p) = ‖f‖_p, for p > 0: no power that leaves the range."""
    if not isinstance(node, Pow) or not isinstance(node.base, Sum) or not isinstance(node.base.body, Pow):
        return None
    size, p = node.base.body.args
    if not isinstance(size, Abs) or not p.is_positive or node.exp * p != 1:
        return None
    return PowerNorm(abs_power(size.args[0], p), node.base.index)


def ratio_of_inner_product(node: Expr) -> Expr | None:
    """ratio(Σ_d f(d)·g(d), ‖f‖·‖g‖) = Σ_d ratio(f(d), ‖f‖)·ratio(g(d), ‖g‖): no product that leaves the range."""
    if not isinstance(node, ratio) or not isinstance(node.args[0], Sum):
        return None
    total, norms = node.args[0], repeated_factors(node.args[1])
    if len(norms) != 2 or not all(isinstance(n, Norm) for n in norms):
        return None
    f, g = (n.body.xreplace({n.index: total.index}) for n in norms)
    k = next((k for k in (ONE, -ONE) if k * f * g == total.body), None)
    return k * Sum(ratio(f, norms[0]) * ratio(g, norms[1]), total.index) if k is not None else None


def complement_of_cosine(node: Expr) -> Expr | None:
    """k − k·c = k·versine(c) and k + k·c = k·versine(−c), for c = Σ_d ratio(f(d), ‖f‖)·ratio(g(d), ‖g‖): digits for (anti)parallel f, g."""
    if not isinstance(node, Add):
        return None
    for term in node.args:
        for cosine in (t for t in Mul.make_args(term) if is_cosine(t)):
            rest = cofactor(term, cosine)
            for k, c in ((negated(rest), cosine), (rest, -cosine)):
                if k in node.args:
                    return Add(k * versine(c), *(t for t in node.args if t not in (term, k)))
    return None


def rejection_of_unit_vector(node: Expr) -> Expr | None:
    """k·ĝ(d) − k·c·f̂(d) = k·rejection(f̂(d), ĝ(d), c), for c = Σ f̂·ĝ: exactly 0 for equal and opposite vectors."""
    if not isinstance(node, Add):
        return None
    for term in node.args:
        factors = Mul.make_args(term)
        for c, a in ((c, a) for c in factors if is_cosine(c) for a in factors if isinstance(a, ratio)):
            k = negated(cofactor(term, c, a))
            for b in _partners(a, c):
                if k * b in node.args:
                    return Add(k * rejection(a, b, c), *(t for t in node.args if t not in (term, k * b)))
    return None


def difference_of_norms(node: Expr) -> Expr | None:
    """k·‖f‖ − k·‖g‖ = k·length_difference(‖f‖, ‖g‖), for the same norm over one axis: digits where the lengths nearly agree.

    Norms are ‖·‖ and ‖·‖_p, and for p = 1 and ∞ Σ_d |f(d)| and max_d |f(d)|.
    """
    if not isinstance(node, Add):
        return None
    norms = [(t, n) for t in node.args for n in Mul.make_args(t) if is_norm(n)]
    for (term, f), (other, g) in permutations(norms, 2):
        k = cofactor(term, f)
        if _is_same_norm(f, g) and cofactor(other, g) == negated(k) and not k.could_extract_minus_sign():
            return Add(k * length_difference(f, g), *(t for t in node.args if t not in (term, other)))
    return None


def complement_of_leg(node: Expr) -> Expr | None:
    """k − k·ratio(a, h)² = k·ratio(b, h)², for h = hypot(a, b) and k with a factor ratio(·, h), 0 where h is 0: digits for |a| ≫ |b|."""
    if not isinstance(node, Add):
        return None
    for term in node.args:
        for factor in Mul.make_args(term):
            for leg, other in _legs(factor):
                k = negated(cofactor(term, factor) * leg ** (factor.as_base_exp()[1] - 2))
                fades = any(isinstance(f, ratio) and f.args[1] == leg.args[1] for f in repeated_factors(k))
                if fades and k in node.args:
                    return Add(k * other**2, *(t for t in node.args if t not in (term, k)))
    return None


def _root(node: Expr) -> Expr | None:
    """A number whose square the node is, where that is seen without a root of a variable part."""
    if isinstance(node, Add):
        roots = [_root(term) for term in node.args]
        if any(root is None for root in roots):
            return None
        total = roots[0]
        for root in roots[1:]:
            total = hypot(total, root)
        return total
    if isinstance(node, Mul):
        roots = [_root(factor) for factor in node.args]
        return None if any(root is None for root in roots) else Mul(*roots)
    if isinstance(node, Pow) and node.exp.is_Integer and node.exp % 2 == 0:
        return node.base ** (node.exp / 2)
    if isinstance(node, Sum):
        root = None if isinstance(node.body, Add) else _root(node.body)
        return Norm(root, node.index) if root is not None else None
    return sqrt(node) if node.is_nonnegative and (node.is_number or node.is_Symbol) else None


def _partners(entry: ratio, cosine: Sum) -> Iterator[Expr]:
    """The entries of the other vector at the same position, where the entry is one of a vector of the cosine."""
    f, g = repeated_factors(cosine.body)
    for position in sorted(entry.args[0].free_symbols, key=str):
        for mine, other in ((f, g), (g, f)):
            if isinstance(position, Index) and mine.xreplace({cosine.index: position}) == entry:
                yield other.xreplace({cosine.index: position})


def _is_same_norm(a: Expr, b: Expr) -> bool:
    """Whether both are the same norm, of vectors over one axis."""
    same = type(a) is type(b) and a.index.axis == b.index.axis
    return same and (not isinstance(a, PowerNorm) or a.power == b.power)


def _legs(factor: Expr) -> Iterator[tuple[ratio, ratio]]:
    """For a power of at least 2 of ratio(a, hypot(a, b)): that quotient, and ratio(b, hypot(a, b))."""
    leg, n = factor.as_base_exp()
    if isinstance(leg, ratio) and isinstance(leg.args[1], hypot) and n.is_Integer and n >= 2:
        a, b = leg.args[1].args
        if leg.args[0] in (a, b):
            yield leg, ratio(b if leg.args[0] == a else a, leg.args[1])
