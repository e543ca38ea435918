"""Rules for 1 − a, and for a − (1 − a)."""

from sympy import Add, Expr, Mul, tanh

from lossgen.formula.atoms import Atom, sigmoid

from .terms import cofactor, negated


def complement_of_atom(node: Expr) -> Expr | None:
    """k − k·a = k·(1 − a), written as the complement that the atom knows, as in 1 − σ(u) = σ(−u): digits as a → 1."""
    if not isinstance(node, Add):
        return None
    terms = set(node.args)
    for term in node.args:
        for factor in Mul.make_args(term):
            complement = factor.complement() if isinstance(factor, Atom) else None
            if complement is not None and negated(cofactor(term, factor)) in terms:
                k = negated(cofactor(term, factor))
                return Add(k * complement, *(t for t in node.args if t not in (term, k)))
    return None


def sigmoid_difference(node: Expr) -> Expr | None:
    """k·σ(u) − k·σ(−u) = k·tanh(u/2), for every u: digits near u = 0, where both are nearly ½; so in σ″ and tanh″."""
    if not isinstance(node, Add):
        return None
    for term in node.args:
        for factor in (f for f in Mul.make_args(term) if isinstance(f.as_base_exp()[0], sigmoid)):
            base, n = factor.as_base_exp()
            (u,) = base.args
            if not n.is_Integer or n < 1 or u.could_extract_minus_sign():
                continue
            k = Mul(*Mul.make_args(cofactor(term, factor)), base ** (n - 1))
            other = negated(k * sigmoid(-u))
            if other in node.args:
                return Add(k * tanh(u / 2), *(t for t in node.args if t not in (term, other)))
    return None
