"""Fewer operations for the same rounding: equal factors are taken out of sums, equal differences get one sign.

Unlike a general simplifier it never multiplies out, cancels or reorders terms: k·a + k·b becomes k·(a + b), and the two
spellings (1 − 2y) and (2y − 1) become one.
"""

from collections import Counter

from sympy import Add, Expr, Integer, Mul
from sympy.logic.boolalg import Boolean

from lossgen.derive.sweeps import TableEntry
from lossgen.formula.nodes import Entry

from .functions import group


def tidy(node: Expr) -> Expr:
    """The expression with common factors taken out, bottom-up."""
    if not node.args or isinstance(node, Entry | TableEntry | group | Boolean):
        return node
    node = node.func(*(tidy(arg) for arg in node.args))
    if isinstance(node, Add):
        return _take_out_common_factors(node)
    if isinstance(node, Mul):
        return _one_sign(node)
    return node


def _take_out_common_factors(node: Add) -> Expr:
    terms = [Counter(f for f in Mul.make_args(term) if not f.is_Number) for term in node.args]
    common = terms[0]
    for term in terms[1:]:
        common = common & term
    if not common:
        return node
    numbers = [Mul(*(f for f in Mul.make_args(term) if f.is_Number)) for term in node.args]
    rest = [Mul(number, *(term - common).elements()) for number, term in zip(numbers, terms, strict=True)]
    return _one_sign(Mul(*common.elements(), Add(*rest)))


def _one_sign(node: Expr) -> Expr:
    """Differences among several factors in the sign that SymPy takes for canonical, 2·a − 2·b as twice a difference."""
    if not isinstance(node, Mul) or sum(not f.is_Number for f in node.args) < 2:
        return node
    number, factors = Integer(1), []
    for factor in node.args:
        k = _number_of(factor)
        number *= k
        factors.append(factor if k == 1 else Add(*(term / k for term in factor.args)))
    return Mul(number, *factors)


def _number_of(factor: Expr) -> Expr:
    """What may be taken out of a sum: a number that all terms have, and its sign."""
    if not isinstance(factor, Add) or factor.has(group):
        return Integer(1)
    sizes = {abs(term.as_coeff_Mul()[0]) for term in factor.args}
    size = sizes.pop() if len(sizes) == 1 else Integer(1)
    return -size if factor.could_extract_minus_sign() else size
