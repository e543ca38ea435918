"""Taking products apart without SymPy's own simplification, which treats e^u / e^u as a product of two exponentials."""

from sympy import Expr, Mul


def cofactor(term: Expr, *factors: Expr) -> Expr:
    """The product of the term's factors other than these."""
    rest = list(Mul.make_args(term))
    for factor in factors:
        rest.remove(factor)
    return Mul(*rest)


def negated(term: Expr) -> Expr:
    """−term as one product: −1·(1 − y) would be multiplied out."""
    return Mul(-1, *Mul.make_args(term))
