"""Decides, before a program is lowered, which reductions share a pass, which are skipped and which rows keep exponentials."""

from collections.abc import Iterable

from sympy import Expr

from lossgen.formula.axes import Index
from lossgen.formula.nodes import Entry, Max, Reduction, Sum
from lossgen.formula.symbols import Hyperparameter, argument_of

from .functions import RestOfExponentials, group, share_of_largest
from .program import Program

NONE: frozenset[Expr] = frozenset()

#: What a sum is multiplied with, wherever it occurs: where all of it is 0 the sum is not needed.
Guards = dict[Reduction, tuple[Expr, ...]]


def passes(program: Program, guard: Guards) -> list[list[Reduction]]:
    """The item's reductions in the order of their passes. Those over one axis, at one level and under one guard share a pass.

    Reductions whose body depends on the position in another loop are not among them: they are computed where they are used.
    """
    found = {r for e in program.expressions() for r in e.atoms(Reduction)}
    found |= {Max(r.body, r.index) for r in found if isinstance(r, RestOfExponentials)}
    shared: dict[tuple, list[Reduction]] = {}
    for node in sorted((r for r in found if not depends_on_position(r)), key=lambda r: (_depth(r), str(r))):
        shared.setdefault((_depth(node), node.index.axis.name, guard.get(node, ())), []).append(node)
    return [shared[key] for key in sorted(shared, key=lambda key: (key[0], key[1], str(key[2])))]


def depends_on_position(node: Expr) -> bool:
    """Whether the node differs from one position of an axis to the next."""
    return any(isinstance(symbol, Index) for symbol in node.free_symbols)


def guards(program: Program) -> Guards:
    """For each sum that only occurs multiplied by hyperparameters, or by entries that count labels: these factors.

    Where all are 0 it is skipped, and 0. So a term that its hyperparameter switches off costs nothing, nor does a class
    that is not listed, and an infinite sum times 0 is 0. A sum inside a function is computed: a·log(0) would not be 0.
    """
    found: dict[Reduction, set[Expr]] = {}
    free: set[Reduction] = set()

    def visit(node: Expr, factors: frozenset[Expr]) -> None:
        if isinstance(node, Reduction):
            known = {f for f in factors if isinstance(f, Hyperparameter) or f.free_symbols <= node.free_symbols}
            if known and isinstance(node, Sum):
                found.setdefault(node, set()).update(known)
            else:
                free.add(node)
        if node.is_Mul:
            factors = factors | {f for f in node.args if _is_switch(f)}
        elif not (node.is_Add or isinstance(node, Sum | group)):
            factors = NONE
        if not isinstance(node, Entry):
            for child in node.args:
                visit(child, factors)

    for expression in program.expressions():
        visit(expression, NONE)
    return {node: tuple(sorted(factors, key=str)) for node, factors in found.items() if node not in free}


def _is_switch(factor: Expr) -> bool:
    """Whether the factor is often 0: a hyperparameter, or how often a list names a class."""
    if isinstance(factor, Hyperparameter):
        return True
    return isinstance(factor, Entry) and argument_of(factor).role.listed


def share_of(node: RestOfExponentials, at: Index) -> Expr:
    """e^(f(c) − m) at an entry: what the pass that sums them computes."""
    return share_of_largest(node.body)(node.body.xreplace({node.index: at}), Max(node.body, node.index))


def kept_rows(program: Program) -> dict[RestOfExponentials, str]:
    """For a log-sum-exp: the output row that may keep its exponentials until the row itself is written.

    The gradient of a softmax is a multiple of them; storing them costs less than computing them twice.
    """
    kept: dict[RestOfExponentials, str] = {}
    for output in program.outputs:
        result = output.result
        if result.argument.role.layout == "row":
            for node in sorted(result.generic.atoms(RestOfExponentials), key=str):
                if (
                    node.index.axis == result.index.axis
                    and not depends_on_position(node)
                    and result.generic.has(share_of(node, result.index))
                    and node not in kept
                    and output.name not in kept.values()
                ):
                    kept[node] = output.name
    return kept


def _depth(node: Reduction) -> int:
    """How many passes must come before: those of the reductions in its body, and the maximum of a log-sum-exp."""
    inner: Iterable[Reduction] = node.body.atoms(Reduction)
    depth = max((1 + _depth(r) for r in inner), default=0)
    return depth + 1 if isinstance(node, RestOfExponentials) else depth
