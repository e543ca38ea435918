"""Evaluates a raw formula for one item, in plain numbers or in numbers that carry their derivatives."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import mpmath
from mpmath import mpf
from sympy import (
    Abs,
    Add,
    E,
    Expr,
    Float,
    Min,
    Mod,
    Mul,
    Piecewise,
    Pow,
    Rational,
    Symbol,
    exp,
    false,
    log,
    oo,
    pi,
    sign,
    tanh,
    true,
)
from sympy import Max as Largest
from sympy.logic.boolalg import ITE, And, Boolean, Not, Or

from lossgen.formula.atoms import Atom, absorb, detach, xlogy
from lossgen.formula.axes import Axis, Index
from lossgen.formula.infinities import infinite_with, is_finite, zero_if_infinite
from lossgen.formula.nodes import Delta, Entry, LabelEntry, LogSumExp, Max, Sum
from lossgen.formula.recurrence import Cell, Filled, Lattice
from lossgen.formula.symbols import depends_on

from .cells import Cells
from .jets import Number, absorbed, added, applied, logarithm, multiplied, raised, value_of, varies
from .layouts import read

CONSTANTS = {pi: mpmath.pi, E: mpmath.e, oo: mpmath.inf, -oo: -mpmath.inf}
UNARY = {exp: mpmath.exp, log: logarithm, Abs: abs, sign: mpmath.sign, tanh: mpmath.tanh}


class Item:
    """The numbers of an item, by the name of an argument, a hyperparameter, an axis (its size) or an index.

    lean : how a comparison of equal numbers is read: as it stands (0), the left one larger (1) or smaller (−1).
    detached : the arguments as what is detached sees them, where that is another point than the item's own.
    kinks : set once two equal numbers were compared that the inputs move apart.
    """

    def __init__(self, numbers: Mapping[str, Any], lean: int = 0, detached: Mapping[str, Any] | None = None) -> None:
        self.numbers, self.lean, self.kinks = numbers, lean, []
        self.detached = detached
        self.known: dict[tuple, Number] = {}

    def __getitem__(self, name: str) -> Any:
        return self.numbers[name]

    def at(self, *places: tuple[Index, int]) -> "Item":
        """The same item, the indices at positions."""
        other = self.beside({index.name: position for index, position in places})
        other.known = self.known
        return other

    def beside(self, more: Mapping[str, Any]) -> "Item":
        """The same item with more numbers, of which nothing is known yet."""
        other = Item({**self.numbers, **more}, self.lean, self.detached)
        other.kinks = self.kinks
        return other


def evaluate(node: Expr, item: Item) -> Number:
    """The node's value, or its jet where inputs are jets. A node met again at the same positions is not evaluated again."""
    key = (node, *(item[name] for name in _indices(node)))
    if key not in item.known:
        item.known[key] = _evaluate(node, item)
    return item.known[key]


@lru_cache(maxsize=4096)
def _indices(node: Expr) -> tuple[str, ...]:
    return tuple(sorted(s.name for s in node.free_symbols if isinstance(s, Index)))


def _evaluate(node: Expr, item: Item) -> Number:
    method = _method(type(node))
    if method is None:
        raise TypeError(f"{node.func.__name__} in {node} cannot be evaluated")
    return method(node, item)


@lru_cache(maxsize=256)
def _method(kind: type) -> Callable[[Any, Item], Any] | None:
    """How nodes of a class are evaluated."""
    return next((method for known, method in METHODS.items() if issubclass(kind, known)), None)


@lru_cache(maxsize=1024)
def _definition(node: Atom) -> Expr:
    """The atom's definition: SymPy takes as long to build it as it takes to evaluate it."""
    return node.definition()


def _entry(node: Entry, item: Item) -> Number:
    """The entry; of a sequence of labels none that is equal to any label where there is no entry."""
    row = item[node.base.name]
    if not isinstance(row, Sequence):
        return row
    places = _places(node.indices, item)
    if isinstance(node, LabelEntry) and not 0 <= places[0] < len(row):
        return mpmath.nan
    return read(row, places)


def _places(positions: Sequence[Expr], item: Item) -> tuple[int, ...]:
    return tuple(int(value_of(evaluate(p, item))) for p in positions)


def _size(axis: Axis, item: Item) -> int:
    """How many entries of an axis the item has."""
    return item[axis.name] if axis.name in item.numbers else int(evaluate(axis.extent, item))


def _filled_cells(node: Lattice, item: Item) -> Cells:
    """All cells, in the order in which they are filled."""
    cells = Cells([_size(index.axis, item) for index in node.indices], evaluate(node.outside, item))
    inside = item.beside({node.name.name: cells})
    return cells.fill(lambda places: evaluate(node.cell, inside.at(*zip(node.indices, places, strict=True))))


def _product(node: Mul, item: Item) -> Number:
    """0 · log 0 is 0: a factor that no prediction enters is evaluated first and may settle the product.

    So may a cell outside a recurrence: what is read beside it is often outside, too.
    """
    product, predicted = mpf(1), False
    for factor, moved in _factors(node):
        product = _times(product, predicted, factor, item)
        if value_of(product) == 0 and not varies(product) and not (predicted or moved):
            break
        predicted = predicted or moved or (_is_cell(factor) and varies(product))
    return product


@lru_cache(maxsize=1024)
def _factors(node: Mul) -> tuple[tuple[Expr, bool], ...]:
    """The factors in that order, and whether a prediction enters each, other than through a cell."""
    known = [(factor, _is_cell(factor), depends_on(factor, "prediction")) for factor in node.args]
    known.sort(key=lambda entry: (not entry[1], entry[2]))
    return tuple((factor, predicted and not cell) for factor, cell, predicted in known)


def _is_cell(node: Expr) -> bool:
    return isinstance(node, Cell | Filled)


def _times(product: Number, predicted: bool, factor: Expr, item: Item) -> Number:
    if value_of(product) != 0 or predicted:
        return multiplied(product, evaluate(factor, item))
    return absorbed(product, evaluate(factor, item)) if varies(product) else mpf(0)


def _absorbing(q: Expr, v: Expr, item: Item) -> Number:
    return _times(evaluate(q, item), False, v, item)


def _detached(node: Expr, item: Item) -> mpf:
    """The number without its derivatives, at the point that derivatives are taken at."""
    if item.detached is not None:
        item = Item({**item.numbers, **item.detached}, item.lean)
    return value_of(evaluate(node, item))


def _over(node: Expr, item: Item) -> list[Number]:
    index: Index = node.index
    return [evaluate(node.body, item.at((index, k))) for k in range(_size(index.axis, item))]


def _largest(numbers: list[Number], item: Item, factor: int = 1) -> Number:
    """The largest number (the smallest for factor −1): of several the first; the last if equal numbers lean that way."""
    top = max(factor * value_of(x) for x in numbers)
    attaining = [x for x in numbers if factor * value_of(x) == top]
    if len(attaining) > 1 and any(varies(x) for x in attaining):
        item.kinks.append(numbers)
    return attaining[-1 if item.lean < 0 else 0]


def _largest_entry(node: Max, item: Item) -> Number:
    """The mean of the entries that attain it, as PyTorch's amax has its derivative."""
    numbers = _over(node, item)
    top = max(map(value_of, numbers))
    attaining = [x for x in numbers if value_of(x) == top]
    return multiplied(added(attaining), 1 / mpf(len(attaining)))


def chosen(node: Piecewise, item: Item) -> Expr:
    """The branch that applies."""
    for branch, condition in node.args:
        if _holds(condition, item):
            return branch
    raise ValueError(f"no branch of {node} applies")


def _holds(condition: Boolean, item: Item) -> bool:
    if condition in (true, false):
        return bool(condition)
    if isinstance(condition, Not):
        return not _holds(condition.args[0], item)
    if isinstance(condition, ITE):
        asked, yes, no = condition.args
        return _holds(yes if _holds(asked, item) else no, item)
    if isinstance(condition, And | Or):
        return (all if isinstance(condition, And) else any)([_holds(part, item) for part in condition.args])
    left, right = (evaluate(side, item) for side in (condition.lhs, condition.rhs))
    difference = value_of(left) - value_of(right)
    if difference == 0 and (varies(left) or varies(right)):
        item.kinks.append(condition)
        difference = mpf(item.lean)
    return {
        ">": difference > 0,
        ">=": difference >= 0,
        "<": difference < 0,
        "<=": difference <= 0,
        "==": difference == 0,
        "!=": difference != 0,
    }[condition.rel_op]


def _logsumexp(node: LogSumExp, item: Item) -> Number:
    return applied(logarithm, added([applied(mpmath.exp, x) for x in _over(node, item)]))


def _delta(node: Delta, item: Item) -> mpf:
    return mpf(int(evaluate(node.args[0], item) == evaluate(node.args[1], item)))


def _applied(function: Callable[[mpf], mpf]) -> Callable[[Expr, Item], Number]:
    """A function of one argument as a method."""
    return lambda node, item: applied(function, evaluate(node.args[0], item))


def _finite_or_zero(node: zero_if_infinite, item: Item) -> Number:
    x = evaluate(node.args[0], item)
    return mpf(0) if mpmath.isinf(value_of(x)) else x


def _infinite_with(node: infinite_with, item: Item) -> Number:
    x, other = node.args
    return mpf("inf") if mpmath.isinf(value_of(evaluate(x, item))) else evaluate(other, item)


#: By class; the first that fits.
METHODS: dict[type, Callable[[Any, Item], Any]] = {
    Symbol: lambda node, item: item[node.name],
    **{type(constant): lambda node, item: +CONSTANTS[node] for constant in CONSTANTS},
    Rational: lambda node, item: mpf(node.p) / mpf(node.q),
    Float: lambda node, item: mpf(str(node)),
    Entry: _entry,
    Lattice: _filled_cells,
    Filled: lambda node, item: evaluate(node.lattice, item)[_places(node.positions, item)],
    Cell: lambda node, item: item[node.name.name][_places(node.positions, item)],
    Mod: lambda node, item: value_of(evaluate(node.args[0], item)) % value_of(evaluate(node.args[1], item)),
    zero_if_infinite: _finite_or_zero,
    infinite_with: _infinite_with,
    is_finite: lambda node, item: mpf(int(not mpmath.isinf(value_of(evaluate(node.args[0], item))))),
    Add: lambda node, item: added([evaluate(a, item) for a in node.args]),
    Mul: _product,
    Pow: lambda node, item: raised(*(evaluate(a, item) for a in node.args)),
    Sum: lambda node, item: added(_over(node, item)),
    Max: _largest_entry,
    LogSumExp: _logsumexp,
    Delta: _delta,
    Piecewise: lambda node, item: evaluate(chosen(node, item), item),
    Largest: lambda node, item: _largest([evaluate(a, item) for a in node.args], item),
    Min: lambda node, item: _largest([evaluate(a, item) for a in node.args], item, -1),
    detach: lambda node, item: _detached(node.args[0], item),
    absorb: lambda node, item: _absorbing(*node.args, item),
    xlogy: lambda node, item: _absorbing(node.args[0], log(node.args[1]), item),
    **{kind: _applied(function) for kind, function in UNARY.items()},
    Atom: lambda node, item: evaluate(_definition(node), item),
}
