"""Decides which parts of the expressions are computed once and kept in a local variable."""

from collections import Counter
from collections.abc import Iterable

from sympy import Expr
from sympy.core.function import Function
from sympy.logic.boolalg import Boolean

from lossgen.derive.sweeps import TableEntry
from lossgen.formula.nodes import Entry, Reduction

from .functions import group, multiple, no_path


def shared_parts(expressions: Iterable[Expr]) -> frozenset[Expr]:
    """Composite parts that are used more than once. Nothing is reassociated to find more: sums keep their order."""
    uses: Counter[Expr] = Counter()

    def visit(node: Expr) -> None:
        uses[node] += 1
        if uses[node] == 1 and not isinstance(node, Entry | TableEntry):
            for child in node.args:
                visit(child)

    for expression in expressions:
        visit(expression)
    return frozenset(node for node, count in uses.items() if count > 1 and _worth_a_name(node))


def _worth_a_name(node: Expr) -> bool:
    if (
        not node.args
        or isinstance(node, Boolean | Entry | TableEntry | Reduction)
        or node.is_number
        or not isinstance(node, Expr)
    ):
        return False
    return not (node.is_Mul and len(node.args) == 2 and node.args[0] == -1)


def is_costly(node: Expr) -> bool:
    """Whether the node is worth computing once outside a loop: a call, a quotient or a power."""
    return (isinstance(node, Function) and not isinstance(node, group | multiple | no_path)) or node.is_Pow
