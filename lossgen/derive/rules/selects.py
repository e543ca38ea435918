"""Rules for selects: by a condition on positions (c ≠ y, c ≠ the item's own number), and beside terms that belong in it."""

from sympy import Add, Expr, Mul, Piecewise, exp
from sympy.core.relational import Relational

from lossgen.formula.symbols import is_position

from .differences import log_difference
from .exponentials import exp_difference, softplus_difference
from .tangents import entropy_above_tangent, exp_above_tangent

#: The rules for terms that cancel.
CANCELLING = (softplus_difference, exp_difference, log_difference, entropy_above_tangent, exp_above_tangent)


def select_at_once(node: Expr) -> Expr | None:
    """g(a where i ≠ j, else b) = (g(a) where i ≠ j, else g(b)), for a sum, a product or an exponential g of selects.

    So other rules see what is computed where the condition holds, as if it always did.
    """
    if not isinstance(node, Add | Mul | exp):
        return None
    condition = next((a.args[0].cond for a in node.args if _selects_by_position(a)), None)
    if condition is None:
        return None

    def piece(which: int) -> Expr:
        return node.func(*(a.args[which].expr if _selects_by_position(a, condition) else a for a in node.args))

    return Piecewise((piece(0), condition), (piece(1), True))


def terms_meet_in_select(node: Expr) -> Expr | None:
    """s + (a where c, else b) = (s + a where c, else s + b), where terms of s cancel against some of a or of b: a rule fits the sum."""
    if not isinstance(node, Add):
        return None
    for choice in (term for term in node.args if isinstance(term, Piecewise)):
        rest = Add(*(term for term in node.args if term is not choice))
        sums = [(rest + value, condition) for value, condition in choice.args]
        if any(rule(total) is not None for rule in CANCELLING for total, _ in sums):
            return Piecewise(*sums)
    return None


def _selects_by_position(node: Expr, condition: Relational | None = None) -> bool:
    if not isinstance(node, Piecewise) or len(node.args) != 2:
        return False
    first = node.args[0].cond
    if condition is not None:
        return first == condition
    return isinstance(first, Relational) and all(map(is_position, first.args))
