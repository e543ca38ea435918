"""Rules for a select by a condition on positions: c ≠ y, c ≠ the item's own number."""

from sympy import Add, Expr, Mul, Piecewise, exp
from sympy.core.relational import Relational

from lossgen.formula.symbols import is_position


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


def _selects_by_position(node: Expr, condition: Relational | None = None) -> bool:
    if not isinstance(node, Piecewise) or len(node.args) != 2:
        return False
    first = node.args[0].cond
    if condition is not None:
        return first == condition
    return isinstance(first, Relational) and all(map(is_position, first.args))
