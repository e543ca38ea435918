"""Rules for 1 − a."""

from sympy import Add, Expr, Mul

from lossgen.formula.atoms import Atom

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
