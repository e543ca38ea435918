"""Sums of three or four inputs: each is exact, so that what cancels between them leaves no rounding behind."""

from sympy import Add, Expr, Mul, expand_mul

from lossgen.formula.symbols import Argument, Hyperparameter, argument_of

from .functions import exact_sum

SIZES = (3, 4)


def sum_of_inputs(node: Add) -> Expr | None:
    """x − y + m, and m − s·(x − y) for a label s of −1 or 1, as a sum with the rounding errors of its steps; two must be arrays."""
    terms = [part for term in node.args for part in _parts(term)]
    leaves = [_input_of(term) for term in terms]
    if len(terms) not in SIZES or None in leaves:
        return None
    arrays = sum(isinstance(leaf, Argument) for leaf in leaves)
    return exact_sum(*terms) if arrays >= 2 else None


def _parts(term: Expr) -> tuple[Expr, ...]:
    """The terms of s·(x − y), multiplied out where s is a sign: that rounds nothing."""
    factors = Mul.make_args(term)
    sums = [f for f in factors if isinstance(f, Add)]
    if len(sums) == 1 and len(factors) > 1 and all(_is_sign(f) for f in factors if f is not sums[0]):
        return Add.make_args(expand_mul(term))
    return (term,)


def _input_of(term: Expr) -> Expr | None:
    """The input that the term is, but for its sign; None for anything that is computed."""
    rest = [f for f in Mul.make_args(term) if not _is_sign(f)]
    if not rest:
        return term
    return rest[0] if len(rest) == 1 and (rest[0].is_Number or isinstance(rest[0], _INPUTS)) else None


def _is_sign(factor: Expr) -> bool:
    argument = argument_of(factor)
    return factor in (1, -1) or (argument is not None and argument.role.domain == "sign")


#: Entries of rows are left to `expand`, which puts the difference of two of them first: theirs are long loops.
_INPUTS = (Argument, Hyperparameter)
