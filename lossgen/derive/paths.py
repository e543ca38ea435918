"""Recurrences that sum over paths, brought into the log domain: the sums neither overflow nor vanish.

A recurrence whose cells are positive sums of products of cells is a sum over paths; its cells are kept as logarithms.
"""

from sympy import Add, Expr, Mul, Piecewise, Pow, exp, log, oo

from lossgen.formula import LogSumExp, Sum
from lossgen.formula.paths import log_add_exp
from lossgen.formula.recurrence import Cell, Filled, Lattice

from .rules.terms import cofactor


def logarithm(node: Expr) -> Expr:
    """log of a sum over paths: e^u ↦ u, a cell ↦ its logarithm, a·b ↦ log a + log b, a + b ↦ log(e^log a + e^log b)."""
    if node == 0:
        return -oo
    if isinstance(node, exp):
        return node.args[0]
    if isinstance(node, Cell | Filled):
        return node
    if isinstance(node, Mul):
        return Add(*map(logarithm, node.args))
    if isinstance(node, Add):
        return log_add_exp(*map(logarithm, node.args))
    if isinstance(node, Piecewise):
        return Piecewise(*((logarithm(value), condition) for value, condition in node.args))
    if isinstance(node, Pow) and not node.exp.has(Cell, Filled):
        return node.exp * logarithm(node.base)
    if isinstance(node, Sum):
        return LogSumExp(logarithm(node.body), node.index)
    return log(node)


def sums_over_paths(lattice: Lattice) -> bool:
    """Whether each cell is a sum of products, with one cell before it at most in each, and no negative number."""
    return lattice.outside == 0 and _is_positive_sum(lattice.cell)


def _is_positive_sum(node: Expr) -> bool:
    if isinstance(node, Cell):
        return True
    if not node.has(Cell):
        return not node.could_extract_minus_sign()
    if isinstance(node, Mul):
        reads = [factor for factor in node.args if factor.has(Cell)]
        return len(reads) == 1 and _is_positive_sum(reads[0]) and not cofactor(node, *reads).could_extract_minus_sign()
    if isinstance(node, Add):
        return all(map(_is_positive_sum, node.args))
    if isinstance(node, Piecewise):
        return all(_is_positive_sum(value) for value, _ in node.args)
    return isinstance(node, Sum) and _is_positive_sum(node.body)


def in_log_domain(node: Expr) -> Expr:
    """The formula with every sum over paths in the log domain, and with log(e^u + e^v) of cells as one function."""
    node = _logs_of_sums(node.replace(Filled, _kept), _Logarithm)
    return node.replace(_Logarithm, lambda *args: exp(Filled(*args)))


def _kept(lattice: Lattice, *positions: Expr) -> Expr:
    """The cell as it is kept: as its logarithm, for sums over paths."""
    if sums_over_paths(lattice):
        return _Logarithm(Lattice(lattice.name, lattice.indices, logarithm(lattice.cell), -oo), *positions)
    cell = _logs_of_sums(lattice.cell, Cell)
    return Filled(Lattice(lattice.name, lattice.indices, cell, lattice.outside), *positions)


class _Logarithm(Filled):
    """A cell of a lattice that is kept as its logarithm."""


def _logs_of_sums(node: Expr, kind: type) -> Expr:
    """log of what holds cells of this kind, taken apart."""
    if isinstance(node, log) and node.has(kind):
        return logarithm(node.args[0]).replace(_Logarithm, lambda *args: Filled(*args))
    if not node.args or isinstance(node, kind | Lattice) or not node.has(kind):
        return node
    return node.func(*(_logs_of_sums(arg, kind) for arg in node.args))
