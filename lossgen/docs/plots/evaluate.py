"""A formula at many points at once, in NumPy's double precision: raw ones as the author wrote them, derived ones as they are.

An array has the axes of its argument first and the points behind them: `x[c]` is one number for each point.
"""

import operator
from collections.abc import Callable, Mapping
from functools import reduce
from itertools import product
from typing import Any

import numpy as np
from sympy import Abs, Add, E, Expr, Min, Mod, Mul, Piecewise, Pow, Symbol, exp, false, log, oo, pi, sign, tanh, true
from sympy import Max as Largest
from sympy.logic.boolalg import ITE, And, Not, Or

from lossgen.formula.atoms import Atom, sigmoid, softplus
from lossgen.formula.axes import Axis
from lossgen.formula.infinities import infinite_with, is_finite, zero_if_infinite
from lossgen.formula.lengths import Norm, PowerNorm
from lossgen.formula.nodes import Delta, Entry, LabelEntry, LogSumExp, Max, Reduction, Sum
from lossgen.formula.recurrence import Cell, Filled, Lattice
from lossgen.formula.symbols import depends_on

#: One number, or one for each point.
Number = Any
CONSTANTS = {pi: np.pi, E: np.e, oo: np.inf, -oo: -np.inf}
RELATIONS = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
#: Atoms whose definition leaves the range of double precision within that of a plot.
UNARY = {
    exp: np.exp,
    log: np.log,
    Abs: np.abs,
    sign: np.sign,
    tanh: np.tanh,
    softplus: lambda x: np.logaddexp(0, x),
    sigmoid: lambda x: np.exp(-np.logaddexp(0, np.negative(x))),
}


class Cells:
    """The cells of a recurrence by position, and which of them are read while one of them is filled."""

    def __init__(self, lattice: Lattice, sizes: tuple[int, ...], outside: Number) -> None:
        self.lattice, self.sizes, self.outside = lattice, sizes, outside
        self.filled: dict[tuple[int, ...], Number] = {}
        self.reads: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
        self.final: list[tuple[int, ...]] = []
        self.current: tuple[int, ...] | None = None

    def read(self, position: tuple[int, ...]) -> Number:
        """The cell; `outside` beyond the axes."""
        if not all(0 <= p < n for p, n in zip(position, self.sizes, strict=True)):
            return self.outside
        reads = self.final if self.current is None else self.reads[self.current]
        if position not in reads:
            reads.append(position)
        return self.filled[position]

    def positions(self) -> list[tuple[int, ...]]:
        """Every position, in the order in which cells are filled."""
        return list(product(*map(range, self.sizes)))


class Scope:
    """The numbers by the names of arguments, hyperparameters, axes (their sizes) and indices (their positions).

    change : what becomes of a cell that has been filled, from its lattice, its position and its number.
    """

    def __init__(
        self,
        numbers: Mapping[str, Any],
        change: Callable[[Lattice, tuple[int, ...], Number], Number] | None = None,
    ) -> None:
        self.numbers, self.change = numbers, change
        self.lattices: dict[Lattice, Cells] = {}
        self.open: dict[str, Cells] = {}

    def with_numbers(self, more: Mapping[str, Any]) -> "Scope":
        """The same scope with more numbers."""
        other = Scope({**self.numbers, **more}, self.change)
        other.lattices, other.open = self.lattices, self.open
        return other

    def size(self, axis: Axis) -> int:
        """How many entries the axis has."""
        return int(self.numbers[axis.name] if axis.name in self.numbers else evaluate(axis.extent, self))


def evaluate(node: Expr, scope: Scope) -> Number:
    """The number at every point. What leaves the range is infinite or no number."""
    with np.errstate(all="ignore"):
        return _evaluate(node, scope)


def _evaluate(node: Expr, scope: Scope) -> Number:
    if isinstance(node, Symbol):
        return scope.numbers[node.name]
    if node in CONSTANTS:
        return CONSTANTS[node]
    if node.is_Number:
        return int(node) if node.is_Integer else float(node)
    for kind, method in METHODS.items():
        if isinstance(node, kind):
            return method(node, scope)
    if isinstance(node, Atom):
        return _evaluate(node.definition(), scope)
    raise TypeError(f"{node.func.__name__} in {node} cannot be drawn")


def _entry(node: Entry, scope: Scope) -> Number:
    row = scope.numbers[node.base.name]
    places = _places(node.indices, scope)
    if isinstance(node, LabelEntry) and not 0 <= places[0] < len(row):
        return np.nan
    return row[places] if isinstance(row, np.ndarray) else row


def _places(positions: tuple[Expr, ...], scope: Scope) -> tuple[int, ...]:
    return tuple(int(_evaluate(p, scope)) for p in positions)


def _filled(node: Filled, scope: Scope) -> Number:
    lattice = node.lattice
    if lattice not in scope.lattices:
        scope.lattices[lattice] = _fill(lattice, scope)
    return scope.lattices[lattice].read(_places(node.positions, scope))


def _fill(lattice: Lattice, scope: Scope) -> Cells:
    sizes = tuple(scope.size(index.axis) for index in lattice.indices)
    cells = Cells(lattice, sizes, _evaluate(lattice.outside, scope))
    scope.open[lattice.name.name] = cells
    for position in cells.positions():
        cells.current, cells.reads[position] = position, []
        at = {index.name: p for index, p in zip(lattice.indices, position, strict=True)}
        number = _evaluate(lattice.cell, scope.with_numbers(at))
        cells.filled[position] = scope.change(lattice, position, number) if scope.change else number
    cells.current = None
    return cells


def _cell(node: Cell, scope: Scope) -> Number:
    return scope.open[node.name.name].read(_places(node.positions, scope))


def _over(node: Reduction, scope: Scope) -> np.ndarray:
    bodies = [
        _evaluate(node.body, scope.with_numbers({node.index.name: k})) for k in range(scope.size(node.index.axis))
    ]
    return np.stack(np.broadcast_arrays(*bodies)).astype(float)


def _product(node: Mul, scope: Scope) -> Number:
    """The product: a cell outside, and what no prediction enters, comes first and may settle it (0 · log 0 = 0)."""
    found: Number = 1
    for factor in sorted(node.args, key=lambda f: (not isinstance(f, Cell | Filled), depends_on(f, "prediction"))):
        found = found * _evaluate(factor, scope)
        if np.ndim(found) == 0 and found == 0:
            return 0
    return found


def _power(node: Pow, scope: Scope) -> Number:
    base, exponent = _evaluate(node.base, scope), _evaluate(node.exp, scope)
    return np.power(np.asarray(base, float), exponent)


def _piecewise(node: Piecewise, scope: Scope) -> Number:
    """The branch that applies; all of them where that depends on the point."""
    branches = []
    for branch, condition in node.args:
        holds = _holds(condition, scope)
        if np.ndim(holds) > 0 or holds:
            branches.append((_evaluate(branch, scope), holds))
        if np.ndim(holds) == 0 and holds:
            break
    if not branches:
        return np.nan
    (found, _), *others = reversed(branches)
    for taken, holds in others:
        found = np.where(holds, taken, found)
    return found


def _holds(condition: Expr, scope: Scope) -> Any:
    if condition in (true, false):
        return bool(condition)
    if isinstance(condition, Not):
        return np.logical_not(_holds(condition.args[0], scope))
    if isinstance(condition, ITE):
        asked, yes, no = (_holds(part, scope) for part in condition.args)
        return np.where(asked, yes, no)
    if isinstance(condition, And | Or):
        joined = np.logical_and if isinstance(condition, And) else np.logical_or
        return reduce(joined, (_holds(part, scope) for part in condition.args))
    return RELATIONS[condition.rel_op](_evaluate(condition.lhs, scope), _evaluate(condition.rhs, scope))


def _infinite_with(node: infinite_with, scope: Scope) -> Number:
    x, other = (_evaluate(part, scope) for part in node.args)
    return np.where(np.isinf(x), np.inf, other)


def _finite_or_zero(node: zero_if_infinite, scope: Scope) -> Number:
    x = _evaluate(node.args[0], scope)
    return np.where(np.isinf(x), 0, x)


def _power_norm(node: PowerNorm, scope: Scope) -> Number:
    return _over(node, scope).sum(0) ** (1 / _evaluate(node.power, scope))


def _applied(function: Callable[[Number], Number]) -> Callable[[Expr, Scope], Number]:
    """A function of one argument as a method."""
    return lambda node, scope: function(np.asarray(_evaluate(node.args[0], scope), float))


METHODS: dict[type, Callable[[Any, Scope], Number]] = {
    Entry: _entry,
    Filled: _filled,
    Cell: _cell,
    Mod: lambda node, scope: _evaluate(node.args[0], scope) % _evaluate(node.args[1], scope),
    infinite_with: _infinite_with,
    zero_if_infinite: _finite_or_zero,
    is_finite: lambda node, scope: 1.0 * ~np.isinf(_evaluate(node.args[0], scope)),
    Add: lambda node, scope: sum(_evaluate(term, scope) for term in node.args),
    Mul: _product,
    Pow: _power,
    Sum: lambda node, scope: _over(node, scope).sum(0),
    Max: lambda node, scope: _over(node, scope).max(0),
    Norm: lambda node, scope: np.sqrt((_over(node, scope) ** 2).sum(0)),
    PowerNorm: _power_norm,
    LogSumExp: lambda node, scope: np.logaddexp.reduce(_over(node, scope), axis=0),
    Delta: lambda node, scope: 1 * (_evaluate(node.args[0], scope) == _evaluate(node.args[1], scope)),
    Piecewise: _piecewise,
    Largest: lambda node, scope: reduce(np.maximum, (_evaluate(a, scope) for a in node.args)),
    Min: lambda node, scope: reduce(np.minimum, (_evaluate(a, scope) for a in node.args)),
    **{kind: _applied(function) for kind, function in UNARY.items()},
}
