"""Rules for convex functions above their tangents: what is left of large terms where a mean is close to an amount."""

from collections.abc import Iterator

from sympy import Add, Expr, Mul, exp, log

from lossgen.formula.atoms import absorb
from lossgen.formula.divergences import exp_tangent_gap, tangent_gap
from lossgen.formula.symbols import Hyperparameter

from .terms import cofactor, negated


def entropy_above_tangent(node: Expr) -> Expr | None:
    """k·t·log t − k·t·log a − k·t + k·a = k·(t·log(t/a) − t + a), an atom of its own, for t, a > 0: digits near a = t.

    Of a sum a, numbers and hyperparameters need not be there: they are taken away again.
    """
    for first, k, t in _times_own_logarithm(node):
        for second in node.args:
            for factor, a in _logarithms(second):
                terms = [k * part for part in Add.make_args(a)]
                missing = [term for term in terms if term not in node.args]
                if factor == negated(k * t) and len(missing) < len(terms) and all(map(_is_setting, missing)):
                    used = (first, second, negated(k * t), *terms)
                    rest = (term for term in node.args if term not in used)
                    return Add(k * tangent_gap(t, a), *map(negated, missing), *rest)
    return None


def exp_above_tangent(node: Expr) -> Expr | None:
    """k·e^x − k·t·x + k·t·log t − k·t = k·(e^x − t − t·(x − log t)), an atom of its own, for t > 0: digits near x = log t."""
    for first, k, t in _times_own_logarithm(node):
        for second in node.args:
            for power in (f for f in Mul.make_args(second) if isinstance(f, exp) and cofactor(second, f) == k):
                linear = negated(k * t)
                used = (first, second, linear, linear * power.args[0])
                if used[-1] in node.args:
                    rest = (term for term in node.args if term not in used)
                    return Add(k * exp_tangent_gap(t, power.args[0]), *rest)
    return None


def _times_own_logarithm(node: Expr) -> Iterator[tuple[Expr, Expr, Expr]]:
    """Each term k·t·log t of a sum in which −k·t stands beside it: the term, k and t."""
    if not isinstance(node, Add):
        return
    for term in node.args:
        for factor, t in _logarithms(term):
            if t in Mul.make_args(factor) and negated(factor) in node.args:
                yield term, cofactor(factor, t), t


def _logarithms(term: Expr) -> Iterator[tuple[Expr, Expr]]:
    """Each way to read the term as f·log a, also where it is 0 for f = 0: f and a."""
    for factor in Mul.make_args(term):
        if isinstance(factor, log):
            yield cofactor(term, factor), factor.args[0]
        elif isinstance(factor, absorb) and isinstance(factor.args[1], log):
            yield cofactor(term, factor) * factor.args[0], factor.args[1].args[0]


def _is_setting(term: Expr) -> bool:
    return all(isinstance(symbol, Hyperparameter) for symbol in term.free_symbols)
