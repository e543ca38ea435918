"""Reads of an array in a formula, told apart by where they are: x[t, k], x[t − 1, y[t]], or w[j, k] at every j of a sum.
An argument with one number for each item is read in one way, at no position.

The derivative with respect to all entries read in one way is one expression: an entry that a sum runs over becomes an
entry at a free position.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from sympy import Expr, Integer, Mul, Symbol

from lossgen.formula import Index
from lossgen.formula.nodes import Delta, Entry, Reduction
from lossgen.formula.symbols import Argument

from .differentiate import differentiate
from .sweeps import TableEntry


@dataclass(frozen=True)
class Pattern:
    """The entries of an array (an argument or a table) at positions; `over` are the positions' indices that sums bound."""

    base: Symbol
    positions: tuple[Expr, ...]
    over: tuple[Index, ...] = ()


def pattern_of(leaf: Expr, bound: Collection[Index]) -> tuple[Pattern, dict[Index, Index]]:
    """The pattern that an entry belongs to, and which free index stands for each that a sum binds."""
    if isinstance(leaf, Argument):
        return Pattern(leaf, ()), {}
    within = sorted((s for s in _position_symbols(leaf) if s in bound), key=lambda s: s.name)
    free = {index: index.axis.index(f"{index.name}_at") for index in within}
    positions = tuple(position.xreplace(free) for position in leaf.indices)
    return Pattern(leaf.base, positions, tuple(free.values())), free


def patterns(expression: Expr, base: Symbol) -> list[Pattern]:
    """All ways in which the array is read."""
    found: dict[Pattern, None] = {}
    for leaf, bound in _reads(apart(expression), frozenset()):
        if _array(leaf) == base:
            found.setdefault(pattern_of(leaf, bound)[0])
    return list(found)


def slope(expression: Expr, pattern: Pattern, stable: Callable[[Expr], Expr]) -> Expr:
    """The derivative with respect to the entries of the pattern."""
    expression = apart(expression)
    bound = {b for _, bound in _reads(expression, frozenset()) for b in bound}

    def seed(leaf: Expr) -> Expr:
        if _array(leaf) != pattern.base:
            return Integer(0)
        own, free = pattern_of(leaf, bound)
        return Mul(*(Delta(index, at) for index, at in free.items())) if own == pattern else Integer(0)

    return stable(differentiate(expression, seed))


def apart(expression: Expr) -> Expr:
    """The expression with no index that one sum binds and that is free elsewhere: whether a read is bound is its symbol's.

    Rules name what a sum binds after its axis, as the recurrence's own index often is: Σ_j a[t − 1, j]·w[j, k]/Σ_k w[j, k].
    """
    taken = {symbol.name for symbol in expression.free_symbols}
    shadowed = {s.name for s in _bound_anywhere(expression)} & taken

    def renamed(node: Expr) -> Expr:
        if isinstance(node, Entry | TableEntry) or not node.args:
            return node
        args = [renamed(arg) for arg in node.args]
        node = node if all(a is b for a, b in zip(args, node.args, strict=True)) else node.func(*args)
        if not isinstance(node, Reduction) or node.index.name not in shadowed:
            return node
        fresh = node.index.axis.index(f"{node.index.name}_within")
        return node.func(node.body.xreplace({node.index: fresh}), fresh)

    return renamed(expression) if shadowed else expression


def _bound_anywhere(node: Expr) -> set[Index]:
    inside = {node.index} if isinstance(node, Reduction) else set()
    return inside.union(*map(_bound_anywhere, node.args))


def _reads(node: Expr, bound: frozenset[Index]) -> Iterator[tuple[Expr, frozenset[Index]]]:
    """Every entry, with the indices that the sums around it bind."""
    if isinstance(node, Entry | TableEntry | Argument):
        yield node, bound
        return
    inside = bound | {node.index} if isinstance(node, Reduction) else bound
    for child in node.args:
        yield from _reads(child, inside)


def _array(leaf: Expr) -> Expr:
    return leaf.base if isinstance(leaf, Entry | TableEntry) else leaf


def _position_symbols(leaf: Expr) -> set[Index]:
    return {s for position in leaf.indices for s in position.free_symbols if isinstance(s, Index)}
