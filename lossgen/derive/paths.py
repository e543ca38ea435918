"""Recurrences that sum over paths, brought into the log domain: the sums neither overflow nor vanish.

A recurrence whose cells are sums of products of cells and of weights, none of which can be negative, is a sum over paths; its
cells are kept as logarithms.
"""

from sympy import Add, Expr, Function, Mul, Number, Piecewise, Pow, Symbol, exp, log, oo

from lossgen.formula import LogSumExp, Role, Sum, sigmoid
from lossgen.formula.nodes import Entry
from lossgen.formula.paths import log_add_exp
from lossgen.formula.recurrence import Cell, Filled, Lattice
from lossgen.formula.symbols import argument_of

from .rules.terms import cofactor

#: Arguments that may be weights: those that are 0 have a gradient, but their logarithm has none.
WEIGHTS = ("unit", "positive")


def logarithm(node: Expr, kept: type) -> Expr:
    """log of a sum over paths: e^u ↦ u, a cell ↦ its logarithm, a·b ↦ log a + log b, a + b ↦ log(e^log a + e^log b).

    kept : the cells that stand for their logarithms.
    """
    if node == 0:
        return -oo
    if isinstance(node, exp):
        return node.args[0]
    if isinstance(node, kept):
        return node
    if isinstance(node, Mul):
        return Add(*(logarithm(factor, kept) for factor in node.args))
    if isinstance(node, Add) and not _is_complement(node):
        return log_add_exp(*(logarithm(term, kept) for term in node.args))
    if isinstance(node, Piecewise):
        return Piecewise(*((logarithm(value, kept), condition) for value, condition in node.args))
    if isinstance(node, Pow) and not node.exp.has(Cell, Filled):
        return node.exp * logarithm(node.base, kept)
    if isinstance(node, Sum):
        return LogSumExp(logarithm(node.body, kept), node.index)
    return log(node)


def sums_over_paths(lattice: Lattice) -> bool:
    """Whether each cell is a sum of products of weights, with one cell before it at most in each."""
    return lattice.outside == 0 and _is_sum_over_paths(lattice.cell)


def _is_sum_over_paths(node: Expr) -> bool:
    if isinstance(node, Cell):
        return True
    if not node.has(Cell):
        return is_weight(node, Cell)
    if isinstance(node, Mul):
        reads = [factor for factor in node.args if factor.has(Cell)]
        return len(reads) == 1 and _is_sum_over_paths(reads[0]) and is_weight(cofactor(node, *reads), Cell)
    if isinstance(node, Add):
        return all(map(_is_sum_over_paths, node.args))
    if isinstance(node, Piecewise):
        return all(_is_sum_over_paths(value) for value, _ in node.args)
    return isinstance(node, Sum) and _is_sum_over_paths(node.body)


def is_weight(node: Expr, kept: type) -> bool:
    """Whether the node cannot be negative, as an exponential, a probability, a cell that is kept as its logarithm."""
    if isinstance(node, Number):
        return bool(node >= 0)
    if isinstance(node, Symbol | Entry):
        return _is_weighing(node)
    if isinstance(node, Piecewise):
        return all(is_weight(value, kept) for value, _ in node.args)
    if isinstance(node, Mul | Add):
        return _is_complement(node) or all(is_weight(arg, kept) for arg in node.args)
    if isinstance(node, Pow):
        return is_weight(node.base, kept) and not node.exp.has(Cell, Filled)
    if isinstance(node, Sum):
        return is_weight(node.body, kept)
    return isinstance(node, kept | exp) or (isinstance(node, Function) and node.is_positive is True)


def _is_weighing(node: Symbol | Entry) -> bool:
    role = _role(node)
    if role is None:
        return node.is_nonnegative is True
    return role.domain in WEIGHTS or (role.domain in ("nonnegative", "binary") and not role.differentiable)


def _is_complement(node: Expr) -> bool:
    """Whether it is 1 − p for a probability p."""
    rest = 1 - node
    return isinstance(node, Add) and all(map(_is_probability, Mul.make_args(rest)))


def _is_probability(node: Expr) -> bool:
    if isinstance(node, sigmoid):
        return True
    role = _role(node)
    return role is not None and role.domain in ("unit", "binary")


def _role(node: Expr) -> Role | None:
    """The role of an argument, of an entry of one, or of a hyperparameter."""
    return getattr(argument_of(node) or node, "role", None)


def in_log_domain(node: Expr) -> Expr:
    """The formula with every sum over paths in the log domain, and with log(e^u + e^v) of cells as one function."""
    node = _logs_of_sums(node.replace(Filled, _kept), _Logarithm, _Logarithm)
    return node.replace(_Logarithm, lambda *args: exp(Filled(*args)))


def _kept(lattice: Lattice, *positions: Expr) -> Expr:
    """The cell as it is kept: as its logarithm, for sums over paths."""
    if sums_over_paths(lattice):
        return _Logarithm(Lattice(lattice.name, lattice.indices, logarithm(lattice.cell, Cell), -oo), *positions)
    cell = _logs_of_sums(lattice.cell, Cell, _Logarithm)
    return Filled(Lattice(lattice.name, lattice.indices, cell, lattice.outside), *positions)


class _Logarithm(Filled):
    """A cell of a lattice that is kept as its logarithm."""


def _logs_of_sums(node: Expr, kind: type, kept: type) -> Expr:
    """log of what holds cells of this kind, taken apart where it is a sum of weights."""
    if isinstance(node, log) and node.has(kind) and is_weight(node.args[0], kept):
        return logarithm(node.args[0], kept).replace(_Logarithm, lambda *args: Filled(*args))
    if not node.args or isinstance(node, kind | Lattice) or not node.has(kind):
        return node
    return node.func(*(_logs_of_sums(arg, kind, kept) for arg in node.args))
